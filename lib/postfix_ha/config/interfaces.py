"""The addresses and networks of this node's interfaces, from the kernel (as ``getifaddrs`` finds them for Postfix)."""

import _socket
import struct

from postfix_ha.endpoint import address_bytes, is_loopback

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

RTM_GETLINK, RTM_NEWLINK = 18, 16
RTM_GETADDR, RTM_NEWADDR = 22, 20
RTM_GETROUTE, RTM_NEWROUTE = 26, 24
RTN_UNICAST, RT_TABLE_MAIN = 1, 254
RTA_DST, RTA_OIF, RTA_GATEWAY = 1, 4, 5
NLMSG_ERROR, NLMSG_DONE = 2, 3
NLM_F_REQUEST, NLM_F_DUMP = 1, 0x300
IFA_ADDRESS, IFA_LOCAL, IFA_CACHEINFO = 1, 2, 6
IFA_F_SECONDARY, IFA_F_DADFAILED, IFA_F_TENTATIVE, IFA_F_PERMANENT = 0x01, 0x08, 0x40, 0x80
IFF_UP = 1
AF_NETLINK, NETLINK_ROUTE = 16, 0
FAMILIES = (_socket.AF_INET, _socket.AF_INET6)
HEADER = struct.Struct("=IHHII")
ANSWER_TIMEOUT_S = 2.0


class Local:
    """An address of this node: its interface, family, prefix length, whether it goes when the first of its network is
    deleted (``is_secondary``), whether it is there until it is taken away (``is_permanent``), and when it was ``made``
    (hundredths of a second since boot). The kernel does not use one of IPv6 while it asks whether another machine has
    it (``is_tentative``), nor after one has answered (``is_duplicate``)."""

    __slots__ = (
        "address",
        "family",
        "interface",
        "is_duplicate",
        "is_permanent",
        "is_secondary",
        "is_tentative",
        "is_up",
        "made",
        "prefix",
    )

    def __init__(self, interface: str, family: int, address: str, prefix: int) -> None:
        self.interface = interface
        self.family = family
        self.address = address
        self.prefix = prefix
        self.is_up = False
        self.is_secondary = self.is_tentative = self.is_duplicate = False
        self.is_permanent = True
        self.made = 0

    def is_beside(self, other: "Local") -> bool:
        """Whether this is another address in the same network on the same interface."""
        place = (self.interface, self.family, self.prefix)
        if self.address == other.address or place != (other.interface, other.family, other.prefix):
            return False
        one, two = (int.from_bytes(address_bytes(each.address), "big") for each in (self, other))
        return (one ^ two) >> (len(address_bytes(self.address)) * 8 - self.prefix) == 0


def interface_addresses() -> "list[Local]":
    """Every address of this node, also on an interface that is down; empty where the kernel won't tell."""
    up = {index for message in _ask(RTM_GETLINK, RTM_NEWLINK) for index in _index_if_up(message)}
    found = []
    for message in _ask(RTM_GETADDR, RTM_NEWADDR):
        family, prefix, flags, _, index = struct.unpack_from("=BBBBI", message)
        values = _attributes(message, 8)
        # On a point-to-point link IFA_ADDRESS is the other end.
        packed = values.get(IFA_LOCAL) or values.get(IFA_ADDRESS)
        if packed and family in FAMILIES:
            local = Local(_name_of(index), family, _socket.inet_ntop(family, packed), prefix)
            local.is_up = index in up
            # Of IPv6 the same bit says that the address is a temporary one.
            local.is_secondary = family == _socket.AF_INET and bool(flags & IFA_F_SECONDARY)
            local.is_tentative = family == _socket.AF_INET6 and bool(flags & IFA_F_TENTATIVE)
            local.is_duplicate = family == _socket.AF_INET6 and bool(flags & IFA_F_DADFAILED)
            local.is_permanent = bool(flags & IFA_F_PERMANENT)
            stamps = values.get(IFA_CACHEINFO, b"")  # preferred, valid, made, changed (linux/if_addr.h)
            local.made = struct.unpack_from("=I", stamps, 8)[0] if len(stamps) >= 12 else 0
            found.append(local)
    return found


