"""The file systems of a hierarchy: that of the queue, of the mail spool, and of what else lies on moving storage."""

import os
from typing import Optional

from postfix_ha.cluster.create.chain import Link, Subject, find_chain
from postfix_ha.cluster.create.local_node import Here
from postfix_ha.cluster.create.volumes import logical_volume
from postfix_ha.cluster.model.cib import Cib, top_of
from postfix_ha.cluster.model.managed_mounts import device_user, mount_holding
from postfix_ha.finding import Finding
from postfix_ha.messages.remark import Remark
from postfix_ha.system.devices import stable_device
from postfix_ha.system.mounts import BLOCK, CLUSTER, Place, is_below, is_network_type

POOL_AGENT = "ocf:heartbeat:ZFS"
# What the kernel shows -> what mount(8) is told, where the two differ.
MOUNTED_AS = {"fuse.glusterfs": "glusterfs"}
# Of the options that the kernel shows for a mount, those that somebody has asked for.
KEPT_OPTIONS = ("noatime", "nodev", "nodiratime", "noexec", "nosuid", "nosymfollow")


class FileSystemPart:
    """One file system: the resource that mounts it, or what to make one of; ``chain`` must be up before it."""

    __slots__ = ("chain", "device", "directory", "fstype", "options", "resource")

    def __init__(self, directory: str, resource: str, device: str = "", fstype: str = "", options: str = "") -> None:
        self.directory = directory
        self.resource = resource
        self.device = device
        self.fstype = fstype
        self.options = options
        self.chain: "list[Link]" = []


def find_storage(
    parts: "list[FileSystemPart]", remarks: "list[Remark]", cib: Cib, here: Here, *, is_clone: bool
) -> None:
    """Fill in the file systems that the instance needs, that of the queue first."""
    queue = here.instance.queue_directory
    if not queue:
        remarks.append(Remark(Finding("queue_directory_known")))
        return
    said = len(remarks)
    part = _part_of(queue, "the queue", cib, here, remarks, is_clone=is_clone)
    if is_clone:
        if part is not None and not _is_cloned(cib, part.resource):
            remarks.append(Remark(Finding("clone_possible", queue=queue, directory=part.directory)))
        return
    if part is not None:
        parts.append(part)
    elif len(remarks) == said:  # or it was said already why it cannot be mounted
        remarks.append(Remark(Finding("queue_moves", queue=queue)))
    others = {"the mail spool": here.instance.settings.get("mail_spool_directory", "")}
    others["the virtual mailboxes"] = here.instance.settings.get("virtual_mailbox_base", "")
    if here.instance.settings.get("home_mailbox"):
        others["the mailboxes"] = "/home"
    others["the configuration"] = here.instance.config_dir
    others["the programs"] = here.instance.daemon_directory
    for what, path in others.items():
        further = _part_of(path, what, cib, here, remarks, is_clone=False) if path else None
        if further is not None and further.directory not in [known.directory for known in parts]:
            parts.append(further)
    for part in parts:  # it grows: what a file system is mounted in may itself be mounted in another
        above = os.path.dirname(os.path.realpath(part.directory))
        outer = _part_of(above, f"the mount point {part.directory}", cib, here, remarks, is_clone=False)
        if outer is not None and outer.directory not in [known.directory for known in parts]:
            parts.append(outer)


def _part_of(
    path: str, what: str, cib: Cib, here: Here, remarks: "list[Remark]", *, is_clone: bool
) -> "Optional[FileSystemPart]":
    """The moving file system that holds a path; None where it lies on what is this node's own."""
    directory, resource = mount_holding(cib, path)
    place = here.mounts.place_of(path)
    mount = place.mount
    if resource:
        element = cib.resource(resource)
        fstype = cib.parameters(element).get("fstype", "") if element is not None else ""
        _judge(fstype or mount.fstype, mount.source, directory, what, remarks)
        if _is_cloned(cib, resource) and not is_clone:
            remarks.append(Remark(Finding("file_system_single", by=resource, directory=directory, what=what)))
        part = FileSystemPart(directory, resource)
        if os.path.realpath(directory) == mount.mount_point and not is_clone:
            part.chain = find_chain(Subject(mount, what, is_managed=True), cib, here, remarks)
        return part
    if place.is_here_alone:
        return None
    if is_clone:
        # A disk that each node mounts by itself at boot is none that the cluster hands from one to the other.
        is_on_each = place.kind == BLOCK and mount.mount_point in here.fstab
        return None if is_on_each else FileSystemPart(mount.mount_point, "")
    user = device_user(cib, mount.source)
    if user:
        values = {"device": mount.source, "directory": mount.mount_point, "user": user, "what": what}
        remarks.append(Remark(Finding("device_single", **values)))
    return _new_part(place, what, cib, here, remarks)


def _new_part(place: Place, what: str, cib: Cib, here: Here, remarks: "list[Remark]") -> "Optional[FileSystemPart]":
    mount = place.mount
    about: "dict[str, object]" = {"directory": mount.mount_point, "device": mount.source, "what": what}
    if mount.root != "/":
        remarks.append(Remark(Finding("file_system_whole", root=mount.root, **about)))
        return None
    if mount.fstype == "zfs":
        return _in_pool(mount.source.partition("/")[0], cib, remarks, about)
    fstype = MOUNTED_AS.get(mount.fstype, mount.fstype)
    if fstype.startswith("fuse"):
        remarks.append(Remark(Finding("file_system_mountable", fstype=mount.fstype, **about)))
        return None
    _judge(mount.fstype, mount.source, mount.mount_point, what, remarks)
    if place.kind == CLUSTER:
        remarks.append(Remark(Finding("file_system_single", by=mount.fstype, **about)))
    if mount.mount_point in here.fstab:
        remarks.append(Remark(Finding("file_system_not_at_boot", **about)))
    options = ",".join(word for word in mount.options.split(",") if word in KEPT_OPTIONS)
    # A snapshot of a logical volume has the UUID of what it was taken from, so that its path names it better.
    device = logical_volume(here.mounts, mount) or stable_device(mount.source)
    part = FileSystemPart(mount.mount_point, "", device, fstype, options)
    part.chain = find_chain(Subject(mount, what, is_managed=False), cib, here, remarks)
    return part


def _in_pool(pool: str, cib: Cib, remarks: "list[Remark]", about: "dict[str, object]") -> "Optional[FileSystemPart]":
    """A ZFS file system, which is mounted when its pool is imported."""
    for primitive in cib.primitives():
        if cib.agent(primitive) == POOL_AGENT and cib.parameters(primitive).get("pool") == pool:
            return FileSystemPart(str(about["directory"]), primitive.get("id", ""))
    remarks.append(Remark(Finding("pool_imported", pool=pool, **about)))
    return None


def _judge(fstype: str, source: str, directory: str, what: str, remarks: "list[Remark]") -> None:
    if is_network_type(fstype, source):
        remarks.append(Remark(Finding("file_system_local", directory=directory, what=what, fstype=fstype)))


def _is_cloned(cib: Cib, resource: str) -> bool:
    element = cib.resource(resource) if resource else None
    return element is not None and top_of(element).tag in ("clone", "master")


def nested_in(parts: "list[FileSystemPart]", names: "list[str]") -> "list[tuple[str, str]]":
    """(inner, outer) of the file systems of which one is mounted in the other, each with the nearest outer one."""
    places = {os.path.realpath(part.directory): name for part, name in zip(parts, names)}
    found = []
    for directory, name in places.items():
        above = [other for other in places if other != directory and is_below(directory, other)]
        if above:
            found.append((name, places[max(above, key=len)]))
    return found
