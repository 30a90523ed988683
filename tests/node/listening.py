"""Runs inside a private node: what discover() says of a configuration, and where its real master then listens.

Called as ``python3 listening.py LIB DIRECTORY...``; one line of JSON for each configuration directory.
"""

import contextlib
import json
import os
import re
import select
import signal
import socket
import subprocess
import sys
import time

MASTER = "/usr/lib/postfix/sbin/master"
PIDFILE = "/mnt/queue/postfix/pid/master.pid"


def start_master(config_dir: str, log: socket.socket) -> "tuple[int, str]":
    """(pid, "") of a master that runs, or (0, why it does not)."""
    environment = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "MAIL_CONFIG": config_dir}
    while select.select([log], [], [], 0)[0]:
        log.recv(4096)  # last words of the master before
    process = subprocess.Popen([MASTER, "-w"], env=environment, stdin=subprocess.DEVNULL)
    until = time.monotonic() + 20
    while process.poll() is None and time.monotonic() < until:
        if not select.select([log], [], [], 0.005)[0]:
            continue
        line = log.recv(4096).decode("utf-8", "replace")
        refusal = re.search(r"master\[(\d+)\]: fatal: (.*)", line)
        if refusal:
            # Both would sleep for a second now.
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(refusal[1]), signal.SIGKILL)
            process.kill()
            process.wait()
            return 0, refusal[2]
    if process.wait() == 0:
        with open(PIDFILE) as pidfile:
            return int(pidfile.read()), ""
    return 0, "no reason was logged"


def listening_sockets(pid: int) -> "list[str]":
    """The addresses and ports on which the process listens, in the kernel's own form."""
    inodes = set()
    for name in os.listdir(f"/proc/{pid}/fd"):
        target = os.readlink(f"/proc/{pid}/fd/{name}")
        if target.startswith("socket:["):
            inodes.add(target[8:-1])
    found = []
    for table in ("tcp", "tcp6"):
        with open(f"/proc/{pid}/net/{table}") as lines:
            rows = [line.split() for line in lines]
        for fields in rows[1:]:
            if fields[3] == "0A" and fields[9] in inodes:
                found.append(fields[1])
    return sorted(found)


def end_master(pid: int) -> None:
    """Kill the master and wait until it is gone."""
    descriptor = os.pidfd_open(pid)
    os.kill(pid, signal.SIGKILL)
    select.select([descriptor], [], [], 20)
    os.close(descriptor)


def main() -> None:
    """Each directory in turn."""
    sys.path.insert(0, sys.argv[1])
    from postfix_ha.config.discover import discover

    log = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    log.bind("/dev/log")
    for config_dir in sys.argv[2:]:
        instance = discover(config_dir, time.monotonic() + 10)
        pid, words = start_master(config_dir, log)
        sockets = []
        if pid:
            sockets = listening_sockets(pid)
            end_master(pid)
        endpoints = [[e.address, e.port, e.kind, e.service] for e in instance.endpoints]
        answer = {"endpoints": endpoints, "problems": instance.problems, "sockets": sockets, "refused": words}
        print(json.dumps(answer), flush=True)
    os.unlink("/dev/log")


if __name__ == "__main__":
    main()
