"""Run inside a private node as one of its users: a FUSE file system in a user name space of its own, that hangs.

usage: hanging.py stand DIRECTORY     stand there, in state D that no signal ends
       hanging.py cwd                 stand in the file system itself: whoever looks at that directory hangs
       hanging.py environment DIRECTORY PROGRAM NAME=VALUE...
                                      PROGRAM (an interpreter) outside of the name space, whose environment hangs
"""

import array
import ctypes
import errno
import mmap
import os
import socket
import struct
import sys
import threading
import time

CLONE_NEWUSER, CLONE_NEWNS, MS_REC_PRIVATE = 0x10000000, 0x20000, 0x44000
LOOKUP, GETATTR, OPEN, READ, INIT, OPENDIR = 1, 3, 14, 15, 26, 27
PAGE = mmap.PAGESIZE
libc = ctypes.CDLL(None, use_errno=True)


def call(name, *arguments):
    if getattr(libc, name)(*arguments) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{name}: {os.strerror(number)}")


def enter_namespace():
    """Become root of a user name space, with mounts of its own."""
    uid, gid = os.getuid(), os.getgid()
    call("unshare", CLONE_NEWUSER | CLONE_NEWNS)
    for name, text in (("setgroups", "deny"), ("uid_map", f"0 {uid} 1"), ("gid_map", f"0 {gid} 1")):
        with open(f"/proc/self/{name}", "w") as file:
            file.write(text)
    call("mount", None, b"/", None, MS_REC_PRIVATE, None)


def attributes(node):
    mode, size = (0o040755, 0) if node == 1 else (0o100644, 1 << 20)
    return struct.pack("<6Q10I", node, size, 0, 0, 0, 0, 0, 0, 0, mode, 1, 0, 0, 0, 4096, 0)


class FileSystem:
    """One directory with one file of any name; reading it waits for ever, and so does all else once it ``hangs``."""

    def __init__(self, at):
        self.hangs = False
        self.descriptor = os.open("/dev/fuse", os.O_RDWR)
        options = f"fd={self.descriptor},rootmode=40000,user_id=0,group_id=0".encode()
        call("mount", b"trap", at.encode(), b"fuse", 0, options)
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            try:
                request = os.read(self.descriptor, 1 << 20)
            except OSError as error:
                if error.errno in (errno.ENOENT, errno.EINTR, errno.EAGAIN):
                    continue
                return
            _, operation, unique, node = struct.unpack_from("<IIQQ", request)
            answer = self.answer(operation, node)
            if answer is not None:
                code, body = answer
                os.write(self.descriptor, struct.pack("<IiQ", 16 + len(body), code, unique) + body)

    def answer(self, operation, node):
        if operation == INIT:
            return 0, struct.pack("<4I2H2I2H8I", 7, 31, 0, 0, 16, 12, 4096, 1, 1, 0, *[0] * 8)
        if operation == READ or self.hangs:
            return None
        if operation == LOOKUP:
            return 0, struct.pack("<4Q2I", 2, 0, 0, 0, 0, 0) + attributes(2)
        if operation == GETATTR:
            return 0, struct.pack("<Q2I", 0, 0, 0) + attributes(node)
        if operation in (OPEN, OPENDIR):
            return 0, struct.pack("<Q2I", 1, 0, 0)
        return -errno.ENOSYS, b""


def ready():
    print("ready", flush=True)


def stand(at, directory, trap):
    if os.fork() == 0:
        os.close(trap.descriptor)  # else it would keep its own trap shut for ever
        with open(f"{at}/file", "rb", buffering=0) as file:
            os.chdir(directory)
            ready()
            file.read(4096)
        os._exit(0)


def give_file(at, to):
    with open(f"{at}/file", "rb", buffering=0) as file:
        to.sendmsg([b"x"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [file.fileno()]).tobytes())])


def hide_environment(channel):
    """Put the file in the place of the pages that the kernel reads this process's environment from."""
    _, ancillary, _, _ = channel.recvmsg(1, socket.CMSG_SPACE(4))
    descriptor = int.from_bytes(ancillary[0][2][:4], sys.byteorder)
    with open("/proc/self/stat", "rb") as file:
        fields = file.read().rpartition(b")")[2].split()
    begin, end = int(fields[47]), int(fields[48])
    first, last = -(-begin // PAGE) * PAGE, end // PAGE * PAGE
    assert last > first, "the environment is to fill whole pages"
    libc.mmap.restype = ctypes.c_void_p
    libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t] + [ctypes.c_int] * 3 + [ctypes.c_long]
    assert libc.mmap(first, last - first, 1, 0x12, descriptor, 0) == first, os.strerror(ctypes.get_errno())


def main():
    kind, *words = sys.argv[1:]
    at = f"/tmp/trap-{os.getpid()}"
    os.mkdir(at)
    if kind == "hidden":
        hide_environment(socket.socket(fileno=int(words[0])))
        ready()
        time.sleep(1000)
    if kind == "environment":
        directory, program, *variables = words
        ours, theirs = socket.socketpair()
        if os.fork() == 0:
            os.chdir(directory)
            os.set_inheritable(theirs.fileno(), True)
            environment = {
                "PADDING": "x" * 3 * PAGE,
                **dict(word.split("=", 1) for word in variables),
                "REST": "x" * PAGE,
            }
            with open(__file__) as file:
                code = file.read()
            os.execve(program, [program, "-IS", "-c", code, "hidden", str(theirs.fileno())], environment)
    enter_namespace()
    trap = FileSystem(at)
    if kind == "stand":
        stand(at, *words, trap)
    elif kind == "cwd":
        os.chdir(at)
        trap.hangs = True
        ready()
    else:
        give_file(at, ours)
    time.sleep(1000)


main()
