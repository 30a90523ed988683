"""End what users run in the queue directory, as well as can be; it keeps the queue mounted, and decides nothing."""

import _signal as signal
import time

from postfix_ha.actions.terminate import descriptor_of, send
from postfix_ha.procfs import living_place, process_link, process_stat, real_uid
from postfix_ha.system.identity import Identity
from postfix_ha.system.standing import Stander, is_within, standers

# For a few, such as a delivery command without its daemon, there is time to end in order; a crowd is none.
FEW = 32
ORDERLY_S = 0.5
GONE_S = 0.25
LOOK_AGAIN_S = 0.005


def end_standing(identity: Identity, known: "set[int]", deadline: float) -> "list[str]":
    """Ask and kill the users' processes in the queue directory; gives them in words, the first few of them."""
    there = standers(identity, known)
    names = [str(each) for each in there[:FEW]]
    is_crowd = len(there) > FEW
    if not is_crowd:
        _signal(there, identity, deadline, signal.SIGTERM, signal.SIGCONT)
        _wait(there, min(deadline, time.monotonic() + ORDERLY_S))
    _signal(there, identity, deadline, signal.SIGKILL)
    if not is_crowd:
        _wait(there, min(deadline, time.monotonic() + GONE_S))
    _end_tracers(there, deadline)
    return names + [f"{len(there) - FEW} more"] * is_crowd


def _end_tracers(there: "list[Stander]", deadline: float) -> None:
    """Kill the users' debuggers that hold back what was killed, and wait a moment."""
    living = [each.pid for each in there if _lives(each)]
    if not living:
        return
    from postfix_ha.actions.tracers import tracers_of

    tracers = [each for each in tracers_of(living, min(deadline, time.monotonic() + GONE_S)) if real_uid(each.pid)]
    for each in tracers:
        with descriptor_of(each.pid) as descriptor:
            stat = process_stat(each.pid)
            if stat is not None and stat.start == each.start:
                send(each.pid, descriptor, signal.SIGKILL)
    if tracers:
        _wait(there, min(deadline, time.monotonic() + GONE_S))


def _signal(there: "list[Stander]", identity: Identity, deadline: float, *numbers: int) -> None:
    """Send the signals to each that still is a user's process in the queue directory, whoever it is by now."""
    for each in there:
        with descriptor_of(each.pid) as descriptor:
            if is_within(process_link(each.place, "cwd"), identity.queue_dirs) and real_uid(each.pid) == each.uid:
                for number in numbers:
                    send(each.pid, descriptor, number)
        if time.monotonic() >= deadline:
            return


def _wait(there: "list[Stander]", until: float) -> None:
    while time.monotonic() < until and any(_lives(each) for each in there):
        time.sleep(LOOK_AGAIN_S)


def _lives(each: Stander) -> bool:
    stat = process_stat(each.pid)
    return stat is not None and not stat.is_dead and bool(process_link(living_place(each.pid), "cwd"))
