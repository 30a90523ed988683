"""Block devices by what names them on every node: the UUID of the file system on them."""

import os

from postfix_ha.system.command import run

BY_UUID = "/dev/disk/by-uuid"


def file_system_uuids(deadline: float) -> "dict[str, str]":
    """UUID -> device of every file system that this node sees on a block device; udev's list, else blkid's."""
    found = _listed_by_udev(BY_UUID)
    return _ask_blkid(deadline) if found is None else found


def stable_device(source: str, by_uuid: str = BY_UUID) -> str:
    """The device by its UUID where udev lists one: its other names change from node to node and from boot to boot."""
    if not source.startswith("/dev/") or source.startswith("/dev/drbd"):
        return source
    device = os.path.realpath(source)
    names = [name for name, found in sorted((_listed_by_udev(by_uuid) or {}).items()) if found == device]
    return os.path.join(by_uuid, names[0]) if names else source


def _listed_by_udev(directory: str) -> "dict[str, str] | None":
    """UUID -> device, None where there is no udev."""
    try:
        names = os.listdir(directory)
    except OSError:
        return None
    return {name: os.path.realpath(os.path.join(directory, name)) for name in names}


def _ask_blkid(deadline: float) -> "dict[str, str]":
    # No cache file: it would be written, and it may name devices that are gone.
    done = run(["blkid", "-c", "/dev/null", "-o", "export"], deadline=deadline)
    found = {}
    device = ""
    for line in done.stdout.decode("utf-8", "replace").splitlines():
        name, _, value = line.partition("=")
        if name == "DEVNAME":
            device = value
        elif name == "UUID":
            found[value] = device
    return found
