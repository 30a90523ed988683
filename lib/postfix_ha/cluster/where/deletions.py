"""Commands that end an obstacle, with the tool that is on this node."""

import shutil

from postfix_ha.cluster.model.cib import Element
from postfix_ha.system.quoting import quote


def delete_constraint(name: str) -> str:
    """The command that deletes a constraint."""
    if shutil.which("pcs"):
        return f"pcs constraint delete {quote(name)}"
    if shutil.which("crm"):
        return f"crm configure delete {quote(name)}"
    return f"cibadmin --delete --xpath {quote(_by_id(name))}"


def delete_meta(holder: Element, name: str, pair: Element) -> str:
    """The command that takes a meta attribute away from a resource, a template, or the defaults of all."""
    # crm_attribute --type rsc_defaults asks for a node first, and fails where there is none of this host's name.
    if holder.tag in ("rsc_defaults", "template"):
        return delete_by_id(pair)
    return f"crm_resource --resource {quote(holder.get('id', ''))} --meta --delete-parameter {quote(name)}"


def delete_by_id(element: Element) -> str:
    """The command that takes an element out of the configuration, where no other program has one."""
    return f"cibadmin --delete --xpath {quote(_by_id(element.get('id', '')))}"


def forget_failures_of(member: str, node: str = "") -> str:
    """The command that lets the cluster forget what a resource has failed in, on one node or on all."""
    command = f"crm_resource --cleanup --resource {quote(member)}"
    return f"{command} --node {quote(node)}" if node else command


def _by_id(name: str) -> str:
    return f'//*[@id="{name}"]'
