"""The stop action: truthful above all, for a failure means fencing and a false success means two masters.

It works from the snapshot and the process table alone; configuration, commands and queue may all be gone. What was
not learned only narrows how processes are recognised; it neither skips the kill nor decides the answer.
"""

import os

from postfix_ha import codes
from postfix_ha.actions.others import Others
from postfix_ha.actions.terminate import end_instance
from postfix_ha.actions.terminate_users import end_standing
from postfix_ha.barrier import with_barrier
from postfix_ha.health import is_master_of
from postfix_ha.instance import DEFAULT_CONFIG_DIR, Instance, read_record, remove_snapshot, snapshot_path
from postfix_ha.params import Params
from postfix_ha.procfs import process_stat
from postfix_ha.request import Request
from postfix_ha.system.child import hear_of_children
from postfix_ha.system.processes import Identity
from postfix_ha.verdict import HEALTHY, Finding, Verdict

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from postfix_ha.actions.drain import Drain, NoDrain


def stop(request: Request) -> Verdict:
    """End all processes of the instance; 0 exactly when none is left."""
    if os.geteuid() != 0:
        return Verdict(codes.ERR_PERM, Finding("run_by_root", action="stop", uid=os.geteuid()))
    hear_of_children()
    params = Params(request.parameters)
    recorded = read_record(request.run_directory, params.config_dir)
    identity = identity_for_stop(request, params, recorded)
    name = params.config_dir or DEFAULT_CONFIG_DIR
    with _Drained(request, params, recorded) as drained:
        others = Others(request, identity, name)
        _, left = end_instance(identity, request.deadline, others.remember)
        drained.let_in()
        notes = drained.notes + _end_standing(request, identity, name, {member.pid for member in left})
        notes += others.findings()
    if left:
        shown = ", ".join(f"{member} (state {member.state})" for member in left[:8])
        return Verdict(codes.ERR_GENERIC, Finding("stop_completed", instance=name, processes=shown), notes)
    remove_snapshot(snapshot_path(request.run_directory, params.config_dir))
    return Verdict(codes.SUCCESS, None, notes)


class _Drained:
    """Drain the recorded instance, and let new connections through again when what is done within has ended it.

    All of this only helps: a fault of ours in it must not keep processes alive, and the barrier logs it.
    """

    __slots__ = ("_drains", "_request", "notes")

    def __init__(self, request: Request, params: Params, recorded: "Instance | None") -> None:
        self._request = request
        self._drains: "list[Drain | NoDrain]" = []

        def begin() -> Verdict:
            from postfix_ha.actions.drain import begin_drain

            drain = begin_drain(request, params, recorded)
            self._drains += [drain] if drain else []
            return Verdict(codes.SUCCESS, None, drain.run() if drain else [])

        self.notes = with_barrier(request, begin).notes

    def __enter__(self) -> "_Drained":
        return self

    def let_in(self) -> None:
        """Begin it: the instance has ended. What else stop has to do need not wait for it."""
        self._do(lambda drain: drain.let_in())

    def __exit__(self, *_: object) -> None:
        self._do(lambda drain: drain.finish())

    def _do(self, act: "Callable[[Drain | NoDrain], None]") -> None:
        def done(drain: "Drain | NoDrain") -> Verdict:
            act(drain)
            return HEALTHY

        if self._drains:
            with_barrier(self._request, lambda: done(self._drains[0]))


def _end_standing(request: Request, identity: Identity, name: str, known: "set[int]") -> "list[Finding]":
    """queue_left_by_users, when users stood in the queue directory; a fault of ours there decides nothing."""
    names: "list[str]" = []

    def end() -> Verdict:
        names.extend(end_standing(identity, known, request.deadline))
        return HEALTHY

    with_barrier(request, end)
    return [Finding("queue_left_by_users", instance=name, processes=", ".join(names))] if names else []


def identity_for_stop(request: Request, params: Params, recorded: "Instance | None") -> Identity:
    """How to recognise the instance: from its record; unless that is of a living master, also from today's node."""
    identity = Identity(params.config_dir, recorded)
    is_current = recorded is not None and is_master_of(recorded, process_stat(recorded.master_pid))
    if is_current and identity.owner_uids:
        return identity
    # A fault of ours in what only helps to recognise them must not let processes live: the barrier logs it.
    with_barrier(request, lambda: _look_up(identity, request, params))
    return identity


def _look_up(identity: Identity, request: Request, params: Params) -> Verdict:
    from postfix_ha.actions.lookup import look_up_in_time

    look_up_in_time(identity, request, params)
    return HEALTHY
