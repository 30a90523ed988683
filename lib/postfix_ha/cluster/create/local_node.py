"""Here: what this node knows and the cluster does not: its mounts, its addresses, its Postfix."""

import os
import socket
import time

from postfix_ha.config.interfaces import connected_networks, network_of
from postfix_ha.config.logical_lines import split_words
from postfix_ha.config.own_addresses import Claim, find_claims
from postfix_ha.config.resolve import HOST, resolve
from postfix_ha.instance import Instance
from postfix_ha.request import OCF_ROOT
from postfix_ha.storage.device_names import names_of
from postfix_ha.storage.drbd import DrbdResource, ask_drbd
from postfix_ha.storage.iscsi import IscsiSession, sessions, startups
from postfix_ha.storage.layers import DRBD, ISCSI, LVM, layers_below
from postfix_ha.storage.lvm import LvmSettings, VolumeGroup, ask_groups, ask_settings
from postfix_ha.storage.mailstores import ask_dovecot
from postfix_ha.storage.nfs import is_nfs, root_on
from postfix_ha.system.mounts import FstabEntry, Mount, Mounts, read_fstab, read_mounts

LOOK_UP_S = 5.0
ROOT_S = 5.0
AGENTS = ("ocf:heartbeat:LVM-activate", "ocf:heartbeat:iscsi", "ocf:linbit:drbd")
FAMILIES = (socket.AF_INET, socket.AF_INET6)


class Here:
    """This node: ``name`` in the cluster, ``mounts``, ``networks`` (interface, address/prefix), ``interfaces`` (those
    without an address too), ``instance``;
    ``groups`` are the volume groups by name, ``drbd`` the DRBD resources by the minor of their device, ``lvm`` what
    lvm.conf says; ``names`` maps a device to those of its names that are the same on all nodes; ``root_on_queue`` says
    who root is where the queue lies on NFS (storage/nfs.py); ``dovecot`` lists where Dovecot keeps mail;
    ``words`` maps each word of inet_interfaces to its addresses here; ``fstab`` lists what is mounted at boot,
    ``entries`` are all its lines;
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
        self.lvm = LvmSettings()
        self.drbd: "dict[str, DrbdResource]" = {}
        self.has_drbd_agent = False
        self.lacking_agents: "list[str]" = []
        self.iscsi_sessions: "list[IscsiSession]" = []
        self.iscsi_startups: "dict[str, str]" = {}
        self.names: "dict[str, list[str]]" = {}
        self.entries: "list[FstabEntry]" = []
        self.dovecot: "list[str]" = []
        self.root_on_queue = ""

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
    entries = read_fstab()
    fstab = [entry.mount_point for entry in entries if entry.is_at_boot]
    here = Here(name, instance, read_mounts(), connected_networks(), {}, fstab, interfaces)
    here.entries = entries
    _look_at_storage(here, deadline)
    answers = resolve([(HOST, word) for word in here.interface_words], FAMILIES, deadline)
    here.words = {word: found.words for (_, word), found in answers.items()}
    here.claims = find_claims(name or os.uname().nodename, nodes, deadline)
    return here


def _look_at_storage(here: Here, deadline: float) -> None:
    # Asked only where something mounted lies on one: their programs look at every disk.
    kinds = {layer.kind for mount in here.mounts.mounts for layer in layers_below(here.mounts, mount)}
    if LVM in kinds:
        here.groups, here.lvm = ask_groups(deadline), ask_settings(deadline)
    if DRBD in kinds:
        here.drbd = ask_drbd(deadline)
    if ISCSI in kinds:
        here.iscsi_sessions, here.iscsi_startups = sessions(here.mounts), startups()
    here.lacking_agents = [agent for agent in AGENTS if not os.access(agent_file(agent), os.X_OK)]
    here.has_drbd_agent = "ocf:linbit:drbd" not in here.lacking_agents
    here.dovecot = ask_dovecot(deadline)
    here.names = names_of([mount.source for mount in here.mounts.mounts], deadline)
    queue = here.instance.queue_directory
    if queue and is_nfs(here.mounts.place_of(queue).mount.fstype):
        here.root_on_queue = root_on(queue, time.monotonic() + ROOT_S)


def agent_file(agent: str) -> str:
    """The file of an agent of OCF."""
    _, provider, type_ = agent.split(":")
    return os.path.join(OCF_ROOT, "resource.d", provider, type_)
