"""Files where another user may put what he likes: a FIFO, a device, a link, a file without end.

Nothing here waits for a file's other end, opens a device, follows a link in the place of what we make, or reads
without a limit. Directories are opened first and checked; what is made or removed in them goes by their descriptor.
"""

import errno
import os
import stat
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

CHUNK = 256 * 1024
MEBIBYTE = 1024 * 1024
LATE = "it was not read in time"
# What is made in a directory of others: no name that was there, no link, no wait for a reader.
FRESH = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
# Leftovers are looked for among so many names, and so many are taken away at once: a directory may hold millions.
LOOKED_AT_MAX = 20_000
CLEARED_MAX = 1_000
# As the kernel's own limit (path_resolution(7)).
LINKS_MAX = 40
# hash_queue_depth may be 16.
DEPTH_MAX = 20


class NotRegularError(OSError):
    """What was to be opened is no regular file."""


def open_regular(path: str, *, directory: "int | None" = None, follow: bool = True) -> int:
    """A descriptor to read a regular file with; OSError for everything else, which is not even opened.

    O_PATH opens nothing: a device's driver does not notice, a FIFO's writer is not woken. A lease (fcntl(2)) that the
    file's owner has on it gives EAGAIN instead of a wait.
    """
    found = os.open(path, os.O_PATH | os.O_CLOEXEC | (0 if follow else os.O_NOFOLLOW), dir_fd=directory)
    try:
        about = os.fstat(found)
        if stat.S_ISDIR(about.st_mode):
            raise OSError(errno.EISDIR, os.strerror(errno.EISDIR), path)
        if not stat.S_ISREG(about.st_mode) or _is_kernels(about):
            raise NotRegularError(errno.EINVAL, "Not a regular file", path)
        return os.open(f"/proc/self/fd/{found}", os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    finally:
        os.close(found)


def _is_kernels(about: os.stat_result) -> bool:
    """Whether a file is one of /proc or /sys: those call themselves regular, and may have no end or do something."""
    return about.st_dev in {found.st_dev for found in map(_stat, ("/proc", "/sys")) if found is not None}


def _stat(path: str) -> "os.stat_result | None":
    try:
        return os.stat(path)
    except OSError:
        return None


def read_head(descriptor: int, limit: int, deadline: "float | None" = None) -> bytes:
    """What a descriptor of open_regular() still gives, but no more than the limit; OSError past the deadline."""
    data = bytearray()
    while len(data) < limit:
        if deadline is not None and time.monotonic() >= deadline:
            raise TimeoutError(errno.ETIMEDOUT, LATE)
        part = os.read(descriptor, min(CHUNK, limit - len(data)))
        if not part:
            break
        data += part
    return bytes(data)


def read_regular(path: str, limit: int, *, deadline: "float | None" = None, follow: bool = True) -> bytes:
    """The whole of a regular file; OSError where it is none, where it is larger than the limit, past the deadline."""
    descriptor = open_regular(path, follow=follow)
    try:
        data = read_head(descriptor, limit + 1, deadline)
    finally:
        os.close(descriptor)
    if len(data) > limit:
        raise too_large(path, limit)
    return data


def too_large(path: str, limit: int) -> OSError:
    """The error for a file that is larger than what is read of such a file."""
    size = f"{limit // MEBIBYTE} MiB" if limit >= MEBIBYTE else f"{limit // 1024} KiB"
    return OSError(errno.EFBIG, f"it is larger than {size}", path)


def feed(path: str, take: "Callable[[bytes], object]", limit: int, deadline: "float | None" = None) -> int:
    """Hand the content of a regular file to ``take`` piece by piece; its size. OSError as of read_regular()."""
    descriptor = open_regular(path)
    size = 0
    try:
        if os.fstat(descriptor).st_size > limit:
            raise too_large(path, limit)
        while True:
            part = read_head(descriptor, CHUNK, deadline)
            size += len(part)
            if size > limit:
                raise too_large(path, limit)
            if not part:
                return size
            take(part)
    finally:
        os.close(descriptor)


def open_part(directory: int, name: str) -> int:
    """A descriptor of a directory that lies in another one; OSError also where a link has its place."""
    flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    return os.open(name, flags, dir_fd=directory)


def open_directory(path: str, *, make: bool = False) -> int:
    """A descriptor of a directory, which is made where it is missing and ``make`` is set.

    A link on the way that another user may have planted is not followed: OSError. That is the kernel's own rule
    (fs.protected_symlinks in proc_sys_fs(5)), which is not switched on everywhere.
    """
    at = os.open("/", os.O_PATH | os.O_CLOEXEC)
    words = os.path.abspath(path).split("/")
    links = 0
    try:
        while words:
            word = words.pop(0)
            if word in ("", "."):
                continue
            step = _open_step(at, word, make)
            about = os.fstat(step)
            if not stat.S_ISLNK(about.st_mode):
                at, step = step, at
                os.close(step)
                continue
            links += 1
            try:
                target = _trusted_target(at, step, about, links)
            finally:
                os.close(step)
            words = target.split("/") + words
            if target.startswith("/"):
                os.close(at)
                at = os.open("/", os.O_PATH | os.O_CLOEXEC)
        return os.open(f"/proc/self/fd/{at}", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    finally:
        os.close(at)


def _open_step(at: int, word: str, make: bool) -> int:
    flags = os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        return os.open(word, flags, dir_fd=at)
    except FileNotFoundError:
        if not make:
            raise
    os.mkdir(word, 0o755, dir_fd=at)
    return os.open(word, flags | os.O_DIRECTORY, dir_fd=at)


def _trusted_target(at: int, link: int, about: os.stat_result, links: int) -> str:
    """Where a link leads that root, we, or the owner of a directory of his own has made."""
    holder = os.fstat(at)
    is_own = about.st_uid == holder.st_uid and not holder.st_mode & stat.S_IWOTH
    if about.st_uid not in (0, os.geteuid()) and not is_own:
        raise OSError(errno.EACCES, f"a link of user {about.st_uid} has its place")
    if links > LINKS_MAX:
        raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))
    return os.readlink("", dir_fd=link)


