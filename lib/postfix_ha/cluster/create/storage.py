"""The file systems of a hierarchy: that of the queue, of the mail spool, and of what else lies on moving storage."""

import os
from typing import Optional

from postfix_ha.cluster.create.chain import Link, Subject, find_chain
from postfix_ha.cluster.create.local_node import Here
from postfix_ha.cluster.create.mounting import device_of, is_at_boot, is_subvolume, options_of
from postfix_ha.cluster.model.cib import Cib, top_of
from postfix_ha.cluster.model.managed_mounts import device_user, mount_holding
from postfix_ha.finding import Finding
from postfix_ha.messages.remark import Remark
from postfix_ha.storage.mailstores import HOMES
from postfix_ha.storage.nfs import is_nfs, judge_options, judge_root, server_of
from postfix_ha.system.mounts import BLOCK, CLUSTER, DRBD, NETWORK, SHARED, Mount, Place, is_below, is_network_type

# What autofs mounts, it mounts on every node.
AUTOMATIC = "autofs"
POOL_AGENT = "ocf:heartbeat:ZFS"
# What the kernel shows -> what mount(8) is told, where the two differ.
MOUNTED_AS = {"fuse.glusterfs": "glusterfs"}
# Further file systems below one directory of mail; more than any node has.
BELOW_MAX = 32


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
    for what, path in _directories(here):
        for each in (path, *_mounted_below(path, here)):
            _add(parts, each, what, cib, here, remarks)
    for part in parts:  # it grows: what a file system is mounted in may itself be mounted in another
        above = os.path.dirname(os.path.realpath(part.directory))
        _add(parts, above, f"the mount point {part.directory}", cib, here, remarks)


def _add(parts: "list[FileSystemPart]", path: str, what: str, cib: Cib, here: Here, remarks: "list[Remark]") -> None:
    """The file system of a path, unless it is one of the parts: what there is to say of that one is said."""
    mount = here.mounts.place_of(path).mount.mount_point
    known = [os.path.realpath(part.directory) for part in parts]
    if mount_holding(cib, path)[0] not in [part.directory for part in parts] and mount not in known:
        part = _part_of(path, what, cib, here, remarks, is_clone=False)
        if part is not None and part.directory not in [each.directory for each in parts]:
            parts.append(part)


def _directories(here: Here) -> "list[tuple[str, str]]":
    """(what it is, directory) of everything else that Postfix needs or delivers to, and Dovecot reads."""
    settings = here.instance.settings
    found = [
        ("the mail spool", settings.get("mail_spool_directory", "")),
        ("the virtual mailboxes", settings.get("virtual_mailbox_base", "")),
        ("the mailboxes", HOMES if settings.get("home_mailbox") else ""),
        *(("Dovecot's mail", path) for path in here.dovecot),
        ("the configuration", here.instance.config_dir),
        ("the programs", here.instance.daemon_directory),
    ]
    return [(what, path) for what, path in found if path]


def _mounted_below(path: str, here: Here) -> "list[str]":
    """The mount points of further whole file systems that move below a directory; what autofs mounts, it mounts."""
    start = os.path.realpath(path)
    if start == "/":
        return []
    automatic = [mount.mount_point for mount in here.mounts.mounts if mount.fstype == AUTOMATIC]
    found = []
    for mount in here.mounts.mounts:
        point = mount.mount_point
        is_inside = point != start and is_below(point, start)
        if not is_inside or mount.root != "/" or any(is_below(point, each) for each in automatic):
            continue
        if here.mounts.place_of(point).kind in (BLOCK, SHARED, DRBD, NETWORK):
            found.append(point)
    return found[:BELOW_MAX]


def _part_of(
    path: str, what: str, cib: Cib, here: Here, remarks: "list[Remark]", *, is_clone: bool
) -> "Optional[FileSystemPart]":
    """The moving file system that holds a path; None where it lies on what is this node's own."""
    directory, resource = mount_holding(cib, path)
    place = here.mounts.place_of(path)
    mount = place.mount
    if resource:
        return _managed_part(directory, resource, mount, what, cib, here, remarks, is_clone=is_clone)
    if place.is_here_alone or mount.fstype == AUTOMATIC:
        return None
    if is_clone:
        # A disk that each node mounts by itself at boot is none that the cluster hands from one to the other.
        is_on_each = place.kind == BLOCK and mount.mount_point in here.fstab
        return None if is_on_each else FileSystemPart(mount.mount_point, "")
    if place.kind == NETWORK and not _holds_queue(mount, here) and mount.mount_point in here.fstab:
        remarks.append(Remark(Finding("file_system_on_each", directory=mount.mount_point, what=what)))
        return None
    user = device_user(cib, mount.source)
    if user and not is_subvolume(mount):
        values = {"device": mount.source, "directory": mount.mount_point, "user": user, "what": what}
        remarks.append(Remark(Finding("device_single", **values)))
    return _new_part(place, what, cib, here, remarks)


