"""What we make, remove and connect to in the queue directory, much of which whoever has taken a daemon over can change.

The queue directory is opened first, its parts from there and never through a link; names of ours cannot be known
before. What lies in the mail owner's directories is done with the mail owner's rights.
"""

import contextlib
import errno
import os
import re
import socket
import stat

from postfix_ha.system.files import FRESH, clear, discard, make_fresh, open_part
from postfix_ha.system.owner import acting_as

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

PROBE, TRIAL = ".postfix_ha.probe", ".postfix_ha.trial"
# What runs that were cut short have left, and those of earlier releases.
LEFTOVER = re.compile(r"\.postfix_ha\.(probe|trial)(-[0-9a-f]{16})?")
# Directories of the mail owner that no daemon scans. Each of them can be spoilt by who has taken a daemon over, and
# what is spoilt travels with the queue to every node: one that can be used is enough.
PLACES = ("corrupt", "saved", "trace", "bounce", "defer")
SPOILT = (errno.EACCES, errno.EPERM, errno.ELOOP, errno.ENOTDIR, errno.ENOENT, errno.EXDEV)
SOCKET_DIRECTORIES = ("public", "private")
QUICK_START = "quick-start"


def write_as_root(queue_directory: str) -> None:
    """Make and remove a file in the queue directory itself; OSError where that cannot be done."""
    with opened(queue_directory) as queue:
        name, descriptor = make_fresh(queue, TRIAL + "-")
        os.close(descriptor)
        discard(queue, name)
        clear(queue, LEFTOVER.fullmatch)


def write_as_owner(queue_directory: str, owner: str) -> None:
    """Make, sync and remove a file in one of PLACES as the mail owner; OSError, or KeyError where there is no owner."""
    first: "OSError | None" = None
    with opened(queue_directory) as queue, acting_as(owner):
        for name in PLACES:
            try:
                _write_below(queue, name)
                return
            except OSError as error:
                if error.errno not in SPOILT:
                    raise
                first = first or error
    if first is not None:
        raise first


def _write_below(queue: int, part: str) -> None:
    """Make, sync and remove a file in this directory of the queue."""
    with opened_part(queue, part) as directory:
        if os.fstat(directory).st_dev != os.fstat(queue).st_dev:
            raise OSError(errno.EXDEV, os.strerror(errno.EXDEV))
        name, descriptor = make_fresh(directory, PROBE + "-")
        try:
            os.write(descriptor, b"postfix_ha\n")
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
            _take_away(directory, name)
        clear(directory, LEFTOVER.fullmatch)


def _take_away(directory: int, name: str) -> None:
    """Remove our file, unless its owner was quicker and has another thing there; OSError where storage refuses."""
    try:
        os.unlink(name, dir_fd=directory)
    except OSError as error:
        if error.errno not in (*SPOILT, errno.EISDIR):
            raise


def connect_as_owner(client: socket.socket, queue_directory: str, path: str, owner: str) -> bool:
    """Connect to the socket with this path below the queue directory as the mail owner; False where it is none.

    Root would be led by a link of the mail owner's to any socket of the node.
    """
    part, name = os.path.split(path)
    try:
        with opened(queue_directory) as queue, acting_as(owner), opened_part(queue, part) as directory:
            if not stat.S_ISSOCK(os.stat(name, dir_fd=directory, follow_symlinks=False).st_mode):
                return False
            client.connect(f"/proc/self/fd/{directory}/{name}")
            return True
    except KeyError:
        return False  # no such user, which others say


def clear_queue(queue_directory: str) -> None:
    """Remove what a master that has ended leaves: its pid file and the sockets of its services."""
    with contextlib.suppress(OSError), opened(queue_directory) as queue:  # its file system may be gone
        with contextlib.suppress(OSError), opened_part(queue, "pid") as directory:
            clear(directory, lambda name: name == "master.pid")
        for part in SOCKET_DIRECTORIES:
            with contextlib.suppress(OSError), opened_part(queue, part) as directory:
                clear(directory, lambda name: True, stat.S_ISSOCK)


@contextlib.contextmanager
def quick_start(queue_directory: str) -> "Iterator[None]":
    """The file that tells postfix-script that its checks are done; it takes the file away itself.

    Where the file cannot be made, or another thing has its name, postfix-script checks once more.
    """
    with contextlib.suppress(OSError), opened(queue_directory) as queue:
        os.close(os.open(QUICK_START, FRESH, 0o600, dir_fd=queue))
    try:
        yield
    finally:
        # Left where postfix-script does not know it, or did not come to it.
        with contextlib.suppress(OSError), opened(queue_directory) as queue:
            discard(queue, QUICK_START)


@contextlib.contextmanager
def opened(queue_directory: str) -> "Iterator[int]":
    """A descriptor of the queue directory."""
    queue = os.open(queue_directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield queue
    finally:
        os.close(queue)


@contextlib.contextmanager
def opened_part(queue: int, name: str) -> "Iterator[int]":
    """A descriptor of a directory in the queue directory; OSError also where a link has its place."""
    part = open_part(queue, name)
    try:
        yield part
    finally:
        os.close(part)
