"""Run inside a private node: put a load on it, say "ready", hold it until standard input ends.

usage: load.py processes N | imitators N | connections N | messages N DIRECTORY
"""

import os
import shutil
import signal
import socket
import sys

PAIRS = 400


def hold_processes(count: int) -> "list[int]":
    """So many processes that sleep."""
    return [os.posix_spawn("/bin/sleep", ["sleep", "infinity"], {}) for _ in range(count)]


def hold_imitators(count: int) -> "list[int]":
    """So many processes of the user nobody that call themselves master and name our configuration."""
    program = "/tmp/imitators/usr/lib/postfix/sbin/master"
    os.makedirs(os.path.dirname(program), exist_ok=True)
    shutil.copy("/bin/sleep", program)
    held = []
    for _ in range(count):
        child = os.fork()
        if not child:
            os.setgid(65534)
            os.setuid(65534)
            os.execve(program, [program, "infinity"], {"MAIL_CONFIG": "/etc/postfix"})
        held.append(child)
    return held


def hold_connections(count: int) -> "list[int]":
    """So many established connections over loopback, both ends in processes of ours; their numbers."""
    holders = []
    # The number of open files of one process may not be for us to raise.
    for first in range(0, count, PAIRS):
        ready_read, ready_write = os.pipe()
        holder = os.fork()
        if not holder:
            held = connect_pairs(min(PAIRS, count - first))
            os.write(ready_write, b"%d" % len(held))
            signal.pause()
        os.close(ready_write)
        if not os.read(ready_read, 9):
            raise SystemExit("load.py: connections could not be made")
        os.close(ready_read)
        holders.append(holder)
    return holders


def connect_pairs(count: int) -> "list[socket.socket]":
    """Both ends of so many connections."""
    held: "list[socket.socket]" = []
    with socket.create_server(("127.0.0.1", 0)) as server:
        for _ in range(count):
            held.append(socket.create_connection(server.getsockname()))
            held.append(server.accept()[0])
    return held


def fill_queue(count: int, directory: str) -> None:
    """So many queue files, empty ones, each named as Postfix does: microseconds, then its inode (mail_queue.c)."""
    os.chdir(directory)
    # Of any other's, `postfix check` would complain one by one, with a process for each.
    owner = os.stat(".")
    for number in range(len(os.listdir(".")), count):
        descriptor = os.open("new", os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o700)
        os.fchown(descriptor, owner.st_uid, owner.st_gid)
        os.rename("new", f"{number % 1_000_000:05X}{os.fstat(descriptor).st_ino:X}")
        os.close(descriptor)


def main() -> None:
    kind, count = sys.argv[1], int(sys.argv[2])
    held: "list[int]" = []
    if kind == "processes":
        held = hold_processes(count)
    elif kind == "imitators":
        held = hold_imitators(count)
    elif kind == "connections":
        held = hold_connections(count)
    elif kind == "messages":
        fill_queue(count, sys.argv[3])
    else:
        raise SystemExit(f"load.py: no load '{kind}'")
    print("ready", flush=True)
    sys.stdin.read()
    for process in held:
        os.kill(process, signal.SIGKILL)
        os.waitpid(process, 0)


if __name__ == "__main__":
    main()