def _managed_part(
    directory: str,
    resource: str,
    mount: Mount,
    what: str,
    cib: Cib,
    here: Here,
    remarks: "list[Remark]",
    *,
    is_clone: bool,
) -> FileSystemPart:
    element = cib.resource(resource)
    told = cib.parameters(element) if element is not None else {}
    is_here = os.path.realpath(directory) == mount.mount_point
    options = told.get("options", "").split(",") + (mount.details.split(",") if is_here else [])
    judged = Mount(directory, mount.source, told.get("fstype") or mount.fstype, details=",".join(options))
    _judge(judged, what, here, remarks, is_here=is_here)
    if _is_cloned(cib, resource) and not is_clone:
        remarks.append(Remark(Finding("file_system_single", by=resource, directory=directory, what=what)))
    part = FileSystemPart(directory, resource)
    if is_here and not is_clone:
        part.chain = find_chain(Subject(mount, what, is_managed=True), cib, here, remarks)
    return part


def _new_part(place: Place, what: str, cib: Cib, here: Here, remarks: "list[Remark]") -> "Optional[FileSystemPart]":
    mount = place.mount
    about: "dict[str, object]" = {"directory": mount.mount_point, "device": mount.source, "what": what}
    if mount.root != "/" and not is_subvolume(mount):
        remarks.append(Remark(Finding("file_system_whole", root=mount.root, **about)))
        return None
    if mount.fstype == "zfs":
        return _in_pool(mount.source.partition("/")[0], cib, remarks, about)
    fstype = MOUNTED_AS.get(mount.fstype, mount.fstype)
    if fstype.startswith("fuse"):
        remarks.append(Remark(Finding("file_system_mountable", fstype=mount.fstype, **about)))
        return None
    _judge(mount, what, here, remarks, is_here=True)
    if place.kind == CLUSTER:
        remarks.append(Remark(Finding("file_system_single", by=mount.fstype, **about)))
    if is_at_boot(mount, here):
        remarks.append(Remark(Finding("file_system_not_at_boot", **about)))
    device = device_of(mount, here)
    if not device:
        remarks.append(Remark(Finding("device_named_stably", **about)))
    part = FileSystemPart(mount.mount_point, "", device, fstype, options_of(mount, here))
    part.chain = find_chain(Subject(mount, what, is_managed=False), cib, here, remarks)
    return part


def _in_pool(pool: str, cib: Cib, remarks: "list[Remark]", about: "dict[str, object]") -> "Optional[FileSystemPart]":
    """A ZFS file system, which is mounted when its pool is imported."""
    for primitive in cib.primitives():
        if cib.agent(primitive) == POOL_AGENT and cib.parameters(primitive).get("pool") == pool:
            return FileSystemPart(str(about["directory"]), primitive.get("id", ""))
    remarks.append(Remark(Finding("pool_imported", pool=pool, **about)))
    return None


def _judge(mount: Mount, what: str, here: Here, remarks: "list[Remark]", *, is_here: bool) -> None:
    """What there is to say of a network file system; of NFS the kernel tells how it is mounted."""
    about: "dict[str, object]" = {"directory": mount.mount_point, "what": what}
    words = mount.details.split(",")
    if is_nfs(mount.fstype):
        remarks += map(Remark, judge_options(words, about))
        if is_here and _holds_queue(mount, here):
            remarks += map(Remark, judge_root(here.root_on_queue, mount, about))
    if is_nfs(mount.fstype) and ("hard" in words or "soft" in words):
        remarks.append(Remark(Finding("nfs_server_available", server=server_of(mount.source), **about)))
    elif is_network_type(mount.fstype, mount.source):
        remarks.append(Remark(Finding("file_system_local", fstype=mount.fstype, **about)))


def _holds_queue(mount: Mount, here: Here) -> bool:
    return here.mounts.place_of(here.instance.queue_directory).mount.mount_point == mount.mount_point


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
