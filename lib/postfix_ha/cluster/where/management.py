"""Management: why the cluster leaves a resource alone, and what ends that."""

from postfix_ha.cluster.live.wait import State
from postfix_ha.cluster.model.cib import TRUE_WORDS, Cib, Element
from postfix_ha.cluster.model.hierarchy import Hierarchy
from postfix_ha.cluster.model.node_attributes import attributes_of
from postfix_ha.cluster.where.deletions import delete_meta, forget_failures_of
from postfix_ha.system.quoting import quote


def unmanaged(hierarchy: Hierarchy, member: str, state: State) -> "list[str]":
    """One line for each thing that keeps the cluster's hands off the member; a line in general where none is known."""
    cib = hierarchy.cib
    resource = cib.resource(member)
    if cib.is_true("maintenance-mode", "false"):
        return []  # that is told of the cluster as a whole
    found = []
    maintained = None if resource is None else cib.meta_pair(resource, "maintenance")
    if maintained is not None and maintained[1].get("value", "").lower() in TRUE_WORDS:
        command = delete_meta(maintained[0], "maintenance", maintained[1])
        found.append(f"{member} is in maintenance, so that no monitor runs ('{command}' ends it)")
    for node in state.nodes:
        for lifetime, value in attributes_of(cib, node, "maintenance").items():
            if value.lower() in TRUE_WORDS:
                command = f"crm_attribute --node {quote(node)} --name maintenance --lifetime {lifetime} --delete"
                found.append(f"node {node} is in maintenance, so that no monitor of it runs ('{command}' ends it)")
    if state.blocked:
        command = forget_failures_of(member)
        why = "a failed stop" if state.failed_stop else "a failure"
        by = " (on-fail=block)" if resource is not None and _has_block(cib, resource) else ""
        found.append(f"{member} is blocked by {why}{by}: the cluster does nothing more with it ('{command}' ends it)")
    if found:
        return found
    managed = None if resource is None else cib.meta_pair(resource, "is-managed")
    command = "" if managed is None else f" ('{delete_meta(managed[0], 'is-managed', managed[1])}' ends it)"
    return [f"{member} is not managed: the cluster only watches it{command}"]


def _has_block(cib: Cib, resource: Element) -> bool:
    return any(each.get("on-fail", "").lower() == "block" for each in cib.operations(resource))
