"""Drain: before a healthy instance is ended, what is under way ends in order, within a bound.

1. No new deliveries. The queue manager alone hands them out (qmgr(8)), and a delivery agent notes in the queue file
   itself which recipient is done. So the queue manager is suspended. An agent that is done waits for it to close their
   connection, and holds its queue file open for so long (deliver_request.c): we shut these connections down in its
   place. Master sees it alive and starts no other one, which would hand out more. Where the kernel does not let us,
   the queue manager is ended, and each that master starts in its place.
2. Deliveries end: none is under way when no delivery agent of this master holds a queue file open.
3. New connections are held (hold.py), so that nobody is refused and nothing new begins. That begins when the deliveries
   have ended, for a client that is held waits longer than one that is served; but in any case so early that a session
   which began just before has time to end. Stop ends it, once the server has ended.
4. SMTP sessions end: connections to the endpoints, those included that wait to be accepted.

Only children of the master process are signalled: nobody else can make a process its child.
"""

import _signal as signal
import os
import time

from postfix_ha.actions.terminate import descriptor_of, send
from postfix_ha.health import check_health, is_master_of
from postfix_ha.instance import Instance
from postfix_ha.params import Params
from postfix_ha.procfs import master_files, process_children, process_link, process_program, process_stat
from postfix_ha.request import Request
from postfix_ha.sockets import kernel_address, listening_sockets, parse_kernel_address
from postfix_ha.system.hold import Hold, begin_removal
from postfix_ha.system.sessions import Session, sessions_of
from postfix_ha.verdict import Finding

TYPE_CHECKING = False
if TYPE_CHECKING:
    from postfix_ha.system.command import Running

QUEUE_MANAGERS = ("qmgr", "oqmgr", "nqmgr")
# A queue manager that starts moves what is active back to incoming, under the agents that deliver it (qmgr_move.c).
QUEUES = ("active", "incoming", "deferred")
# Where delivery agents listen, as a daemon spells it that stands in the queue directory (mail_connect.c).
SERVICES = "private/"
# They have queue files open too, and deliver nothing.
NO_AGENTS = ("cleanup", "pickup", "showq", "flush", "bounce")
# What is kept of the time for the drain to let sessions end, however long deliveries take: a share, and its most. A
# client that is held for much longer gives up (Postfix's own after 30 s).
SESSIONS_SHARE, SESSIONS_MAX_S = 0.5, 10.0
# The most of a stop's time-out that a drain may take: what is left then must still be ended and listed again.
SHARE_MAX = 0.4
LOOK_AGAIN_S = 0.01
# A session in which no message is received and nothing happens for so long is idle.
QUIET_S = 1.5
# What is held beside a server that listens expires after so long if this stop is killed, and is renewed until then.
HELD_S, RENEWED_S = 10.0, 5.0
SHOWN_MAX = 8


def begin_drain(request: Request, params: Params, instance: "Instance | None") -> "Drain | NoDrain | None":
    """The drain of the recorded instance; None where its master has ended or is frozen."""
    if not params.drain_timeout_s:
        return NoDrain(begin_removal(params.config_dir, request.deadline))
    if instance is None:
        return None
    bound_s = min(params.drain_timeout_s, request.timeout_s * SHARE_MAX)
    stat = process_stat(instance.master_pid)
    if not is_master_of(instance, stat) or stat is None or stat.is_stopped:
        return None
    return Drain(instance, Hold(params.config_dir, instance.endpoints), bound_s, request.deadline)


def begin_hold(params: Params, instance: Instance, deadline: float) -> "Running | None":
    """Begin to hold new connections where nobody listens, before a start; with drain_timeout=0 to hold none."""
    if not params.drain_timeout_s:
        return begin_removal(params.config_dir, deadline)
    return Hold(params.config_dir, instance.endpoints).begin((), deadline)


