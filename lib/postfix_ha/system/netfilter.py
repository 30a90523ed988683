"""Sets of nftables changed by the kernel's own interface (nfnetlink), all or nothing.

nft(8) does the same with these messages (nf_tables.h, nfnetlink.h), but asks for all tables of the node first: its run
takes a third of a whole stop. What it has made is filled and emptied here; it makes the tables.
"""

import _socket
import errno
import sys

from postfix_ha.endpoint import address_bytes

NETLINK_NETFILTER = 12
NFNL_SUBSYS_NFTABLES = 10
BATCH_BEGIN, BATCH_END = 16, 17
NFT_MSG_GETTABLE, NFT_MSG_NEWSETELEM, NFT_MSG_DELSETELEM = 1, 12, 14
NFPROTO_INET = 1
NLM_F_REQUEST, NLM_F_ACK, NLM_F_CREATE = 0x1, 0x4, 0x400
NLMSG_ERROR = 2
# Numbers of the attributes: of a table, of a list of elements, of one element, of a value.
TABLE_NAME = 1
LIST_TABLE, LIST_SET, LIST_ELEMENTS, LIST_ELEMENT = 1, 2, 3, 1
ELEMENT_KEY, ELEMENT_TIMEOUT = 1, 4
DATA_VALUE = 1
NESTED = 0x8000
HEAD_SIZE = 16
# The length of an attribute has 16 bits, and an element less than 64 bytes.
ELEMENTS_MAX = 1000
# The kernel has answered when the request is sent (nfnetlink_rcv_batch), so this is for the unexpected.
ANSWER_TIMEOUT_S = 1.0
CHUNK = 65536

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable


class Element:
    """An address and port ("": the port of any address) of the set with this name."""

    __slots__ = ("address", "port", "set")

    def __init__(self, set: str, address: str, port: int) -> None:
        self.set = set
        self.address = address
        self.port = port

    @property
    def key(self) -> bytes:
        """As the kernel compares it: each part is filled up to 32 bits where there are several."""
        number = self.port.to_bytes(2, "big")
        return address_bytes(self.address) + number + b"\0\0" if self.address else number


def change_sets(table: str, emptied: "Iterable[str]", added: "Iterable[Element]", timeout_ms: "dict[str, int]") -> int:
    """Empty these sets of a table of family inet, then add elements; errno of what went wrong, 0 for nothing.

    ``timeout_ms`` tells after how long the elements of a set expire; of a set that is not in it they stay.
    """
    of_table = _attribute(LIST_TABLE, table.encode("ascii") + b"\0")
    by_set: "dict[str, list[bytes]]" = {}
    for each in added:
        by_set.setdefault(each.set, []).append(_element(each.key, timeout_ms.get(each.set, 0)))
    if any(len(elements) > ELEMENTS_MAX for elements in by_set.values()):
        return errno.E2BIG
    messages = [(NFT_MSG_DELSETELEM, of_table + _attribute(LIST_SET, name.encode() + b"\0")) for name in emptied]
    for name, elements in by_set.items():
        of_set = of_table + _attribute(LIST_SET, name.encode() + b"\0")
        messages.append((NFT_MSG_NEWSETELEM, of_set + _attribute(LIST_ELEMENTS | NESTED, b"".join(elements))))
    return _committed(messages)


def is_there(table: str) -> bool:
    """Whether there is a table of family inet with this name; True also where the kernel does not tell."""
    named = _attribute(TABLE_NAME, table.encode("ascii") + b"\0")
    request = _message(NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_GETTABLE, NLM_F_ACK, 1, NFPROTO_INET, 0, named)
    return _exchanged(request, 1) != errno.ENOENT


def _element(key: bytes, timeout_ms: int) -> bytes:
    lasting = _attribute(ELEMENT_TIMEOUT, timeout_ms.to_bytes(8, "big")) if timeout_ms else b""
    return _attribute(LIST_ELEMENT | NESTED, lasting + _attribute(ELEMENT_KEY | NESTED, _attribute(DATA_VALUE, key)))


def _committed(messages: "list[tuple[int, bytes]]") -> int:
    """Let the kernel do what these messages (type, attributes) say as one transaction; errno, 0 once it is done."""
    if not messages:
        return 0
    batch = [_message(BATCH_BEGIN, 0, 0, 0, NFNL_SUBSYS_NFTABLES)]
    for number, (kind, attributes) in enumerate(messages, 1):
        flags = NLM_F_ACK | (NLM_F_CREATE if kind == NFT_MSG_NEWSETELEM else 0)
        batch.append(_message(NFNL_SUBSYS_NFTABLES << 8 | kind, flags, number, NFPROTO_INET, 0, attributes))
    batch.append(_message(BATCH_END, 0, len(messages) + 1, 0, NFNL_SUBSYS_NFTABLES))
    return _exchanged(b"".join(batch), len(messages))


def _exchanged(request: bytes, wanted: int) -> int:
    """Send it and wait until so many messages are confirmed; errno, 0 once they are."""
    try:
        kernel = _socket.socket(_socket.AF_NETLINK, _socket.SOCK_RAW | _socket.SOCK_CLOEXEC, NETLINK_NETFILTER)
    except OSError as error:
        return error.errno or errno.EIO
    try:
        kernel.settimeout(ANSWER_TIMEOUT_S)
        kernel.send(request)
        return _answered(kernel, wanted)
    except OSError as error:
        return error.errno or errno.ETIMEDOUT
    finally:
        kernel.close()


def _answered(kernel: "_socket.socket", wanted: int) -> int:
    """The first error that the kernel tells of a transaction, 0 once it has confirmed each of its messages."""
    while wanted > 0:
        data = kernel.recv(CHUNK)
        at = 0
        while at + HEAD_SIZE + 4 <= len(data):
            length = int.from_bytes(data[at : at + 4], sys.byteorder)
            if length < HEAD_SIZE + 4:
                return errno.EPROTO
            is_answer = int.from_bytes(data[at + 4 : at + 6], sys.byteorder) == NLMSG_ERROR
            failed = -int.from_bytes(data[at + HEAD_SIZE : at + HEAD_SIZE + 4], sys.byteorder, signed=True)
            if is_answer and failed:
                return failed
            wanted -= is_answer
            at += (length + 3) & ~3
    return 0


def _message(kind: int, flags: int, number: int, family: int, subsystem: int, attributes: bytes = b"") -> bytes:
    """One message with its two headers (nlmsghdr, nfgenmsg)."""
    head = _number(HEAD_SIZE + 4 + len(attributes), 4) + _number(kind, 2) + _number(flags | NLM_F_REQUEST, 2)
    general = bytes((family, 0)) + subsystem.to_bytes(2, "big")
    return head + _number(number, 4) + _number(0, 4) + general + attributes


def _attribute(kind: int, value: bytes) -> bytes:
    return _number(4 + len(value), 2) + _number(kind, 2) + value + bytes(-len(value) % 4)


def _number(value: int, size: int) -> bytes:
    return value.to_bytes(size, sys.byteorder)
