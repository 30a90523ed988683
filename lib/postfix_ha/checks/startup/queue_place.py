"""Is there a queue, and is it the one that is meant? A mount that is missing leaves an empty or an old directory."""

import os
import time

from postfix_ha.system.child import begin_to_know, known
from postfix_ha.system.files import files_below, open_part
from postfix_ha.system.mounts import Mounts, read_mounts
from postfix_ha.verdict import Finding

# What `postfix check` makes first; where none of them is, no Postfix has ever used the directory as its queue.
MADE_FIRST = ("active", "incoming", "maildrop")
# Where messages lie that wait for something (postfix-files).
WITH_MESSAGES = ("incoming", "active", "deferred", "maildrop", "hold")
COUNTED_MAX = 1000
LOOK_MAX_S = 1.0
# open_tree(2), Linux 5.2: a copy of one mount without those upon it, seen by nobody but who holds the descriptor.
SYS_OPEN_TREE, AT_FDCWD, OPEN_TREE_CLONE = 428, -100, 1


def check_queue_made(directory: str, config_dir: str) -> "list[Finding]":
    """queue_directory_made: the directory was made into a queue; `postfix start` would make one on whatever disk."""
    if any(os.path.isdir(os.path.join(directory, name)) for name in MADE_FIRST):
        return []
    place = read_mounts().place_of(directory)
    lies = f"{place.what}, mounted at {place.mount.mount_point}"
    why = f"its file system is most likely not mounted; now it lies on {lies}"
    if not place.is_here_alone:
        why = f"it lies on {lies}, which may be the wrong file system or a new one"
    values = {"queue_directory": directory, "why": why, "config_dir": config_dir}
    return [Finding("queue_directory_made", is_mounted=not place.is_here_alone, **values)]


def check_below_mounts(directory: str) -> "list[Finding]":
    """queue_not_hidden: below each mount that the queue directory lies on or under, no messages lie at its path.

    It may hang where one of these file systems does not answer: for a child.
    """
    path = os.path.realpath(directory)
    found = []
    for mount_point, holder in covered(path, read_mounts()):
        count = _count_below(path, holder)
        if count:
            shown = f"{count} or more" if count >= COUNTED_MAX else str(count)
            inner = path if holder == "/" else path[len(holder) :]
            values = {"path": path, "mount_point": mount_point, "holder": holder, "inner": inner}
            found.append(Finding("queue_not_hidden", count=shown, **values))
    return found


def begin_look_below(directory: str) -> "tuple[int, int]":
    """Begin check_below_mounts() in a child; end_look_below() takes its end."""
    return begin_to_know(lambda: [each.values for each in check_below_mounts(directory)])


def end_look_below(looking: "tuple[int, int]", deadline: float) -> "list[Finding]":
    """What the look has found; nothing where it does not come to an end soon, for it only warns."""
    told = known(looking, min(deadline, time.monotonic() + LOOK_MAX_S))
    return [Finding("queue_not_hidden", **values) for values in told] if isinstance(told, list) else []


def covered(path: str, mounts: Mounts) -> "list[tuple[str, str]]":
    """(mount point, mount point of the file system that it hides a part of) for each mount that a path lies under."""
    found = []
    point = mounts.mount_of(path).mount_point
    while point != "/":
        holder = mounts.mount_of(os.path.dirname(point)).mount_point
        found.append((point, holder))
        point = holder
    return found


def _count_below(path: str, holder: str) -> int:
    """How many messages are at a path in the file system mounted at ``holder``, without what is mounted upon it."""
    import ctypes

    libc = ctypes.CDLL(None, use_errno=True)
    tree = libc.syscall(SYS_OPEN_TREE, AT_FDCWD, os.fsencode(holder), OPEN_TREE_CLONE | os.O_CLOEXEC)
    if tree < 0:
        return 0  # an older kernel, or a container that must not
    names = [name for name in path[len(holder) :].split("/") if name]
    directories = [tree]
    try:
        for name in names:  # a link there would lead back to what is mounted
            directories.append(open_part(directories[-1], name))
        return sum(_count(directories[-1], name) for name in WITH_MESSAGES)
    except OSError:
        return 0
    finally:
        for descriptor in directories:
            os.close(descriptor)


def _count(queue: int, name: str) -> int:
    """How many files of this directory of a queue have the name of a message."""
    names = (os.path.basename(path) for path in files_below(f"/proc/self/fd/{queue}/{name}"))
    messages = (name for name in names if name.isascii() and name.isalnum())
    return sum(1 for _ in zip(range(COUNTED_MAX), messages))
