"""End every process of an instance: ask master first, then suspend, list and kill what is left until nothing is.

Signals go through process descriptors (pidfd) after the start time was compared, so that a recycled number is never
hit. A process in uninterruptible sleep cannot be ended by anybody; it is what makes a stop fail. Every loop looks at
the clock: however many processes there are, there is an answer in time.
"""

import _signal as signal
import os
import select
import time

from postfix_ha.procfs import process_stat
from postfix_ha.system.processes import Census, Identity, Member, census, census_of_daemons

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

# Share of the time for an orderly end after TERM to master, and its most: deliveries end, then the rest is killed.
ORDERLY_SHARE = 0.4
ORDERLY_MAX_S = 30.0
# How long a master may live on alone: with no daemon left there is no delivery that it could end in order.
ALONE_S = 0.5
TERM_SHARE = 0.2
TERM_MAX_S = 5.0
KILL_ROUND_S = 0.5
# States of a suspended process in /proc/PID/stat: by a signal, by a debugger.
STOPPED = ("T", "t")
# After so many lists in which there was always another one, all that mail_owner runs is suspended at once.
LISTS_MAX = 3
# More descriptors than this are not watched: where there are thousands the clock is looked at.
WATCHED_MAX = 256


def end_instance(
    identity: Identity, deadline: float, before_term: "Callable[[list[Member]], object]" = len
) -> "tuple[list[Member], list[Member]]":
    """End all processes of the instance before the deadline: (those that there were, those that are left).

    ``before_term`` is told what master has not ended in order, which is sent TERM and KILL now.
    """
    # Of a known master all descend that there is to end in order; who else there is, the list after that tells.
    people = census_of_daemons(identity, identity.master[0]) if identity.master else Census(None, [])
    if not people.master:
        people = census(identity, with_owner=True)
    there_were = left = _sure(people, identity, deadline)
    if people.master:
        _end_orderly(people.master, people.members, _slice(deadline, ORDERLY_SHARE, ORDERLY_MAX_S))
        # Delivery commands whose daemon has ended just now are known only from the first list: nothing else tells them.
        left = _merged(_living(people.members), _listed(identity, deadline))
        there_were = _merged(there_were, left)
    if left:
        before_term(left)
        _signal(left, deadline, signal.SIGTERM, signal.SIGCONT)
        left = _wait_for_end(left, _slice(deadline, TERM_SHARE, TERM_MAX_S))
        left = _merged(left, _listed(identity, deadline))
    while left and time.monotonic() < deadline:
        there_were = _merged(there_were, left)
        left = _merged(_kill(left, identity, deadline), _listed(identity, deadline))
    return _merged(there_were, left), left


def _listed(identity: Identity, deadline: float) -> "list[Member]":
    return _sure(census(identity, with_owner=True), identity, deadline)


def _sure(people: Census, identity: Identity, deadline: float) -> "list[Member]":
    """The members of a census; if it has none and may have missed some, of one beside which mail_owner starts none."""
    if people.members or people.is_whole or time.monotonic() >= deadline:
        return people.members
    from postfix_ha.actions.suspend import owner_suspended

    with owner_suspended(identity.owner_uids, deadline):
        found = census(identity, with_owner=True).members
        _signal(found, deadline, signal.SIGKILL)
    return found


def _end_orderly(master: Member, members: "list[Member]", deadline: float) -> None:
    """TERM to master alone, which ends its daemons."""
    _signal([master], deadline, signal.SIGTERM, signal.SIGCONT)
    # What is suspended (a drain leaves the queue manager so) does not notice the TERM that master hands on.
    _signal([each for each in members if each.state in STOPPED], deadline, signal.SIGTERM, signal.SIGCONT)
    if not _wait_for_master(master, members, deadline):
        # Its daemons got the signal from it (master_sigdeath) and need a moment to be gone.
        _wait_for_end(members, min(deadline, time.monotonic() + 1.0))


def _wait_for_master(master: Member, members: "list[Member]", deadline: float) -> "list[Member]":
    """Wait until master has ended or the deadline; one that lives on alone for a while is killed.

    After it has ended its daemons, postlogd among them, it logs so: into a socket that nobody reads any more. While
    it was frozen that has filled up, and then master sits there for seconds (seen with maillog_file).
    """
    alone_at = deadline
    while True:
        left = _wait_for_end([master], min(deadline, time.monotonic() + 0.1))
        now = time.monotonic()
        if not left or now >= deadline:
            return left
        if len(_living(members)) > 1:
            alone_at = deadline
        elif alone_at == deadline:
            alone_at = now + ALONE_S
        elif now >= alone_at:
            _signal([master], deadline, signal.SIGKILL)


