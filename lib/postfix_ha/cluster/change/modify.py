"""Reshaping a hierarchy: its nodes, what it depends on, its properties, its end."""

from postfix_ha.cluster.model import edit
from postfix_ha.cluster.model.alerts import follow_members, remove_alerts
from postfix_ha.cluster.model.cib import INFINITY, Cib, score_of, top_of
from postfix_ha.cluster.model.hierarchy import Hierarchy, find_hierarchy
from postfix_ha.cluster.model.priority import next_priority, priority_of_score, score_of_priority, stickiness_of
from postfix_ha.cluster.model.relations import Relations
from postfix_ha.messages.errors import refused
from postfix_ha.system.quoting import quote


def priorities(hierarchy: Hierarchy) -> "dict[str, int | None]":
    """Node -> priority, preferred node first; None for a score that no priority makes."""
    return {
        node: priority_of_score(hierarchy.scores[node]) if node in hierarchy.scores else None
        for node in hierarchy.nodes
    }


def _check_node(hierarchy: Hierarchy, node: str) -> None:
    known = hierarchy.cib.nodes()
    if node not in known:
        raise refused("node_known", node=node, known=", ".join(known))
    if hierarchy.is_clone:
        raise refused("nodes_preferred", resource=hierarchy.top)


def _check_free(hierarchy: Hierarchy, node: str, wanted: "int | None") -> None:
    for other, taken in priorities(hierarchy).items():
        if other != node and taken is not None and taken == wanted:
            raise refused("priority_free", priority=wanted, other=other)


def extend(cib: Cib, tag: str, node: str, priority: "int | None" = None) -> Cib:
    """Allow the service on another node, with this priority (1 to 999) or the next free one.

    Raises Refused for an unknown node, a clone, and a priority that another node has.
    """
    hierarchy = find_hierarchy(cib, tag)
    _check_node(hierarchy, node)
    _check_free(hierarchy, node, priority)
    present = node in hierarchy.nodes and node in hierarchy.scores
    if present and priority in (None, priorities(hierarchy)[node]):
        return cib
    if priority is None:
        taken = [each for other, each in priorities(hierarchy).items() if each is not None and other != node]
        priority = next_priority(taken)
    for name in hierarchy.containers:
        for constraint in edit.locations(cib, name, node):
            if score_of(constraint.get("score", "0")) <= -INFINITY:
                edit.remove(constraint)
    holders = [hierarchy.holder]
    if not cib.is_true("symmetric-cluster", "true"):
        holders += [name for name in hierarchy.members if name != hierarchy.holder]
    for name in holders:
        edit.set_preference(cib, name, node, score_of_priority(priority))
    return cib


def unextend(cib: Cib, tag: str, node: str) -> Cib:
    """Forbid the service on a node, and disable its probes there.

    Raises Refused for an unknown node, a clone, and the only node.
    """
    hierarchy = find_hierarchy(cib, tag)
    _check_node(hierarchy, node)
    if node not in hierarchy.nodes:
        return cib
    if len(hierarchy.nodes) == 1:
        raise refused("node_left", node=node, tag=hierarchy.tag)
    for name in hierarchy.containers:
        edit.remove_preferences(cib, name, node)
    grouped = {top_of(resource).get("id", "") for resource in map(cib.resource, hierarchy.own) if resource is not None}
    for name in sorted(grouped):
        edit.exclude(cib, name, node)
    return cib


def depend(cib: Cib, tag: str, needed: str) -> Cib:
    """Make Postfix depend on a resource, by a colocation and an order constraint.

    Raises Refused for an unknown resource, a fence device, Postfix itself, a resource that depends on Postfix, and if
    the failback of the two does not agree.
    """
    hierarchy = find_hierarchy(cib, tag)
    resource = cib.resource(needed)
    if resource is None:
        raise refused("needed_exists", needed=needed)
    if resource.get("class") == "stonith":
        raise refused("needed_serves", needed=needed)
    relations = hierarchy.relations
    inner = relations.members(needed)
    if hierarchy.tag in inner:
        raise refused("needed_is_another", tag=hierarchy.tag)
    if any(relations.is_with(each, hierarchy.tag) or relations.is_after(each, hierarchy.tag) for each in inner):
        raise refused("needed_goes_before", needed=needed, tag=hierarchy.tag)
    is_everywhere = top_of(resource).tag in ("clone", "master", "bundle")
    for each in inner if not is_everywhere else ():
        theirs, ours = hierarchy.switchback(each), hierarchy.switchback()
        if theirs != ours:
            values = {"name": quote(each), "quoted_tag": quote(tag), "stickiness": hierarchy.stickiness(hierarchy.tag)}
            raise refused("switchback_same", resource=each, theirs=theirs, tag=hierarchy.tag, ours=ours, **values)
    top = top_of(resource).get("id", "") if is_everywhere else needed
    if hierarchy.anchor and not is_everywhere and inner and hierarchy.anchor not in inner:
        edit.ensure_address_with_file_system(cib, top, hierarchy.anchor)
    # No constraint can name what is inside a clone.
    edit.ensure_dependency(cib, hierarchy.top if hierarchy.is_clone else hierarchy.tag, top)
    follow_members(cib, hierarchy.tag, hierarchy.members, find_hierarchy(cib, hierarchy.tag).members)
    return cib


