"""The same lines from the journal, on a node that keeps them in no file.

What is asked for is told by the unit, which journald has from the kernel (systemd.journal-fields(7)), and not by the
name that a process gives itself: with logger(1) every user may write under any name.
"""

import time

from postfix_ha.system.command import OUTPUT_MAX, Completed, run

JOURNALCTL_S = 60.0
CLUSTER = ("_SYSTEMD_UNIT=pacemaker.service", "+", "_SYSTEMD_UNIT=corosync.service")
# A Postfix that the cluster has started is of the cluster's unit.
MAIL = ("SYSLOG_FACILITY=2", "_SYSTEMD_UNIT=pacemaker.service")


def journal(matches: "tuple[str, ...]", since: float, until: float, deadline: float) -> "tuple[bytes, str]":
    """(the lines, "" or why not all of them are there); each line begins with its time since the epoch."""
    words = ["journalctl", "--quiet", "--no-pager", "--output=short-unix"]
    words += [f"--since=@{max(0, since):.0f}", f"--until=@{min(until, time.time() + 1):.0f}", *matches]
    done = run(words, deadline=min(deadline, time.monotonic() + JOURNALCTL_S))
    return done.stdout, _why(done)


def _why(done: Completed) -> str:
    if done.timed_out:
        return "journalctl did not end in time"
    if len(done.stdout) >= OUTPUT_MAX:
        return "the journal has more than is read of it"
    return "" if done.returncode == 0 and done.stdout else "there is no such log, and nothing in the journal"
