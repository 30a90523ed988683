"""Why not: which nodes could run a hierarchy by the scheduler's own word, and what keeps it off the others.

Each suspect is put to the test: with all of them taken out of a copy of the configuration the hierarchy runs on the
node; with one of them put back it does not. That one is a reason, whatever else the configuration says.
"""

from lxml import etree

from postfix_ha.cluster.live.pacemaker import Cluster, Scratch
from postfix_ha.cluster.model.cib import INFINITY, Cib, Element, score_of
from postfix_ha.cluster.model.hierarchy import Hierarchy, find_hierarchy
from postfix_ha.cluster.model.node_attributes import runner_of, states_of
from postfix_ha.cluster.where.deletions import delete_meta
from postfix_ha.cluster.where.essence import NEVER_THERE
from postfix_ha.cluster.where.obstacle import Applied, Obstacle
from postfix_ha.cluster.where.obstacles import by_relation, everywhere, on_node, roots_of
from postfix_ha.cluster.where.placement import alone_on, can_run, nodes_that_can_run
from postfix_ha.system.quoting import quote


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
    refused = [node for node in nodes if not can[node]]
    applied = _applied(cluster, cib, hierarchy) if refused else []
    common = everywhere(hierarchy) if refused else []
    why: "dict[str, list[Obstacle]]" = {}
    open_: "dict[str, list[Obstacle]]" = {}
    for node in refused:
        suspects = [*common, *on_node(hierarchy, node, applied)]
        if node in down:
            why[node] = [_down(cib, node, down[node]), *[each for each in suspects if each.word == "excluded"]]
        elif suspects and all(each.is_certain for each in suspects):
            why[node] = suspects
        else:
            open_[node] = suspects
    why.update(_put_to_the_test(cluster, hierarchy, nodes, open_))
    return NodeVerdict(can, {node: why[node] for node in refused})


def _put_to_the_test(
    cluster: Cluster, hierarchy: Hierarchy, nodes: "list[str]", suspects: "dict[str, list[Obstacle]]"
) -> "dict[str, list[Obstacle]]":
    """Node -> those of its suspects that keep the hierarchy off it."""

    def question(node: str) -> _Question:
        return _Question(cluster, alone_on(hierarchy.cib, hierarchy.tag, node, nodes), hierarchy.tag, node)

    certain = {node: [each for each in found if each.is_certain] for node, found in suspects.items()}
    # Where it runs once the certain ones are gone, no other is a reason: one question instead of one for each.
    first = [node for node, found in certain.items() if found]
    answers = can_run(cluster, ((question(node).without(certain[node]), node) for node in first), hierarchy.tag)
    proven = {node: certain[node] for node, runs in zip(first, answers or []) if runs}
    for node, found in suspects.items():
        if node in proven:
            continue
        asked = question(node)
        proven[node] = asked.reasons(found)
        if not proven[node]:
            more = asked.reasons([*by_relation(hierarchy), *found])
            excluded = [each for each in found if each.word == "excluded" and each not in more]
            proven[node] = [*excluded, *(roots_of(more) or [_unknown(node)])]
    return proven


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
        lifted = [suspects, *([other for other in suspects if other is not each] for each in suspects)]
        answers = can_run(self.cluster, ((self.without(each), self.node) for each in lifted), self.name)
        if answers is None or not answers[0]:
            return []
        return [each for each, runs in zip(suspects, answers[1:]) if not runs] or suspects

    def without(self, obstacles: "list[Obstacle]") -> Cib:
        """The configuration without these obstacles."""
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


def _down(cib: Cib, node: str, word: str) -> Obstacle:
    runner = runner_of(cib, node)
    if runner is not None and word in ("offline", "unknown"):
        return _not_connected(cib, node, runner)
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


def _not_connected(cib: Cib, node: str, runner: Element) -> Obstacle:
    """A remote or guest node is started by what connects it, or by the virtual machine that it is."""
    name = runner.get("id", "")
    text = f"node {node} is offline: resource {name}, by which it is in the cluster, does not run"
    command = f"crm_resource --why --resource {quote(name)}"
    held = cib.meta_pair(runner, "target-role")
    if held is not None and held[1].get("value", "").lower() == "stopped":
        text += " and is to be stopped (target-role)"
        command = delete_meta(held[0], "target-role", held[1])
    return Obstacle("offline", text, command, lambda cib: None)


def _unknown(node: str) -> Obstacle:
    text = f"the scheduler does not place it on {node}"
    return Obstacle("not placed", text, "crm_simulate --live-check --show-scores", lambda cib: None)
