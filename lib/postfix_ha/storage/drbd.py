"""DRBD: what its configuration says of a resource, and what state its copies are in."""

import hashlib
import json
import re
from typing import TYPE_CHECKING

from postfix_ha.system.command import run
from postfix_ha.system.mounts import Mounts

if TYPE_CHECKING:
    from lxml.etree import _Element as Element

# The values of DRBD's option fencing that call the handler fence-peer, drbd.conf(5).
FENCING = ("resource-only", "resource-and-stonith")
# What lifts again what fence-peer has done: DRBD 9, and 8.4.
UNFENCING = ("unfence-peer", "after-resync-target")
IN_SYNC = "UpToDate"
# Where DRBD 8.4 tells of its devices.
PROC = "/proc"
RESOURCES_MAX = 1000
_OLD_STATE = re.compile(r"^\s*(\d+): cs:(\w+) .*?\bds:(\w+)/(\w+)", re.MULTILINE)


class DrbdResource:
    """What DRBD's configuration says of a resource: the names of its ``hosts``, whether two of them may be primary at
    once, whether a lost peer is fenced, and let in again.

    ``devices`` maps each host to its minors in the order of the volumes, ``volumes`` each minor to its volume's number,
    ``digest`` is the same on two nodes with the same configuration; ``behind`` says which copies are not in sync.
    """

    __slots__ = (
        "behind",
        "devices",
        "digest",
        "hosts",
        "is_dual_primary",
        "is_fenced",
        "is_unfenced",
        "name",
        "volumes",
    )

    def __init__(
        self,
        name: str,
        hosts: "list[str]",
        *,
        is_dual_primary: bool = False,
        is_fenced: bool = False,
        is_unfenced: bool = True,
    ) -> None:
        self.name = name
        self.hosts = hosts
        self.is_dual_primary = is_dual_primary
        self.is_fenced = is_fenced
        self.is_unfenced = is_unfenced
        self.devices: "dict[str, list[str]]" = {}
        self.volumes: "dict[str, str]" = {}
        self.digest = ""
        self.behind: "list[str]" = []

    def device(self, minor: str, source: str) -> str:
        """The device that names a volume on every host: as it is mounted, unless the minors are not the same."""
        if len({tuple(minors) for minors in self.devices.values()}) <= 1:
            return source
        # drbdadm(8): by-res/NAME/VOLUME, whether the resource file names its volumes or not.
        return f"/dev/drbd/by-res/{self.name}/{self.volumes.get(minor, '0')}"


def ask_drbd(deadline: float) -> "dict[str, DrbdResource]":
    """Minor -> resource of DRBD's configuration on this node; empty where DRBD is not installed or does not answer."""
    done = run(["drbdadm", "dump-xml"], deadline=deadline)
    found = read_drbd(done.stdout) if done.returncode == 0 else {}
    if found:
        status = run(["drbdsetup", "status", "--json"], deadline=deadline)
        note_states(found, status.stdout)
        note_old_states(found, Mounts([], PROC).shown("drbd"))
    return found


def read_drbd(answer: bytes) -> "dict[str, DrbdResource]":
    """Minor -> resource in what ``drbdadm dump-xml`` prints, of DRBD 8.4 or 9."""
    from lxml import etree

    try:
        root = etree.fromstring(answer, etree.XMLParser(resolve_entities=False, no_network=True))
    except etree.XMLSyntaxError:
        return {}
    found: "dict[str, DrbdResource]" = {}
    common = {name: value for each in root.iterfind("common") for name, value in _options(each).items()}
    for element in list(root.iterfind("resource"))[:RESOURCES_MAX]:
        resource = _resource(element, {**common, **_options(element)})
        resource.digest = _digest(element, common)
        for device in element.iter("device"):
            minor = device.get("minor", "")
            if minor not in found:
                found[minor] = resource
    return found


def _resource(element: "Element", options: "dict[str, str]") -> DrbdResource:
    hosts = [(name, host) for host in element.iterfind("host") for name in host.get("name", "").split()]
    resource = DrbdResource(
        element.get("name", ""),
        list(dict.fromkeys(name for name, _ in hosts)),
        is_dual_primary=options.get("allow-two-primaries", "no") in ("yes", ""),
        is_fenced=options.get("fencing", "") in FENCING and "fence-peer" in options,
        is_unfenced="fence-peer" not in options or any(name in options for name in UNFENCING),
    )
    for name, host in hosts:
        minors = []
        for volume in [*host.iterfind("volume"), host]:
            for device in volume.iterfind("device"):
                minors.append(device.get("minor", ""))
                resource.volumes[minors[-1]] = volume.get("vnr", "0")
        # A host of which the file names fewer volumes than of another says nothing of the others.
        if minors:
            resource.devices[name] = minors
    return resource


def _digest(element: "Element", common: "dict[str, str]") -> str:
    """A digest of what the resource file means: its place and its order of sections left out."""
    words = sorted(f"{name}={value}" for name, value in common.items())
    for each in element.iter():
        if isinstance(each.tag, str):
            path = [up.tag for up in each.iterancestors()]
            host = next((up.get("name", "") for up in each.iterancestors("host")), "")
            pairs = sorted(pair for pair in each.attrib.items() if pair[0] != "conf-file-line")
            words.append(f"{path}{host}{each.tag}{pairs}{(each.text or '').strip()}")
    return hashlib.sha256("\n".join(sorted(words)).encode("utf-8", "replace")).hexdigest()[:32]


def _options(element: "Element") -> "dict[str, str]":
    return {
        option.get("name", ""): option.get("value", "")
        for section in element.iterfind("section")
        for option in section.iterfind("option")
    }


def note_states(resources: "dict[str, DrbdResource]", status: bytes) -> None:
    """Note which copies are not in sync, from what ``drbdsetup status --json`` prints (DRBD 9)."""
    by_name = {each.name: each for each in resources.values()}
    try:
        for row in json.loads(status):
            known = by_name.get(str(row["name"]))
            if known is None:
                continue
            for peer in row.get("connections", []):
                states = {str(each["peer-disk-state"]) for each in peer.get("peer_devices", [])}
                behind = sorted(states - {IN_SYNC, "Diskless"})
                if behind:
                    known.behind.append(f"{peer['name']} ({', '.join(behind)})")
    except (ValueError, KeyError, TypeError, AttributeError):
        return


def note_old_states(resources: "dict[str, DrbdResource]", table: str) -> None:
    """The same from the table of DRBD 8.4, which has one peer and does not name it."""
    for minor, connection, _, theirs in _OLD_STATE.findall(table):
        known = resources.get(minor)
        if known is not None and theirs != IN_SYNC:
            known.behind.append(f"the peer ({connection}, {theirs})")
