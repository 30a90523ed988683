"""Placement: where the cluster's own scheduler would run a resource, asked node by node.

The question is put as an administrator would: with the resource forbidden on all nodes but one, does it run there?
Whatever the configuration says by rules, tags, tickets or utilization, Pacemaker reads it, and not we.
"""

from collections.abc import Iterable
from itertools import islice
from typing import Optional

from lxml import etree

from postfix_ha.cluster.live.pacemaker import Cluster, Scratch
from postfix_ha.cluster.model.cib import Cib, Element, top_of
from postfix_ha.system.command import Running

# As many schedulers at once: each runs for milliseconds, and they wait for processors alone.
AT_ONCE = 8
RUNNING_ROLES = ("Started", "Promoted", "Unpromoted", "Master", "Slave")
Question = tuple[Cib, str]


def alone_on(cib: Cib, name: str, node: str, nodes: "list[str]") -> Cib:
    """The configuration in which a resource may run on this node alone."""
    changed = cib.copy()
    resource = changed.resource(name)
    top = name if resource is None else top_of(resource).get("id", "")
    section = changed.section("constraints")
    for number, other in enumerate(each for each in nodes if each != node):
        section.append(
            section.makeelement(
                "rsc_location",
                {"id": f"postfix-ha-asks-{number}", "rsc": top, "node": other, "score": "-INFINITY"},
            )
        )
    return changed


def can_run(cluster: Cluster, questions: "Iterable[Question]", name: str) -> "Optional[list[bool]]":
    """For each (configuration, node), whether the resource would run on the node; None if crm_simulate cannot tell."""
    answers: "list[bool]" = []
    waiting = iter(questions)  # made when they are asked: a large configuration is not copied for all nodes at once
    while True:
        with Scratch() as scratch:
            asked = [(_Asked(cluster, scratch, cib), node) for cib, node in islice(waiting, AT_ONCE)]
            if not asked:
                return answers
            for each, node in asked:
                nodes = each.nodes_of(name)
                if nodes is None:
                    for other, _ in asked:
                        other.running.abandon()
                    return None
                answers.append(node in nodes)


def nodes_that_can_run(
    cluster: Cluster, cib: Cib, name: str, nodes: "list[str]", asked: "Optional[list[str]]" = None
) -> "Optional[dict[str, bool]]":
    """Node -> whether the resource could run there; of the nodes that are asked for, all without that."""
    wanted = nodes if asked is None else asked
    answers = can_run(cluster, ((alone_on(cib, name, node, nodes), node) for node in wanted), name)
    return None if answers is None else dict(zip(wanted, answers))


class _Asked:
    """One question to the scheduler, on its way."""

    def __init__(self, cluster: Cluster, scratch: Scratch, cib: Cib) -> None:
        self.graph = scratch.empty("graph.xml")
        file = scratch.write("asked.xml", cib)
        # --simulate aborts on what its own answers do to some configurations; the plan alone is always to be had.
        argv = ["crm_simulate", "--xml-file", file, "--run", "--save-graph", self.graph, "--output-as=xml"]
        self.running: Running = cluster.begin(*argv)

    def nodes_of(self, name: str) -> "Optional[set[str]]":
        """Where the resource runs once the plan is carried out."""
        done = self.running.finish()
        if done.returncode != 0:
            return None
        try:
            now = etree.fromstring(done.stdout)
            graph = etree.parse(self.graph).getroot()
        except (etree.XMLSyntaxError, OSError):
            return None
        actions = _carried_out(graph)
        stopped, started = _touched(actions, name, "stop"), _touched(actions, name, "start")
        return (_runs_on(now, name, _touched(actions, name, "monitor")) - stopped) | started


def _runs_on(answer: Element, name: str, monitored: "set[str]") -> "set[str]":
    """Where it runs now; one that is not managed and has failed is only looked at again, on the nodes ``monitored``."""
    found: "set[str]" = set()
    for resource in answer.iterfind("cluster_status/resources//resource"):
        runs = resource.get("role") in RUNNING_ROLES and resource.get("active") == "true"
        if resource.get("id", "").split(":")[0] == name and runs:
            nodes = {node.get("name", "") for node in resource.findall("node")}
            is_well = resource.get("failed") != "true" or resource.get("failure_ignored") == "true"
            found |= nodes if is_well else nodes & monitored
    return found


def _carried_out(graph: Element) -> "list[Element]":
    """The actions of the plan that are ever due.

    A plan may have actions that wait for one that is not in it, such as the start of what is not managed: the cluster
    then ends the transition and leaves them undone (pcmk__execute_graph(), "Terminated").
    """
    waiting: "list[tuple[set[str], list[Element]]]" = []
    for synapse in graph.iterfind("synapse"):
        needed = {each.get("id", "") for each in synapse.iterfind("inputs/trigger/*")}
        waiting.append((needed, synapse.findall("action_set/*")))
    found: "list[Element]" = []
    done: "set[str]" = set()
    while True:
        due = [actions for needed, actions in waiting if needed <= done]
        if not due:
            return found
        waiting = [each for each in waiting if not each[0] <= done]
        for actions in due:
            found += actions
            done.update(action.get("id", "") for action in actions)


def _touched(actions: "list[Element]", name: str, task: str) -> "set[str]":
    found: "set[str]" = set()
    for operation in actions:
        primitive = operation.find("primitive")
        is_it = primitive is not None and primitive.get("id", "").split(":")[0] == name
        if is_it and operation.get("operation") == task:
            found.add(operation.get("on_node", ""))
    return found
