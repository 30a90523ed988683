"""Block devices from memory: loop devices that vanish with their last user, ext4 on them, and their power cut."""

import contextlib
import errno
import fcntl
import os
import stat
import struct
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import uuid4

if TYPE_CHECKING:
    from tests.support.machine.node import Node

_LOOP_CTL_GET_FREE = 0x4C82
_LOOP_CONFIGURE = 0x4C0A
_LO_FLAGS_AUTOCLEAR = 4
_EXT4_IOC_SHUTDOWN = 0x8004587D
_SHUTDOWN_NO_LOG_FLUSH = 2

_BASE_ENV = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8"}


@dataclass(frozen=True)
class Device:
    """A loop device, held open: close() leaves it to its other users, the last of which takes it away."""

    major: int
    minor: int
    fd: int

    def close(self) -> None:
        """Give up our own hold on the device."""
        os.close(self.fd)


class Image:
    """The content of a disk, in memory; it lives as long as this object or a device on it does."""

    def __init__(self, size_mb: int) -> None:
        # A name of its own tells this disk's devices from everybody else's in /sys/block.
        self.name = f"disk-{uuid4().hex}"
        self.fd = os.memfd_create(self.name, os.MFD_CLOEXEC)
        os.ftruncate(self.fd, size_mb << 20)

    def make_ext4(self, uuid: str = "random", options: "tuple[str, ...]" = ()) -> None:
        """Format the image; the ext4 driver's error behaviour is to go read-only, as Debian's installer sets it."""
        # Everything is written now: a lazy initialisation would go on behind the back of a time measurement.
        command = ["mkfs.ext4", "-q", "-F", "-m", "0", "-e", "remount-ro", "-U", uuid, "-E", "lazy_itable_init=0",
                   *options, f"/proc/self/fd/{self.fd}"]  # fmt: skip
        done = subprocess.run(command, pass_fds=[self.fd], env=_BASE_ENV, capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(f"mkfs.ext4 failed with {done.returncode}: {done.stderr.strip()}")

    def attach(self) -> Device:
        """Put a loop device of its own over this image; each has its own page cache, as on a shared disk."""
        for _ in range(100):
            with contextlib.suppress(BlockingIOError):
                return self._attach_once()
        raise RuntimeError("no free loop device: others take them as fast as we ask")

    def _attach_once(self) -> Device:
        with _open_control() as control:
            minor = fcntl.ioctl(control, _LOOP_CTL_GET_FREE)
        fd = _open_block_device(7, minor)
        # struct loop_config: fd, block size, then loop_info64 with lo_flags at 52, then 8 reserved words.
        info = struct.pack("=5Q4I", 0, 0, 0, 0, 0, minor, 0, 0, _LO_FLAGS_AUTOCLEAR).ljust(232, b"\0")
        try:
            fcntl.ioctl(fd, _LOOP_CONFIGURE, struct.pack("=II", self.fd, 0) + info + bytes(64))
        except OSError as error:
            os.close(fd)
            if error.errno == errno.EBUSY:
                raise BlockingIOError(errno.EBUSY, "loop device taken meanwhile") from error
            raise
        return Device(7, minor, fd)

    def is_attached(self, minor: int) -> bool:
        """Whether the loop device with this number is (still) one of this image."""
        try:
            with open(f"/sys/block/loop{minor}/loop/backing_file", encoding="utf-8") as handle:
                return self.name in handle.read()
        except OSError:
            return False

    def close(self) -> None:
        """Forget the content, as soon as no device uses it."""
        os.close(self.fd)


@contextlib.contextmanager
def _open_control() -> Iterator[int]:
    fd = _open_special("/dev/loop-control", stat.S_IFCHR, os.makedev(10, 237))
    try:
        yield fd
    finally:
        os.close(fd)


def _open_block_device(major: int, minor: int) -> int:
    return _open_special(f"/dev/loop{minor}", stat.S_IFBLK, os.makedev(major, minor))


def _open_special(path: str, kind: int, number: int) -> int:
    """Open a device file; in a chroot without them, through one of our own that is gone at once."""
    try:
        if os.stat(path).st_rdev == number:
            return os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        pass
    own = f"/run/.postfix-ha-test.{os.getpid()}.{os.major(number)}.{os.minor(number)}"
    with contextlib.suppress(FileNotFoundError):
        os.unlink(own)
    os.mknod(own, kind | 0o600, number)
    try:
        return os.open(own, os.O_RDWR | os.O_CLOEXEC)
    finally:
        os.unlink(own)


def cut_power(mount_point: str) -> None:
    """Stop all writing of the ext4 at ``mount_point`` at once and drop what is not on the disk yet."""
    fd = os.open(mount_point, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.ioctl(fd, _EXT4_IOC_SHUTDOWN, struct.pack("=I", _SHUTDOWN_NO_LOG_FLUSH))
    finally:
        os.close(fd)


@dataclass
class FileSystem:
    """A file system of its own that a node has mounted; on its last umount the disk is gone."""

    node: "Node"
    at: str
    device: str
    uuid: str
    fstype: str
    kernel_name: str

    def umount(self) -> "subprocess.CompletedProcess[str]":
        """Unmount; the result tells whether it worked ("target is busy" if something still uses it)."""
        return self.node.run(["umount", self.at])

    def lazy_umount(self) -> None:
        """Take the mount away from the name space while its users go on."""
        self.node.run(["umount", "-l", self.at], check=True)

    def remount(self, options: str) -> "subprocess.CompletedProcess[str]":
        """Remount with other options, such as ``ro``; the kernel refuses ``ro`` while a file is open for writing."""
        return self.node.run(["mount", "-o", f"remount,{options}", self.at])

    def fail_read_only(self) -> None:
        """Make ext4 find an error and go read-only under its users, as after a bad block (errors=remount-ro)."""
        self.node.run(["tee", f"/sys/fs/ext4/{self.kernel_name}/trigger_fs_error"], input="test\n", check=True)

    def cut_power(self) -> None:
        """Let every further access fail and drop what is not on the disk, as when the disk is pulled out."""
        cut_power(self.node.path(self.at))

    def is_mounted(self) -> bool:
        """Whether the node sees a mount at this place."""
        return any(line.split()[4] == self.at for line in self.node.read("/proc/1/mountinfo").splitlines())
