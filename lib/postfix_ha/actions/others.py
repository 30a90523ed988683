"""Who is not Postfix and meets its stop; what a stop says of them decides nothing."""

import time

from postfix_ha import codes
from postfix_ha.barrier import with_barrier
from postfix_ha.procfs import real_uid
from postfix_ha.request import Request
from postfix_ha.system.child import begin, finish
from postfix_ha.system.processes import Identity, Member
from postfix_ha.verdict import HEALTHY, Finding, Verdict

ENDED_MAX = 8
# What a stop waits for the look at most, once all has ended: it was begun before.
WAIT_MAX_S = 0.5
# How long it looks, and at how many processes: with thousands of them stop is hardly slower.
LOOK_MAX_S = 0.4
ASKED_MAX = 600


class Others:
    """Who is not the instance's and meets its stop: what is ended with it, and who keeps its file system in use.

    It only warns: a fault of ours here decides nothing.
    """

    __slots__ = ("_begun", "_ended", "_identity", "_name", "_request")

    def __init__(self, request: Request, identity: Identity, name: str) -> None:
        self._request = request
        self._identity = identity
        self._name = name
        self._ended: "list[str]" = []
        self._begun: "list[tuple[int, int]]" = []
        with_barrier(request, self._begin)

    def remember(self, members: "list[Member]") -> None:
        """Note what else than Postfix's daemons is to be ended now."""

        def note() -> Verdict:
            strangers = [each for each in members if each.is_command or not self._identity.is_daemon(each.program)]
            if strangers:
                from postfix_ha.sharing.holders import user_names, user_of

                names = user_names()
                self._ended += [f"{each} of {user_of(real_uid(each.pid), names)}" for each in strangers[:ENDED_MAX]]
                self._ended += [f"{len(strangers) - ENDED_MAX} more"] * (len(strangers) > ENDED_MAX)
            return HEALTHY

        with_barrier(self._request, note)

    def findings(self) -> "list[Finding]":
        """commands_undisturbed, queue_released."""
        return with_barrier(self._request, self._find).notes

    def _begin(self) -> Verdict:
        queue_dirs, deadline = set(self._identity.queue_dirs), self._request.deadline

        def tell(writing: int) -> None:
            # Loaded by the child: stop itself goes on meanwhile.
            from postfix_ha.sharing.holders import tell_holders

            tell_holders(queue_dirs, min(deadline, time.monotonic() + LOOK_MAX_S), ASKED_MAX, writing)

        self._begun.append(begin(tell))
        return HEALTHY

    def _find(self) -> Verdict:
        found = []
        if self._ended:
            shown = ", ".join(self._ended)
            found.append(Finding("commands_undisturbed", instance=self._name, processes=shown))
        until = min(self._request.deadline, time.monotonic() + WAIT_MAX_S)
        told = finish(*self._begun[0], until) if self._begun else b""
        if told:
            from postfix_ha.sharing.holders import in_words, told_holders

            mount_point, holders = told_holders(told)
            if holders:
                found.append(Finding("queue_released", mount_point=mount_point, holders=in_words(holders)))
        return Verdict(codes.SUCCESS, None, found)
