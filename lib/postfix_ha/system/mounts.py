"""What a directory lies on: the kernel's table of mounts, and what stands behind a block device."""

import os

from postfix_ha.system.files import MEBIBYTE, read_regular

MOUNT_TABLE = "/proc/self/mountinfo"

# What other nodes have to do with it. OWN: this node's disk. BLOCK: a block device, of which nothing more is known.
OWN, MEMORY, NETWORK, CLUSTER, DRBD, SHARED, BLOCK = "own", "memory", "network", "cluster", "drbd", "shared", "block"

MEMORY_TYPES = ("tmpfs", "ramfs", "rootfs", "devtmpfs", "proc", "sysfs")
OWN_TYPES = ("overlay", "aufs", "squashfs", "fuse.fuse-overlayfs")
CLUSTER_TYPES = ("ocfs2", "gfs", "gfs2", "gpfs", "cxfs", "vmfs")
NETWORK_TYPES = (
    "nfs", "nfs4", "cifs", "smb3", "smbfs", "ncpfs", "ncp", "afs", "9p", "virtiofs", "ceph", "cephfs", "coda",
    "glusterfs", "lustre", "beegfs", "fhgfs", "davfs", "moosefs", "pvfs2", "orangefs", "panfs", "wekafs", "efs",
    "sshfs", "vboxsf", "vmhgfs", "fuse.glusterfs", "fuse.sshfs", "fuse.s3fs", "fuse.ceph", "fuse.cephfs",
    "fuse.moosefs", "fuse.mfs", "fuse.rclone", "fuse.davfs", "fuse.smbnetfs", "fuse.juicefs", "fuse.ceph-fuse",
)  # fmt: skip
FSTAB_MAX = MEBIBYTE
DRBD_MAJOR = 147
NETWORK_DISKS = ("rbd", "nbd")
# Directories whose file system is the node's own on any installation, whatever it lies on: nodes boot from a SAN too.
OWN_DIRECTORIES = ("/", "/usr", "/var", "/boot")


class Mount:
    """One mounted file system.

    ``root`` is the directory of it that is seen at ``mount_point`` ("/" for all of it), ``number`` its device as
    ``major:minor``, "" where it is not known. ``options`` are those of the mount, ``details`` those of its file system.
    """

    __slots__ = ("details", "fstype", "mount_point", "number", "options", "root", "source")

    def __init__(
        self,
        mount_point: str,
        source: str,
        fstype: str,
        options: str = "",
        root: str = "/",
        number: str = "",
        details: str = "",
    ) -> None:
        self.mount_point = mount_point
        self.source = source
        self.fstype = fstype
        self.options = options
        self.root = root
        self.number = number
        self.details = details

    def __repr__(self) -> str:
        return f"Mount({self.mount_point!r}, {self.source!r}, {self.fstype!r}, number={self.number!r})"


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
    """A node's mounts, given as the kernel's table or one by one; ``sysfs`` is where the kernel shows its devices."""

    __slots__ = ("_own_disks", "_own_mounts", "mounts", "sysfs")

    def __init__(self, mounts: "str | list[Mount]", sysfs: str = "/sys") -> None:
        self.mounts = parse_mounts(mounts) if isinstance(mounts, str) else list(mounts)
        self.sysfs = sysfs
        self._own_mounts: "list[Mount] | None" = None
        self._own_disks: "set[str]" = set()

    def mount_of(self, path: str) -> Mount:
        """The mount that a path (without links) lies on; the last one where several lie over each other."""
        best = Mount("/", "unknown", "unknown")
        length = -1
        for mount in self.mounts:
            if is_below(path, mount.mount_point) and len(mount.mount_point) >= length:
                best, length = mount, len(mount.mount_point)
        return best

    def is_mounted(self, path: str) -> bool:
        """Whether something is mounted at this path."""
        return any(mount.mount_point == path for mount in self.mounts)

    def place_of(self, path: str) -> Place:
        """What the directory, or what will hold it, lies on: the one answer to whether it moves with the service."""
        mount = self.mount_of(os.path.realpath(path))
        kind, words = self._kind(mount)
        return Place(kind, f"{words} ({mount.source}, {mount.fstype})", mount)

    def _kind(self, mount: Mount) -> "tuple[str, str]":
        if mount.fstype in MEMORY_TYPES:
            return MEMORY, "memory"
        if mount.fstype in OWN_TYPES or mount.mount_point == "/":
            return OWN, "this node's own root file system"
        number = device_number(mount)
        disks = self.disks_behind(number)
        if self._is_own(mount, number, disks):
            return OWN, "this node's own disk"
        if mount.fstype in NETWORK_TYPES:
            return NETWORK, "a network file system"
        if mount.fstype in CLUSTER_TYPES:
            return CLUSTER, "a cluster file system"
        names = [os.path.basename(disk) for disk in disks]
        if number.startswith(f"{DRBD_MAJOR}:") or any(name.startswith("drbd") for name in [mount.source[5:], *names]):
            return DRBD, "a DRBD device"
        if is_network_type(mount.fstype, mount.source):
            return NETWORK, "a file system in user space"
        how = next(filter(None, (self._sharing(disk) for disk in disks)), "")
        return (SHARED, how) if how else (BLOCK, "a block device")

    def _is_own(self, mount: Mount, number: str, disks: "set[str]") -> bool:
        """Whether a file system is one of the node's own, a part of one, or on a disk that one of them is on."""
        if self._own_mounts is None:
            self._own_mounts = [self.mount_of(os.path.realpath(directory)) for directory in OWN_DIRECTORIES]
            self._own_disks = {disk for own in self._own_mounts for disk in self.disks_behind(device_number(own))}
        if mount in self._own_mounts or disks & self._own_disks:
            return True
        own = self._own_mounts
        if number and number in map(device_number, own):
            return True
        pools = [each.source.partition("/")[0] for each in own if each.fstype == "zfs"]
        if mount.fstype == "zfs" and mount.source.partition("/")[0] in pools:
            return True
        return mount.source.startswith("/dev/") and mount.source in [each.source for each in own]

    def disks_behind(self, number: str) -> "set[str]":
        """The directories in sysfs of the whole disks that a block device is made of, and of the layers between."""
        directory = os.path.realpath(os.path.join(self.sysfs, "dev/block", number))
        if not number or not os.path.isdir(directory):
            return set()
        if os.path.exists(os.path.join(directory, "partition")):
            directory = os.path.dirname(directory)
        found = {directory}
        for below in self.numbers_below(number):
            found |= self.disks_behind(below)
        return found

    def numbers_below(self, number: str) -> "list[str]":
        """``major:minor`` of the devices that a block device, or the disk that it is a part of, is made of."""
        directory = os.path.realpath(os.path.join(self.sysfs, "dev/block", number))
        if os.path.exists(os.path.join(directory, "partition")):
            directory = os.path.dirname(directory)
        below = os.path.join(directory, "slaves")
        found = [_text(os.path.join(below, name, "dev")) for name in sorted(_names(below))]
        return [each for each in found if each and each != number]

    def attribute(self, number: str, name: str) -> str:
        """What the kernel shows of a block device under this name, such as dm/uuid; "" where it shows nothing."""
        return _text(os.path.join(self.sysfs, "dev/block", number, name)) if number else ""

    def shown(self, *path: str) -> str:
        """What the kernel shows in a file below sysfs; "" where it shows nothing."""
        return _text(os.path.join(self.sysfs, *path))

    def listed(self, *path: str) -> "list[str]":
        """The names in a directory below sysfs."""
        return sorted(_names(os.path.join(self.sysfs, *path)))

    def home_of(self, number: str) -> str:
        """Where sysfs has the device that a disk, or the disk of a partition, hangs on; "" for one that has none."""
        disk = os.path.realpath(os.path.join(self.sysfs, "dev/block", number))
        if os.path.exists(os.path.join(disk, "partition")):
            disk = os.path.dirname(disk)
        device = os.path.join(disk, "device")
        return os.path.realpath(device) if number and os.path.exists(device) else ""

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


