"""Layers: what lies between a file system and its disks and has to be brought up before it."""

import re
from typing import Optional

from postfix_ha.storage.iscsi import session_behind
from postfix_ha.system.mounts import DRBD_MAJOR, Mount, Mounts, device_number

LVM, DRBD, RAID, CRYPT, ISCSI = "lvm", "drbd", "raid", "crypt", "iscsi"
LAYERS_MAX = 32


class Layer:
    """One layer: ``kind``, and its name: the volume group, the minor of a DRBD device, the target of iSCSI, the device
    of the others."""

    __slots__ = ("kind", "name")

    def __init__(self, kind: str, name: str) -> None:
        self.kind = kind
        self.name = name

    def __repr__(self) -> str:
        return f"Layer({self.kind!r}, {self.name!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Layer) and (self.kind, self.name) == (other.kind, other.name)

    __hash__ = None  # type: ignore[assignment]


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
    if level:
        return Layer(RAID, level)
    session = session_behind(mounts, number)
    return Layer(ISCSI, session.target) if session is not None else None


def _words(mapped: str) -> "list[str]":
    """Group and volume in the device mapper's name of a logical volume, where a hyphen of theirs is written twice."""
    return [word.replace("--", "-") for word in re.split(r"(?<!-)-(?!-)", mapped)]


def logical_volume(mounts: Mounts, mount: Mount) -> str:
    """The path /dev/GROUP/VOLUME of the logical volume that is mounted, the same on every node; "" where it is none."""
    number = device_number(mount)
    words = _words(mounts.attribute(number, "dm/name"))
    is_one = mounts.attribute(number, "dm/uuid").startswith("LVM-") and len(words) == 2
    return f"/dev/{words[0]}/{words[1]}" if is_one else ""


def paths_below(mounts: Mounts, mount: Mount) -> "dict[str, int]":
    """WWID -> number of paths of each multipath device below a mounted file system."""
    found: "dict[str, int]" = {}
    waiting = [device_number(mount)]
    seen: "set[str]" = set()
    while waiting and len(seen) < LAYERS_MAX:
        number = waiting.pop()
        if not number or number in seen:
            continue
        seen.add(number)
        below = mounts.numbers_below(number)
        _, is_multipath, wwid = mounts.attribute(number, "dm/uuid").partition("mpath-")
        if is_multipath and below and not mounts.attribute(number, "dm/uuid").startswith("part"):
            found[wwid] = len(below)
        waiting += below
    return found


def multipaths(mounts: Mounts) -> "dict[str, int]":
    """WWID -> number of paths of each multipath device of this node."""
    found: "dict[str, int]" = {}
    for name in mounts.listed("class/block"):
        uuid = mounts.shown("class/block", name, "dm/uuid") if name.startswith("dm-") else ""
        if uuid.startswith("mpath-"):
            found[uuid[len("mpath-") :]] = len(mounts.listed("class/block", name, "slaves"))
    return found
