"""Where a process is: in our name spaces and file tree, or in a container's; on our file system, or on its own one."""

import os

from postfix_ha.procfs import process_link, process_stat, read_whole

# How the kernel writes these in its tables of mounts (proc_mounts: mangle).
ESCAPES = {ord(letter): f"\\{ord(letter):03o}" for letter in " \t\n\\#"}


def is_here(place: "int | str") -> bool:
    """Whether the process lives in our own user and process name spaces and in our file tree, not in a container's.

    In a user name space of their own users mount what they like where they like: there no path proves anything.
    """
    own = os.getpid()
    spaces = ("ns/pid", "ns/user")
    return all(process_link(place, space) == process_link(own, space) for space in spaces) and sees_our_root(place)


def sees_our_root(place: "int | str") -> bool:
    """Whether the process has the root file system that we have, in whichever mount name space.

    Service managers give a service mounts of its own over the same root; a container has another root. In a chroot
    the kernel shows no root mount: then the parent decides.
    """
    ours = process_link(os.getpid(), "ns/mnt")
    our_root = _mount_at(os.getpid(), b"/")
    while place not in (0, 1) and process_link(place, "ns/mnt") not in ("", ours):
        root = _mount_at(place, b"/")
        if root and our_root:
            return root == our_root
        stat = process_stat(int(str(place).partition("/")[0]))
        place = stat.parent if stat else 0
    return True


def sees_ours_at(
    place: "int | str", path: str, known: "dict[tuple[str, str], bool]", device: "int | None" = None
) -> bool:
    """Whether what a process has at a path is on the file system that we have there, and the same part of it.

    Or on this device, where one is given. Asked of the kernel's tables of mounts; neither is looked at. A process in a
    chroot is shown no mount over its root: then its parent tells. ``known`` keeps the answer for a mount name space.
    """
    space = process_link(place, "ns/mnt")
    if space == process_link(os.getpid(), "ns/mnt"):
        return True
    while process_link(place, "root") not in ("/", ""):
        stat = process_stat(int(str(place).partition("/")[0]))
        if stat is None or process_link(stat.parent, "ns/mnt") != space:
            return True  # nobody is left who could tell
        place = stat.parent
    if (space, path) not in known:
        ours, theirs = _covering(os.getpid(), path), _covering(place, path)
        is_known = device is not None and bool(theirs) and theirs[0] == b"%d:%d" % (os.major(device), os.minor(device))
        known[space, path] = is_known or (bool(ours) and theirs == ours)
    return known[space, path]


def _covering(place: "int | str", path: str) -> "list[bytes]":
    """Device, directory and place of the mount that a process has a path on."""
    wanted = os.fsencode(path.translate(ESCAPES)) + b"/"
    best: "list[bytes]" = []
    for fields in _mounts(place):
        at = fields[4].rstrip(b"/") + b"/"
        if wanted.startswith(at) and (not best or len(at) >= len(best[2])):
            best = [fields[2], fields[3], at]
    return best


def _mount_at(process: "int | str", place: bytes) -> "list[bytes]":
    """Device and directory of what a process has mounted there; empty where it sees nothing there."""
    return next((fields[2:4] for fields in _mounts(process) if fields[4] == place), [])


def _mounts(place: "int | str") -> "list[list[bytes]]":
    lines = [line.split(b" ", 5) for line in read_whole(f"/proc/{place}/mountinfo").splitlines()]
    return [fields for fields in lines if len(fields) > 5]
