"""What the kernel tells of processes, sockets and locks, read from /proc without touching any file system.

Nothing here stats a process's working directory or follows a link into one: a process that stands on a dead network
file system would hang the reader. Every function returns None or an empty value for a process that has gone.
"""

import os
import sys

from postfix_ha.endpoint import Endpoint, address_bytes, address_text

LOCK_FILES = ("/pid/master.pid", "/master.lock")
DELETED = " (deleted)"
LISTEN = b"0A"
ESTABLISHED, SYN_RECEIVED = b"01", b"03"
TABLE_MAX = 16 << 20
CHUNK = 65536


class ProcessStat:
    """One line of /proc/PID/stat: name, state (one letter), parent, terminal device (0: none), start (clock ticks)."""

    __slots__ = ("name", "parent", "pid", "start", "state", "terminal")

    def __init__(self, pid: int, name: str, state: str, parent: int, terminal: int, start: int) -> None:
        self.pid = pid
        self.name = name
        self.state = state
        self.parent = parent
        self.terminal = terminal
        self.start = start

    @property
    def is_dead(self) -> bool:
        """Whether it is a zombie or on its way out: it runs nothing and holds nothing any more."""
        return self.state in "ZXx"

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
    return ProcessStat(pid, name, fields[0].decode("ascii"), int(fields[1]), int(fields[4]), int(fields[19]))


def real_uid(pid: int) -> int:
    """The real uid of a process as our user namespace numbers it, -1 where it is gone."""
    data = read_bytes(f"/proc/{pid}/status", 8192) or b""
    words = data.partition(b"\nUid:")[2].split(None, 1)
    return int(words[0]) if words and words[0].isdigit() else -1


def process_ids() -> "list[int]":
    """The ids of all processes that this process namespace shows."""
    return [int(name) for name in os.listdir("/proc") if name.isdigit()]


def process_children(pid: int) -> "list[int] | None":
    """The children of a process that has one thread; one may be missing where another ends just now (proc(5)).

    None where the kernel keeps no such list (CONFIG_PROC_CHILDREN).
    """
    data = read_bytes(f"/proc/{pid}/task/{pid}/children")
    return None if data is None else [int(word) for word in data.split()]


def process_link(pid: int, name: str) -> str:
    """Where /proc/PID/exe, cwd or root points, as text without looking there; "" where that cannot be read."""
    try:
        return os.readlink(f"/proc/{pid}/{name}")
    except OSError:
        return ""


def process_program(pid: int) -> str:
    """The path of the program that a process runs, also when that file was replaced since (an upgrade)."""
    path = process_link(pid, "exe")
    return path[: -len(DELETED)] if path.endswith(DELETED) else path


def process_environment(pid: int) -> "dict[str, str]":
    """The environment that a process was started with."""
    data = read_bytes(f"/proc/{pid}/environ") or b""
    pairs = (entry.partition(b"=") for entry in data.split(b"\0") if b"=" in entry)
    return {os.fsdecode(name): os.fsdecode(value) for name, _, value in pairs}


def master_files(pid: int) -> "tuple[set[str], list[str]]":
    """The socket inodes (as text) of a master process, and which of its two lock files it holds the lock on.

    The lock is read from /proc/PID/fdinfo: exact for this process and descriptor, and as cheap on a node with
    thousands of locks. Postfix locks pid/master.pid and data_directory/master.lock (master.c, open_lock).
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
        elif target.removesuffix(DELETED).endswith(LOCK_FILES) and holds_lock(pid, name):
            locks.append(target)
    return sockets, locks


def holds_lock(pid: int, descriptor: str) -> bool:
    """Whether the process holds an exclusive lock on the file behind this descriptor."""
    data = read_bytes(f"/proc/{pid}/fdinfo/{descriptor}") or b""
    return any(line.startswith(b"lock:") and b" WRITE " in line for line in data.splitlines())


def locked_places(pid: int) -> "list[tuple[int, int]]":
    """(device, inode) of each file on which the process holds an exclusive lock, as the kernel has it."""
    places: "list[tuple[int, int]]" = []
    try:
        names = os.listdir(f"/proc/{pid}/fdinfo")
    except OSError:
        return places
    for name in names:
        for line in (read_bytes(f"/proc/{pid}/fdinfo/{name}") or b"").splitlines():
            if line.startswith(b"lock:") and b" WRITE " in line:
                major, minor, inode = line.split()[-3].split(b":")
                places.append((os.makedev(int(major, 16), int(minor, 16)), int(inode)))
    return places


def kernel_address(endpoint: Endpoint) -> str:
    """The endpoint as /proc/net/tcp and tcp6 spell it: 32-bit words in the machine's byte order, hexadecimal."""
    packed = address_bytes(endpoint.address)
    words = (int.from_bytes(packed[at : at + 4], sys.byteorder) for at in range(0, len(packed), 4))
    return "".join(f"{word:08X}" for word in words) + f":{endpoint.port:04X}"


