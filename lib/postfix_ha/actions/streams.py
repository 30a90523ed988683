"""The connections of another process, ended from outside while that process is suspended."""

import contextlib
import os
import socket

# The same number for every architecture that Debian has (pidfd_getfd(2), Linux 5.6).
SYS_PIDFD_GETFD = 438


def end_streams(pid: int, descriptor: int, place: str) -> bool:
    """Shut down the connections of the process with this descriptor (pidfd) to local sockets; whether that could be.

    ``place`` begins the sockets' paths as the process spells them. Whoever serves there reads an end of file, after all
    that the process had sent.
    """
    try:
        names = os.listdir(f"/proc/{pid}/fd")
    except OSError:
        return True
    for name in names:
        if not _is_socket(f"/proc/{pid}/fd/{name}"):
            continue
        own = _duplicate(descriptor, int(name))
        if own < 0:
            return False
        with socket.socket(fileno=own) as stream, contextlib.suppress(OSError):
            # Pairs without a name lead to its master process (master_status), and stay.
            if stream.family == socket.AF_UNIX and str(stream.getpeername()).startswith(place):
                stream.shutdown(socket.SHUT_RDWR)
    return True


def _is_socket(path: str) -> bool:
    try:
        return os.readlink(path).startswith("socket:")
    except OSError:
        return False


def _duplicate(descriptor: int, number: int) -> int:
    """Our own descriptor of what another process has open under this number; -1 where the kernel does not give it."""
    import ctypes

    return int(ctypes.CDLL(None).syscall(SYS_PIDFD_GETFD, descriptor, number, 0))
