"""Who else stands in the queue directory: processes of users, which are no part of the instance whatever they say."""

import os
import time

from postfix_ha.procfs import (
    living_place,
    process_ids,
    process_link,
    process_program,
    process_stat,
    real_uid,
    working_directories,
)
from postfix_ha.system.identity import Identity
from postfix_ha.system.mounts import is_below, read_mounts
from postfix_ha.system.namespaces import sees_ours_at
from postfix_ha.system.processes import shown_name

# How long the tables of mounts of users' own name spaces are read, however many there are.
NAMESPACES_S = 0.5


class Stander:
    """A user's process in the queue directory: pid, place under /proc, real uid."""

    __slots__ = ("pid", "place", "uid")

    def __init__(self, pid: int, place: "int | str", uid: int) -> None:
        self.pid = pid
        self.place = place
        self.uid = uid

    def __str__(self) -> str:
        stat = process_stat(self.pid)
        return f"{shown_name(stat.name) if stat else 'process'}[{self.pid}] of uid {self.uid}"


def is_within(path: str, directories: "set[str]") -> bool:
    """Whether a path, as the kernel spells it, is one of the directories or lies below one."""
    return any(is_below(path, each) for each in directories)


def standers(identity: Identity, known: "set[int]") -> "list[Stander]":
    """The processes of users and of mail_owner that stand in the queue directory or below, without the known ones.

    Also those in a name space of their own, where the kernel has the queue's own file system at that path, as many of
    them as are seen in short time. Whoever came after the last census of all processes is not seen.
    """
    until = time.monotonic() + NAMESPACES_S
    queue_dirs, ours = identity.queue_dirs - {"/"}, process_link(os.getpid(), "ns/mnt")
    mounts: "dict[tuple[str, str], bool]" = {}
    # Below a queue that no unmount takes away a helper's own directory may lie.
    spared_below: "bool | None" = None
    anothers: "dict[int, bool]" = {}
    found = []
    for pid, cwd in working_directories(identity.listed or process_ids()) if queue_dirs else ():
        if (cwd and not is_within(cwd, queue_dirs)) or pid in known or pid == os.getpid():
            continue
        place: "int | str" = pid
        if not cwd:  # the first thread has ended, as a kernel thread has none; another may stand somewhere
            place = living_place(pid)
            cwd = process_link(place, "cwd") if place else ""
        if not is_within(cwd, queue_dirs):
            continue
        uid = real_uid(pid)
        # Each name space has a table of mounts of its own, which a user makes as long as he likes.
        is_late = process_link(place, "ns/mnt") != ours and time.monotonic() > until
        if uid <= 0 or is_late or not sees_ours_at(place, cwd, mounts) or _is_anothers(pid, identity, anothers):
            continue
        if cwd not in queue_dirs:
            if spared_below is None:
                table = read_mounts()
                spared_below = all(table.mount_of(each).mount_point == "/" for each in queue_dirs)
            if spared_below:
                continue
        found.append(Stander(pid, place, uid))
    return found


def _is_anothers(pid: int, identity: Identity, known: "dict[int, bool]") -> bool:
    """Whether another instance's master is among its ancestors; each process is asked once, however many it started."""
    line, found = [], False
    while pid > 1 and not found:
        if pid in known:
            found = known[pid]
            break
        line.append(pid)
        stat = process_stat(pid)
        is_master = stat is not None and stat.name == "master" and real_uid(pid) == 0
        found = is_master and identity.is_daemon(process_program(pid))
        pid = stat.parent if stat is not None else 0
    known.update(dict.fromkeys(line, found))
    return found