def parse_kernel_address(text: str) -> "tuple[str, int]":
    """(numeric address, port) of what kernel_address() makes."""
    words, _, port = text.partition(":")
    packed = b"".join(int(words[at : at + 8], 16).to_bytes(4, sys.byteorder) for at in range(0, len(words), 8))
    return address_text(packed), int(port, 16)


class Session:
    """A TCP connection to an endpoint: ``peer`` is the client's address and port as messages show it."""

    __slots__ = ("peer",)

    def __init__(self, peer: str) -> None:
        self.peer = peer


def sessions_of(pid: int, endpoints: "list[Endpoint]") -> "list[Session]":
    """The connections to these endpoints that are established or about to be, in the process's network namespace.

    Those that wait to be accepted are among them (the kernel establishes a connection before anybody accepts it).
    """
    addresses = {kernel_address(endpoint) for endpoint in endpoints if not endpoint.is_wildcard}
    ports = {f"{endpoint.port:04X}" for endpoint in endpoints if endpoint.is_wildcard}
    found = []
    for is_ipv6 in sorted({endpoint.is_ipv6 for endpoint in endpoints}):
        # One line of the table has 150 bytes; more connections than these are not worth a look at each.
        data = read_all(f"/proc/{pid}/net/tcp6" if is_ipv6 else f"/proc/{pid}/net/tcp", TABLE_MAX)
        for line in data.splitlines()[1:]:
            fields = line.split(None, 4)
            if len(fields) < 5 or fields[3] not in (ESTABLISHED, SYN_RECEIVED):
                continue
            local = fields[1].decode("ascii")
            if local in addresses or local.rpartition(":")[2] in ports:
                address, port = parse_kernel_address(fields[2].decode("ascii"))
                found.append(Session(str(Endpoint(address, port))))
    return found


def read_all(path: str, limit: int) -> bytes:
    """A file of /proc that is longer than one read gives, up to about limit bytes; empty where it cannot be read."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return b""
    data = bytearray()
    try:
        while len(data) < limit:
            chunk = os.read(descriptor, CHUNK)
            if not chunk:
                break
            data += chunk
    except OSError:
        return bytes(data)
    finally:
        os.close(descriptor)
    return bytes(data)


def listening_sockets(pid: int, ipv6: bool) -> "dict[str, list[tuple[str, int]]]":
    """kernel address -> (socket inode, connections that wait to be accepted) of all listening TCP sockets.

    Read through the process, so in its network namespace. The kernel lists the listening sockets first
    (tcp_seq_start), so reading ends at the first other one: 20,000 connections cost nothing.
    """
    sockets: "dict[str, list[tuple[str, int]]]" = {}
    try:
        descriptor = os.open(f"/proc/{pid}/net/tcp6" if ipv6 else f"/proc/{pid}/net/tcp", os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return sockets
    try:
        rest = b""
        is_header = True
        while True:
            chunk = os.read(descriptor, CHUNK)
            lines = (rest + chunk).split(b"\n")
            rest = lines.pop()
            for line in lines:
                if is_header:
                    is_header = False
                    continue
                fields = line.split(None, 10)
                if len(fields) < 10 or fields[3] != LISTEN:
                    return sockets
                waiting = int(fields[4].partition(b":")[2], 16)
                sockets.setdefault(fields[1].decode("ascii"), []).append((fields[9].decode("ascii"), waiting))
            if not chunk:
                return sockets
    except OSError:
        return sockets
    finally:
        os.close(descriptor)
