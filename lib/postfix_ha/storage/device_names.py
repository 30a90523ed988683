"""Names of a device: those by which every node that reaches it knows it, and those of one node or one boot."""

import os
import re

from postfix_ha.system.command import run

DISKS = "/dev/disk"
# Of each kind.
NAMES_MAX = 2000
# By what is on it, by what the disk says of itself, by its portal and target.
KINDS = ("by-uuid", "by-id", "by-partuuid", "by-path")
# Which of a device's names below by-id come first; dm-name is this node's word for it, and lvm-pv-uuid what is on it.
BY_ID = (
    "dm-uuid-",
    "wwn-",
    "nvme-eui.",
    "nvme-uuid.",
    "nvme-nqn",
    "scsi-",
    "virtio-",
    "nvme-",
    "ata-",
    "md-uuid-",
)
# The order in which a kernel found its disks, and names that multipathd gives by a file of this node's own.
_OF_ONE_NODE = re.compile(
    r"/dev/(?:(?:sd|vd|hd|xvd|dasd)[a-z]+\d*|nvme\d+n\d+(?:p\d+)?|mmcblk\d+(?:p\d+)?|dm-\d+|md\d+|mapper/mpath[a-z]+"
    r"(?:-part\d+|p?\d+)?)"
)
UUID = re.compile(r"[0-9A-Fa-f-]{1,64}")


def is_of_one_node(source: str) -> bool:
    """Whether another node, or this one after a boot, may call something else by this name."""
    return _OF_ONE_NODE.fullmatch(source) is not None


def names_of(sources: "list[str]", deadline: float, disks: str = DISKS) -> "dict[str, list[str]]":
    """Device -> its names that are the same on all nodes, the best first; devices that are not there are left out."""
    known: "dict[str, list[str]]" = {}
    for path in shared_names(disks):
        known.setdefault(os.path.realpath(path), []).append(path)
    found: "dict[str, list[str]]" = {}
    for source in dict.fromkeys(sources):
        if not source.startswith("/dev/") or not os.path.exists(source):
            continue
        names = list(known.get(os.path.realpath(source), ()))
        if not any("/by-uuid/" in name for name in names):
            names = _uuid_by_blkid(source, deadline) + names
        found[source] = names
    return found


def shared_names(disks: str = DISKS) -> "list[str]":
    """The paths below /dev/disk that name a device the same on every node, the best kind first."""
    found = []
    for kind in KINDS:
        try:
            names = sorted(os.listdir(os.path.join(disks, kind)))[:NAMES_MAX]
        except OSError:
            continue
        if kind == "by-id":
            ranked = [(rank, name) for name in names for rank, start in enumerate(BY_ID) if name.startswith(start)]
            names = [name for _, name in sorted(ranked)]
        elif kind == "by-path":  # an HBA's begins with the place of its card in this node
            names = [name for name in names if name.startswith("ip-")]
        found += [os.path.join(disks, kind, name) for name in dict.fromkeys(names)]
    return found


def _uuid_by_blkid(source: str, deadline: float) -> "list[str]":
    """The file system's UUID as mount(8) and Filesystem take it, where udev lists none."""
    done = run(["blkid", "-c", "/dev/null", "-o", "value", "-s", "UUID", source], deadline=deadline)
    uuid = done.stdout.decode("ascii", "replace").strip()
    return [f"-U {uuid}"] if done.returncode == 0 and UUID.fullmatch(uuid) else []
