"""Sessions: the connections that the kernel has for an instance's endpoints.

Asked by sock_diag(7), where that is to be had. For the table /proc/net/tcp the kernel goes through its whole hash of
connections with a lock on each part: 2 ms on an idle node.
"""

from postfix_ha.endpoint import Endpoint
from postfix_ha.procfs import read_whole
from postfix_ha.sockets import is_in_our_network, kernel_address, parse_kernel_address, spelt, tcp_sockets

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection

# States (include/net/tcp_states.h).
ESTABLISHED, SYN_RECEIVED = 1, 3
# Postfix has closed it, and the client's kernel has not yet confirmed that it has the last reply.
FIN_WAIT1, LAST_ACK = 4, 9
STATES = (ESTABLISHED, SYN_RECEIVED, FIN_WAIT1, LAST_ACK)
TABLE_MAX = 16 << 20


class Session:
    """A TCP connection to an endpoint: ``peer`` is the client's address and port as messages show it."""

    __slots__ = ("peer",)

    def __init__(self, peer: str) -> None:
        self.peer = peer


def sessions_of(pid: int, endpoints: "list[Endpoint]", others: "Collection[str]" = ()) -> "list[Session]":
    """The connections to these endpoints that are established or about to be, in the process's network namespace.

    Those that wait to be accepted are among them (the kernel establishes a connection before anybody accepts it).
    ``others`` are the kernel's names of addresses and ports that others serve, where an endpoint is on all addresses.
    """
    addresses = {kernel_address(endpoint) for endpoint in endpoints if not endpoint.is_wildcard}
    ports = {f"{endpoint.port:04X}" for endpoint in endpoints if endpoint.is_wildcard}
    found = []
    for is_ipv6 in sorted({endpoint.is_ipv6 for endpoint in endpoints}):
        for local, peer in _connections(pid, is_ipv6):
            if local in addresses or (local.rpartition(":")[2] in ports and local not in others):
                found.append(Session(str(Endpoint(*parse_kernel_address(peer)))))
    return found


def _connections(pid: int, is_ipv6: bool) -> "list[tuple[str, str]]":
    """The connections where the process is: their two ends as the kernel spells them."""
    answers = tcp_sockets(is_ipv6, STATES) if is_in_our_network(pid) else None
    if answers is None:
        return _listed(f"/proc/{pid}/net/tcp6" if is_ipv6 else f"/proc/{pid}/net/tcp")
    size = 16 if is_ipv6 else 4
    return [
        (
            spelt(answer[8 : 8 + size], int.from_bytes(answer[4:6], "big")),
            spelt(answer[24 : 24 + size], int.from_bytes(answer[6:8], "big")),
        )
        for answer in answers
    ]


def _listed(table: str) -> "list[tuple[str, str]]":
    """The same of one of the kernel's tables."""
    found = []
    # One line of the table has 150 bytes; more connections than these are not worth a look at each.
    for line in read_whole(table, TABLE_MAX).splitlines()[1:]:
        fields = line.split(None, 4)
        if len(fields) > 4 and int(fields[3], 16) in STATES:
            found.append((fields[1].decode("ascii"), fields[2].decode("ascii")))
    return found
