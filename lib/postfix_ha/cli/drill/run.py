"""A drill from its first message to its last: mail flows, the service is moved or broken, and all is left as it was."""

import time
from typing import Callable

from postfix_ha.cli.drill.counting import Counting, await_so
from postfix_ha.cli.drill.node_steps import INFLICT
from postfix_ha.cli.drill.preconditions import Course
from postfix_ha.cli.output import say
from postfix_ha.cli.signals import Interrupted, one_step, when_interrupted
from postfix_ha.cluster.change.move import HOLD_MARGIN_S, hold, release
from postfix_ha.cluster.live.push import change
from postfix_ha.cluster.live.wait import State, is_idle, wait_idle, wait_until
from postfix_ha.cluster.show.status import Overview
from postfix_ha.drill.client import Client
from postfix_ha.drill.faults import FREEZE, STANDBY
from postfix_ha.drill.guard import Guard, Traces
from postfix_ha.drill.ledger import Crew, Event, Ledger
from postfix_ha.drill.restore import FAILED, FROZEN, HOLD, STAMP, set_standby, undo
from postfix_ha.drill.results import DrillFacts, Phase
from postfix_ha.drill.senders import senders
from postfix_ha.drill.whereabouts import Timeline
from postfix_ha.messages.errors import ClusterError, Refused, failed, refused
from postfix_ha.messages.statement import Statement, stated, worded

# Mail flows for so long before, between and after: enough to see that it does.
STEADY_S = 2.0
NOWHERE = "no node"
FLOW_S = 20.0
CONNECTIONS = 4
# Nobody is to wait for a connection that leads nowhere: short against the gap, long against a network's delay.
CONNECT_S, READ_S = 0.2, 5.0


