"""Why not: which nodes could run a hierarchy by the scheduler's own word, and what keeps it off the others.

Each suspect is put to the test: with all of them taken out of a copy of the configuration the hierarchy runs on the
node; with one of them put back it does not. That one is a reason, whatever else the configuration says.
"""

from lxml import etree

from postfix_ha.cluster.live.pacemaker import Cluster, Scratch
from postfix_ha.cluster.model.cib import INFINITY, Cib, Element, score_of
from postfix_ha.cluster.model.hierarchy import Hierarchy, find_hierarchy
from postfix_ha.cluster.model.node_attributes import states_of
from postfix_ha.cluster.where.obstacle import Applied, Obstacle
from postfix_ha.cluster.where.obstacles import by_relation, everywhere, on_node
from postfix_ha.cluster.where.placement import alone_on, can_run, nodes_that_can_run

# What the history has of a resource where it does not run: looked for and not found, or stopped.
NEVER_THERE = (("monitor", "7"), ("stop", "0"))


class NodeVerdict:
    """``can``: node -> whether the hierarchy could run there; ``obstacles``: node -> what keeps it off the node."""

    def __init__(self, can: "dict[str, bool]", obstacles: "dict[str, list[Obstacle]]") -> None:
        self.can = can
        self.obstacles = obstacles


def judge(cluster: Cluster, hierarchy: Hierarchy, states: "dict[str, str]") -> "NodeVerdict | None":
    """The verdict on every node, whose states are given; None where the scheduler cannot be asked."""
    cib = hierarchy.cib
    nodes = list(states)
    down = {node: word for node, word in states.items() if word in ("offline", "unclean", "pending", "unknown")}
    banned = _banned(hierarchy)
    asked = [node for node in nodes if node not in down and node not in banned]
    can = nodes_that_can_run(cluster, cib, hierarchy.tag, nodes, asked)
    if can is None:
        return None
    can = {node: can.get(node, False) for node in nodes}
    why: "dict[str, list[Obstacle]]" = {}
    refused = [node for node in nodes if not can[node]]
    if refused:
        applied = _applied(cluster, cib, hierarchy)
        common = everywhere(hierarchy)
        for node in refused:
            suspects = [*common, *on_node(hierarchy, node, applied)]
            if node in down:
                why[node] = [_down(node, down[node]), *[each for each in suspects if each.word == "excluded"]]
                continue
            if suspects and all(each.is_certain for each in suspects):
                why[node] = suspects
                continue
            ask = _Question(cluster, alone_on(cib, hierarchy.tag, node, nodes), hierarchy.tag, node)
            why[node] = ask.reasons(suspects)
            if not why[node]:
                more = ask.reasons([*by_relation(hierarchy), *suspects])
                excluded = [each for each in suspects if each.word == "excluded" and each not in more]
                why[node] = [*excluded, *(more or [_unknown(node)])]
    return NodeVerdict(can, why)


def reasons_on(
    cluster: Cluster, cib: Cib, tag: str, node: str, status: Element, *, only: "tuple[str, ...]" = ()
) -> "list[str]":
    """What keeps a hierarchy off a node, and what ends it, one line each; of these words alone where some are given."""
    hierarchy = find_hierarchy(cib, tag)
    verdict = judge(cluster, hierarchy, states_of(hierarchy.cib, status))
    found = [each for each in (verdict.obstacles.get(node, []) if verdict else []) if not only or each.word in only]
    return [each.text + (f" ('{each.command}' ends it)" if each.command else "") for each in found]


def _banned(hierarchy: Hierarchy) -> "list[str]":
    """The nodes that a plain constraint forbids to Postfix itself: there is nothing to be asked about them.

    One that it runs on is another matter: what is not managed stays.
    """
    ours = hierarchy.containers_of(hierarchy.tag)
    status = hierarchy.cib.root.iterfind("status/node_state")
    touched = [
        state.get("uname", "")
        for state in status
        for resource in state.iterfind("lrm/lrm_resources/lrm_resource")
        if resource.get("id", "").split(":")[0] == hierarchy.tag
        and any((each.get("operation"), each.get("rc-code")) not in NEVER_THERE for each in resource)
    ]
    return [
        constraint.get("node", "")
        for constraint in hierarchy.cib.constraints()
        if constraint.tag == "rsc_location"
        and constraint.get("rsc") in ours
        and score_of(constraint.get("score", "0")) <= -INFINITY
        and constraint.get("role") is None
        and constraint.get("node") not in [*touched, None]
    ]


class _Question:
    """Why a resource does not run on a node, in a configuration that forbids it on all others."""

    def __init__(self, cluster: Cluster, cib: Cib, name: str, node: str) -> None:
        self.cluster = cluster
        self.cib = cib
        self.name = name
        self.node = node

    def reasons(self, suspects: "list[Obstacle]") -> "list[Obstacle]":
        """Those of the suspects each of which alone keeps it off; none where it is none of them."""
        documents = [self._without(suspects)]
        documents += [self._without([other for other in suspects if other is not each]) for each in suspects]
        answers = can_run(self.cluster, [(each, self.node) for each in documents], self.name)
        if answers is None or not answers[0]:
            return []
        return [each for each, runs in zip(suspects, answers[1:]) if not runs] or suspects

    def _without(self, obstacles: "list[Obstacle]") -> Cib:
        changed = self.cib.copy()
        for each in obstacles:
            each.lift(changed)
        return changed


def _applied(cluster: Cluster, cib: Cib, hierarchy: Hierarchy) -> "list[Applied]":
    """The location constraints in force for the members, as Pacemaker reads them."""
    found: "list[Applied]" = []
    with Scratch() as scratch:
        file = Cluster(scratch.write("asked.xml", cib))
        asked = [
            file.begin("crm_resource", "--constraints", "--force", "--resource", name, "--output-as=xml")
            for name in hierarchy.containers
        ]
        for each in asked:
            done = each.finish()
            try:
                answer = etree.fromstring(done.stdout)
            except etree.XMLSyntaxError:
                continue
            for location in answer.iterfind("constraints//rsc_location"):
                values = [location.get(key, "") for key in ("id", "rsc", "node", "score")]
                found.append(Applied(values[0], values[1], values[2], score_of(values[3])))
    return found


def _down(node: str, word: str) -> Obstacle:
    commands = {
        "offline": f"pcs cluster start {node}",
        "unclean": f"stonith_admin --history {node}",
        "pending": "crm_mon",
        "unknown": f"pcs cluster start {node}",
    }
    texts = {
        "offline": f"node {node} is offline",
        "unclean": f"node {node} is unclean: it has to be fenced first",
        "pending": f"node {node} is about to join the cluster",
        "unknown": f"the cluster knows nothing of the state of node {node}",
    }
    return Obstacle(word, texts[word], commands[word], lambda cib: None)


def _unknown(node: str) -> Obstacle:
    text = f"the scheduler does not place it on {node}"
    return Obstacle("not placed", text, "crm_simulate --live-check --show-scores", lambda cib: None)
