"""Expiry: which of the moves by hand have run out, by Pacemaker's own word."""

from postfix_ha.cluster.live.pacemaker import Cluster, Scratch
from postfix_ha.cluster.model.cib import Cib, Element
from postfix_ha.cluster.model.hierarchy import Hierarchy

CRM_EX_EXPIRED = 110


def expired_moves(cluster: Cluster, hierarchy: Hierarchy) -> "list[str]":
    """The ids of location constraints by manual moves that have expired."""
    found = []
    for constraint in hierarchy.cib.constraints():
        if constraint.get("id") in hierarchy.moves:
            rules = [rule for rule in constraint.iter("rule") if rule.find("date_expression") is not None]
            if rules and all(_is_expired(cluster, hierarchy.cib, rule) for rule in rules):
                found.append(constraint.get("id", ""))
    return found


def _is_expired(cluster: Cluster, cib: Cib, rule: Element) -> bool:
    """Whether the rule has run out. crm_rule looks at one date of a rule, so that each is asked with that one alone."""
    name = rule.get("id", "")
    with Scratch() as scratch:
        file = Cluster(scratch.write("rules.xml", _small(cib, rule)))
        return file.call("crm_rule", "--check", "--rule", name).returncode == CRM_EX_EXPIRED


def _small(cib: Cib, rule: Element) -> Cib:
    """The configuration with the constraint of this rule alone."""
    constraint = rule.getparent()
    while constraint is not None and constraint.tag != "rsc_location":
        constraint = constraint.getparent()
    name = None if constraint is None else constraint.get("id")
    return cib.copy_without(lambda each: str(each.tag).startswith("rsc_") and each.get("id") != name)
