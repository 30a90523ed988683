"""What the kernel tells of processes and their locks, read from /proc without touching any file system.

Nothing here stats a process's working directory or follows a link into one: a process that stands on a dead network
file system would hang the reader. So can the memory of a process (environment, arguments), whose map its owner may
keep locked: it is read of root's processes alone, or in a child. Every function returns None or an empty
value for a process that has gone. Where a ``place`` is asked for, it is a process's number or one that tells its
living thread (living_place()).
"""

import os

LOCK_FILES = ("/pid/master.pid", "/master.lock")
DELETED = " (deleted)"
CHUNK = 65536
CHILDREN_READ_MAX = 4


class ProcessStat:
    """One line of /proc/PID/stat: name, state (one letter), parent, start (clock ticks), number of threads."""

    __slots__ = ("name", "parent", "pid", "start", "state", "threads")

    def __init__(self, pid: int, name: str, state: str, parent: int, start: int, threads: int = 1) -> None:
        self.pid = pid
        self.name = name
        self.state = state
        self.parent = parent
        self.start = start
        self.threads = threads

    @property
    def is_dead(self) -> bool:
        """Whether it runs nothing and holds nothing any more.

        The state is that of the first thread: a zombie whose other threads run lives and holds all that it held.
        """
        return self.state in "Xx" or (self.state == "Z" and self.threads <= 1)

    @property
    def is_stopped(self) -> bool:
        """Whether it is stopped by a signal or held by a debugger."""
        return self.state in "Tt"


def read_bytes(path: str, limit: int = 1 << 20) -> "bytes | None":
    """Up to limit bytes of a file under /proc, or None where it cannot be read."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        return os.read(descriptor, limit)
    except OSError:
        return None
    finally:
        os.close(descriptor)


def read_whole(path: str, limit: int = 1 << 20, least: int = 1) -> bytes:
    """All of a file under /proc that is a list, up to limit bytes: of such a one the kernel gives a page at a time.

    A chunk with fewer than ``least`` bytes is the last.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return b""
    data = b""
    try:
        while len(data) < limit:
            chunk = os.read(descriptor, CHUNK)
            data += chunk
            if len(chunk) < least:
                break
    except OSError:
        return data
    finally:
        os.close(descriptor)
    return data


def boot_id() -> str:
    """The kernel's identity of this boot, "" where it cannot be read."""
    data = read_bytes("/proc/sys/kernel/random/boot_id")
    return data.decode("ascii", "replace").strip() if data else ""


def process_stat(pid: int) -> "ProcessStat | None":
    """The process's line of /proc/PID/stat; its name may hold spaces and parentheses (proc(5))."""
    data = read_bytes(f"/proc/{pid}/stat") if pid > 0 else None
    if not data:
        return None
    head, _, tail = data.rpartition(b")")
    fields = tail.split()
    if len(fields) < 20:
        return None
    name = os.fsdecode(head.partition(b"(")[2])
    return ProcessStat(pid, name, fields[0].decode("ascii"), int(fields[1]), int(fields[19]), int(fields[17]))


def real_uid(pid: int) -> int:
    """The real uid of a process as our user namespace numbers it, -1 where it is gone."""
    data = read_bytes(f"/proc/{pid}/status", 8192) or b""
    words = data.partition(b"\nUid:")[2].split(None, 1)
    return int(words[0]) if words and words[0].isdigit() else -1


def living_place(pid: int) -> "int | str":
    """Where under /proc links and files of the process are found: its number, or a thread's where the first has ended.

    0 for a kernel thread and for a process that has ended.
    """
    if process_link(pid, "exe"):
        return pid
    try:
        if os.stat(f"/proc/{pid}/task").st_nlink <= 3:  # ".", ".." and one thread
            return 0
        threads = (f"{pid}/task/{name}" for name in os.listdir(f"/proc/{pid}/task"))
        return next((place for place in threads if process_link(place, "exe")), 0)
    except OSError:
        return 0


def process_ids() -> "list[int]":
    """The ids of all processes that this process namespace shows."""
    return [int(name) for name in os.listdir("/proc") if name.isdigit()]


def forks() -> int:
    """How many processes and threads this kernel has started since boot, -1 where it does not tell."""
    words = read_whole("/proc/stat").partition(b"\nprocesses ")[2].split(None, 1)
    return int(words[0]) if words and words[0].isdigit() else -1


