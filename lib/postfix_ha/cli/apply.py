"""From a planned change to a done one: show it, ask, push it, wait for the service, and say what became of it."""

from typing import Callable, Optional

from postfix_ha.cli.cluster_command import DONE, NOT_AS_ASKED, REFUSED, Manner
from postfix_ha.cli.output import complain, say, say_json
from postfix_ha.cli.prompt import confirm
from postfix_ha.cli.signals import one_step, when_interrupted
from postfix_ha.cluster.change.move import begin_to_stop
from postfix_ha.cluster.change.overtaken import overtaken
from postfix_ha.cluster.change.undo import undo_stopped
from postfix_ha.cluster.change.unfinished import CREATE, LEAVE_RUNNING, MARK, begun_in
from postfix_ha.cluster.live.pacemaker import Cluster
from postfix_ha.cluster.live.push import Planner, change, diff_text, plan
from postfix_ha.cluster.live.simulation import Outcome, simulate
from postfix_ha.cluster.live.wait import State, wait_stopped, wait_until
from postfix_ha.cluster.model.changes import ADD_RESOURCE, sentence
from postfix_ha.cluster.show.crm import crm_lines
from postfix_ha.cluster.show.pcs import pcs_lines, pcs_script
from postfix_ha.finding import Finding
from postfix_ha.messages.errors import Refused, refused
from postfix_ha.messages.remark import WARNING, Remark
from postfix_ha.messages.statement import Statement, stated, worded


