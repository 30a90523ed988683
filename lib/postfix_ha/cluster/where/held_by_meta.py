"""Meta attributes by which the cluster stops a resource or leaves it alone, by a rule or always."""

from postfix_ha.cluster.model.cib import FALSE_WORDS, TRUE_WORDS, Element
from postfix_ha.cluster.model.hierarchy import Hierarchy
from postfix_ha.cluster.where.deletions import delete_by_id, delete_meta
from postfix_ha.cluster.where.lifting import without_id
from postfix_ha.cluster.where.obstacle import Obstacle

STATES = (
    ("target-role", ("stopped",), "stopped", "is to be stopped (target-role)"),
    ("maintenance", TRUE_WORDS, "maintenance", "is in maintenance"),
    ("is-managed", FALSE_WORDS, "unmanaged", "is not managed: the cluster only watches it"),
)


def held_by_meta(hierarchy: Hierarchy) -> "list[Obstacle]":
    """Meta attributes by which a member is stopped or left alone."""
    found = []
    for name, values, word, words in STATES:
        for holder, pair in meta_pairs(hierarchy, name):
            if pair.get("value", "").lower() in values:
                subject = holder.get("id", "") if holder.tag != "rsc_defaults" else "every resource (rsc_defaults)"
                is_ours = name == "target-role" and holder.get("id", "") in hierarchy.containers
                command = "postfix-ha in-service" if is_ours else delete_meta(holder, name, pair)
                found.append(Obstacle(word, f"{subject} {words}", command, without_id(pair.get("id", ""))))
        for owner, rule, pair in _by_rule(hierarchy, name):
            if pair.get("value", "").lower() in values:
                text = f"{owner} {words}, by rule {rule}"
                found.append(Obstacle(word, text, delete_by_id(pair), without_id(pair.get("id", ""))))
    return found


def _by_rule(hierarchy: Hierarchy, name: str) -> "list[tuple[str, str, Element]]":
    """(whose, the rule's id, the pair) of each meta attribute of this name that a rule gives to a member at times."""
    cib, found = hierarchy.cib, []
    holders: "dict[str, Element]" = {}
    for member in hierarchy.members:
        for each in map(cib.resource, hierarchy.containers_of(member)):
            for holder in () if each is None else (each, cib.template_of(each)):
                if holder is not None:
                    holders.setdefault(holder.get("id", ""), holder)
    named = [*holders.items(), ("every resource of its kind (rsc_defaults)", cib.look("rsc_defaults"))]
    for owner, holder in named:
        for pairs in holder.findall("meta_attributes"):
            rule = pairs.find("rule")
            if rule is not None:
                found += [
                    (owner, rule.get("id", ""), each) for each in pairs.findall("nvpair") if each.get("name") == name
                ]
    return found


def meta_pairs(hierarchy: Hierarchy, name: str) -> "list[tuple[Element, Element]]":
    """(what has it, the pair) of each meta attribute of this name that is in force for a member."""
    found: "dict[str, tuple[Element, Element]]" = {}
    for member in hierarchy.members:
        resource = hierarchy.cib.resource(member)
        held = None if resource is None else hierarchy.cib.meta_pair(resource, name)
        if held is not None:
            found.setdefault(held[1].get("id", ""), held)
    return list(found.values())
