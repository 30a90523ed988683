"""Who holds a connection, and what a process's sockets are for, as the kernel's own tables have it."""

import _socket
import struct

from postfix_ha.endpoint import Endpoint
from postfix_ha.procfs import master_files
from postfix_ha.sockets import asked, kernel_address

LISTENING = "0A"
# Of struct inet_connection_sock in /proc/net/tcp: established, and half closed by the client.
OF_A_CLIENT = ("01", "08")
# linux/unix_diag.h.
SHOW_NAME, SHOW_QUEUE = 1, 16
NAME, QUEUE = 0, 4
# Of a stream that listens, and of datagrams (postlogd's socket), by the kernel's age: once somebody has sent one.
STATE_LISTEN, STATE_UNCONNECTED, STATE_ESTABLISHED = 10, 7, 1
ASK_S = 2.0


def accepted_inode(pid: int, endpoint: Endpoint, client_port: int) -> str:
    """The socket inode of the server's side of our connection; "0" while no process has accepted it, "" for none."""
    server = kernel_address(Endpoint(endpoint.dial_address, endpoint.port))
    client_end = f":{client_port:04X}"
    for local, remote, _, inode in _rows(pid, "tcp6" if endpoint.is_ipv6 else "tcp"):
        if local == server and remote.endswith(client_end):
            return inode
    return ""


def client_sockets(pid: int, ports: "set[int]") -> "set[str]":
    """The inodes of all accepted connections of clients to these ports, in the network of the process."""
    ends = tuple(f":{port:04X}" for port in ports)
    return {
        inode
        for table in ("tcp", "tcp6")
        for local, _, state, inode in _rows(pid, table)
        if state in OF_A_CLIENT and inode != "0" and local.endswith(ends)
    }


def asking_sockets(pid: int) -> "set[str]":
    """The inodes of all sockets by which a process may wait for an answer of another program: TCP that does not
    listen, and UDP."""
    found = {inode for table in ("tcp", "tcp6") for _, _, state, inode in _rows(pid, table) if state != LISTENING}
    return found | {inode for table in ("udp", "udp6") for _, _, _, inode in _rows(pid, table)}


def sockets_of(pid: int) -> "set[str]":
    """The inodes of a process's sockets."""
    return master_files(pid)[0]


def _rows(pid: int, table: str) -> "list[tuple[str, str, str, str]]":
    """(local, remote, state, inode) of each line of a table of sockets."""
    found = []
    try:
        with open(f"/proc/{pid}/net/{table}", encoding="ascii", errors="replace") as lines:
            for line in lines:
                fields = line.split(None, 10)
                if len(fields) > 9 and ":" in fields[1]:
                    found.append((fields[1], fields[2], fields[3], fields[9]))
    except OSError:
        return []
    return found


def waiting_at(master_pid: int) -> "dict[str, int] | None":
    """Path below the queue directory of each of the master's UNIX sockets -> connections that wait there, or bytes of
    datagrams; None where the kernel does not tell."""
    states = 1 << STATE_LISTEN | 1 << STATE_UNCONNECTED | 1 << STATE_ESTABLISHED
    request = struct.pack("=BBHIIIII", _socket.AF_UNIX, 0, 0, states, 0, SHOW_NAME | SHOW_QUEUE, 0, 0)
    answers = asked(request, ASK_S)
    if answers is None:
        return None
    inodes = sockets_of(master_pid)
    found: "dict[str, int]" = {}
    for answer in answers:
        # struct unix_diag_msg: family, type, state, a byte of padding, the inode, a cookie of eight bytes.
        inode = struct.unpack_from("=I", answer, 4)[0] if len(answer) >= 16 else 0
        if str(inode) in inodes and (answer[1] == _socket.SOCK_DGRAM or answer[2] == STATE_LISTEN):
            name, waiting = _attributes(answer[16:])
            if name:
                found[name] = waiting
    return found


def _attributes(data: bytes) -> "tuple[str, int]":
    """(name, connections that wait) of the attributes of one socket."""
    name, waiting = "", 0
    while len(data) >= 4:
        size, kind = struct.unpack_from("=HH", data)
        if size < 4:
            break
        if kind == NAME:
            name = data[4:size].rstrip(b"\0").decode("utf-8", "replace")
        elif kind == QUEUE and size >= 8:
            waiting = struct.unpack_from("=I", data, 4)[0]
        data = data[(size + 3) & ~3 :]
    return name, waiting