class Work:
    """One change on its way: ``report`` is what is printed as JSON in the end.

    ``command`` is what finishes it where it takes more than one change, ``target`` the node that the service is to be
    on, ``when_made`` what to say when a signal comes after the change.
    """

    def __init__(self, manner: Manner, cluster: Cluster, planner: Planner, command: str = "", target: str = "") -> None:
        self.manner = manner
        self.cluster = cluster
        self.planner = planner
        self.command = command
        self.target = target
        self.when_made = stated("change_goes_on")
        self.plan = plan(cluster, planner)
        self.unfinished = {begun: found for begun, found in begun_in(self.plan.old).items() if begun != command}
        if LEAVE_RUNNING in self.unfinished and not self.plan.is_empty:
            raise Refused(self.unfinished[LEAVE_RUNNING])
        self.outcome: "Optional[Outcome]" = None if self.plan.is_empty else simulate(cluster, self.plan.new)
        self.report: "dict[str, object]" = {}

    def say(self, *lines: str) -> None:
        """Lines for people; JSON has its own."""
        if not self.manner.json:
            for line in lines:
                say(line, flush=True, length_max=0)

    def show(self, remarks: "list[Remark]") -> None:
        """Show what there is to say, what would change, and what the cluster would then do."""
        remarks = [
            *remarks,
            *(
                Remark(Finding(found.check, **{**found.values, "severity": WARNING}))
                for found in self.unfinished.values()
            ),
        ]
        for remark in remarks:
            self.say(f"{remark.severity}: {remark.text}")
        # That something is under way is nothing to be done by hand.
        found = [each for each in self.plan.changes if each.name != MARK]
        file = self.manner.cib_file
        lines = {"pcs": pcs_lines(found, file) if file else pcs_script(found, "change.xml"), "crm": crm_lines(found)}
        diff = diff_text(self.plan)
        simulation = None if self.outcome is None else {"actions": self.outcome.actions, "places": self.outcome.places}
        self.report.update(
            changed=False,
            dry_run=self.manner.dry_run,
            remarks=[remark.as_object() for remark in remarks],
            changes=[sentence(each) for each in found],
            diff=diff,
            **lines,
            simulation=simulation,
        )
        if self.plan.is_empty:
            self.say(worded("change_needed"))
            return
        for each in found:
            self.say(f"  {sentence(each)}")
        if self.manner.dry_run:
            self.say("", *diff.split("\n"), "", worded("change_by_pcs"), *lines["pcs"])
            self.say("", worded("change_by_crm"), *lines["crm"])
        if self.outcome is not None:
            actions = "; ".join(self.outcome.actions) or "start and stop nothing"
            self.say("", worded("change_simulated", actions=actions))

    def confirm(self, question: str) -> bool:
        """Ask on a terminal; raises Refused where nobody can be asked and nobody has said yes."""
        if self.manner.asks:
            return confirm(question)
        if not self.manner.agreed:
            raise refused("change_agreed")
        return True

    def declined(self) -> int:
        """End with nothing changed, which is not what was asked for."""
        self.say(worded("change_declined"))
        return self.end(REFUSED)

    def push(self) -> None:
        """Make the change."""
        with one_step():
            self.plan = change(self.cluster, self.planner, self.plan)
            self.report["changed"] = not self.plan.is_empty

    def take_back(self, name: str) -> None:
        """Revert the change. Resources that still run and that the change created are stopped first, in their order."""
        parts = [each.subject for each in self.plan.changes if each.kind == ADD_RESOURCE and each.subject != name]
        status = self.cluster.status()
        if any(State(status, each).is_active for each in (name, *parts)):
            change(self.cluster, lambda cib: begin_to_stop(cib, name, CREATE, parts))
            wait_stopped(self.cluster, [name, *parts], self.manner.wait)
        change(self.cluster, undo_stopped(self.plan, name))
        self.report["changed"] = False
        self.report["taken_back"] = True

    def wait(self, name: str, is_so: "Callable[[State], bool]", what: str) -> bool:
        """Wait until the service reaches the state, at most as long as the options say.

        True also if nobody is to wait (--no-wait), or if the change is made in a file.
        """
        if not self.manner.wait or not self.cluster.is_live:
            return True
        reached, state = wait_until(self.cluster, name, is_so, self.manner.wait)
        self.report["state"] = {"nodes": state.nodes, "role": state.role, "reasons": state.reasons}
        if reached:
            where = f" on {', '.join(state.nodes)}" if state.nodes else ""
            self.say(worded("state_reached", name=name, what=what, where=where))
        else:
            where = f" on {self.target}" if self.target else ""
            now = f"in service on {', '.join(state.nodes)}" if state.nodes else state.role.lower() or "gone"
            missed = stated("state_not_reached", name=name, what=what, where=where, now=now)
            self.say_failure(missed, *overtaken(self.cluster, self.plan, name), *causes(state.reasons))
        return reached

    def say_failure(self, *told: Statement) -> None:
        """Say what went wrong, then why, on standard error; in JSON the first of all failures has the ids too."""
        self.report.setdefault("errors", [each.reason for each in told])
        self.report.setdefault("findings", [each.as_object() for each in told])
        for each in told:
            complain(f"postfix-ha: {each.reason}", flush=True)

    def end(self, code: int) -> int:
        """Print the report where JSON was asked for; returns the exit code."""
        self.report["exit_code"] = code
        if self.manner.json:
            say_json(self.report)
        return code


def causes(reasons: "list[str]") -> "list[Statement]":
    """What the cluster's status gives as reasons."""
    return [stated("reason", why=each) for each in reasons]


def carry_out(
    work: Work,
    remarks: "list[Remark]",
    name: str,
    is_so: "Callable[[State], bool]",
    what: str,
    take_back: bool = False,
) -> int:
    """Show, ask, push and wait; returns the exit code."""
    work.show(remarks)
    if work.manner.dry_run:
        return work.end(DONE)
    if work.plan.is_empty:
        return work.end(DONE if work.wait(name, is_so, what) else NOT_AS_ASKED)
    if not work.confirm(worded("change_wanted")):
        return work.declined()
    with when_interrupted(work.when_made, changed=True):
        work.push()
        if work.wait(name, is_so, what):
            return work.end(DONE)
    if take_back:
        with one_step(), when_interrupted(stated("change_rolled_back"), changed=True):
            work.take_back(name)
        work.say_failure(stated("change_kept_asked"))
    return work.end(NOT_AS_ASKED)
