"""Looks at all nodes from outside, all the time: who has the shared disk mounted, whose Postfix master uses it.

Run by watch.py as ``python3 -IS watcher.py``. Reads lines ``NODE PID MINOR`` (PID of the node's PID 1, 0 when it is
off; number of the loop device through which it sees the shared disk) from standard input, writes one JSON line for
every change of what it sees, and ends with its input.
"""

import json
import os
import select
import time

EVERY_MS = 8
LOOP_MAJOR = 7


def has_mount(pid, minor):
    """Whether the disk is mounted anywhere in the mount namespace of ``pid``; a dead process has nothing."""
    device = b"%d:%d" % (LOOP_MAJOR, minor)
    try:
        with open(f"/proc/{pid}/mountinfo", "rb") as handle:
            return any(line.split(b" ", 3)[2] == device for line in handle)
    except OSError:
        return False


def lock_holders():
    """Device (as major:minor in hexadecimal) -> pids that hold an exclusive lock on one of its files."""
    holders = {}
    with open("/proc/locks", encoding="ascii") as handle:
        for line in handle:
            words = line.split()
            # A waiting lock has "->" as its second word.
            if words[1] in ("FLOCK", "POSIX", "OFDLCK") and words[3] == "WRITE":
                holders.setdefault(words[5].rpartition(":")[0], set()).add(int(words[4]))
    return holders


def is_master(pid):
    """Whether a lock's holder is a live Postfix master, and not its short test of the lock (``master -t``)."""
    try:
        if not os.readlink(f"/proc/{pid}/exe").endswith("/master"):
            return False
        with open(f"/proc/{pid}/cmdline", "rb") as handle:
            return b"-t" not in handle.read().split(b"\0")
    except OSError:
        return False


def look(nodes):
    """Names of the nodes that have the disk mounted, and of the live masters' nodes (once for each master), now."""
    mounts = [name for name, (pid, minor) in nodes.items() if has_mount(pid, minor)]
    holders = lock_holders()
    masters = []
    for name, (_, minor) in nodes.items():
        for pid in holders.get(f"{LOOP_MAJOR:02x}:{minor:02x}", ()):
            if is_master(pid):
                masters.append(name)
    return mounts, masters


def main():
    """Look until standard input ends."""
    # A busy machine must not make it blink; where real-time priority is not to be had, a good place in the queue.
    try:
        os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(1))
    except OSError:
        os.nice(-15)
    nodes = {}
    seen = None
    looks = 0
    longest = 0.0
    last = time.monotonic()
    poll = select.poll()
    poll.register(0, select.POLLIN | select.POLLHUP)
    rest = b""
    while True:
        # What a look took counts: from one look to the next it is to be EVERY_MS, not that and the look.
        if poll.poll(max(1.0, EVERY_MS - (time.monotonic() - last) * 1000)):
            data = os.read(0, 65536)
            if not data:
                break
            *lines, rest = (rest + data).split(b"\n")
            for line in lines:
                name, pid, minor = line.decode().split()
                nodes.pop(name, None)
                if int(pid):
                    nodes[name] = (int(pid), int(minor))
        now = time.monotonic()
        longest = max(longest, now - last)
        last = now
        looks += 1
        found = look(nodes)
        if found != seen:
            seen = found
            print(json.dumps({"at": now, "mounts": found[0], "masters": found[1]}), flush=True)
    print(json.dumps({"looks": looks, "longest_s": round(longest, 4)}), flush=True)


main()