def is_network_type(fstype: str, source: str = "") -> bool:
    """Whether other machines hold what is in a file system of this type; one in user space that names no device too."""
    return fstype in NETWORK_TYPES or (fstype.startswith("fuse.") and not source.startswith("/dev/"))


def is_below(path: str, directory: str) -> bool:
    """Whether a path is the directory or lies in it."""
    return (path + "/").startswith(directory.rstrip("/") + "/")


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


def parse_mounts(table: str) -> "list[Mount]":
    """The mounts in a table as the kernel writes it (mountinfo, proc(5)), in the order in which they were made."""
    found = []
    for line in table.splitlines():
        fields, _, rest = line.partition(" - ")
        words, tail = fields.split(" "), rest.split(" ")
        if len(words) > 5 and len(tail) > 1:
            point, root = unescaped(words[4]), unescaped(words[3])
            details = unescaped(tail[2]) if len(tail) > 2 else ""
            found.append(Mount(point, unescaped(tail[1]), tail[0], words[5], root, words[2], details))
    return found


class FstabEntry:
    """One line of fstab(5); ``source`` as it is written there."""

    __slots__ = ("mount_point", "options", "source")

    def __init__(self, mount_point: str, options: "list[str]", source: str = "") -> None:
        self.mount_point = mount_point
        self.options = options
        self.source = source

    @property
    def is_at_boot(self) -> bool:
        """Whether it is mounted at boot, or by whoever looks there (systemd.mount(5))."""
        return "noauto" not in self.options or "x-systemd.automount" in self.options


def read_fstab(path: str = "/etc/fstab") -> "list[FstabEntry]":
    """The file systems that fstab names a mount point for."""
    try:
        text = read_regular(path, FSTAB_MAX).decode("utf-8", "surrogateescape")
    except OSError:
        return []
    lines = [line.split() for line in text.splitlines() if not line.lstrip().startswith("#")]
    found = [
        FstabEntry(unescaped(words[1]), unescaped(words[3]).split(","), unescaped(words[0]))
        for words in lines
        if len(words) > 3
    ]
    return [entry for entry in found if entry.mount_point.startswith("/")]


def unescaped(text: str) -> str:
    """The text with the octal escapes of the kernel and of fstab taken back."""
    first, *parts = text.split("\\")
    return first + "".join(chr(int(part[:3], 8)) + part[3:] if _is_octal(part[:3]) else "\\" + part for part in parts)


def _is_octal(text: str) -> bool:
    return len(text) == 3 and not text.strip("01234567")


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
