"""Who else stands in the queue directory: processes of users, which are no part of the instance whatever they say."""

import os

from postfix_ha.procfs import living_place, process_ids, process_link, process_stat, real_uid, working_directories
from postfix_ha.system.identity import Identity
from postfix_ha.system.namespaces import sees_ours_at
from postfix_ha.system.processes import shown_name


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


def standers(identity: Identity, known: "set[int]") -> "list[Stander]":
    """The processes of neither root nor mail_owner that stand in the queue directory, without the known ones.

    Also those in a name space of their own, where the kernel has the queue's own file system at that path. Whoever came
    after the last census of all processes is not seen.
    """
    spared = {0, *identity.owner_uids}
    queue_dirs = identity.queue_dirs - {"/"}
    mounts: "dict[tuple[str, str], bool]" = {}
    found = []
    for pid, cwd in working_directories(identity.listed or process_ids()) if queue_dirs else ():
        if (cwd and cwd not in queue_dirs) or pid in known or pid == os.getpid():
            continue
        place: "int | str" = pid
        if not cwd:  # the first thread has ended, as a kernel thread has none; another may stand somewhere
            place = living_place(pid)
            cwd = process_link(place, "cwd") if place else ""
        if cwd not in queue_dirs:
            continue
        uid = real_uid(pid)
        if uid > 0 and uid not in spared and sees_ours_at(place, cwd, mounts):
            found.append(Stander(pid, place, uid))
    return found
