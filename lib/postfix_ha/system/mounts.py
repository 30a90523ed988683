"""What a directory lies on: the kernel's table of mounts, and what stands behind a block device."""

import os

MOUNT_TABLE = "/proc/self/mountinfo"

# What other nodes have to do with it. OWN: this node's disk. BLOCK: a block device, of which nothing more is known.
OWN, MEMORY, NETWORK, CLUSTER, DRBD, SHARED, BLOCK = "own", "memory", "network", "cluster", "drbd", "shared", "block"

MEMORY_TYPES = ("tmpfs", "ramfs", "rootfs")
OWN_TYPES = ("overlay", "aufs", "squashfs")
CLUSTER_TYPES = ("ocfs2", "gfs", "gfs2", "gpfs", "cxfs", "vmfs")
NETWORK_TYPES = (
    "nfs", "nfs4", "cifs", "smb3", "smbfs", "ncpfs", "afs", "9p", "virtiofs", "ceph", "coda", "glusterfs", "lustre",
    "beegfs", "davfs", "moosefs", "pvfs2", "orangefs", "fuse.glusterfs", "fuse.sshfs", "fuse.s3fs", "fuse.ceph",
    "fuse.cephfs", "fuse.moosefs", "fuse.mfs", "fuse.rclone", "fuse.davfs", "fuse.smbnetfs", "fuse.juicefs",
)  # fmt: skip
DRBD_MAJOR = 147
NETWORK_DISKS = ("rbd", "nbd")
# Directories that are on the node's own disk on any installation.
OWN_DIRECTORIES = ("/", "/usr", "/var", "/boot")


class Mount:
    """One mounted file system; ``number`` is its device as ``major:minor``."""

    __slots__ = ("fstype", "mount_point", "number", "source")

    def __init__(self, number: str, mount_point: str, fstype: str, source: str) -> None:
        self.number = number
        self.mount_point = mount_point
        self.fstype = fstype
        self.source = source

    def __repr__(self) -> str:
        return f"Mount({self.number!r}, {self.mount_point!r}, {self.fstype!r}, {self.source!r})"


class Place:
    """What a directory lies on: the kind, the same in words, and the mount."""

    __slots__ = ("kind", "mount", "what")

    def __init__(self, kind: str, what: str, mount: Mount) -> None:
        self.kind = kind
        self.what = what
        self.mount = mount

    @property
    def is_here_alone(self) -> bool:
        """Whether it surely goes down with this node."""
        return self.kind in (OWN, MEMORY)


class Mounts:
    """The table of mounts; ``sysfs`` is where the kernel shows its devices."""

    __slots__ = ("mounts", "own_disks", "sysfs")

    def __init__(self, table: str, sysfs: str = "/sys") -> None:
        self.mounts = [mount for mount in map(_mount, table.splitlines()) if mount]
        self.sysfs = sysfs
        self.own_disks: "set[str] | None" = None

    def mount_of(self, path: str) -> Mount:
        """The mount that a path (without links) lies on; the last one where several lie over each other."""
        best = Mount("0:0", "/", "unknown", "unknown")
        length = -1
        for mount in self.mounts:
            inside = mount.mount_point.rstrip("/") + "/"
            if (path + "/").startswith(inside) and len(inside) >= length:
                best, length = mount, len(inside)
        return best

    def place_of(self, path: str) -> Place:
        """What the directory, or what will hold it, lies on."""
        mount = self.mount_of(existing(path))
        kind, words = self._kind(mount)
        return Place(kind, f"{words} ({mount.source}, {mount.fstype})", mount)

    def _kind(self, mount: Mount) -> "tuple[str, str]":
        if mount.fstype in MEMORY_TYPES:
            return MEMORY, "memory"
        if mount.fstype in NETWORK_TYPES:
            return NETWORK, "a network file system"
        if mount.fstype in CLUSTER_TYPES:
            return CLUSTER, "a cluster file system"
        if mount.fstype in OWN_TYPES:
            return OWN, "this node's own root file system"
        number = device_number(mount)
        if number.startswith(f"{DRBD_MAJOR}:") or mount.source.startswith("/dev/drbd"):
            return DRBD, "a DRBD device"
        if mount.fstype.startswith("fuse.") and not mount.source.startswith("/dev/"):
            return NETWORK, "a file system in user space"
        disks = self.disks_behind(number)
        how = next(filter(None, (self._sharing(disk) for disk in disks)), "")
        if how:
            return SHARED, how
        if self.own_disks is None:
            roots = [self.mount_of(os.path.realpath(directory)) for directory in OWN_DIRECTORIES]
            self.own_disks = {disk for root in roots for disk in self.disks_behind(device_number(root))}
        if number == device_number(self.mount_of("/")) or disks & self.own_disks:
            return OWN, "this node's own disk"
        return BLOCK, "a block device"

    def disks_behind(self, number: str) -> "set[str]":
        """The directories in sysfs of the whole disks that a block device is made of, and of the layers between."""
        directory = os.path.realpath(os.path.join(self.sysfs, "dev/block", number))
        if not os.path.isdir(directory):
            return set()
        if os.path.exists(os.path.join(directory, "partition")):
            directory = os.path.dirname(directory)
        found = {directory}
        for name in _names(os.path.join(directory, "slaves")):
            below = _text(os.path.join(directory, "slaves", name, "dev"))
            if below and below != number:
                found |= self.disks_behind(below)
        return found

    def _sharing(self, disk: str) -> str:
        """How other nodes can reach a disk, as far as the kernel shows it, else ""."""
        name = os.path.basename(disk)
        if _text(os.path.join(disk, "dm/uuid")).startswith("mpath-"):
            return "a multipath device"
        if name.startswith(NETWORK_DISKS):
            return "a network block device"
        transport = _text(os.path.join(disk, "device/transport"))
        if transport and transport != "pcie":
            return f"an NVMe device over {transport}"
        device = os.path.realpath(os.path.join(disk, "device"))
        if "/rport-" in device:
            return "a Fibre Channel disk"
        return "an iSCSI disk" if "/session" in device else ""


def read_mounts() -> Mounts:
    """This process's table of mounts as it is now."""
    return Mounts(_text(MOUNT_TABLE))


def existing(path: str) -> str:
    """The path without links, or its nearest ancestor that is there."""
    path = os.path.realpath(path)
    while path != "/" and not os.path.lexists(path):
        path = os.path.dirname(path)
    return path


def device_number(mount: Mount) -> str:
    """``major:minor`` of a mount's device; btrfs shows a number of its own, so the source is asked."""
    if not mount.number.startswith("0:") or not mount.source.startswith("/dev/"):
        return mount.number
    try:
        number = os.stat(mount.source).st_rdev
    except OSError:
        return mount.number
    return f"{os.major(number)}:{os.minor(number)}"


def _mount(line: str) -> "Mount | None":
    """One line of mountinfo (proc(5))."""
    fields, _, rest = line.partition(" - ")
    words, tail = fields.split(" "), rest.split(" ")
    if len(words) < 6 or len(tail) < 2:
        return None
    return Mount(words[2], _unescaped(words[4]), tail[0], _unescaped(tail[1]))


def _unescaped(text: str) -> str:
    """The text with the kernel's octal escapes taken back."""
    import re

    return re.sub(r"\\([0-7]{3})", lambda code: chr(int(code.group(1), 8)), text)


def _text(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="surrogateescape") as file:
            return file.read().strip("\n")
    except OSError:
        return ""


def _names(path: str) -> "list[str]":
    try:
        return os.listdir(path)
    except OSError:
        return []
