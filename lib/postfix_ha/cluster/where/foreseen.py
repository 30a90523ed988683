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


def of_stop(hierarchy: Hierarchy, running_on: "list[str]") -> "list[Remark]":
    """clients_served, if the service runs."""
    if not running_on:
        return []
    return [Remark(Finding("clients_served", nodes=", ".join(running_on), name=quote(hierarchy.tag)))]


def of_fewer_nodes(hierarchy: Hierarchy, node: str) -> "list[Remark]":
    """nodes_enough, if one node is left when this one is gone."""
    left = [each for each in hierarchy.nodes if each != node]
    return [Remark(Finding("nodes_enough"))] if len(left) == 1 and len(hierarchy.nodes) == 2 else []
