"""Endpoint: one address and port on which the master process listens for mail clients."""

import _socket
import errno
import sys

KIND_SMTP = "smtp"
KIND_SMTPS = "smtps"
KIND_POSTSCREEN = "postscreen"
KINDS = (KIND_SMTP, KIND_SMTPS, KIND_POSTSCREEN)

WILDCARDS = ("0.0.0.0", "::")


class Endpoint:
    """One listening socket that mail clients use.

    ``address`` is a numeric IPv4 or IPv6 address in its canonical text form (``0.0.0.0`` or ``::`` for
    ``inet_interfaces = all``), ``port`` a number from 1 to 65535, ``kind`` one of KINDS: plain SMTP, SMTP inside
    TLS from the first byte (``smtpd_tls_wrappermode``), or postscreen (silent at first by design).
    ``service`` is the first field of the master.cf row as Postfix spells it, for messages and for ``smtpd -n``.
    """

    __slots__ = ("address", "kind", "port", "service")

    def __init__(self, address: str, port: int, kind: str = KIND_SMTP, service: str = "smtp") -> None:
        self.address = address
        self.port = port
        self.kind = kind
        self.service = service

    @property
    def is_ipv6(self) -> bool:
        """Whether the address is an IPv6 one."""
        return ":" in self.address

    @property
    def is_wildcard(self) -> bool:
        """Whether the socket takes connections to every address of its family."""
        return self.address in WILDCARDS

    @property
    def dial_address(self) -> str:
        """The address a client on this node connects to: loopback stands for a wildcard."""
        if self.is_wildcard:
            return "::1" if self.is_ipv6 else "127.0.0.1"
        return self.address

    def __str__(self) -> str:
        return f"[{self.address}]:{self.port}" if self.is_ipv6 else f"{self.address}:{self.port}"

    def __repr__(self) -> str:
        return f"Endpoint({self.address!r}, {self.port}, {self.kind!r}, {self.service!r})"

    def _key(self) -> "tuple[str, int, str, str]":
        return (self.address, self.port, self.kind, self.service)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Endpoint) and self._key() == other._key()

    def __hash__(self) -> int:
        return hash(self._key())


def is_loopback(address: str) -> bool:
    """Whether an address, in its canonical text form, never leaves its node."""
    return address == "::1" or address.startswith("127.")


def address_bytes(address: str) -> bytes:
    """The 4 or 16 bytes of a numeric IPv4 or IPv6 address; raises OSError for any other text."""
    return _socket.inet_pton(_socket.AF_INET6 if ":" in address else _socket.AF_INET, address)


def address_text(packed: bytes) -> str:
    """The canonical text of an address of 4 or 16 bytes."""
    return _socket.inet_ntop(_socket.AF_INET6 if len(packed) == 16 else _socket.AF_INET, packed)


# Netlink's numbers (linux/rtnetlink.h): the kernel is asked for the route to an address and answers with its type.
RTM_NEWROUTE = 24
RTM_GETROUTE = 26
NLM_F_REQUEST = 1
RTA_DST = 1
RTN_LOCAL = 2


def missing_addresses(addresses: "list[str]") -> "list[str]":
    """Those of the numeric addresses that this node does not have (wildcards are always there).

    Asked of the kernel's routing table: binding a socket instead would find every address with
    ``net.ipv4.ip_nonlocal_bind``, which load balancers set. Raises OSError where netlink is not available.
    """
    # A link-local address has no route without its interface, and Postfix cannot name the interface.
    wanted = [a for a in addresses if a not in WILDCARDS and not a.lower().startswith("fe80:")]
    if not wanted:
        return []
    kernel = _socket.socket(_socket.AF_NETLINK, _socket.SOCK_RAW | _socket.SOCK_CLOEXEC, 0)
    try:
        kernel.settimeout(2.0)
        return [address for address in wanted if not _is_local(kernel, address_bytes(address))]
    finally:
        kernel.close()


def _is_local(kernel: "_socket.socket", packed: bytes) -> bool:
    def number(value: int, size: int) -> bytes:
        return value.to_bytes(size, sys.byteorder)

    family = _socket.AF_INET if len(packed) == 4 else _socket.AF_INET6
    route = bytes((family, len(packed) * 8, 0, 0, 0, 0, 0, 0)) + number(0, 4)
    attribute = number(4 + len(packed), 2) + number(RTA_DST, 2) + packed
    size = 16 + len(route) + len(attribute)
    header = number(size, 4) + number(RTM_GETROUTE, 2) + number(NLM_F_REQUEST, 2) + number(1, 4) + number(0, 4)
    kernel.send(header + route + attribute)
    try:
        answer = kernel.recv(8192)
    except OSError as error:
        if error.errno in (errno.ENETUNREACH, errno.EHOSTUNREACH):
            return False
        raise
    return int.from_bytes(answer[4:6], sys.byteorder) == RTM_NEWROUTE and answer[16 + 7] == RTN_LOCAL
