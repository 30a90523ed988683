"""Doubled: a resource that runs on several nodes although it is no clone, and what the cluster does about that."""

from postfix_ha.cluster.live.wait import State
from postfix_ha.cluster.model.cib import Cib, Element, top_of
from postfix_ha.cluster.model.hierarchy import Hierarchy
from postfix_ha.cluster.where.lifting import without_id
from postfix_ha.cluster.where.obstacle import Obstacle
from postfix_ha.system.quoting import quote

# multiple-active, Pacemaker's meta attribute: what is done about it.
DONE = {
    "stop_start": "the cluster stops it everywhere, and starts it on one",
    "stop_only": "the cluster stops it everywhere, and starts it nowhere (multiple-active=stop_only)",
    "stop_unexpected": "the cluster stops all but the one that it wants (multiple-active=stop_unexpected)",
    "block": "the cluster does nothing about it (multiple-active=block): stop all but one of them by hand",
}
LEFT = ("block", "stop_only")


def doubled(hierarchy: Hierarchy, members: "dict[str, State]") -> "list[str]":
    """One line for each member that runs on several nodes, with what is done about it."""
    found = []
    for member, state in members.items():
        if len(state.nodes) > 1 and not _may_be_on_several(hierarchy.cib, member):
            found.append(_sentence(hierarchy.cib, member, state.nodes))
    return found


def doubled_members(hierarchy: Hierarchy) -> "list[Obstacle]":
    """The same as obstacles, by what the history has, where the cluster then starts it nowhere."""
    found = []
    for member in hierarchy.members:
        resource = hierarchy.cib.resource(member)
        held = None if resource is None else hierarchy.cib.meta_pair(resource, "multiple-active")
        nodes = [] if held is None or _may_be_on_several(hierarchy.cib, member) else active_on(hierarchy.cib, member)
        if held is not None and held[1].get("value") in LEFT and len(nodes) > 1:
            text = _sentence(hierarchy.cib, member, nodes)
            command = f"crm_resource --cleanup --resource {quote(member)}"
            found.append(Obstacle("blocked", text, command, without_id(held[1].get("id", ""))))
    return found


def active_on(cib: Cib, member: str) -> "list[str]":
    """The nodes on which the last that was done to a primitive, or seen of it, leaves it running."""
    return [
        state.get("uname", "")
        for state in cib.root.iterfind("status/node_state")
        for resource in state.iterfind("lrm/lrm_resources/lrm_resource")
        if resource.get("id", "").split(":")[0] == member and _leaves_it_running(resource)
    ]


def _leaves_it_running(history: Element) -> bool:
    entries = sorted(
        history.iterfind("lrm_rsc_op"), key=lambda each: (len(each.get("call-id", "")), each.get("call-id"))
    )
    return bool(entries) and entries[-1].get("operation") != "stop" and entries[-1].get("rc-code") in ("0", "8")


def _may_be_on_several(cib: Cib, member: str) -> bool:
    resource = cib.resource(member)
    return resource is not None and top_of(resource).tag in ("clone", "master", "bundle")


def _sentence(cib: Cib, member: str, nodes: "list[str]") -> str:
    resource = cib.resource(member)
    policy = "" if resource is None else cib.effective_meta(resource, "multiple-active")
    return f"{member} runs on {' and '.join(nodes)} at the same time: {DONE.get(policy, DONE['stop_start'])}"
