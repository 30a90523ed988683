"""Managed mounts: which resource mounts what, whatever agent does it, however its directory is written."""

import os
import re

from postfix_ha.cluster.model.cib import Cib

FILESYSTEM_AGENT = "ocf:heartbeat:Filesystem"
# How Filesystem's device, as mount(8)'s, names a device by what is on it.
BY_TAG = {
    "UUID": "uuid",
    "-U": "uuid",
    "LABEL": "label",
    "-L": "label",
    "PARTUUID": "partuuid",
    "PARTLABEL": "partlabel",
}


def mounted_by(cib: Cib) -> "dict[str, str]":
    """Mount point, as it is written but for its slashes -> primitive; the first where two mount there."""
    found: "dict[str, str]" = {}
    for primitive in cib.primitives():
        agent = cib.agent(primitive)
        directory = (
            cib.parameters(primitive).get("directory", "") if agent == FILESYSTEM_AGENT else unit_directory(agent)
        )
        if directory:
            found.setdefault(os.path.normpath(directory), primitive.get("id", ""))
    return found


def unit_directory(agent: str) -> str:
    """The mount point of a systemd mount unit, whose name it is (systemd.unit(5)); "" for any other agent."""
    class_, _, unit = agent.partition(":")
    if class_ not in ("systemd", "service") or not unit.endswith(".mount"):
        return ""
    name = unit[: -len(".mount")]
    path = re.sub(r"\\x([0-9a-f]{2})", lambda code: chr(int(code.group(1), 16)), name.replace("-", "/"))
    return "/" + path.strip("/")


def mount_holding(cib: Cib, path: str) -> "tuple[str, str]":
    """(mount point, primitive) of the managed file system that holds a path, ("", "") for none.

    Both are compared as they are and with this node's symbolic links followed: a resource may name the link.
    """
    written = mounted_by(cib)
    followed: "dict[str, str]" = {}
    for directory, resource in written.items():
        followed.setdefault(os.path.realpath(directory), resource)
    for start, known in ((os.path.realpath(path), followed), (os.path.normpath(path), written)):
        at = start
        while True:
            if at in known:
                return at, known[at]
            if at in ("/", ""):
                break
            at = os.path.dirname(at)
    return "", ""


def device_user(cib: Cib, source: str, disks: str = "/dev/disk") -> str:
    """The Filesystem resource that mounts this device, by whichever of its names; "" for none."""
    wanted = real_device(source, disks)
    for primitive in cib.primitives():
        device = cib.parameters(primitive).get("device", "") if cib.agent(primitive) == FILESYSTEM_AGENT else ""
        if device and (device == source or real_device(device, disks) == wanted):
            return primitive.get("id", "")
    return ""


def real_device(device: str, disks: str = "/dev/disk") -> str:
    """The one name of a device; that of a network file system as it is written."""
    tag, _, value = device.replace(" ", "=", 1).partition("=") if device.startswith("-") else device.partition("=")
    path = os.path.join(disks, "by-" + BY_TAG[tag], value.strip().strip('"')) if tag in BY_TAG else device
    return os.path.realpath(path) if path.startswith("/") else path.rstrip("/")
