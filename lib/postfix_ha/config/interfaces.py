"""The addresses of this node's network interfaces, from the kernel (as ``getifaddrs`` finds them for Postfix)."""

import _socket
import struct

RTM_GETLINK, RTM_NEWLINK = 18, 16
RTM_GETADDR, RTM_NEWADDR = 22, 20
NLMSG_ERROR, NLMSG_DONE = 2, 3
NLM_F_REQUEST, NLM_F_DUMP = 1, 0x300
IFA_ADDRESS, IFA_LOCAL = 1, 2
IFF_UP = 1
AF_NETLINK, NETLINK_ROUTE = 16, 0
HEADER = struct.Struct("=IHHII")
ANSWER_TIMEOUT_S = 2.0


def local_addresses() -> "list[tuple[int, str]]":
    """(family, canonical address) of every address on an interface that is up; empty where the kernel won't tell."""
    try:
        netlink = _socket.socket(AF_NETLINK, _socket.SOCK_RAW, NETLINK_ROUTE)
        try:
            netlink.settimeout(ANSWER_TIMEOUT_S)
            up = set()
            for message in _dump(netlink, RTM_GETLINK, RTM_NEWLINK):
                index, flags = struct.unpack_from("=iI", message, 4)
                if flags & IFF_UP:
                    up.add(index)
            found = [_address(message, up) for message in _dump(netlink, RTM_GETADDR, RTM_NEWADDR)]
        finally:
            netlink.close()
    except (OSError, struct.error):
        return []
    return [entry for entry in found if entry]


def loopback_addresses(families: "tuple[int, ...]") -> "list[str]":
    """The loopback addresses on this node's interfaces: what ``inet_interfaces = loopback-only`` stands for."""
    return [
        address
        for family, address in local_addresses()
        if family in families and (address == "::1" if family == _socket.AF_INET6 else address.startswith("127."))
    ]


def _dump(netlink: "_socket.socket", ask: int, answer: int) -> "list[bytes]":
    """The payloads of the kernel's answers to one dump request."""
    netlink.send(HEADER.pack(HEADER.size + 1, ask, NLM_F_REQUEST | NLM_F_DUMP, 1, 0) + b"\0")
    payloads: "list[bytes]" = []
    while True:
        data = netlink.recv(65536)
        while data:
            length, kind = struct.unpack_from("=IH", data)
            if kind in (NLMSG_DONE, NLMSG_ERROR) or length < HEADER.size:
                return payloads
            if kind == answer:
                payloads.append(data[HEADER.size : length])
            data = data[(length + 3) & ~3 :]


def _address(message: bytes, up: "set[int]") -> "tuple[int, str] | None":
    """(family, address) of one RTM_NEWADDR message, None for other families and interfaces that are down."""
    family, _, _, _, index = struct.unpack_from("=BBBBI", message)
    if family not in (_socket.AF_INET, _socket.AF_INET6) or index not in up:
        return None
    values: "dict[int, bytes]" = {}
    position = 8
    while position + 4 <= len(message):
        length, kind = struct.unpack_from("=HH", message, position)
        if length < 4:
            break
        values[kind] = message[position + 4 : position + length]
        position += (length + 3) & ~3
    # On a point-to-point link IFA_ADDRESS is the other end.
    packed = values.get(IFA_LOCAL) or values.get(IFA_ADDRESS)
    return (int(family), _socket.inet_ntop(family, packed)) if packed else None