def files_below(top: str) -> "Iterator[str]":
    """The paths of all that is no directory below a directory, itself no link; not deeper than any tree of Postfix."""
    left = [(top, 0)]
    while left:
        directory, depth = left.pop()
        try:
            if os.path.islink(directory):
                continue
            with os.scandir(directory) as entries:
                for entry in entries:
                    if not entry.is_dir(follow_symlinks=False):
                        yield entry.path
                    elif depth < DEPTH_MAX:
                        left.append((entry.path, depth + 1))
        except OSError:
            continue  # gone, or not ours to see


def make_fresh(directory: int, prefix: str, mode: int = 0o600) -> "tuple[str, int]":
    """(name, descriptor to write) of a new file with a name that nobody can know before."""
    name = prefix + os.urandom(8).hex()
    return name, os.open(name, FRESH, mode, dir_fd=directory)


def replace_file(path: str, data: bytes, mode: int = 0o600) -> None:
    """Put a file with this content in place, all at once and in the place of whatever has the name: no link there is
    followed, nothing is overwritten by half. OSError where that cannot be done."""
    directory = open_directory(os.path.dirname(os.path.abspath(path)))
    try:
        name, descriptor = make_fresh(directory, ".postfix-ha.", mode)
        try:
            with open(descriptor, "wb") as file:
                file.write(data)
            os.replace(name, os.path.basename(path), src_dir_fd=directory, dst_dir_fd=directory)
        except OSError:
            os.unlink(name, dir_fd=directory)
            raise
    finally:
        os.close(directory)


def clear(directory: int, is_meant: "Callable[[str], object]", is_kind: "Callable[[int], bool]" = stat.S_ISREG) -> None:
    """Remove what earlier runs have left in an open directory: regular files (or what ``is_kind`` says of a mode) with
    a name that is meant, as many as can be seen in short time."""
    try:
        with os.scandir(directory) as entries:
            found = [each.name for _, each in zip(range(LOOKED_AT_MAX), entries) if is_meant(each.name)]
    except OSError:
        return
    for name in found[:CLEARED_MAX]:
        try:
            is_it = is_kind(os.stat(name, dir_fd=directory, follow_symlinks=False).st_mode)
        except OSError:
            continue  # gone meanwhile
        if is_it:
            discard(directory, name)


def discard(directory: int, name: str) -> None:
    """Remove a name from an open directory; one that is gone, or has another thing there by now, is no harm."""
    try:
        os.unlink(name, dir_fd=directory)
    except OSError:
        return