def process_children(pid: int) -> "list[int] | None":
    """The children of a process, of whichever of its threads.

    None where the kernel keeps no such list (CONFIG_PROC_CHILDREN). It is read until it stays the same, a few times:
    one may be missing where another ends just then (proc(5)).
    """
    last: "list[int] | None" = None
    for _ in range(CHILDREN_READ_MAX):
        now = _children_now(pid)
        if now is None or now == last or not now:
            return now
        last = now
    return last


def _children_now(pid: int) -> "list[int] | None":
    try:
        threads = os.listdir(f"/proc/{pid}/task")
    except OSError:
        return []
    lists = [read_whole(f"/proc/{pid}/task/{thread}/children") for thread in threads]
    if not any(lists) and not os.path.exists(f"/proc/self/task/{os.getpid()}/children"):
        return None
    return [int(word) for data in lists for word in data.split()]


def process_link(place: "int | str", name: str) -> str:
    """Where /proc/PID/exe, cwd or root points, as text without looking there; "" where that cannot be read."""
    try:
        return os.readlink(f"/proc/{place}/{name}")
    except OSError:
        return ""


def working_directories(pids: "list[int]") -> "list[tuple[int, str]]":
    """(process, process_link(process, "cwd")) of each, for many: from one descriptor, without a look at the path."""
    found = []
    top = os.open("/proc", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    for pid in pids:
        try:
            found.append((pid, os.readlink(f"{pid}/cwd", dir_fd=top)))
        except OSError:
            found.append((pid, ""))
    os.close(top)
    return found


def process_program(place: "int | str") -> str:
    """The path of the program that a process runs, also when that file was replaced since (an upgrade)."""
    path = process_link(place, "exe")
    return path[: -len(DELETED)] if path.endswith(DELETED) else path


def process_environment(place: "int | str") -> "dict[str, str]":
    """The environment that a process was started with."""
    data = read_bytes(f"/proc/{place}/environ") or b""
    pairs = (entry.partition(b"=") for entry in data.split(b"\0") if b"=" in entry)
    return {os.fsdecode(name): os.fsdecode(value) for name, _, value in pairs}


def process_words(place: "int | str") -> "list[str]":
    """The arguments that a process was started with, its own name first."""
    return [os.fsdecode(word) for word in (read_bytes(f"/proc/{place}/cmdline") or b"").split(b"\0")[:-1]]


def master_files(pid: int, places: "list[str] | None" = None) -> "tuple[set[str], list[str]]":
    """The socket inodes (as text) of a master process, and which of its two lock files it holds the lock on.

    With ``places``, a lock counts by device and inode alone, and the name only tells where to look. It is read from
    /proc/PID/fdinfo: exact for this process and descriptor, and as cheap on a node with thousands of locks. Postfix
    locks pid/master.pid and data_directory/master.lock (master.c, open_lock).
    """
    sockets: "set[str]" = set()
    locks: "list[str]" = []
    directory = f"/proc/{pid}/fd"
    try:
        names = os.listdir(directory)
    except OSError:
        return sockets, locks
    for name in names:
        try:
            target = os.readlink(f"{directory}/{name}")
        except OSError:
            continue
        if target.startswith("socket:["):
            sockets.add(target[8:-1])
        elif target.removesuffix(DELETED).endswith(LOCK_FILES) and holds_lock(pid, name, places):
            locks.append(target)
    return sockets, locks


def holds_lock(pid: int, descriptor: str, places: "list[str] | None" = None) -> bool:
    """Whether the process holds an exclusive lock on the file behind this descriptor; with ``places``, on one there."""
    return any(not places or place in places for place in lock_places(pid, descriptor))


def lock_places(pid: int, descriptor: str) -> "list[str]":
    """Where an exclusive lock of the descriptor is, as the kernel spells it: ``MAJOR:MINOR:INODE``."""
    data = read_bytes(f"/proc/{pid}/fdinfo/{descriptor}") or b""
    lines = (line for line in data.splitlines() if line.startswith(b"lock:") and b" WRITE " in line)
    return [line.split()[-3].decode("ascii") for line in lines]


def locked_places(pid: int) -> "list[tuple[int, int]]":
    """(device, inode) of each file on which the process holds an exclusive lock, as the kernel has it."""
    places: "list[tuple[int, int]]" = []
    try:
        names = os.listdir(f"/proc/{pid}/fdinfo")
    except OSError:
        return places
    for name in names:
        for place in lock_places(pid, name):
            major, minor, inode = place.split(":")
            places.append((os.makedev(int(major, 16), int(minor, 16)), int(inode)))
    return places
