"""Here: what this node knows and the cluster does not: its mounts, its addresses, its Postfix."""

import os
import socket
import time

from postfix_ha.cluster.create.volumes import DRBD, LVM, DrbdResource, VolumeGroup, ask_drbd, ask_groups, layers_below
from postfix_ha.config.interfaces import connected_networks, network_of
from postfix_ha.config.logical_lines import split_words
from postfix_ha.config.own_addresses import Claim, find_claims
from postfix_ha.config.resolve import HOST, resolve
from postfix_ha.instance import Instance
from postfix_ha.request import OCF_ROOT
from postfix_ha.system.mounts import Mount, Mounts, read_fstab, read_mounts

LOOK_UP_S = 5.0
DRBD_AGENT = f"{OCF_ROOT}/resource.d/linbit/drbd"
FAMILIES = (socket.AF_INET, socket.AF_INET6)


class Here:
    """This node: ``name`` in the cluster, ``mounts``, ``networks`` (interface, address/prefix), ``interfaces`` (those
    without an address too), ``instance``;
    ``groups`` are the volume groups by name, ``drbd`` the DRBD resources by the minor of their device;
    ``words`` maps each word of inet_interfaces to its addresses here; ``fstab`` lists what is mounted at boot;
    ``claims`` says which addresses are a node's own."""

    def __init__(
        self,
        name: str,
        instance: Instance,
        mounts: "Mounts | list[Mount]",
        networks: "list[tuple[str, str]]",
        words: "dict[str, list[str]]",
        fstab: "list[str] | None" = None,
        interfaces: "list[str] | None" = None,
        claims: "dict[str, Claim] | None" = None,
    ) -> None:
        self.name = name
        self.instance = instance
        self.mounts = mounts if isinstance(mounts, Mounts) else Mounts(mounts)
        self.networks = networks
        self.words = words
        self.fstab = fstab or []
        self.claims = claims or {}
        self.interfaces = interfaces or sorted({interface for interface, _ in networks})
        self.groups: "dict[str, VolumeGroup]" = {}
        self.drbd: "dict[str, DrbdResource]" = {}
        self.has_drbd_agent = False

    def network_of(self, address: str) -> "tuple[str, int] | None":
        """(interface, prefix length) of the network that holds an address, None where this node has no part in it."""
        return network_of(address, self.networks)

    @property
    def interface_words(self) -> "list[str]":
        """The addresses and names that inet_interfaces lists."""
        words = split_words(self.instance.settings.get("inet_interfaces", ""))
        return [word.strip("[]") for word in words if word.lower() not in ("all", "loopback-only")]

    def word_of(self, address: str) -> str:
        """The word of inet_interfaces that gave an address, "" where none did."""
        return next((word for word in self.interface_words if address in self.words.get(word, ())), "")


def look_around(name: str, instance: Instance, nodes: "dict[str, list[str]]") -> Here:
    """Gather the facts of this node; ``nodes``: the cluster's nodes, and the names and addresses of each."""
    deadline = time.monotonic() + LOOK_UP_S
    interfaces = [interface for _, interface in socket.if_nameindex() if interface != "lo"]
    fstab = [entry.mount_point for entry in read_fstab() if entry.is_at_boot]
    here = Here(name, instance, read_mounts(), connected_networks(), {}, fstab, interfaces)
    # Asked only where something mounted lies on one: their programs look at every disk.
    kinds = {layer.kind for mount in here.mounts.mounts for layer in layers_below(here.mounts, mount)}
    here.groups = ask_groups(deadline) if LVM in kinds else {}
    here.drbd = ask_drbd(deadline) if DRBD in kinds else {}
    here.has_drbd_agent = os.access(DRBD_AGENT, os.X_OK)
    answers = resolve([(HOST, word) for word in here.interface_words], FAMILIES, deadline)
    here.words = {word: found.words for (_, word), found in answers.items()}
    here.claims = find_claims(name or os.uname().nodename, nodes, deadline)
    return here
