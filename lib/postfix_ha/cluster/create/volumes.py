"""Volumes: what lies between a file system and its disks and has to be brought up before it: LVM, DRBD, and others."""

import json
import re
from typing import Optional

from lxml import etree

from postfix_ha.system.command import run
from postfix_ha.system.mounts import DRBD_MAJOR, Mount, Mounts, device_number

LVM, DRBD, RAID, CRYPT = "lvm", "drbd", "raid", "crypt"
LAYERS_MAX = 32
# The values of DRBD's option fencing that call the handler fence-peer, drbd.conf(5).
FENCING = ("resource-only", "resource-and-stonith")
# vgs(8): what a group says of who may activate it. vg_autoactivation has been there since LVM 2.03.12.
GROUP_FIELDS = "vg_name,vg_systemid,vg_lock_type,vg_autoactivation"


class Layer:
    """One layer: ``kind``, and its name: the volume group, the minor of a DRBD device, the device of the others."""

    __slots__ = ("kind", "name")

    def __init__(self, kind: str, name: str) -> None:
        self.kind = kind
        self.name = name

    def __repr__(self) -> str:
        return f"Layer({self.kind!r}, {self.name!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Layer) and (self.kind, self.name) == (other.kind, other.name)

    __hash__ = None  # type: ignore[assignment]


class VolumeGroup:
    """What LVM says of a group: its system id ("" for none), its lock type ("none" for none), whether it is activated
    at boot."""

    __slots__ = ("is_autoactivated", "lock_type", "system_id")

    def __init__(self, system_id: str = "", lock_type: str = "none", *, is_autoactivated: bool = False) -> None:
        self.system_id = system_id
        self.lock_type = lock_type
        self.is_autoactivated = is_autoactivated


class DrbdResource:
    """What DRBD's configuration says of a resource: the names of its ``hosts``, whether two of them may be primary at
    once, and whether a lost peer is fenced."""

    __slots__ = ("hosts", "is_dual_primary", "is_fenced", "name")

    def __init__(
        self, name: str, hosts: "list[str]", *, is_dual_primary: bool = False, is_fenced: bool = False
    ) -> None:
        self.name = name
        self.hosts = hosts
        self.is_dual_primary = is_dual_primary
        self.is_fenced = is_fenced


def layers_below(mounts: Mounts, mount: Mount) -> "list[Layer]":
    """The layers below a mounted file system, the topmost first; what is below DRBD is each node's own affair."""
    found: "list[Layer]" = []
    waiting = [device_number(mount)]
    seen: "set[str]" = set()
    while waiting and len(seen) < LAYERS_MAX:
        number = waiting.pop(0)
        if not number or number in seen:
            continue
        seen.add(number)
        layer = _layer(mounts, number)
        if layer is not None and layer not in found:
            found.append(layer)
        if layer is None or layer.kind != DRBD:
            waiting += mounts.numbers_below(number)
    return found


def _layer(mounts: Mounts, number: str) -> "Optional[Layer]":
    major, _, minor = number.partition(":")
    if major == str(DRBD_MAJOR):
        return Layer(DRBD, minor)
    uuid, name = mounts.attribute(number, "dm/uuid"), mounts.attribute(number, "dm/name")
    if uuid.startswith("LVM-") and name:
        return Layer(LVM, _words(name)[0])
    if uuid.startswith("CRYPT-"):
        return Layer(CRYPT, name)
    level = mounts.attribute(number, "md/level")
    return Layer(RAID, level) if level else None


def _words(mapped: str) -> "list[str]":
    """Group and volume in the device mapper's name of a logical volume, where a hyphen of theirs is written twice."""
    return [word.replace("--", "-") for word in re.split(r"(?<!-)-(?!-)", mapped)]


def logical_volume(mounts: Mounts, mount: Mount) -> str:
    """The path /dev/GROUP/VOLUME of the logical volume that is mounted, the same on every node; "" where it is none."""
    number = device_number(mount)
    words = _words(mounts.attribute(number, "dm/name"))
    is_one = mounts.attribute(number, "dm/uuid").startswith("LVM-") and len(words) == 2
    return f"/dev/{words[0]}/{words[1]}" if is_one else ""


def ask_groups(deadline: float) -> "dict[str, VolumeGroup]":
    """What LVM says of the volume groups that this node sees; empty where LVM is not installed or does not answer."""
    done = run(["vgs", "--reportformat", "json", "--options", GROUP_FIELDS], deadline=deadline)
    return read_groups(done.stdout) if done.returncode == 0 else {}


def read_groups(answer: bytes) -> "dict[str, VolumeGroup]":
    """The volume groups in what vgs(8) reports as JSON."""
    found: "dict[str, VolumeGroup]" = {}
    try:
        rows = [row for part in json.loads(answer)["report"] for row in part["vg"]]
        for row in rows:
            is_auto = str(row.get("vg_autoactivation", "")) in ("enabled", "1")
            group = VolumeGroup(str(row["vg_systemid"]), str(row["vg_lock_type"]) or "none", is_autoactivated=is_auto)
            found[str(row["vg_name"])] = group
    except (ValueError, KeyError, TypeError, AttributeError):
        return {}
    return found


def ask_drbd(deadline: float) -> "dict[str, DrbdResource]":
    """Minor -> resource of DRBD's configuration on this node; empty where DRBD is not installed or does not answer."""
    done = run(["drbdadm", "dump-xml"], deadline=deadline)
    return read_drbd(done.stdout) if done.returncode == 0 else {}


def read_drbd(answer: bytes) -> "dict[str, DrbdResource]":
    """Minor -> resource in what ``drbdadm dump-xml`` prints, of DRBD 8.4 or 9."""
    try:
        root = etree.fromstring(answer, etree.XMLParser(resolve_entities=False, no_network=True))
    except etree.XMLSyntaxError:
        return {}
    found: "dict[str, DrbdResource]" = {}
    common = {name: value for each in root.iterfind("common") for name, value in _options(each).items()}
    for element in root.iterfind("resource"):
        options = {**common, **_options(element)}
        hosts = [name for host in element.iterfind("host") for name in host.get("name", "").split()]
        two = options.get("allow-two-primaries", "no")
        resource = DrbdResource(
            element.get("name", ""),
            list(dict.fromkeys(hosts)),
            is_dual_primary=two in ("yes", ""),
            is_fenced=options.get("fencing", "") in FENCING and "fence-peer" in options,
        )
        for device in element.iter("device"):
            found.setdefault(device.get("minor", ""), resource)
    return found


def _options(element: "etree._Element") -> "dict[str, str]":
    return {
        option.get("name", ""): option.get("value", "")
        for section in element.iterfind("section")
        for option in section.iterfind("option")
    }
