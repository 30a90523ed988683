"""The listening TCP sockets of a process's network name space, as the kernel has them.

Asked by sock_diag(7), which lists the listening ones alone. The table /proc/net/tcp goes on to the connections, and the
kernel looks through all of its hash table for the first of them: 2 ms on an idle node, a fifth of a whole monitor.
"""

import _socket
import os
import sys

from postfix_ha.endpoint import Endpoint, address_bytes, address_text

# linux/sock_diag.h, inet_diag.h and netlink.h.
NETLINK_SOCK_DIAG, SOCK_DIAG_BY_FAMILY = 4, 20
NLM_F_REQUEST_DUMP = 0x301
NLMSG_DONE = 3
TCP, LISTEN = 6, 10
HEAD_SIZE, REQUEST_SIZE, ANSWER_SIZE = 16, 56, 72
ANSWER_TIMEOUT_S = 1.0
# As /proc/net/tcp spells the state, and how much of it is read at a time.
LISTEN_STATE = b"0A"
CHUNK = 65536

TYPE_CHECKING = False
if TYPE_CHECKING:
    # kernel address -> (socket inode, connections that wait to be accepted) of each socket
    Listening = dict[str, list[tuple[str, int]]]


def kernel_address(endpoint: Endpoint) -> str:
    """The endpoint as /proc/net/tcp and tcp6 spell it: 32-bit words in the machine's byte order, hexadecimal."""
    return spelt(address_bytes(endpoint.address), endpoint.port)


def parse_kernel_address(text: str) -> "tuple[str, int]":
    """(numeric address, port) of what kernel_address() makes."""
    words, _, port = text.partition(":")
    packed = b"".join(int(words[at : at + 8], 16).to_bytes(4, sys.byteorder) for at in range(0, len(words), 8))
    return address_text(packed), int(port, 16)


def listening_sockets(pid: int, ipv6: bool) -> "Listening":
    """kernel address -> (socket inode, connections that wait to be accepted) of all that listen where the process is.

    A process in another network name space, and a kernel without tcp_diag, are asked through /proc.
    """
    found = _asked(ipv6) if is_in_our_network(pid) else None
    return _read(pid, ipv6) if found is None else found


def is_in_our_network(pid: int) -> bool:
    """Whether a process has the network name space that we have, which alone the kernel tells us of when asked."""
    try:
        return os.readlink(f"/proc/{pid}/ns/net") == os.readlink("/proc/self/ns/net")
    except OSError:
        return False


def tcp_sockets(ipv6: bool, states: "tuple[int, ...]") -> "list[bytes] | None":
    """What the kernel tells (struct inet_diag_msg) of each TCP socket of our network name space in these states.

    Four bytes, the second of which is the state, port and peer's port, 16 bytes of address each, and from 52 on five
    numbers. None where it does not tell.
    """
    wanted = sum(1 << state for state in states)
    request = bytes((_socket.AF_INET6 if ipv6 else _socket.AF_INET, TCP, 0, 0)) + _number(wanted, 4)
    answers = asked(request + bytes(REQUEST_SIZE - len(request)), ANSWER_TIMEOUT_S)
    return None if answers is None or any(len(answer) < ANSWER_SIZE for answer in answers) else answers


def asked(request: bytes, timeout_s: float) -> "list[bytes] | None":
    """What the kernel's sock_diag(7) answers to a request for a list: the body of each message, without its header.

    Of our own network name space; None where the kernel does not tell, or not in time.
    """
    header = (
        _number(HEAD_SIZE + len(request), 4)
        + _number(SOCK_DIAG_BY_FAMILY, 2)
        + _number(NLM_F_REQUEST_DUMP, 2)
        + _number(1, 4)
        + _number(0, 4)
    )
    found: "list[bytes]" = []
    try:
        kernel = _socket.socket(_socket.AF_NETLINK, _socket.SOCK_RAW | _socket.SOCK_CLOEXEC, NETLINK_SOCK_DIAG)
    except OSError:
        return None
    try:
        kernel.settimeout(timeout_s)
        kernel.send(header + request)
        while True:
            data = kernel.recv(CHUNK)
            at = 0
            while at + HEAD_SIZE <= len(data):
                length, kind = _at(data, at, 4), _at(data, at + 4, 2)
                if kind == NLMSG_DONE:
                    return found
                if kind != SOCK_DIAG_BY_FAMILY or length < HEAD_SIZE:
                    return None
                found.append(data[at + HEAD_SIZE : at + length])
                at += (length + 3) & ~3
    except OSError:
        return None
    finally:
        kernel.close()


def _asked(ipv6: bool) -> "Listening | None":
    """Those of our own network name space; None where the kernel does not tell."""
    answers = tcp_sockets(ipv6, (LISTEN,))
    if answers is None:
        return None
    sockets: "Listening" = {}
    for answer in answers:
        address = spelt(answer[8 : 24 if ipv6 else 12], int.from_bytes(answer[4:6], "big"))
        sockets.setdefault(address, []).append((str(_at(answer, 68, 4)), _at(answer, 56, 4)))
    return sockets


def _number(value: int, size: int) -> bytes:
    return value.to_bytes(size, sys.byteorder)


def _at(data: bytes, place: int, size: int) -> int:
    return int.from_bytes(data[place : place + size], sys.byteorder)


def spelt(packed: bytes, port: int) -> str:
    """An address and port as kernel_address() has them."""
    words = (_at(packed, at, 4) for at in range(0, len(packed), 4))
    return "".join(f"{word:08X}" for word in words) + f":{port:04X}"


def _read(pid: int, ipv6: bool) -> "Listening":
    """Those that /proc/PID/net shows. The listening ones come first (tcp_seq_start): it is read no further."""
    sockets: "Listening" = {}
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
                if len(fields) < 10 or fields[3] != LISTEN_STATE:
                    return sockets
                waiting = int(fields[4].partition(b":")[2], 16)
                sockets.setdefault(fields[1].decode("ascii"), []).append((fields[9].decode("ascii"), waiting))
            if not chunk:
                return sockets
    except OSError:
        return sockets
    finally:
        os.close(descriptor)
