"""Addresses that are a node's own: corosync's, its name's, those it has from boot on. None of them may move.

A cluster that moves such an address cuts the node off, and has it fenced.
"""

import ipaddress
import os

from postfix_ha.config.interfaces import FAMILIES, Local, interface_addresses
from postfix_ha.config.logical_lines import split_words
from postfix_ha.config.resolve import HOST, numeric_address, resolve
from postfix_ha.endpoint import is_loopback
from postfix_ha.finding import Finding
from postfix_ha.system.files import MEBIBYTE, read_regular
from postfix_ha.system.quoting import quote_words

COROSYNC = "/etc/corosync/corosync.conf"
# What gives a node its addresses at boot: ifupdown, netplan, systemd-networkd, NetworkManager, Red Hat's and SUSE's.
AT_BOOT = (
    "/etc/network/interfaces", "/etc/network/interfaces.d", "/etc/netplan", "/etc/systemd/network",
    "/etc/NetworkManager/system-connections", "/etc/sysconfig/network-scripts", "/etc/sysconfig/network",
)  # fmt: skip
FILE_MAX = MEBIBYTE
FILES_MAX = 200
# What stands around an address in those files: 192.0.2.1/24, "192.0.2.1", address1=192.0.2.1/24,192.0.2.254.
AROUND = str.maketrans("/\"'=,;[]()", "          ")
RING, NAME = "a ring address of corosync", "its name resolves to it"


class Claim:
    """Whose an address is: the ``node``, ``why``, and ``is_certain`` where nothing but the node's own work needs it."""

    __slots__ = ("is_certain", "node", "why")

    def __init__(self, node: str, why: str, *, is_certain: bool) -> None:
        self.node = node
        self.why = why
        self.is_certain = is_certain


def find_claims(here: str, names: "dict[str, list[str]]", deadline: float) -> "dict[str, Claim]":
    """Address -> the claim on it. ``here`` is this node's name; ``names``: node -> what the cluster reaches it by."""
    corosync = _text(COROSYNC)
    words = dict.fromkeys(ring_words(corosync), RING)
    for node, known in names.items():
        for word in known:
            words.setdefault((node, word), NAME if word == node else "the cluster reaches it there")
    answers = resolve([(HOST, word) for _, word in words], FAMILIES, deadline)
    found: "dict[str, Claim]" = {}
    for (node, word), why in words.items():
        for address in answers[(HOST, word)].words:
            if not is_loopback(address):
                found.setdefault(address, Claim(node, why, is_certain=True))
    local = interface_addresses()
    networks = bound_networks(corosync)
    for each in local:
        if _network(each) in networks and is_first(each, local):
            found.setdefault(each.address, Claim(here, RING, is_certain=True))
    return claims_of_interfaces(here, found, local, configured_at_boot())


def finding_of(claim: Claim, address: str, told: str, config_dir: str, interfaces: str) -> Finding:
    """address_can_move or address_left_to_service, with the command where ``interfaces`` (inet_interfaces) says which.

    ``told`` is what to call the address.
    """
    words = split_words(interfaces)
    kept = [word for word in words if (numeric_address(word.strip("[]")) or ("", ""))[1] != address]
    others = [word for word in kept if word != "localhost" and not is_loopback(word.strip("[]"))]
    cure = quote_words(["postconf", "-c", config_dir, "-e", f"inet_interfaces = {', '.join(kept)}"])
    check = "address_can_move" if claim.is_certain else "address_left_to_service"
    values = {"address": told, "owner": claim.node, "why": claim.why}
    return Finding(check, cure=cure if others and len(kept) < len(words) else "", **values)


def claims_of_interfaces(
    here: str, certain: "dict[str, Claim]", local: "list[Local]", at_boot: "dict[str, str]"
) -> "dict[str, Claim]":
    """The same, with the addresses on this node's interfaces that are not the service's as far as the kernel tells."""
    found = dict(certain)
    needed = {each.interface for each in local if each.address in certain}
    for each in local:
        if each.address in found or is_loopback(each.address):
            continue
        file = at_boot.get(each.address, "")
        if ipaddress.ip_address(each.address).is_link_local:
            why = f"it is link-local on {each.interface}"
        elif not each.is_permanent:
            why = f"it is leased (DHCP or a router) on {each.interface}"
        elif file:
            why = f"{file} gives it to the node at boot"
        elif not is_first(each, local):
            continue
        elif each.interface in needed:
            why = f"it is the first of its network on {each.interface}, which the cluster's members need"
        elif any(each.is_beside(other) for other in local):
            why = f"it is the first of its network on {each.interface}, and the others there go with it"
        else:
            continue
        found[each.address] = Claim(here, why, is_certain=False)
    return found


def is_first(local: Local, all_local: "list[Local]") -> bool:
    """Whether an address is the one that its interface got first in its network, which is what a boot gives it."""
    if local.prefix >= (32 if local.family == FAMILIES[0] else 128):
        return False  # it has no network
    if local.family == FAMILIES[0]:
        return not local.is_secondary
    return all(local.made <= other.made for other in all_local if local.is_beside(other) and other.is_permanent)


def _network(local: Local) -> str:
    return str(ipaddress.ip_interface(f"{local.address}/{local.prefix}").network.network_address)


def bound_networks(text: str) -> "list[str]":
    """The networks that corosync.conf(5) names where it lists no nodes."""
    lines = [line.partition(":") for line in text.splitlines()]
    return [value.strip() for key, _, value in lines if key.strip() == "bindnetaddr"]


def ring_words(text: str) -> "list[tuple[str, str]]":
    """(node, address or name) of each ring in corosync.conf(5); a node without a name is told by its number."""
    found: "list[tuple[str, str]]" = []
    inside: "list[str]" = []
    node: "dict[str, str]" = {}
    for line in map(str.strip, text.splitlines()):
        if line.startswith("#"):
            continue
        if line.endswith("{"):
            inside.append(line[:-1].strip())
            node = {}
        elif line == "}":
            if inside[-2:] == ["nodelist", "node"]:
                name = node.get("name") or node.get("nodeid", "?")
                found += [
                    (name, word) for key, word in node.items() if key.startswith("ring") and key.endswith("_addr")
                ]
            inside = inside[:-1]
        elif inside[-2:] == ["nodelist", "node"]:
            key, _, value = line.partition(":")
            node[key.strip()] = value.strip()
    return [(node, word) for node, word in found if word]


def configured_at_boot() -> "dict[str, str]":
    """Address -> the file that gives it to this node at boot; comments do not count."""
    found: "dict[str, str]" = {}
    for file in [each for place in AT_BOOT for each in _files_in(place)]:
        for line in _text(file).splitlines():
            if line.lstrip().startswith(("#", ";")):
                continue
            for word in line.translate(AROUND).split():
                address = numeric_address(word)
                if address:
                    found.setdefault(address[1], file)
    return found


def _files_in(path: str) -> "list[str]":
    if not os.path.isdir(path):
        return [path]
    try:
        return [os.path.join(path, name) for name in sorted(os.listdir(path))[:FILES_MAX]]
    except OSError:
        return []


def _text(path: str) -> str:
    try:
        return read_regular(path, FILE_MAX).decode("utf-8", "replace")
    except OSError:
        return ""
