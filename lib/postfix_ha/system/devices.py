"""Block devices by what names them on every node: the UUID of the file system on them."""

import os

from postfix_ha.system.command import run

BY_UUID = "/dev/disk/by-uuid"


def file_system_uuids(deadline: float) -> "dict[str, str]":
    """UUID -> device of every file system that this node sees on a block device; udev's list, else blkid's."""
    try:
        names = os.listdir(BY_UUID)
    except OSError:
        return _ask_blkid(deadline)
    return {name: os.path.realpath(os.path.join(BY_UUID, name)) for name in names}


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
