"""Barred nodes: where the cluster could not run a hierarchy that is to be made, whatever it would prefer.

Asked of the scheduler with the hierarchy in a copy of the configuration. What passes by itself or by a command bars no
node: that it is down, on standby, in maintenance or not healthy, that a part is disabled or has failed.
"""

from postfix_ha.cluster.create.build import build
from postfix_ha.cluster.create.plan import Draft
from postfix_ha.cluster.live.pacemaker import Cluster
from postfix_ha.cluster.model.cib import Cib
from postfix_ha.cluster.model.hierarchy import find_hierarchy
from postfix_ha.cluster.model.node_attributes import node_states
from postfix_ha.cluster.where.lifting import with_property, without_attribute
from postfix_ha.cluster.where.obstacles import everywhere
from postfix_ha.cluster.where.why_not import judge


def barred(cluster: Cluster, cib: Cib, draft: Draft) -> "dict[str, str]":
    """Node -> why the planned service could not run there; empty if crm_simulate cannot tell."""
    tried = _without_our_locations(cib, build(cib.copy(), draft))
    nodes = cib.nodes()
    for node in nodes:
        for name in ("standby", "maintenance"):
            without_attribute(node, name)(tried)
        _bring_up(tried, node)
    with_property("node-health-strategy", "none")(tried)
    for obstacle in everywhere(find_hierarchy(tried, draft.tag)):
        if not obstacle.lasts:
            obstacle.lift(tried)
    verdict = judge(cluster, find_hierarchy(tried, draft.tag), dict.fromkeys(nodes, "online"))
    if verdict is None:
        return {}
    found: "dict[str, str]" = {}
    for node, obstacles in verdict.obstacles.items():
        # A cluster that would run it nowhere has another trouble, which create is not to make a preference of.
        lasting = [each for each in obstacles if each.lasts]
        if lasting and any(verdict.can.values()):
            found[node] = "; ".join(each.text for each in lasting)
    return found


def _without_our_locations(old: Cib, new: Cib) -> Cib:
    known = old.ids()
    for constraint in new.constraints():
        parent = constraint.getparent()
        if constraint.tag == "rsc_location" and constraint.get("id") not in known and parent is not None:
            parent.remove(constraint)
    return new


def _bring_up(cib: Cib, node: str) -> None:
    for state in node_states(cib, node):
        if state.tag == "node_state" and state.get("remote_node") is None and state.get("crmd") != "online":
            for key, value in (("in_ccm", "true"), ("crmd", "online"), ("join", "member"), ("expected", "member")):
                state.set(key, value)
