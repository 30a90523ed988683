"""The system calls that a private node needs and that Python's os module lacks."""

import ctypes
import fcntl
import os
import socket
import struct

MS_RDONLY = 0x1
MS_NOSUID = 0x2
MS_NODEV = 0x4
MS_NOEXEC = 0x8
MS_MOVE = 0x2000
MS_REC = 0x4000
MS_PRIVATE = 0x40000
MNT_DETACH = 2

CLONE_NEWNS = 0x00020000
CLONE_NEWUTS = 0x04000000
CLONE_NEWIPC = 0x08000000
CLONE_NEWPID = 0x20000000
CLONE_NEWNET = 0x40000000

# What is no file of a node, but of the kernel that all share.
KERNEL_FILES = ("proc", "sys")

# openat2(2) has one number on every architecture, but no wrapper in glibc 2.36.
_SYS_OPENAT2 = 437
_RESOLVE_IN_ROOT = 0x10

_SIOCGIFFLAGS = 0x8913
_SIOCSIFFLAGS = 0x8914
_IFF_UP = 0x1

_libc = ctypes.CDLL(None, use_errno=True)
_libc.syscall.restype = ctypes.c_long
_libc.mount.argtypes = [ctypes.c_char_p, ctypes.c_char_p, ctypes.c_char_p, ctypes.c_ulong, ctypes.c_char_p]


def _check(result, what):
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")
    return result


def unshare(flags):
    """Move this process (and for CLONE_NEWPID its children) into new namespaces."""
    _check(_libc.unshare(flags), f"unshare({flags:#x})")


def setns(descriptor, kind):
    """Move the calling thread into the namespace behind the descriptor."""
    _check(_libc.setns(descriptor, kind), "setns")


def mount(source, target, fstype=None, flags=0, options=""):
    """Mount ``source`` at ``target``."""
    _check(
        _libc.mount(
            (source or "none").encode(), target.encode(), fstype and fstype.encode(), flags, options.encode() or None
        ),
        f"mount {fstype or ''} {source} at {target} ({options})",
    )


def umount(target, flags=0):
    """Unmount what is mounted at ``target``."""
    _check(_libc.umount2(target.encode(), flags), f"umount {target}")


def pivot_root(new_root, put_old):
    """Make ``new_root`` the root of this mount namespace."""
    _check(_libc.pivot_root(new_root.encode(), put_old.encode()), f"pivot_root({new_root})")


def refuse_kernel_files(path):
    """Raise ValueError for a path in /proc or /sys, however it is spelled."""
    if os.path.normpath("/" + path.lstrip("/")).split("/")[1] in KERNEL_FILES:
        raise ValueError(f"{path} is not written from outside the node: that would change the machine below")


def open_in_root(root_fd, path, flags, mode=0):
    """Open ``path`` as a process whose root directory is ``root_fd`` would, absolute symbolic links included.

    Never for writing in /proc and /sys: whoever opens it has the namespaces of the machine below, and there a write to
    /proc/sys/net has gone to that machine and not to the node.
    """
    if flags & (os.O_WRONLY | os.O_RDWR):
        refuse_kernel_files(path)
    if not flags & os.O_CREAT:
        mode = 0
    how = struct.pack("=QQQ", flags | os.O_CLOEXEC, mode, _RESOLVE_IN_ROOT)
    return _check(
        _libc.syscall(ctypes.c_long(_SYS_OPENAT2), root_fd, ctypes.c_char_p(os.fsencode(path)), how, len(how)),
        f"open {path} in the node",
    )


def set_link_up(name):
    """Bring the network interface ``name`` of this network namespace up."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        request = struct.pack("16sH14x", name.encode(), 0)
        flags = struct.unpack("16sH14x", fcntl.ioctl(sock, _SIOCGIFFLAGS, request))[1]
        fcntl.ioctl(sock, _SIOCSIFFLAGS, struct.pack("16sH14x", name.encode(), flags | _IFF_UP))
