"""Suspend all processes of an account at once: the one way to catch those that start others faster than one can list.

A signal to "all" goes to every process that its sender may hit, and none is born beside it (kill(2), -1): the kernel
holds its list of processes meanwhile. So a child becomes the account and sends it.
"""

import contextlib
import os
import signal
import time
from collections.abc import Iterable, Iterator

from postfix_ha.procfs import process_ids, process_stat, real_uid
from postfix_ha.system.child import told_by_child
from postfix_ha.system.owner import near

SUSPEND_S = 1.0
REAP_S = 0.1


@contextlib.contextmanager
def owner_suspended(uids: "Iterable[int]", deadline: float) -> "Iterator[None]":
    """While the block runs, all processes of these accounts are suspended; afterwards those go on that did before."""
    accounts = {uid for uid in uids if uid > 0}
    stopped_before = {pid for pid in _processes_of(accounts) if _is_stopped(pid)}
    try:
        for uid in accounts:
            _stop_all_of(uid, min(deadline, time.monotonic() + SUSPEND_S))
        yield
    finally:
        # Also those of another instance with the same mail_owner. What was killed is not woken by this.
        for pid in _processes_of(accounts) - stopped_before:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)


def _stop_all_of(uid: int, until: float) -> None:
    """Send SIGSTOP to whatever this account runs; the account may end or stop the sender, but not what it has sent."""

    def stop(_: int) -> None:
        os.setgroups([])
        os.setresuid(uid, uid, uid)
        os.kill(-1, signal.SIGSTOP)

    told_by_child(stop, until, reap_s=REAP_S)


def _processes_of(uids: "set[int]") -> "set[int]":
    """All processes with one of these real uids."""
    return {pid for pid in near(process_ids(), uids) if real_uid(pid) in uids}


def _is_stopped(pid: int) -> bool:
    stat = process_stat(pid)
    return stat is not None and stat.is_stopped
