"""Foreseen: what a move, a start, a stop or a smaller set of nodes leads to, said before it is done."""

from postfix_ha.cluster.live.pacemaker import Cluster
from postfix_ha.cluster.live.simulation import simulate
from postfix_ha.cluster.model.cib import Cib, Element
from postfix_ha.cluster.model.hierarchy import Hierarchy, find_hierarchy
from postfix_ha.cluster.model.node_attributes import states_of
from postfix_ha.cluster.where.placement import nodes_that_can_run
from postfix_ha.finding import Finding
from postfix_ha.messages.remark import Remark
from postfix_ha.system.quoting import quote


def without_redundancy(cluster: Cluster, new: Cib, tag: str, node: str, status: Element) -> "list[Remark]":
    """redundancy_kept, if by the scheduler's word no node but this one could run the service after the change."""
    hierarchy = find_hierarchy(new, tag)
    states = states_of(new, status)
    others = [each for each, word in states.items() if each != node and word == "online"]
    can = nodes_that_can_run(cluster, new, hierarchy.tag, list(states), others) if others else {}
    if hierarchy.is_clone or can is None or any(can.values()):
        return []
    return [Remark(Finding("redundancy_kept", tag=hierarchy.tag, node=node))]


def of_start(cluster: Cluster, new: Cib, tag: str, status: Element) -> "list[Remark]":
    """start_possible, if the cluster would start the service nowhere; else without_redundancy() of where it would."""
    outcome = simulate(cluster, new)
    nodes = [] if outcome is None else outcome.places.get(tag, [])
    if outcome is None or len(nodes) > 1:
        return []
    if not nodes:
        return [Remark(Finding("start_possible", tag=tag))]
    return without_redundancy(cluster, new, tag, nodes[0], status)


def nowhere(cluster: Cluster, hierarchy: Hierarchy, can: "dict[str, bool]") -> "list[str]":
    """One line if the cluster would start it nowhere although a node could run it: it puts another part elsewhere.

    The scheduler places one resource after the other, and does not always go back to look for a node that suits all.
    """
    outcome = simulate(cluster, hierarchy.cib) if any(can.values()) else None
    if outcome is None or outcome.places.get(hierarchy.tag):
        return []
    able = ", ".join(node for node, could in can.items() if could)
    placed = {member: outcome.places[member] for member in hierarchy.members if outcome.places.get(member)}
    wrong = {member: nodes for member, nodes in placed.items() if not any(can.get(node) for node in nodes)} or placed
    where = ", ".join(f"{member} on {' and '.join(nodes)}" for member, nodes in wrong.items())
    why = f": it would run {where}" if where else ""
    return [f"the cluster itself does not start {hierarchy.tag} on {able}, which could run it{why}"]


def of_stop(hierarchy: Hierarchy, running_on: "list[str]") -> "list[Remark]":
    """clients_served, if the service runs."""
    if not running_on:
        return []
    return [Remark(Finding("clients_served", nodes=", ".join(running_on), name=quote(hierarchy.tag)))]


def of_fewer_nodes(hierarchy: Hierarchy, node: str) -> "list[Remark]":
    """nodes_enough, if one node is left when this one is gone."""
    left = [each for each in hierarchy.nodes if each != node]
    return [Remark(Finding("nodes_enough"))] if len(left) == 1 and len(hierarchy.nodes) == 2 else []