def _kill(left: "list[Member]", identity: Identity, deadline: float) -> "list[Member]":
    """Suspend what is left, list again until no new one shows, kill all of them and wait a moment.

    Where new ones come faster than they are listed, the whole account that they come from is suspended meanwhile.
    """
    known: "list[Member]" = []
    for _ in range(LISTS_MAX):
        if len(left) <= len(known) or time.monotonic() >= deadline:
            break
        known = left
        _signal(known, deadline, signal.SIGSTOP)
        left = _merged(known, census(identity, with_owner=True).members)
    if len(left) > len(known) and time.monotonic() < deadline:
        from postfix_ha.actions.suspend import owner_suspended

        with owner_suspended(identity.owner_uids, deadline):
            left = _merged(left, census(identity, with_owner=True).members)
            _signal(left, deadline, signal.SIGKILL)
    _signal(left, deadline, signal.SIGKILL)
    left = _wait_for_end(left, min(deadline, time.monotonic() + KILL_ROUND_S))
    if not left:
        return left
    from postfix_ha.actions.tracers import tracers_of

    tracers = tracers_of([member.pid for member in left], deadline)
    if not tracers:
        return left
    _signal(tracers, deadline, signal.SIGKILL)
    return _wait_for_end(left, min(deadline, time.monotonic() + KILL_ROUND_S))


def _slice(deadline: float, share: float, most_s: float) -> float:
    """The point of time at which a phase with this share of what is left ends."""
    now = time.monotonic()
    return now + min(max(0.0, deadline - now) * share, most_s)


def _living(members: "Iterable[Member]") -> "list[Member]":
    """Those of the members that still run, told by their start time."""
    living = []
    for member in members:
        stat = process_stat(member.pid)
        if stat is not None and stat.start == member.start and not stat.is_dead:
            member.state = stat.state
            living.append(member)
    return living


def _merged(first: "list[Member]", second: "list[Member]") -> "list[Member]":
    """Both lists, each process once."""
    known = {(member.pid, member.start) for member in first}
    return first + [member for member in second if (member.pid, member.start) not in known]


def _signal(members: "Iterable[Member]", deadline: float, *numbers: int) -> None:
    """Send the signals to each member that still is the process that was listed, until the deadline."""
    for member in members:
        with descriptor_of(member.pid) as descriptor:
            if not _living([member]):
                continue
            for number in numbers:
                send(member.pid, descriptor, number)
        if time.monotonic() >= deadline:
            return


def send(pid: int, descriptor: int, number: int) -> None:
    """Send a signal through a process descriptor, or by number where there is none; one that has gone is no error."""
    try:
        if descriptor >= 0:
            signal.pidfd_send_signal(descriptor, number)
        else:  # a kernel before 5.3 has no process descriptors
            os.kill(pid, number)
    except ProcessLookupError:
        return


def descriptor_of(pid: int) -> "_Descriptor":
    """A process descriptor for a block of statements, or -1 where there is none to be had."""
    return _Descriptor(_opened(pid))


class _Descriptor:
    """A descriptor that is closed at the end of the block."""

    __slots__ = ("_number",)

    def __init__(self, number: int) -> None:
        self._number = number

    def __enter__(self) -> int:
        return self._number

    def __exit__(self, *_: object) -> None:
        if self._number >= 0:
            os.close(self._number)


def _opened(pid: int) -> int:
    try:
        return os.pidfd_open(pid)
    except (OSError, AttributeError):
        return -1


def _wait_for_end(members: "list[Member]", deadline: float) -> "list[Member]":
    """Wait until all of the members have ended or the deadline; returns those that have not."""
    living = _living(members)
    while living:
        remaining_ms = (deadline - time.monotonic()) * 1000
        if remaining_ms <= 0:
            return living
        watched = [_opened(member.pid) for member in living[:WATCHED_MAX]]
        poller = select.poll()
        for descriptor in watched:
            if descriptor >= 0:
                poller.register(descriptor, select.POLLIN)
        # Without descriptors, and for a zombie's moment, look again every 10 ms.
        poller.poll(min(remaining_ms, 10 if -1 in watched else 100))
        for descriptor in watched:
            if descriptor >= 0:
                os.close(descriptor)
        living = _living(living)
    return []
