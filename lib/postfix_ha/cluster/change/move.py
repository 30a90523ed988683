"""Moves and states of a hierarchy: hold it on a node for a while, put it in and out of service."""

import time
from collections.abc import Iterable

from postfix_ha.cluster.change.nft_tables import turn_drain_off, turn_drain_on
from postfix_ha.cluster.change.unfinished import is_bound, mark, mark_of, unmark
from postfix_ha.cluster.model import edit
from postfix_ha.cluster.model.cib import Cib
from postfix_ha.cluster.model.hierarchy import Hierarchy, find_hierarchy
from postfix_ha.cluster.model.templates import fill
from postfix_ha.messages.errors import refused
from postfix_ha.system.quoting import quote

# What a hold lasts beyond the time in which the move is to be done: it must not end while the move is under way.
HOLD_MARGIN_S = 120


def check_target(hierarchy: Hierarchy, node: str) -> None:
    """Refuse a node on which the configuration does not allow the service to run.

    Raises Refused for a clone, for an unknown node, and for a node that does not take part.
    """
    if hierarchy.is_clone:
        raise refused("service_on_one_node", resource=hierarchy.top)
    known = hierarchy.cib.nodes()
    if node not in known:
        raise refused("node_known", node=node, known=", ".join(known))
    if node not in hierarchy.nodes:
        raise refused("node_takes_part", node=node, name=quote(node), tag=hierarchy.tag)


def check_stays(hierarchy: Hierarchy, node: str, hold_s: int = 0) -> None:
    """Raise Refused if the service would fail back at once (switchback automatic, another node preferred).

    What is held there for ``hold_s`` seconds stays that long.
    """
    score = hierarchy.scores.get(node, 0)
    better = [each for each in hierarchy.nodes if hierarchy.scores.get(each, 0) > score]
    if better and not hold_s and hierarchy.switchback() == "automatic":
        raise refused("service_stays", home=better[0])


def clear_moves(cib: Cib, hierarchy: Hierarchy) -> None:
    """Remove the location constraints that manual moves left (crm_resource --move, pcs resource move)."""
    for constraint in cib.constraints():
        if constraint.get("id") in hierarchy.moves:
            edit.remove(constraint)


def hold(cib: Cib, tag: str, node: str, for_s: float, command: str = "") -> Cib:
    """Add a temporary location constraint that keeps the service on the node.

    ``for_s``: seconds until the constraint expires by itself. ``command``: the command that removes it again; it is
    noted in the resource, so that an interrupted command can be finished. Raises Refused as check_target() does.
    """
    hierarchy = find_hierarchy(cib, tag)
    check_target(hierarchy, node)
    release(cib, tag)
    if command:
        mark(cib, tag, command)
    expiry = time.strftime("%Y-%m-%d %H:%M:%SZ", time.gmtime(time.time() + for_s))
    edit.add_constraints(cib, fill("constraints/hold", RESOURCE=hierarchy.top, NODE=node, EXPIRY=expiry))
    return cib


def release(cib: Cib, tag: str) -> Cib:
    """Remove the temporary location constraint, and the note of a command that began a move or a stop."""
    hierarchy = find_hierarchy(cib, tag)
    clear_moves(cib, hierarchy)
    if not is_bound(hierarchy):
        unmark(cib, tag)
    return cib


def release_own(cib: Cib, tag: str, command: str) -> Cib:
    """The same for what this command began; what another command has begun since stays, as that one relies on it."""
    return release(cib, tag) if mark_of(find_hierarchy(cib, tag)) == command else cib


def in_service(cib: Cib, tag: str) -> Cib:
    """Enable Postfix and the resources that it depends on."""
    hierarchy = find_hierarchy(cib, tag)
    if mark_of(hierarchy):
        release(cib, tag)
    turn_drain_on(hierarchy.mail)
    for name in hierarchy.containers:
        resource = cib.resource(name)
        if resource is not None:
            for attributes in resource.findall("meta_attributes"):
                for pair in attributes.findall("nvpair"):
                    if pair.get("name") == "target-role" and pair.get("value", "").lower() == "stopped":
                        attributes.remove(pair)
                if not len(attributes):
                    resource.remove(attributes)
    for name in hierarchy.members:  # what a template, a set under a rule or the defaults of all resources still stop
        resource = cib.resource(name)
        if resource is not None and cib.effective_meta(resource, "target-role").lower() == "stopped":
            edit.set_pair(cib, resource, "meta_attributes", "target-role", "Started")
    return cib


def out_of_service(cib: Cib, tag: str) -> Cib:
    """Disable Postfix; the resources that it depends on keep running."""
    hierarchy = find_hierarchy(cib, tag)
    if mark_of(hierarchy):
        release(cib, tag)
    edit.set_pair(cib, hierarchy.mail, "meta_attributes", "target-role", "Stopped")
    return cib


def begin_to_stop(cib: Cib, tag: str, command: str, parts: "Iterable[str]" = ()) -> Cib:
    """The same, as the first step of a command that is to go on, and that takes these parts away in the end.

    They are stopped while the configuration has them. Pacemaker stops what has gone from it with the parameters of its
    last start; what the cluster found running and never started has none, its stop fails, and its node is fenced.
    """
    out_of_service(cib, tag)
    mark(cib, tag, command)
    turn_drain_off(find_hierarchy(cib, tag))
    for name in parts:
        resource = cib.resource(name)
        if resource is not None:
            edit.set_pair(cib, resource, "meta_attributes", "target-role", "Stopped")
    return cib
