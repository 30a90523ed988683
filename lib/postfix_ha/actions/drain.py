"""Drain: before a healthy instance is ended, what is under way ends in order, within a bound.

1. No new deliveries. The queue manager alone hands them out (qmgr(8)), and a delivery agent notes in the queue file
   itself which recipient is done. So the queue manager is suspended. Where deliveries are under way it is ended, since
   an agent that is done waits for it to close their connection and holds its queue file open for so long
   (deliver_request.c). One that master starts in its place is ended too; after that master starts none for a minute
   (master_throttle).
2. Deliveries end: none is under way when no delivery agent of this master holds a queue file open.
3. New connections are held (hold.py), so that nobody is refused and nothing new begins.
4. SMTP sessions end: connections to the endpoints, those included that wait to be accepted.

Only children of the master process are signalled: nobody else can make a process its child.
"""

import contextlib
import os
import signal
import time

from postfix_ha.config.interfaces import local_addresses
from postfix_ha.health import check_health, is_master_of
from postfix_ha.instance import Instance
from postfix_ha.params import Params
from postfix_ha.procfs import (
    process_children,
    process_link,
    process_program,
    process_stat,
)
from postfix_ha.request import Request
from postfix_ha.system.command import Running
from postfix_ha.system.hold import Hold
from postfix_ha.system.sessions import Session, sessions_of
from postfix_ha.verdict import Finding

QUEUE_MANAGERS = ("qmgr", "oqmgr", "nqmgr")
# A queue manager that starts moves what is active back to incoming, under the agents that deliver it (qmgr_move.c).
QUEUES = ("active", "incoming", "deferred")
# They have queue files open too, and deliver nothing.
NO_AGENTS = ("cleanup", "pickup", "showq", "flush", "bounce")
# Of the time for the drain, what deliveries may take: sessions that only have to end need some of it too.
DELIVERIES_SHARE = 0.8
# The most of a stop's time-out that a drain may take: what is left then must still be ended and listed again.
SHARE_MAX = 0.4
LOOK_AGAIN_S = 0.01
# A session in which no message is received and nothing happens for so long is idle.
QUIET_S = 1.5
# A hold outlives the drain by what the end of the daemons takes, and then until the address has left the node.
END_S, LEAVING_S = 3.0, 15.0
# A start takes less, as a rule; a node that stands by is looked at every 30 s (a monitor with role Stopped).
STARTING_S, STANDBY_S = 60.0, 100.0
SHOWN_MAX = 8


def drain(request: Request, params: Params, instance: Instance) -> "list[Finding]":
    """Drain the recorded instance if it is healthy; else only hold new connections until it is restarted.

    Gives connections_held if nftables cannot hold them, and drain_completed if something was still active at the end.
    """
    bound_s = min(params.drain_timeout_s, request.timeout_s * SHARE_MAX)
    if not bound_s:
        return []
    hold = Hold(params.config_dir, instance.endpoints)
    stat = process_stat(instance.master_pid)
    is_running = is_master_of(instance, stat) and stat is not None and not stat.is_stopped
    if is_running and not check_health(instance, request.deadline):
        return Drain(instance, hold, bound_s).run(request.deadline)
    hold.drain(0.0, LEAVING_S, request.deadline)
    return []


def begin_hold(params: Params, instance: Instance, deadline: float) -> "Running | None":
    """Begin to hold new connections until the starting instance listens, and end what an earlier drain holds."""
    hold = Hold(params.config_dir, instance.endpoints)
    return hold.begin_absent(STARTING_S, deadline) if params.drain_timeout_s else None


def end_hold(params: Params, instance: Instance, deadline: float) -> None:
    """Remove every hold of this instance, once it serves clients."""
    if params.drain_timeout_s:
        Hold(params.config_dir, instance.endpoints).end(deadline)


def hold_on_standby(params: Params, instance: Instance, deadline: float) -> None:
    """Where the instance does not run: hold connections between the start of the address and the start of Postfix."""
    if params.drain_timeout_s:
        present = [address for _, address in local_addresses()]
        Hold(params.config_dir, instance.endpoints).absent(STANDBY_S, present, deadline)


