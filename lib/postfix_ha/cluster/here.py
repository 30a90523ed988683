"""Here: what this node knows and the cluster does not: its mounts, its addresses, its Postfix."""

import ipaddress
import json
import socket
import time

from postfix_ha.config.logical_lines import split_words
from postfix_ha.config.resolve import HOST, resolve
from postfix_ha.instance import Instance
from postfix_ha.system.command import run
from postfix_ha.system.mounts import Mount, Mounts, read_fstab, read_mounts

LOOK_UP_S = 5.0
FAMILIES = (socket.AF_INET, socket.AF_INET6)


class Here:
    """This node: ``name`` in the cluster, ``mounts``, ``networks`` (interface, address/prefix), ``interfaces`` (those
    without an address too), ``instance``;
    ``words`` maps each word of inet_interfaces and each node's name to its addresses here; ``fstab`` lists what is
    mounted at boot."""

    def __init__(
        self,
        name: str,
        instance: Instance,
        mounts: "Mounts | list[Mount]",
        networks: "list[tuple[str, str]]",
        words: "dict[str, list[str]]",
        fstab: "list[str] | None" = None,
        interfaces: "list[str] | None" = None,
    ) -> None:
        self.name = name
        self.instance = instance
        self.mounts = mounts if isinstance(mounts, Mounts) else Mounts(mounts)
        self.networks = networks
        self.words = words
        self.fstab = fstab or []
        self.interfaces = interfaces or sorted({interface for interface, _ in networks})

    def network_of(self, address: str) -> "tuple[str, int] | None":
        """(interface, prefix length) of the network that holds an address, None where this node has no part in it."""
        wanted = ipaddress.ip_address(address)
        for is_own in (True, False):
            for interface, text in self.networks:
                network = ipaddress.ip_interface(text)
                if network.ip == wanted if is_own else wanted in network.network:
                    return interface, network.network.prefixlen
        return None

    @property
    def interface_words(self) -> "list[str]":
        """The addresses and names that inet_interfaces lists."""
        words = split_words(self.instance.settings.get("inet_interfaces", ""))
        return [word.strip("[]") for word in words if word.lower() not in ("all", "loopback-only")]

    def word_of(self, address: str) -> str:
        """The word of inet_interfaces that gave an address, "" where none did."""
        return next((word for word in self.interface_words if address in self.words.get(word, ())), "")


def look_around(name: str, instance: Instance, nodes: "list[str]") -> Here:
    """Gather the facts of this node."""
    deadline = time.monotonic() + LOOK_UP_S
    interfaces = [interface for _, interface in socket.if_nameindex() if interface != "lo"]
    fstab = [entry.mount_point for entry in read_fstab() if entry.is_at_boot]
    here = Here(name, instance, read_mounts(), read_networks(deadline), {}, fstab, interfaces)
    answers = resolve([(HOST, word) for word in [*here.interface_words, *nodes]], FAMILIES, deadline)
    here.words = {word: found for (_, word), (found, _) in answers.items()}
    return here


def read_networks(deadline: float) -> "list[tuple[str, str]]":
    """(interface, address/prefix) of every address of this node, loopback apart."""
    done = run(["ip", "-json", "address"], deadline=deadline)
    try:
        links = json.loads(done.stdout)
        return [
            (link["ifname"], f"{each['local']}/{each['prefixlen']}")
            for link in links
            for each in link.get("addr_info", ())
            if link["ifname"] != "lo" and "local" in each
        ]
    except (ValueError, KeyError, TypeError):
        return []