class Drill:
    """One drill on its course; ``facts`` is what it has found out so far."""

    def __init__(self, course: Course, say: "Callable[[str], None]") -> None:
        self.course = course
        self.cluster = course.cluster
        self.tag = course.tag
        self.wait_s: int = course.options.wait
        self.ledger = Ledger()
        self.timeline = Timeline()
        self.began, self.began_at = time.monotonic(), time.time()
        self._say = say
        self._where = course.origin
        self.phases: "list[Phase]" = []
        self.errors: "list[Statement]" = []
        self.interrupted, self.signal = "", 0
        self.at = "before the first message"
        self.counting = Counting(course, self.ledger, self.began_at)
        self.has_changed = False
        # A connection for each endpoint at least. Half of the messages measure the gap, half are sent as servers do.
        connections, rate = max(CONNECTIONS, len(course.endpoints)), course.options.rate / 2
        crews = [Crew("drill", connections, rate), senders(connections, rate)]
        targets = [(endpoint.address, endpoint.port) for endpoint in course.endpoints]
        self.client = Client(
            targets, course.letter, crews, self._note, connect_timeout_s=CONNECT_S, read_timeout_s=READ_S
        )

    def _note(self, *event: object) -> None:
        self.ledger.events.append(Event(*event))  # type: ignore[arg-type]

    def say(self, text: str) -> None:
        """One line of progress, with the time since the beginning."""
        self._say(f"{time.monotonic() - self.began:6.1f} s  {text}")

    def run(self) -> None:
        """Run the drill. However it ends, the cluster's configuration is restored."""
        # Before the first thread, which would not live on in the guard.
        self.guard = Guard(lambda traces: undo(self.cluster, self.tag, traces, self.course.nodes.thaw))
        try:
            self._go()
        except Interrupted as interrupted:
            self.interrupted, self.signal = self.at, interrupted.number
        except (Refused, ClusterError) as error:
            if not self.has_changed:
                raise
            self.errors += error.statements
        finally:
            with when_interrupted(stated("drill_undone"), changed=False), one_step():
                self._leave()

    def _go(self) -> None:
        course = self.course
        self._flow()
        if course.target:
            self._move("move", course.target, keep=course.keeps_hold)
        if course.fault and not self.errors:
            self._inflict()
        if course.options.back and self._where != course.origin:
            self._move("back", course.origin)
        self.at = "taking the account"
        self.client.stop()
        self.say("account ...")
        self.errors += self.counting.take(self._where)

    def _leave(self) -> None:
        """End the client, then take back what is left in the cluster, and let it come to rest."""
        if self.interrupted:
            self.say(worded("drill_undoes", at=self.interrupted))
        self.client.stop()
        self.guard.undo()
        if self.interrupted and self.has_changed:
            wait_idle(self.cluster, self.wait_s)
            self._look()
        if self.interrupted:
            self.say(worded("drill_ends", tag=self.tag, where=self._where or NOWHERE))

    # Mail

    def _flow(self) -> None:
        """Let the client begin; Refused where no mail flows, or none arrives."""
        self.at = "mail begins to flow"
        self.say(worded("drill_begins", drill=self.course.drill, recipient=self.course.letter.recipient))
        self._look()
        self.client.start()
        if not self._steady():
            failures = ", ".join(self.ledger.failures()) or "no answer"
            raise refused("drill_mail_flows", why=failures)
        self.counting.expect_arrival(self._where)

    def _steady(self) -> bool:
        """Wait until mail has flowed for a while; False where it does not."""
        since = time.monotonic()
        wanted = STEADY_S * self.course.options.rate / 2

        def is_steady() -> bool:
            self._look()
            now = time.monotonic()
            return now - since >= STEADY_S and self.ledger.acknowledged_between(since, now) >= wanted

        return await_so(is_steady, FLOW_S)

    def _look(self) -> State:
        state = self.timeline.note(State(self.cluster.status(), self.tag))
        self._where = state.nodes[0] if len(state.nodes) == 1 else ""
        return state

    # Phases

    def _begin(self, kind: str, what: str) -> Phase:
        self.at = what
        phase = Phase(kind, what, time.monotonic(), self._where)
        self.phases.append(phase)
        self.say(f"{what} ...")
        return phase

    def _end(self, phase: Phase) -> None:
        """Look whether mail flows again, and how long it did not."""
        phase.end = time.monotonic()
        phase.node_after = self._where
        self.errors += phase.errors
        try:
            if not self._steady():
                raise ValueError
            phase.gap = self.ledger.longest_gap(phase.start, phase.end)
            self.say(worded("drill_measured", gap_s=phase.gap.length_s, where=self._where or NOWHERE))
        except ValueError:
            phase.errors.append(stated("drill_mail_flows_on", seconds=FLOW_S, what=phase.what))
            self.errors.append(phase.errors[-1])

    def _move(self, kind: str, node: str, keep: bool = False) -> None:
        phase = self._begin(kind, f"{kind} from {self._where or NOWHERE} to {node}")
        self.guard.leave(HOLD)
        with one_step():
            self.has_changed = True
            change(self.cluster, lambda cib: hold(cib, self.tag, node, self.wait_s + HOLD_MARGIN_S))
        there, state = wait_until(self.cluster, self.tag, lambda now: self._is_on(now, node), self.wait_s)
        if not keep:
            self._release()
        if not there:
            why = "".join(f"; {each}" for each in state.reasons)
            phase.errors.append(stated("drill_came_up", tag=self.tag, node=node, why=why))
        self._end(phase)
        if there and not keep and self._where != node:
            self.errors.append(stated("drill_stayed", tag=self.tag, node=node, where=self._where or NOWHERE))

    def _is_on(self, state: State, node: str) -> bool:
        self.timeline.note(state)
        self._where = state.nodes[0] if len(state.nodes) == 1 else ""
        return state.nodes == [node]

    def _release(self) -> None:
        with one_step():
            change(self.cluster, lambda cib: release(cib, self.tag))
            self.guard.forget(HOLD)

    def _inflict(self) -> None:
        """Inflict the fault, wait until the cluster has noticed and recovered, and undo it."""
        course, node, members = self.course, self._where, self.course.hierarchy.members
        if not course.victim and course.fault != STANDBY:
            course.find_victim(node)
        phase = self._begin("fault", f"{course.fault} on {node}")
        with one_step():
            self.has_changed = True
            if course.fault == STANDBY:
                self.guard.leave(STANDBY, node)
                why = set_standby(self.cluster, node, True)
                if why:
                    raise failed("drill_standby_set", node=node, why=why)
            else:
                self.guard.leave(FAILED, node, course.hierarchy.cib.property(STAMP), *members)
                if course.fault == FREEZE:
                    self.guard.leave(FROZEN, node, course.victim["pid"], course.victim["start"])
                course.nodes.take(node, step=INFLICT, kind=course.fault, victim=course.victim)
        if not await_so(lambda: self._is_recovered(node, phase.start), self.wait_s):
            check = "drill_recovered" if self._has_noticed(node) else "drill_noticed"
            phase.errors.append(stated(check, fault=course.fault, node=node, wait_s=self.wait_s))
        phase.end = time.monotonic()
        with one_step():
            self._undo_now()
        self._end(phase)

    def _undo_now(self) -> None:
        """Undo the fault while the hold of an automatic switchback stays."""
        faults: Traces = {kind: words for kind, words in self.guard.traces.items() if kind != HOLD}
        undo(self.cluster, self.tag, faults, self.course.nodes.thaw)
        for kind in faults:
            self.guard.forget(kind)
        wait_idle(self.cluster, self.wait_s)
        self._look()

    def _is_recovered(self, node: str, since: float) -> bool:
        """Whether the cluster has noticed, has done what it wants to do, and mail flows again."""
        state = self._look()
        if not state.nodes or not self._has_noticed(node) or self.ledger.last_success() < since:
            return False
        return is_idle(self.cluster)

    def _has_noticed(self, node: str) -> bool:
        """Whether the service left the node, or a failure of one of its members was counted there."""
        overview = Overview(self.course.hierarchy, self.cluster.status())
        if self.course.fault == STANDBY:
            return node not in overview.running_on
        return any(counts.get(node) for counts in overview.fail_counts.values()) or node not in overview.running_on

    def facts(self) -> DrillFacts:
        """All that was found out."""
        course = self.course
        return DrillFacts(
            course.drill, self.tag, course.here, course.hierarchy.nodes, course.letter.sender, course.letter.recipient,
            [str(endpoint) for endpoint in course.endpoints],
            time.strftime("%Y-%m-%d %H:%M:%SZ", time.gmtime(self.began_at)), self.began, time.monotonic(),
            self.phases, self.timeline, self.ledger, self.counting.queued, self.counting.account, self.counting.remarks,
            self.errors, self.interrupted,
        )  # fmt: skip


def to_stdout(text: str) -> None:
    """A line of progress, at once."""
    say(text, flush=True)
