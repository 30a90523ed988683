"""Processes that keep the file system of the queue from being unmounted and are none of Postfix's daemons.

The kernel's links under /proc and its tables of sockets and mounts are read; no file system is looked at.
"""

import itertools
import os
import time

from postfix_ha.printable import printable
from postfix_ha.procfs import living_place, process_ids, process_link, process_program, process_stat, real_uid
from postfix_ha.sharing.unix_sockets import bound_sockets, device_of
from postfix_ha.system.files import read_regular
from postfix_ha.system.gathering import name_of
from postfix_ha.system.identity import Identity
from postfix_ha.system.mounts import Mount, read_mounts
from postfix_ha.system.namespaces import sees_ours_at
from postfix_ha.system.processes import shown_name
from postfix_ha.whole_number import whole_number

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

PATH_LENGTH_MAX = 120
USER_LENGTH_MAX = 32
HOLDERS_MAX = 64
# Of the processes that are asked, one user's share in a crowd.
SHARE = 0.25
SHOWN_MAX = 8
# More than the kernel numbers (PID_MAX_LIMIT): all of them.
PROCESSES_MAX = 1 << 22
UID_MAX = 2**32 - 1
PASSWD_MAX = 1 << 20
DIRECT_LINKS = ("cwd", "root", "exe")


class Holder:
    """One of them: pid, start, user, name and the first path on the file system; ``is_socket`` says it is bound there.

    What others chose is short and printable.
    """

    __slots__ = ("is_socket", "name", "path", "pid", "start", "user")

    def __init__(self, pid: int, start: int, user: str, name: str, path: str, is_socket: bool) -> None:
        self.pid = pid
        self.start = start
        self.user = user
        self.name = name
        self.path = path
        self.is_socket = is_socket

    @property
    def process(self) -> str:
        """The process in words."""
        return f"{self.name}[{self.pid}] of {self.user}"

    def __str__(self) -> str:
        return f"{self.process} ({'socket ' if self.is_socket else ''}{self.path})"


def mount_of_queue(directories: "set[str]") -> "Mount | None":
    """The mount that the queue is on, by its path as the kernel spells it; None where that is the root file system."""
    mounts = read_mounts()
    found = [mounts.mount_of(directory) for directory in sorted(directories)]
    return next((mount for mount in found if mount.mount_point != "/"), None)


def find_holders(
    mount: Mount, deadline: float, spared: "frozenset[int]" = frozenset(), asked_max: int = PROCESSES_MAX
) -> "list[Holder]":
    """The processes that hold something on this mount, but for these and Postfix's own, as far as found in time.

    No more than ``asked_max`` processes are asked, of each user in turn. Where there are more, each user but root has a
    share of that at most: a crowd of one user's hides nobody else and costs little.
    """
    identity = Identity("")
    names = user_names()
    device = device_of(mount.number)
    sockets = {str(bound.socket): bound.name for bound in bound_sockets() or () if bound.device == device}
    known: "dict[tuple[str, str], bool]" = {}
    found: "list[Holder]" = []
    asked = 0
    for pid in _in_turn(process_ids(), asked_max):
        if len(found) >= HOLDERS_MAX or asked >= asked_max or time.monotonic() >= deadline:
            break
        place = living_place(pid)
        if not place or pid in spared:
            continue
        asked += 1
        held, is_socket = _held(place, mount.mount_point, sockets)
        if not held or identity.is_daemon(process_program(place)):
            continue
        if not is_socket and not sees_ours_at(place, mount.mount_point, known):
            continue
        stat, uid = process_stat(pid), real_uid(pid)
        if stat is not None and uid >= 0:
            name = shown_name(name_of(place))
            found.append(
                Holder(pid, stat.start, user_of(uid, names), name, printable(held, PATH_LENGTH_MAX), is_socket)
            )
    return found


def _in_turn(pids: "list[int]", asked_max: int) -> "Iterable[int]":
    """The processes, one of each user after the other where there are more of them than are asked."""
    if len(pids) <= asked_max:
        return pids
    by_owner: "dict[int, list[int]]" = {}
    for pid in pids:
        try:
            by_owner.setdefault(os.stat(f"/proc/{pid}").st_uid, []).append(pid)
        except OSError:
            continue
    share = int(asked_max * SHARE)
    turns = itertools.zip_longest(*(each if uid == 0 else each[:share] for uid, each in by_owner.items()))
    return (pid for turn in turns for pid in turn if pid is not None)


def _held(place: "int | str", mount_point: str, sockets: "dict[str, str]") -> "tuple[str, bool]":
    """(what a process has there, whether it is a socket), "" for nothing."""
    inside = mount_point + "/"
    links = [process_link(place, name) for name in DIRECT_LINKS]
    first = next((target for target in links if target == mount_point or target.startswith(inside)), "")
    try:
        descriptors = os.listdir(f"/proc/{place}/fd") if sockets or not first else []
    except OSError:
        descriptors = []
    for descriptor in descriptors:
        target = process_link(place, f"fd/{descriptor}")
        if target.startswith("socket:["):
            if target[8:-1] in sockets:  # says more than where the service stands
                return sockets[target[8:-1]], True
        elif target == mount_point or target.startswith(inside):
            first = first or target
    return first, False


def user_names() -> "dict[int, str]":
    """uid -> name of the users in /etc/passwd; a name service that is asked may not answer."""
    try:
        lines = read_regular("/etc/passwd", PASSWD_MAX).decode("utf-8", "replace").splitlines()
    except OSError:
        return {}
    words = (line.split(":") for line in lines)
    numbers = ((whole_number(each[2], UID_MAX), each[0]) for each in words if len(each) > 2)
    return {number: name for number, name in numbers if number is not None}


def user_of(uid: int, names: "dict[int, str]") -> str:
    """A user in words."""
    return printable(names.get(uid) or f"uid {uid}", USER_LENGTH_MAX)


def tell_holders(queue_dirs: "set[str]", deadline: float, asked_max: int, writing: int) -> None:
    """Write those that hold the file system of the queue to a descriptor; told_holders() reads it. For a child."""
    mount = mount_of_queue(queue_dirs - {"/"})
    if mount is None:
        return
    at = printable(mount.mount_point)
    for each in find_holders(mount, deadline, frozenset((os.getpid(), os.getppid())), asked_max):
        fields = (at, each.pid, each.start, each.user, each.name, each.path, int(each.is_socket))
        os.write(writing, "\t".join(map(str, fields)).encode("utf-8", "replace") + b"\n")


def told_holders(told: bytes) -> "tuple[str, list[Holder]]":
    """(the mount point, those that were told and still are there)."""
    mount_point = ""
    found: "list[Holder]" = []
    for line in told.decode("utf-8", "replace").splitlines():
        fields = line.split("\t")
        if len(fields) == 7:
            mount_point, pid, start, user, name, path, is_socket = fields
            found.append(Holder(int(pid), int(start), user, name, path, is_socket == "1"))
    return mount_point, [holder for holder in found if is_there(holder)]


def is_there(holder: Holder) -> bool:
    """Whether this very process lives."""
    stat = process_stat(holder.pid)
    return stat is not None and stat.start == holder.start and not stat.is_dead


def in_words(holders: "list[Holder]") -> str:
    """The first few of them, and how many more."""
    more = len(holders) - SHOWN_MAX
    return ", ".join(map(str, holders[:SHOWN_MAX])) + (f" and {more} more" if more > 0 else "")