class Drain:
    """One drain: ``bound_s`` seconds at the most, from now on."""

    __slots__ = ("begun", "bound_s", "hold", "instance", "queues", "until")

    def __init__(self, instance: Instance, hold: Hold, bound_s: float) -> None:
        self.instance = instance
        self.hold = hold
        self.bound_s = bound_s
        self.begun = time.monotonic()
        self.until = self.begun + bound_s
        # As the kernel spells it: agents open their files below the directory that master stands in.
        queue = process_link(instance.master_pid, "cwd")
        self.queues = tuple(f"{queue}/{name}/" for name in QUEUES)

    def run(self, deadline: float) -> "list[Finding]":
        """Let all end; what was still under way at the bound, and why connections could not be held."""
        deliveries = self._end_deliveries(self.begun + self.bound_s * DELIVERIES_SHARE)
        left_s = max(0.0, self.until - time.monotonic())
        why = self.hold.drain(left_s + END_S, left_s + END_S + LEAVING_S, deadline)
        sessions = self._end_sessions()
        # What was handed out just before the queue manager was suspended has shown by now.
        deliveries = deliveries or self._end_deliveries(self.until)
        findings = [Finding("connections_held", why=why)] if why else []
        if deliveries or sessions:
            shown = [*deliveries, *(f"an SMTP session with {session.peer}" for session in sessions)]
            more = f" and {len(shown) - SHOWN_MAX} more" if len(shown) > SHOWN_MAX else ""
            what = ", ".join(shown[:SHOWN_MAX]) + more
            findings.append(Finding("drain_completed", bound_s=f"{self.bound_s:g}", what=what))
        return findings

    def _end_deliveries(self, until: float) -> "list[str]":
        """Wait for the deliveries; those that are still under way then, in words."""
        while True:
            daemons = self._daemons()
            managers = {pid for pid, name in daemons.items() if name in QUEUE_MANAGERS}
            others = {pid for pid, name in daemons.items() if name in NO_AGENTS}
            for pid in managers:
                _signal(pid, self.instance.master_pid, signal.SIGSTOP)
            held = self._deliveries(daemons.keys() - managers - others)
            if not held or time.monotonic() >= until:
                return held
            for pid in managers:
                _signal(pid, self.instance.master_pid, signal.SIGKILL)
            time.sleep(LOOK_AGAIN_S)

    def _daemons(self) -> "dict[int, str]":
        """pid -> program name of each daemon of this master."""
        children = process_children(self.instance.master_pid) or []
        return {pid: os.path.basename(process_program(pid)) for pid in children}

    def _deliveries(self, pids: "set[int]") -> "list[str]":
        """The deliveries under way: queue id, program and pid of each open queue file."""
        found = []
        for pid in sorted(pids):
            for target in _open_files(pid):
                if target.startswith(self.queues):
                    name = os.path.basename(process_program(pid))
                    found.append(f"the delivery of {os.path.basename(target)} by {name}[{pid}]")
        return found

    def _end_sessions(self) -> "list[Session]":
        """Wait for the sessions with the endpoints; those that are left at the bound.

        Sessions among which nothing happens while no message is received are of clients that only stay connected: they
        are not waited for, and nothing is cut with them.
        """
        known: "set[str]" = set()
        quiet_since = time.monotonic()
        while True:
            sessions = sessions_of(self.instance.master_pid, self.instance.endpoints)
            now = time.monotonic()
            if not sessions or now >= self.until:
                return sessions
            peers = {session.peer for session in sessions}
            if peers != known or self._is_receiving():
                known, quiet_since = peers, now
            elif now - quiet_since >= QUIET_S:
                return []
            time.sleep(LOOK_AGAIN_S)

    def _is_receiving(self) -> bool:
        """Whether a cleanup process has a message open that is not complete yet."""
        receiving = [pid for pid, name in self._daemons().items() if name == "cleanup"]
        return any(target.startswith(self.queues) for pid in receiving for target in _open_files(pid))


def _open_files(pid: int) -> "list[str]":
    """What the process's descriptors name; empty for one that has ended."""
    directory = f"/proc/{pid}/fd"
    targets = []
    with contextlib.suppress(OSError):
        for name in os.listdir(directory):
            with contextlib.suppress(OSError):
                targets.append(os.readlink(f"{directory}/{name}"))
    return targets


def _signal(pid: int, master: int, number: "signal.Signals") -> None:
    """Send a signal to a process that is still this master's child."""
    try:
        descriptor = os.pidfd_open(pid)
    except (OSError, AttributeError):
        return  # gone, or a kernel before 5.3: what cannot be hit for certain is left alone
    try:
        stat = process_stat(pid)
        if stat is not None and stat.parent == master:
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(descriptor, number)
    finally:
        os.close(descriptor)
