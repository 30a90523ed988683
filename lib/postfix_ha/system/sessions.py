"""Sessions: the connections that the kernel has for an instance's endpoints, from its table of TCP sockets."""

from collections.abc import Collection

from postfix_ha.endpoint import Endpoint
from postfix_ha.procfs import read_whole
from postfix_ha.sockets import kernel_address, parse_kernel_address

# States in /proc/net/tcp (include/net/tcp_states.h).
ESTABLISHED, SYN_RECEIVED = b"01", b"03"
# Postfix has closed it, and the client's kernel has not yet confirmed that it has the last reply.
FIN_WAIT1, LAST_ACK = b"04", b"09"
STATES = (ESTABLISHED, SYN_RECEIVED, FIN_WAIT1, LAST_ACK)
TABLE_MAX = 16 << 20
# A chunk lacks less than one line of a page (seq_read_iter), so a shorter one than this is the last. Asking once more
# makes the kernel go through its whole hash of connections again: 2 ms.
LAST_CHUNK_MAX = 2048


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
        # One line of the table has 150 bytes; more connections than these are not worth a look at each.
        table = f"/proc/{pid}/net/tcp6" if is_ipv6 else f"/proc/{pid}/net/tcp"
        data = read_whole(table, TABLE_MAX, LAST_CHUNK_MAX)
        for line in data.splitlines()[1:]:
            fields = line.split(None, 4)
            if len(fields) < 5 or fields[3] not in STATES:
                continue
            local = fields[1].decode("ascii")
            if local in addresses or (local.rpartition(":")[2] in ports and local not in others):
                address, port = parse_kernel_address(fields[2].decode("ascii"))
                found.append(Session(str(Endpoint(address, port))))
    return found
