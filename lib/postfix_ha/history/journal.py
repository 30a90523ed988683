"""The same lines from the journal, on a node that keeps them in no file, and from it alone when the clock was set.

What is asked for is told by the unit, which journald has from the kernel (systemd.journal-fields(7)), and not by the
name that a process gives itself: with logger(1) every user may write under any name.
"""

import re
import time

from postfix_ha.history.seen import Seen
from postfix_ha.history.stamps import Clock
from postfix_ha.system.command import OUTPUT_MAX, Completed, run

JOURNALCTL_S = 60.0
PACEMAKER = ("_SYSTEMD_UNIT=pacemaker.service",)
COROSYNC = ("_SYSTEMD_UNIT=corosync.service",)
# A Postfix that the cluster has started is of the cluster's unit.
MAIL = ("SYSLOG_FACILITY=2", "_SYSTEMD_UNIT=pacemaker.service")
CLOCK_UNITS = ("chrony", "chronyd", "ntpsec", "ntp", "ntpd", "systemd-timesyncd")
CLOCKS = tuple(f"_SYSTEMD_UNIT={name}.service" for name in CLOCK_UNITS)  # of one field, either
CLOCK_S = 10.0
# What chronyd (sys_linux and local.c), ntpd and ntpsec (ntp_loopfilter.c) and systemd-timesyncd say of a step.
_STEP = re.compile(
    rb"\S+ [\w-]+\[\d+\]: (?:CLOCK: )?(?:System clock was stepped by|time stepped by|time reset) (?P<s>[+-]?\d+\.?\d*)|"
    rb"\S+ [\w-]+\[\d+\]: System clock time unset or jumped backwards"
)


def journal(matches: "tuple[str, ...]", since: float, until: float, deadline: float) -> "tuple[bytes, str]":
    """(the lines, "" or why not all of them are there); each line begins with its time since the epoch."""
    words = ["journalctl", "--quiet", "--no-pager", "--output=short-unix"]
    words += [f"--since=@{max(0, since):.0f}", f"--until=@{min(until, time.time() + 1):.0f}", *matches]
    done = run(words, deadline=min(deadline, time.monotonic() + JOURNALCTL_S))
    return done.stdout, _why(done)


def clock_steps(node: str, since: float, until: float, deadline: float) -> "list[Seen]":
    """When a program that keeps this node's clock has set it."""
    text, _ = journal(CLOCKS, since, until, min(deadline, time.monotonic() + CLOCK_S))
    return steps_in(node, text)


def steps_in(node: str, text: bytes) -> "list[Seen]":
    """The same in the lines of the journal."""
    clock, found = Clock(time.time()), []
    for line in text.split(b"\n"):
        stamp = clock.read(line)
        step = _STEP.match(line[stamp[1] :]) if stamp else None
        if stamp is not None and step is not None:
            by = f"{float(step['s']):+.1f} s" if step["s"] else "back"
            found.append(Seen(stamp[0], node, "clock", node=node, text=by))
    return found


def _why(done: Completed) -> str:
    if done.timed_out:
        return "journalctl did not end in time"
    if len(done.stdout) >= OUTPUT_MAX:
        return "the journal has more than is read of it"
    return "" if done.returncode == 0 and done.stdout else "there is no such log, and nothing in the journal"