def hold_on_standby(params: Params, instance: Instance, deadline: float) -> None:
    """After a probe that found nothing: hold connections from the start of the address to the start of Postfix.

    Addresses that are on this node already are not about to come here with the service, and nothing is held for them.
    """
    if not params.drain_timeout_s:
        running = begin_removal(params.config_dir, deadline)
    else:
        from postfix_ha.config.interfaces import local_addresses

        staying = [address for _, address in local_addresses()]
        running = Hold(params.config_dir, instance.endpoints).begin(staying, deadline)
    if running:
        running.finish()


class NoDrain:
    """What stop does where drain and hold are turned off: an earlier start may have had them on."""

    __slots__ = ("removal",)

    def __init__(self, removal: "Running | None") -> None:
        self.removal = removal

    def run(self) -> "list[Finding]":
        """Wait for nothing."""
        return []

    def let_in(self) -> None:
        """Nothing to begin: it was begun."""

    def finish(self) -> None:
        """Nothing is held any more."""
        if self.removal:
            self.removal.finish()


class Drain:
    """One drain: ``bound_s`` seconds at the most, from now on."""

    __slots__ = (
        "bound_s", "deadline", "held_since", "hold", "instance", "is_let_in", "letting_in", "others", "queues",
        "released", "until",
    )  # fmt: skip

    def __init__(self, instance: Instance, hold: Hold, bound_s: float, deadline: float) -> None:
        self.instance = instance
        self.deadline = deadline
        self.hold = hold
        self.bound_s = bound_s
        self.until = time.monotonic() + bound_s
        # When new connections were held last; 0 while none are.
        self.held_since = 0.0
        self.is_let_in = False
        self.letting_in: "Running | None" = None
        self.others = _other_listeners(instance)
        # Queue managers whose connections are shut down.
        self.released: "set[int]" = set()
        # As the kernel spells it: agents open their files below the directory that master stands in.
        queue = process_link(instance.master_pid, "cwd")
        self.queues = tuple(f"{queue}/{name}/" for name in QUEUES)

    def run(self) -> "list[Finding]":
        """Let all end; what was still under way at the bound, and why connections could not be held.

        An instance that is not healthy is not waited for.
        """
        deliveries = self._look_at_deliveries()
        if check_health(self.instance, self.deadline):
            return []
        if deliveries:
            self._end_deliveries(self.until - min(self.bound_s * SESSIONS_SHARE, SESSIONS_MAX_S))
        why = self._hold()
        sessions = self._end_sessions()
        # What was handed out just before the queue manager was suspended has shown by now.
        deliveries = self._end_deliveries(self.until)
        findings = [Finding("connections_held", why=why)] if why else []
        if deliveries or sessions:
            shown = [*deliveries, *(f"an SMTP session with {session.peer}" for session in sessions)]
            more = f" and {len(shown) - SHOWN_MAX} more" if len(shown) > SHOWN_MAX else ""
            what = ", ".join(shown[:SHOWN_MAX]) + more
            findings.append(Finding("drain_completed", bound_s=f"{self.bound_s:g}", what=what))
        return findings

    def let_in(self) -> None:
        """Let new connections through again, once the server has ended."""
        self.is_let_in = True
        self.letting_in = self.hold.end_drain(HELD_S, self.deadline)

    def finish(self) -> None:
        """Wait until new connections are let through again."""
        if not self.is_let_in:
            self.let_in()
        if self.letting_in:
            self.letting_in.finish()

    def _hold(self) -> str:
        now = time.monotonic()
        why = self.hold.drain(HELD_S, [parse_kernel_address(name) for name in self.others], self.deadline)
        self.held_since = 0.0 if why else now
        return why

    def _renew(self) -> None:
        """Hold new connections on, where they are held."""
        if self.held_since and time.monotonic() - self.held_since >= RENEWED_S:
            self._hold()

    def _end_deliveries(self, until: float) -> "list[str]":
        """Wait for the deliveries; those that are still under way then, in words."""
        while True:
            held = self._look_at_deliveries()
            if not held or time.monotonic() >= until:
                return held
            self._renew()
            time.sleep(LOOK_AGAIN_S)

    def _look_at_deliveries(self) -> "list[str]":
        """Suspend the queue managers; the deliveries that are under way, in words."""
        daemons = self._daemons()
        managers = [pid for pid, name in daemons.items() if name in QUEUE_MANAGERS]
        for pid in managers:
            self._suspend(pid)
        held = _deliveries({pid: name for pid, name in daemons.items() if pid not in managers}, self.queues)
        for pid in managers if held else ():
            self._release(pid)
        return held

    def _suspend(self, manager: int) -> None:
        with descriptor_of(manager) as descriptor:
            stat = process_stat(manager)
            if stat is not None and stat.parent == self.instance.master_pid and not stat.is_stopped:
                send(manager, descriptor, signal.SIGSTOP)

    def _release(self, manager: int) -> None:
        """Once a queue manager is suspended, let those go that wait for it."""
        if manager in self.released:
            return
        from postfix_ha.actions.streams import end_streams

        with descriptor_of(manager) as descriptor:
            stat = process_stat(manager)
            if stat is None or stat.parent != self.instance.master_pid or not stat.is_stopped:
                return
            self.released.add(manager)
            if not end_streams(manager, descriptor, SERVICES):
                send(manager, descriptor, signal.SIGKILL)

    def _daemons(self) -> "dict[int, str]":
        """pid -> program name of each daemon of this master."""
        children = process_children(self.instance.master_pid) or []
        return {pid: os.path.basename(process_program(pid)) for pid in children}

    def _end_sessions(self) -> "list[Session]":
        """Wait for the sessions with the endpoints; those that are left at the bound.

        Sessions among which nothing happens while no message is received are of clients that only stay connected: they
        are not waited for, and nothing is cut with them.
        """
        known: "set[str]" = set()
        quiet_since = time.monotonic()
        while True:
            sessions = sessions_of(self.instance.master_pid, self.instance.endpoints, self.others)
            now = time.monotonic()
            if not sessions or now >= self.until:
                return sessions
            peers = {session.peer for session in sessions}
            if peers != known or self._is_receiving():
                known, quiet_since = peers, now
            elif now - quiet_since >= QUIET_S:
                return []
            self._renew()
            time.sleep(LOOK_AGAIN_S)

    def _is_receiving(self) -> bool:
        """Whether a cleanup process has a message open that is not complete yet."""
        receiving = [pid for pid, name in self._daemons().items() if name == "cleanup"]
        return any(target.startswith(self.queues) for pid in receiving for target in _open_files(pid))


