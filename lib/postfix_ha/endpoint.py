"""Endpoint: one address and port on which the master process listens for mail clients."""

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
