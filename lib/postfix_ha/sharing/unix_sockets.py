"""The UNIX-domain sockets of this network name space by what they are bound to, as the kernel tells (sock_diag(7)).

Its table /proc/net/unix has but the text that was given to bind(2): relative, in a jail, or by a link.
"""

import _socket
import os
import struct

from postfix_ha.sockets import asked
from postfix_ha.whole_number import whole_number

SHOW_NAME, SHOW_VFS = 1, 2
ATTRIBUTE_NAME, ATTRIBUTE_VFS = 0, 1
ANY_STATE = 0xFFFFFFFF
LISTENING, UNCONNECTED = 10, 7
REQUEST, ANSWER = struct.Struct("=BBHIIIII"), struct.Struct("=BBBBIII")
ANSWER_TIMEOUT_S = 1.0


class Bound:
    """A socket bound to a file: its inode among the sockets, the file's (device, inode), the name given to bind(2)."""

    __slots__ = ("device", "file_inode", "is_served", "name", "socket")

    def __init__(self, number: int, state: int, device: int, file_inode: int, name: str) -> None:
        self.socket = number
        self.device = device
        self.file_inode = file_inode
        self.name = name
        # A stream socket that does not listen refuses connections; a datagram socket just takes what comes.
        self.is_served = state in (LISTENING, UNCONNECTED)


def bound_sockets() -> "list[Bound] | None":
    """Every socket that is bound to a file; None where the kernel does not tell."""
    answers = asked(REQUEST.pack(_socket.AF_UNIX, 0, 0, ANY_STATE, 0, SHOW_NAME | SHOW_VFS, 0, 0), ANSWER_TIMEOUT_S)
    if answers is None:
        return None
    try:
        return [bound for bound in map(_bound, answers) if bound]
    except struct.error:
        return None


def _bound(answer: bytes) -> "Bound | None":
    _, _, state, _, number, _, _ = ANSWER.unpack_from(answer)
    name, place = "", b""
    at = ANSWER.size
    while at + 4 <= len(answer):
        length, kind = struct.unpack_from("=HH", answer, at)
        if length < 4:
            break
        value = answer[at + 4 : at + length]
        if kind == ATTRIBUTE_NAME:
            name = os.fsdecode(value.partition(b"\0")[0])
        elif kind == ATTRIBUTE_VFS:
            place = value
        at += (length + 3) & ~3
    if len(place) < 8:
        return None
    inode, device = struct.unpack("=II", place[:8])
    return Bound(number, state, device, inode, name)


def device_of(text: str) -> int:
    """The number that the kernel has inside for ``major:minor`` of its table of mounts, -1 where it is none."""
    major, _, minor = text.partition(":")
    numbers = whole_number(major), whole_number(minor)
    return -1 if numbers[0] is None or numbers[1] is None else numbers[0] << 20 | numbers[1]