def _other_listeners(instance: Instance) -> "set[str]":
    """Where others than this master listen on a port that it has on all addresses: the kernel's names of these."""
    wildcards = [endpoint for endpoint in instance.endpoints if endpoint.is_wildcard]
    own = master_files(instance.master_pid)[0] if wildcards else set()
    found: "set[str]" = set()
    for wildcard in wildcards:
        everywhere = kernel_address(wildcard)
        port = everywhere.rpartition(":")[2]
        for name, entries in listening_sockets(instance.master_pid, wildcard.is_ipv6).items():
            is_other = name != everywhere and not any(inode in own for inode, _ in entries)
            if name.rpartition(":")[2] == port and is_other:
                found.add(name)
    return found


def _deliveries(daemons: "dict[int, str]", queues: "tuple[str, ...]") -> "list[str]":
    """The deliveries under way: queue id, program and pid of each open queue file."""
    return [
        f"the delivery of {os.path.basename(target)} by {name}[{pid}]"
        for pid, name in sorted(daemons.items())
        if name not in NO_AGENTS
        for target in _open_files(pid)
        if target.startswith(queues)
    ]


def _open_files(pid: int) -> "list[str]":
    """What the process's descriptors name; empty for one that has ended."""
    try:
        names = os.listdir(f"/proc/{pid}/fd")
    except OSError:
        return []
    return [target for target in (process_link(pid, f"fd/{name}") for name in names) if target]
