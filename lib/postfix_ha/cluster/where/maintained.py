"""Maintenance: what keeps the cluster from starting, stopping or moving a service that a command is to move."""

from postfix_ha.cluster.live.wait import State
from postfix_ha.cluster.model.cib import FALSE_WORDS, TRUE_WORDS, Element
from postfix_ha.cluster.model.hierarchy import Hierarchy
from postfix_ha.cluster.model.node_attributes import attributes_of
from postfix_ha.cluster.where.deletions import delete_meta, forget_failures_of
from postfix_ha.finding import Finding
from postfix_ha.messages.errors import Refused
from postfix_ha.system.quoting import quote

STATES = (("maintenance", TRUE_WORDS, "in maintenance"), ("is-managed", FALSE_WORDS, "not managed (is-managed)"))


def check_managed(hierarchy: Hierarchy, status: Element, members: "list[str]", *, forgets: bool) -> None:
    """Raise Refused where the cluster keeps its hands off these members, now: a change would only act when that ends.

    ``forgets``: the command clears failures first, so that what one of them has blocked is no obstacle.
    """
    found = _of_cluster(hierarchy)
    found = found or _of_members(hierarchy, members) + _of_nodes(hierarchy, status, members)
    if not forgets:
        found = found or _blocked(status, members)
    if found:
        raise Refused(*(Finding("service_managed", what=what, tag=hierarchy.tag, ends=ends) for what, ends in found))


def _of_cluster(hierarchy: Hierarchy) -> "list[tuple[str, str]]":
    if not hierarchy.cib.is_true("maintenance-mode", "false"):
        return []
    return [("the cluster is in maintenance mode", "crm_attribute --name maintenance-mode --delete")]


def _of_members(hierarchy: Hierarchy, members: "list[str]") -> "list[tuple[str, str]]":
    found: "dict[str, tuple[str, str]]" = {}
    for member in members:
        resource = hierarchy.cib.resource(member)
        for name, values, words in STATES:
            held = None if resource is None else hierarchy.cib.meta_pair(resource, name)
            if held is not None and held[1].get("value", "").lower() in values:
                holder = "every resource" if held[0].tag == "rsc_defaults" else held[0].get("id", member)
                found.setdefault(f"{holder} is {words}", (f"{holder} is {words}", delete_meta(held[0], name, held[1])))
    return list(found.values())


def _of_nodes(hierarchy: Hierarchy, status: Element, members: "list[str]") -> "list[tuple[str, str]]":
    nodes = dict.fromkeys(node for member in members for node in State(status, member).nodes)
    return [
        (
            f"node {node}, on which it runs, is in maintenance",
            f"crm_attribute --node {quote(node)} --name maintenance --lifetime {lifetime} --delete",
        )
        for node in nodes
        for lifetime, value in attributes_of(hierarchy.cib, node, "maintenance").items()
        if value.lower() in TRUE_WORDS
    ]


def _blocked(status: Element, members: "list[str]") -> "list[tuple[str, str]]":
    return [
        (f"{member} is blocked by a failure", forget_failures_of(member))
        for member in members
        if State(status, member).blocked
    ]
