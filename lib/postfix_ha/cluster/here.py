"""Here: what this node knows and the cluster does not: its mounts, its addresses, its Postfix."""

import ipaddress
import json
import os
import re
import socket
import time

from postfix_ha.config.logical_lines import split_words
from postfix_ha.config.resolve import HOST, resolve
from postfix_ha.instance import Instance
from postfix_ha.system.command import run
from postfix_ha.system.files import read_regular

LOOK_UP_S = 5.0
FSTAB_MAX = 1024 * 1024
FAMILIES = (socket.AF_INET, socket.AF_INET6)


class Mount:
    """One mounted file system; ``root`` is the directory of it that is seen at ``directory`` ("/" for all of it)."""

    __slots__ = ("directory", "fstype", "options", "root", "source")

    def __init__(self, directory: str, source: str, fstype: str, options: str = "", root: str = "/") -> None:
        self.directory = directory
        self.source = source
        self.fstype = fstype
        self.options = options
        self.root = root


class Here:
    """This node: ``name`` in the cluster, ``mounts``, ``networks`` (interface, address/prefix), ``interfaces`` (those
    without an address too), ``instance``;
    ``words`` maps each word of inet_interfaces and each node's name to its addresses here; ``fstab`` lists what is
    mounted at boot."""

    def __init__(
        self,
        name: str,
        instance: Instance,
        mounts: "list[Mount]",
        networks: "list[tuple[str, str]]",
        words: "dict[str, list[str]]",
        fstab: "list[str] | None" = None,
        interfaces: "list[str] | None" = None,
    ) -> None:
        self.name = name
        self.instance = instance
        self.mounts = mounts
        self.networks = networks
        self.words = words
        self.fstab = fstab or []
        self.interfaces = interfaces or sorted({interface for interface, _ in networks})

    def mount_of(self, path: str) -> Mount:
        """The mount that a path lies on, its symbolic links followed."""
        at = os.path.realpath(path)
        found = [mount for mount in self.mounts if is_below(at, mount.directory)]
        # The longest wins, and of two mounted on one directory the later.
        return max(enumerate(found), key=lambda pair: (len(pair[1].directory), pair[0]))[1] if found else ROOT

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


ROOT = Mount("/", "", "")


def is_below(path: str, directory: str) -> bool:
    """Whether a path is the directory or lies in it."""
    return directory == "/" or path == directory or path.startswith(directory + "/")


def look_around(name: str, instance: Instance, nodes: "list[str]") -> Here:
    """Gather the facts of this node."""
    deadline = time.monotonic() + LOOK_UP_S
    interfaces = [interface for _, interface in socket.if_nameindex() if interface != "lo"]
    here = Here(name, instance, read_mounts(), read_networks(deadline), {}, read_fstab(), interfaces)
    answers = resolve([(HOST, word) for word in [*here.interface_words, *nodes]], FAMILIES, deadline)
    here.words = {word: found for (_, word), (found, _) in answers.items()}
    return here


def read_mounts(path: str = "/proc/self/mountinfo") -> "list[Mount]":
    """The mounts that this process sees, in the order in which they were made."""
    with open(path, encoding="utf-8", errors="surrogateescape") as file:
        lines = file.read().splitlines()
    mounts = []
    for line in lines:
        left, _, right = line.partition(" - ")
        fields, source = left.split(" "), right.split(" ")
        if len(fields) > 5 and len(source) > 1:
            root, directory = _unescaped(fields[3]), _unescaped(fields[4])
            mounts.append(Mount(directory, _unescaped(source[1]), source[0], fields[5], root))
    return mounts


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


def read_fstab(path: str = "/etc/fstab") -> "list[str]":
    """The mount points that are mounted at boot."""
    try:
        text = read_regular(path, FSTAB_MAX).decode("utf-8", "surrogateescape")
    except OSError:
        return []
    lines = [line.split() for line in text.splitlines() if not line.lstrip().startswith("#")]
    return [_unescaped(words[1]) for words in lines if len(words) > 3 and "noauto" not in words[3].split(",")]


def stable_device(source: str, by_uuid: str = "/dev/disk/by-uuid") -> str:
    """The device by its UUID where it has one: its other names change from node to node and from boot to boot."""
    if not source.startswith("/dev/") or source.startswith("/dev/drbd"):
        return source
    try:
        names = sorted(os.listdir(by_uuid))
    except OSError:
        return source
    for name in names:
        if os.path.realpath(os.path.join(by_uuid, name)) == os.path.realpath(source):
            return os.path.join(by_uuid, name)
    return source


def _unescaped(text: str) -> str:
    return re.sub(r"\\([0-7]{3})", lambda code: chr(int(code.group(1), 8)), text)
