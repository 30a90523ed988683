"""Mounting: the device and the options with which another node mounts the same file system."""

import os

from postfix_ha.cluster.create.local_node import Here
from postfix_ha.cluster.model.managed_mounts import real_device
from postfix_ha.storage.device_names import is_of_one_node
from postfix_ha.storage.devices import stable_device
from postfix_ha.storage.layers import DRBD, layers_below, logical_volume
from postfix_ha.storage.nfs import is_nfs, portable_options
from postfix_ha.system.mounts import FstabEntry, Mount

# Of the options that the kernel shows for a mount, those that somebody has asked for.
KEPT_OPTIONS = ("noatime", "nodev", "nodiratime", "noexec", "nosuid", "nosymfollow")
# What in fstab is no option of the file system, fstab(5) and systemd.mount(5); ro would keep a queue from its work.
OF_FSTAB = ("defaults", "auto", "noauto", "nofail", "user", "nouser", "users", "owner", "group", "_netdev", "rw", "ro")
OF_SYSTEMD = ("x-", "comment=")
# What differs from node to node.
OF_ONE_NODE = ("clientaddr=", "addr=", "mountaddr=", "bg", "fg", "retry=")


def device_of(mount: Mount, here: Here) -> str:
    """The device as every node knows it; "" for one that has no such name.

    A snapshot of a logical volume has the UUID of what it was taken from, so that its path names it better.
    """
    volume = logical_volume(here.mounts, mount)
    if volume:
        return volume
    layers = layers_below(here.mounts, mount)
    if layers and layers[0].kind == DRBD:
        known = here.drbd.get(layers[0].name)
        return known.device(layers[0].name, mount.source) if known else mount.source
    if mount.source in here.names:
        names = here.names[mount.source]
        return names[0] if names else "" if is_of_one_node(mount.source) else mount.source
    return stable_device(mount.source)


def options_of(mount: Mount, here: Here) -> str:
    """The options: what the kernel shows that somebody has asked for, and what fstab says of this mount point."""
    found = [word for word in mount.options.split(",") if word in KEPT_OPTIONS]
    if is_subvolume(mount):
        found.append(f"subvol={mount.root}")
    entry = _entry(mount, here)
    listed = [word for word in entry.options if _is_of_file_system(word)] if entry is not None else []
    if is_nfs(mount.fstype):
        shown = portable_options(mount)
        names = {word.partition("=")[0] for word in shown}
        aliases = {"nfsvers"} if "vers" in names else set()
        listed = [word for word in listed if word.partition("=")[0] not in names | aliases]
        found += shown
    return ",".join(dict.fromkeys([*found, *(word for word in listed if not word.startswith("subvol"))]))


def _is_of_file_system(word: str) -> bool:
    return bool(word) and word not in (*OF_FSTAB, "soft", "nolock") and not word.startswith((*OF_SYSTEMD, *OF_ONE_NODE))


def is_at_boot(mount: Mount, here: Here) -> bool:
    """Whether fstab mounts this mount point at boot, or the same device anywhere."""
    if mount.mount_point in here.fstab:
        return True
    if not mount.source.startswith("/dev/") or is_subvolume(mount):
        return False
    known = {mount.source, os.path.realpath(mount.source), *here.names.get(mount.source, ())}
    return any(entry.is_at_boot and _names(entry) & known for entry in here.entries)


def _names(entry: FstabEntry) -> "set[str]":
    """The device of a line of fstab, by its tag too."""
    tag, _, value = entry.source.partition("=")
    value = value.strip('"')
    by_tag = {f"/dev/disk/by-{tag.lower()}/{value}", f"-U {value}"} if tag in ("UUID", "PARTUUID") else set()
    return {entry.source, real_device(entry.source), *by_tag}


def _entry(mount: Mount, here: Here) -> "FstabEntry | None":
    return next((each for each in here.entries if os.path.normpath(each.mount_point) == mount.mount_point), None)


def is_subvolume(mount: Mount) -> bool:
    """Whether a mount is a whole subvolume of btrfs, which can be mounted by its name; not a directory in one."""
    return mount.fstype == "btrfs" and mount.root != "/" and f"subvol={mount.root}" in mount.details.split(",")
