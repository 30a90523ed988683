"""The lab's networks: three bridges in a namespace of their own, and cables from there to each node.

Every cable can be pulled and put back. The kernel keeps the addresses of the documentation ranges apart from any
real network, and the namespace does as well.
"""

from tests.support.machine.node import Node, run_outside

# name of a network -> (first three parts of its addresses, interface that a node has in it)
NETWORKS = {
    "ring": ("203.0.113", "ring0"),
    "client": ("198.51.100", "eth0"),
    "manage": ("192.0.2", "mgmt0"),
}
SERVICE_ADDRESS = "198.51.100.100"
PREFIX = 24
PREFIX6 = 64


def address(network: str, number: int) -> str:
    """The address of host ``number`` in a network."""
    return f"{NETWORKS[network][0]}.{number}"


def address6(number: int) -> str:
    """The IPv6 address of host ``number`` in the clients' network."""
    return f"2001:db8::{number}"


class Fabric(Node):
    """The namespace with the switches; the management controllers live in it too."""

    def __init__(self) -> None:
        super().__init__("fabric")

    def boot(self) -> None:
        """Start the namespace and its bridges."""
        super().boot()
        lines = []
        for number, network in enumerate(NETWORKS):
            # No spanning tree, no forwarding delay: a cable works as soon as it is in. A fixed hardware address, or the
            # bridge takes one of its ports', and loses it with that port, behind the backs of all who know it.
            kind = f"address 02:00:00:00:00:0{number} type bridge stp_state 0 forward_delay 0"
            lines += [f"link add {network} {kind}", f"link set {network} up"]
        self.run(["ip", "-batch", "-"], input="\n".join(lines) + "\n", check=True)

    def add_addresses(self, network: str, *numbers: int) -> None:
        """Give the switch itself addresses in a network."""
        lines = [f"address add {address(network, number)}/{PREFIX} dev {network}" for number in numbers]
        self.run(["ip", "-batch", "-"], input="\n".join(lines) + "\n", check=True)

    def connect(self, node: Node, number: int, networks: "tuple[str, ...]" = tuple(NETWORKS)) -> None:
        """Lay cables from the switches to a node and give it host ``number`` in each network."""
        lines = []
        for network in networks:
            # The other end goes straight into the node's namespace, so that a name cannot collide anywhere.
            far_end = NETWORKS[network][1]
            lines.append(f"link add {cable(node, network)} type veth peer name {far_end} netns {node.pid}")
            lines.append(f"link set {cable(node, network)} master {network} up")
        self._batch(lines)
        lines = []
        for network in networks:
            far_end = NETWORKS[network][1]
            lines.append(f"address add {address(network, number)}/{PREFIX} dev {far_end}")
            lines.append(f"link set {far_end} up")
        node.run(["ip", "-batch", "-"], input="\n".join(lines) + "\n", check=True)

    def disconnect(self, node: Node) -> None:
        """Take a node's cables away; the kernel would do it late for a node that has died."""
        # The kernel may be quicker with some of them, so a missing one is no fault.
        lines = [f"link del {cable(node, network)}" for network in NETWORKS]
        run_outside(self, ["ip", "-force", "-batch", "-"], "\n".join(lines) + "\n", check=False)

    def set_cables(self, node: Node, state: str) -> None:
        """Pull (``down``) or put back (``up``) all cables of a node at once."""
        self._batch([f"link set {cable(node, network)} {state}" for network in NETWORKS])

    def _batch(self, lines: "list[str]") -> None:
        # Only the network namespace is entered: ``netns PID`` counts pids as this process does.
        if lines:
            run_outside(self, ["ip", "-batch", "-"], "\n".join(lines) + "\n")


def cable(node: Node, network: str) -> str:
    """The name of the switch's end of a node's cable."""
    return f"{node.name}-{network}"
