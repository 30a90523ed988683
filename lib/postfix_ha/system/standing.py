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
from postfix_ha.system.mounts import read_mounts
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
    return any(path.startswith(each) and path[len(each) : len(each) + 1] in ("", "/") for each in directories)


def standers(identity: Identity, known: "set[int]") -> "list[Stander]":
    """The processes of users and of mail_owner that stand in the queue directory or below, without the known ones.

    Also those in a name space of their own, where the kernel has the queue's own file system at that path, as many of
    them as are seen in short time. Whoever came after the last census of all processes is not seen.
    """
    until = time.monotonic() + NAMESPACES_S
    queue_dirs, ours = identity.queue_dirs - {"/"}, process_link(os.getpid(), "ns/mnt")
    mounts: "dict[tuple[str, str], bool]" = {}
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
        if uid > 0 and not is_late and sees_ours_at(place, cwd, mounts) and not _is_anothers(pid, cwd, identity):
            found.append(Stander(pid, place, uid))
    return found


def _is_anothers(pid: int, cwd: str, identity: Identity) -> bool:
    """Whether another instance's master started it, or it stands below a queue that is never unmounted: a helper's
    own directory may lie there."""
    if cwd not in identity.queue_dirs and all(
        read_mounts().mount_of(each).mount_point == "/" for each in identity.queue_dirs
    ):
        return True
    stat = process_stat(pid)
    while stat is not None and stat.parent > 1:
        pid = stat.parent
        stat = process_stat(pid)
        is_master = stat is not None and stat.name == "master" and real_uid(pid) == 0
        if is_master and identity.is_daemon(process_program(pid)):
            return True
    return False
