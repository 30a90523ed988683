"""Overview: the state of one hierarchy, member by member and node by node, from the CIB and the cluster's status."""

from collections.abc import Mapping, Sequence
from typing import Optional

from postfix_ha.cluster.change.modify import priorities
from postfix_ha.cluster.change.unfinished import advice, mark_of
from postfix_ha.cluster.live.fencing import FencingEvent, worth_telling
from postfix_ha.cluster.live.wait import State, failures
from postfix_ha.cluster.model.cib import INFINITY, Element, score_of
from postfix_ha.cluster.model.hierarchy import Hierarchy
from postfix_ha.cluster.model.node_attributes import states_of
from postfix_ha.cluster.where.doubled import doubled
from postfix_ha.cluster.where.management import unmanaged
from postfix_ha.cluster.where.watching import unwatched
from postfix_ha.cluster.where.why_not import NodeVerdict
from postfix_ha.system.quoting import quote

READY, EXCLUDED = "ready", "excluded"


class Overview:
    """``cells``: member -> node -> one word or two; ``since``: when Postfix was started; ``reasons``: why it does not
    run, or not as it should; ``failures``: what failed last, one line each; ``verdict``: which nodes could run it by
    the scheduler's word, and why the others could not, where it was asked; ``expired``: those of the hierarchy's moves
    that have run out; ``unwatched``: what the cluster would not notice; ``fencing``: what the fencer remembers;
    ``greets``: endpoint -> whether it greets clients, of those that were asked."""

    def __init__(
        self,
        hierarchy: Hierarchy,
        status: Element,
        verdict: "Optional[NodeVerdict]" = None,
        expired: "Sequence[str]" = (),
        fencing: "Sequence[FencingEvent]" = (),
    ) -> None:
        self.hierarchy = hierarchy
        self.verdict = verdict
        self.expired = list(expired)
        self.fencing = list(fencing)
        self.greets: "Mapping[str, bool]" = {}
        self.node_states = states_of(hierarchy.cib, status)
        self.nodes = list(self.node_states)
        self.members = {member: State(status, member) for member in hierarchy.members}
        self.fail_counts = {member: _fail_counts(status, member) for member in hierarchy.members}
        self.cells = {member: {node: self._cell(member, node) for node in self.nodes} for member in hierarchy.members}
        self.failures = failures(status, hierarchy.members)
        self.since = self._since(status)
        self.reasons = self._reasons(status)
        self.unwatched = [line for member in hierarchy.members for line in unwatched(hierarchy.cib, member)]

    @property
    def running_on(self) -> "list[str]":
        """The nodes on which Postfix runs."""
        return self.members[self.hierarchy.tag].nodes

    @property
    def is_as_asked(self) -> bool:
        """Whether the service is in the configured state: running once and greeting, or disabled and stopped."""
        is_once = self.hierarchy.is_clone or len(self.running_on) < 2
        return bool(self.running_on) != self.hierarchy.is_disabled and not self.silent and is_once

    @property
    def silent(self) -> "list[str]":
        """The endpoints that were asked and do not greet."""
        return [name for name, does in self.greets.items() if not does]

    @property
    def could_move_to(self) -> "Optional[list[str]]":
        """The other nodes that could run it now, by the scheduler's word; None where that is no question, or not known.

        A clone runs everywhere and does not move, what does not run has nothing to move, and what the cluster does not
        manage stays where it is.
        """
        is_managed = self.members[self.hierarchy.tag].managed
        if self.verdict is None or not self.running_on or not is_managed or self.hierarchy.is_clone:
            return None
        return [node for node, can in self.verdict.can.items() if can and node not in self.running_on]

    def as_object(self) -> "dict[str, object]":
        """The overview for JSON."""
        return {
            "tag": self.hierarchy.tag,
            "agent": self.hierarchy.agent,
            "in_service": bool(self.running_on),
            "greets": dict(self.greets),
            "could_move_to": self.could_move_to,
            "nodes": self.running_on,
            "since": self.since,
            "switchback": self.hierarchy.switchback(),
            "priorities": priorities(self.hierarchy),
            "node_states": self.node_states,
            "members": self.cells,
            "fail_counts": {member: counts for member, counts in self.fail_counts.items() if counts},
            "failures": self.failures,
            "reasons": self.reasons,
            "moves": [each for each in self.hierarchy.moves if each not in self.expired],
            "expired": self.expired,
            "unwatched": self.unwatched,
            "fencing": [each.as_object() for each in self.fencing],
            **self._verdict_object(),
        }

    def _verdict_object(self) -> "dict[str, object]":
        if self.verdict is None:
            return {}
        why = {node: [each.as_object() for each in found] for node, found in self.verdict.obstacles.items()}
        return {"can_run": self.verdict.can, "why_not": why}

    def _cell(self, member: str, node: str) -> str:
        state = self.members[member]
        if node in state.nodes:
            words = [state.role.lower() or "started"]
            words += [] if state.managed else ["unmanaged"]
            return " ".join(words)
        if self.node_states[node] != "online":
            return self.node_states[node]
        count = self.fail_counts[member].get(node, "")
        if self.members[member].blocked or self.members[self.hierarchy.tag].blocked:
            return "blocked"
        if self.verdict is not None and node in self.verdict.obstacles:
            return self.verdict.obstacles[node][0].word
        if self.verdict is None and node not in self.hierarchy.nodes:
            return EXCLUDED
        return f"failed {count}" if count else READY

    def _since(self, status: Element) -> str:
        times = []
        for node in status.iterfind("node_history/node"):
            for history in node.iterfind("resource_history"):
                if node.get("name") in self.running_on and history.get("id", "").split(":")[0] == self.hierarchy.tag:
                    starts = [each for each in history if each.get("task") in ("start", "monitor")]
                    times += [each.get("last-rc-change", "") for each in starts if each.get("rc") == "0"][:1]
        return times[0] if times else ""

    def _reasons(self, status: Element) -> "list[str]":
        found = []
        tag = self.hierarchy.tag
        if self.hierarchy.is_disabled:
            found.append(f"{tag} is out of service (target-role): 'postfix-ha in-service' starts it")
        dc = status.find("summary/current_dc")
        if dc is not None and dc.get("with_quorum") == "false":
            found.append("this part of the cluster has no quorum: it starts nothing")
        options = status.find("summary/cluster_options")
        if options is not None and options.get("maintenance-mode") == "true":
            found.append("maintenance-mode is on: the cluster neither starts nor stops anything")
        for member, state in self.members.items():
            if (not state.managed or state.blocked) and not (state.blocked and len(state.nodes) > 1):
                found += [each for each in unmanaged(self.hierarchy, member, state) if each not in found]
            if not state.nodes and member != tag:
                found.append(f"{member} does not run, and {tag} needs it")
        found += doubled(self.hierarchy, self.members)
        found += [each.text for each in worth_telling(self.fencing) if each.target in self.node_states]
        if mark_of(self.hierarchy):
            found.append(advice(self.hierarchy))
        else:
            found += self._moves()
        return found

    def _moves(self) -> "list[str]":
        by_resource: "dict[tuple[str, bool], list[str]]" = {}
        for constraint in self.hierarchy.cib.constraints():
            name = constraint.get("id", "")
            if name in self.hierarchy.moves:
                resource = constraint.get("rsc") or self.hierarchy.top
                by_resource.setdefault((resource, name in self.expired), []).append(name)
        found = []
        for (resource, is_expired), names in by_resource.items():
            clear = f"crm_resource --clear --resource {quote(resource)}"
            if is_expired:
                found.append(f"expired, without effect: {', '.join(names)} ('{clear} --expired' removes it)")
            else:
                found.append(f"constraints left by a manual move: {', '.join(names)} ('{clear}' removes them)")
        return found


def _fail_counts(status: Element, member: str) -> "dict[str, str]":
    """Node -> fail count of a primitive, where there is one."""
    found = {}
    for node in status.iterfind("node_history/node"):
        for history in node.iterfind("resource_history"):
            count: "Optional[str]" = history.get("fail-count")
            if history.get("id", "").split(":")[0] == member and count and score_of(count):
                # crm_mon writes the number that stands for INFINITY.
                found[node.get("name", "")] = "INFINITY" if score_of(count) >= INFINITY else count
    return found
