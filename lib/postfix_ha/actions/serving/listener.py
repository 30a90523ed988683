"""Where no syslog daemon runs, nobody hears what Postfix says: then we listen for as long as an action takes."""

import contextlib
import os
import select
import socket
import stat
import struct
import time

from postfix_ha.system.child import begin, read_until

PLACE = "/dev/log"
KEPT_MAX = 65536
LINE_MAX = 2048
# A listener whose maker has forgotten it ends all the same.
LISTENED_MAX_S = 600.0
READ_S = 1.0
CREDENTIALS = struct.Struct("3i")


class Listener:
    """A child that takes what root and these users send to /dev/log; end() gives the lines, and must be called."""

    __slots__ = ("inode", "ours", "reading", "stopping")

    def __init__(self, uids: "set[int]") -> None:
        self.inode = 0
        self.reading = self.stopping = -1
        if os.path.lexists(PLACE) or os.geteuid() != 0:
            return
        heard = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)
        try:
            heard.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
            heard.bind(PLACE)
            os.chmod(PLACE, 0o666)  # noqa: S103 - as every /dev/log: mail_owner writes to it
            self.inode = os.lstat(PLACE).st_ino
        except OSError:
            heard.close()
            return
        told, self.stopping = os.pipe()
        stopping = self.stopping

        def listen(writing: int) -> None:
            os.close(stopping)
            kept = _hear(heard, told, {0, *uids})
            self.remove()  # whoever asked for it may have been killed
            os.write(writing, kept)

        _, self.reading = begin(listen)
        os.close(told)
        heard.close()

    def end(self) -> "list[str]":
        """Stop listening, and take the socket away; what was heard."""
        if self.reading < 0:
            return []
        os.close(self.stopping)
        data, _ = read_until(self.reading, time.monotonic() + READ_S)
        os.close(self.reading)
        self.reading = -1
        return data.decode("utf-8", "replace").splitlines()

    def remove(self) -> None:
        """Take the socket away, unless a syslog daemon has come and has put its own there."""
        with contextlib.suppress(OSError):
            about = os.lstat(PLACE)
            if stat.S_ISSOCK(about.st_mode) and about.st_ino == self.inode:
                os.unlink(PLACE)


def _hear(heard: socket.socket, told: int, uids: "set[int]") -> bytes:
    """The last lines that these users have sent, when the other end of told is closed."""
    until = time.monotonic() + LISTENED_MAX_S
    kept = b""
    poller = select.poll()
    poller.register(heard, select.POLLIN)
    poller.register(told, select.POLLIN)
    while time.monotonic() < until:
        ready = [descriptor for descriptor, _ in poller.poll(1000)]
        if heard.fileno() in ready:
            data, ancillary, _, _ = heard.recvmsg(LINE_MAX, socket.CMSG_SPACE(CREDENTIALS.size))
            if _sender(ancillary) in uids:
                kept = (kept + b" ".join(data.rstrip(b"\0").split()) + b"\n")[-KEPT_MAX:]
        elif told in ready:
            break
    return kept


def _sender(ancillary: "list[tuple[int, int, bytes]]") -> int:
    """The uid that the kernel gives for a datagram's sender, -1 for none."""
    for level, kind, data in ancillary:
        if (level, kind) == (socket.SOL_SOCKET, socket.SCM_CREDENTIALS) and len(data) >= CREDENTIALS.size:
            return int(CREDENTIALS.unpack(data[: CREDENTIALS.size])[1])
    return -1