def undepend(cib: Cib, tag: str, needed: str) -> Cib:
    """Remove the constraints between Postfix and a resource that it depends on; the resource itself stays.

    Raises Refused for an unknown resource, and for a dependency by a group, a resource set or another resource.
    """
    hierarchy = find_hierarchy(cib, tag)
    if cib.resource(needed) is None:
        raise refused("needed_exists", needed=needed)
    inner = hierarchy.relations.members(needed)
    if not set(inner) & set(hierarchy.needs):
        return cib
    anchor, outer = hierarchy.anchor, cib.resource(needed)
    names = [needed] if outer is None else [needed, top_of(outer).get("id", "")]
    for name in dict.fromkeys(names):
        for ours in dict.fromkeys((hierarchy.tag, hierarchy.top)):
            edit.remove_dependency(cib, ours, name)
        if anchor and anchor not in (name, *inner):
            edit.remove_dependency(cib, name, anchor)
    left = Relations(cib).needs(hierarchy.tag)
    if set(inner) & set(left):
        raise refused("needed_untied", tag=hierarchy.tag, needed=needed)
    follow_members(cib, hierarchy.tag, hierarchy.members, [hierarchy.tag, *left])
    return cib


def set_switchback(cib: Cib, tag: str, kind: str) -> Cib:
    """Set the resource-stickiness of all members that only this service uses.

    Raises Refused if a member that others use as well has a different switchback.
    """
    hierarchy = find_hierarchy(cib, tag)
    for name in hierarchy.members:
        if name in hierarchy.own:
            edit.set_stickiness(cib, name, stickiness_of(kind))
        elif hierarchy.switchback(name) != kind:
            others = ", ".join(each for each in hierarchy.relations.needed_by(name) if each not in hierarchy.members)
            raise refused("switchback_ours", resource=name, others=others, theirs=hierarchy.switchback(name))
    return cib


def set_priorities(cib: Cib, tag: str, wanted: "dict[str, int]") -> Cib:
    """Set the priorities of nodes that take part: node -> 1 to 999. All at once, so that two nodes can swap theirs.

    Raises Refused for a clone, for a node that does not take part, and if two nodes would have the same priority.
    """
    hierarchy = find_hierarchy(cib, tag)
    for node in wanted:
        _check_node(hierarchy, node)
        if node not in hierarchy.nodes:
            raise refused("node_takes_part", node=node, name=quote(node), tag=hierarchy.tag)
    after = {node: each for node, each in priorities(hierarchy).items() if each is not None}
    after.update(wanted)
    for node, each in wanted.items():
        twice = [other for other in after if other != node and after[other] == each]
        if twice:
            raise refused("priority_free", priority=each, other=twice[0])
    for node, each in wanted.items():
        for name in hierarchy.containers:
            if name != hierarchy.holder:
                edit.remove_preferences(cib, name, node)
        edit.set_preference(cib, hierarchy.holder, node, score_of_priority(each))
    return cib


def delete(cib: Cib, tag: str, with_parts: bool = False) -> Cib:
    """Remove Postfix, its constraints and alerts; with ``with_parts`` also the resources that nothing else needs."""
    hierarchy = find_hierarchy(cib, tag)
    remove_alerts(cib, hierarchy.tag, hierarchy.members)
    parts = [name for name in hierarchy.own if name != hierarchy.tag] if with_parts else []
    for name in [hierarchy.tag, *parts]:
        if cib.resource(name) is not None:
            edit.remove_resource(cib, name)
    return cib
