"""iSCSI: which target a disk comes from, by which portal, and whether this node logs in there by itself at boot."""

import os
import re
from typing import Optional

from postfix_ha.system.files import read_regular
from postfix_ha.system.mounts import Mounts

# Where open-iscsi keeps what it knows of a target: Debian's place, and that of the others.
RECORDS = ("/etc/iscsi/nodes", "/var/lib/iscsi/nodes")
RECORD_MAX = 64 * 1024
RECORDS_MAX = 64
AT_BOOT, BY_HAND = ("automatic", "onboot"), "manual"
_SESSION = re.compile(r"/(session\d+)/")
_STARTUP = re.compile(rb"^\s*node\.startup\s*=\s*(\w+)\s*$", re.MULTILINE)


class IscsiSession:
    """A login of this node: the target's name, and the portal (``address:port``, "" where the kernel shows none)."""

    __slots__ = ("portal", "target")

    def __init__(self, target: str, portal: str) -> None:
        self.target = target
        self.portal = portal


def session_behind(mounts: Mounts, number: str) -> "Optional[IscsiSession]":
    """The session that a disk, or the disk of a partition, comes by; None for one that is none of iSCSI."""
    found = _SESSION.search(mounts.home_of(number) + "/")
    return _session(mounts, found.group(1)) if found else None


def sessions(mounts: Mounts) -> "list[IscsiSession]":
    """All sessions of this node."""
    found = (_session(mounts, name) for name in mounts.listed("class/iscsi_session"))
    return [each for each in found if each is not None]


def _session(mounts: Mounts, name: str) -> "Optional[IscsiSession]":
    target = mounts.shown("class/iscsi_session", name, "targetname")
    if not target:
        return None
    place = ("class/iscsi_connection", f"connection{name[len('session') :]}:0")
    address, port = mounts.shown(*place, "persistent_address"), mounts.shown(*place, "persistent_port")
    if not address or not port:
        return IscsiSession(target, "")
    return IscsiSession(target, f"[{address}]:{port}" if ":" in address else f"{address}:{port}")


def startups(places: "tuple[str, ...]" = RECORDS) -> "dict[str, str]":
    """Target -> node.startup of open-iscsi's records; of several the one that logs in at boot."""
    found: "dict[str, str]" = {}
    for place in places:
        for target in _names(place):
            for record in _files_below(os.path.join(place, target)):
                startup = _startup(record)
                if startup and found.get(target) not in AT_BOOT:
                    found[target] = startup
    return found


def _files_below(directory: str) -> "list[str]":
    """The records of a target: one file for each portal, or a directory with one for each interface."""
    found = []
    for portal in _names(directory):
        path = os.path.join(directory, portal)
        found += [os.path.join(path, name) for name in _names(path)] or [path]
    return found[:RECORDS_MAX]


def _startup(record: str) -> str:
    try:
        said = _STARTUP.findall(read_regular(record, RECORD_MAX))
    except OSError:
        return ""
    return said[-1].decode("ascii", "replace") if said else ""


def _names(directory: str) -> "list[str]":
    try:
        return sorted(os.listdir(directory))[:RECORDS_MAX]
    except OSError:
        return []
