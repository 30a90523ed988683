"""Run inside a private node: an export as the client sees it, by FUSE: root is nobody there, or the server goes away.

usage: nfs_like.py squash DIRECTORY     whoever makes a file there, it belongs to nobody
       nfs_like.py keep DIRECTORY       it belongs to whoever made it
       nfs_like.py away DIRECTORY       the server answers until it gets SIGUSR1, then nobody any more
"""

import ctypes
import errno
import os
import signal
import struct
import sys
import threading

LOOKUP, GETATTR, SETATTR, UNLINK, OPEN, STATFS, INIT, OPENDIR, READDIR, ACCESS, CREATE = (
    1,
    3,
    4,
    10,
    14,
    17,
    26,
    27,
    28,
    34,
    35,
)
QUIET = (2, 42)  # FORGET, BATCH_FORGET: nobody waits for an answer
NOBODY = 65534
libc = ctypes.CDLL(None, use_errno=True)


def attributes(node, uid):
    mode = 0o040755 if node == 1 else 0o100600
    return struct.pack("<6Q10I", node, 0, 0, 0, 0, 0, 0, 0, 0, mode, 1, uid, 0, 0, 4096, 0)


class Export:
    """One directory in which files can be made and removed."""

    def __init__(self, at, owner):
        self.owner = owner
        self.is_away = False
        self.descriptor = os.open("/dev/fuse", os.O_RDWR)
        options = f"fd={self.descriptor},rootmode=40000,user_id=0,group_id=0,allow_other".encode()
        if libc.mount(b"filer:/export", at.encode(), b"fuse", 0, options) != 0:
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))

    def serve(self):
        while True:
            try:
                request = os.read(self.descriptor, 1 << 20)
            except OSError as error:
                if error.errno in (errno.ENOENT, errno.EINTR, errno.EAGAIN):
                    continue
                return
            _, operation, unique, node, uid = struct.unpack_from("<IIQQI", request)
            if operation in QUIET or (self.is_away and operation != INIT):
                continue
            code, body = self.answer(operation, node, NOBODY if self.owner == "nobody" else uid)
            try:
                os.write(self.descriptor, struct.pack("<IiQ", 16 + len(body), code, unique) + body)
            except OSError:
                continue  # who asked has been killed meanwhile

    def answer(self, operation, node, uid):
        if operation == INIT:
            return 0, struct.pack("<4I2H2I2H8I", 7, 31, 0, 0, 16, 12, 4096, 1, 1, 0, *[0] * 8)
        if operation == LOOKUP:
            return -errno.ENOENT, b""
        if operation in (GETATTR, SETATTR):
            return 0, struct.pack("<Q2I", 0, 0, 0) + attributes(node, 0)
        if operation == CREATE:
            return 0, struct.pack("<4Q2I", 2, 0, 60, 60, 0, 0) + attributes(2, uid) + struct.pack("<Q2I", 1, 0, 0)
        if operation in (OPEN, OPENDIR):
            return 0, struct.pack("<Q2I", 1, 0, 0)
        return (0, b"") if operation in (UNLINK, READDIR, ACCESS) else (-errno.ENOSYS, b"")


def main():
    kind, at = sys.argv[1:]
    export = Export(at, "nobody" if kind == "squash" else "")
    threading.Thread(target=export.serve, daemon=True).start()
    signal.signal(signal.SIGUSR1, lambda *_: setattr(export, "is_away", True))
    print("ready", flush=True)
    while True:
        signal.pause()


if __name__ == "__main__":
    main()