def local_addresses() -> "list[tuple[int, str]]":
    """(family, canonical address) of every address on an interface that is up; empty where the kernel won't tell."""
    return [(local.family, local.address) for local in interface_addresses() if local.is_up]


def connected_networks() -> "list[tuple[str, str]]":
    """(interface, address/prefix) of every network that this node is in, loopback apart.

    First those of its addresses, then those to which it has a route of its own without one.
    """
    found = [(local.interface, f"{local.address}/{local.prefix}") for local in interface_addresses()]
    for message in _ask(RTM_GETROUTE, RTM_NEWROUTE):
        family, length, _, _, table, _, _, kind = struct.unpack_from("=BBBBBBBB", message)
        values = _attributes(message, 12)
        if family not in FAMILIES or not 0 < length < 32 + 96 * (family == _socket.AF_INET6):
            continue
        is_ours = kind == RTN_UNICAST and table == RT_TABLE_MAIN and RTA_DST in values and RTA_OIF in values
        if is_ours and RTA_GATEWAY not in values:
            network = _socket.inet_ntop(family, values[RTA_DST])
            found.append((_name_of(struct.unpack("=I", values[RTA_OIF])[0]), f"{network}/{length}"))
    return [pair for pair in dict.fromkeys(found) if pair[0] not in ("", "lo")]


def network_of(address: str, networks: "list[tuple[str, str]]", interface: str = "") -> "tuple[str, int] | None":
    """(interface, prefix length) of the network that holds an address: its own, else the narrowest; None for none."""
    import ipaddress

    wanted = ipaddress.ip_address(address)
    found = []
    for name, text in networks:
        network = ipaddress.ip_interface(text)
        if interface in ("", name) and (network.ip == wanted or _is_reached(wanted, network.network)):
            found.append((network.ip == wanted, network.network.prefixlen, name))
    _, prefix, name = max(found, key=lambda each: each[:2], default=(False, 0, ""))
    return (name, prefix) if name else None


def _is_reached(address: "IPv4Address | IPv6Address", network: "IPv4Network | IPv6Network") -> bool:
    return address in network and not network.is_link_local and not network.is_multicast


def loopback_addresses(families: "tuple[int, ...]") -> "list[str]":
    """The loopback addresses on this node's interfaces: what ``inet_interfaces = loopback-only`` stands for."""
    return [address for family, address in local_addresses() if family in families and is_loopback(address)]


def _ask(ask: int, answer: int) -> "list[bytes]":
    """The payloads of the kernel's answers to a question about all links, addresses or routes."""
    try:
        netlink = _socket.socket(AF_NETLINK, _socket.SOCK_RAW, NETLINK_ROUTE)
        try:
            netlink.settimeout(ANSWER_TIMEOUT_S)
            return _dump(netlink, ask, answer)
        finally:
            netlink.close()
    except (OSError, struct.error):
        return []


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


def _index_if_up(message: bytes) -> "list[int]":
    """The number of the interface of one RTM_NEWLINK message, where it is up."""
    index, flags = struct.unpack_from("=iI", message, 4)
    return [index] if flags & IFF_UP else []


def _attributes(message: bytes, position: int) -> "dict[int, bytes]":
    """Attribute -> value, from this position of a message on."""
    values: "dict[int, bytes]" = {}
    while position + 4 <= len(message):
        length, kind = struct.unpack_from("=HH", message, position)
        if length < 4:
            break
        values[kind] = message[position + 4 : position + length]
        position += (length + 3) & ~3
    return values


def _name_of(index: int) -> str:
    """The name of the interface with this number, "" where it is gone."""
    try:
        return _socket.if_indextoname(index)
    except OSError:
        return ""
