"""Spelling out: a configuration in which constraints name resources, and resources have all that is theirs.

Tags, templates, patterns, id-ref and sets in locations are ways of writing less, which pcs and crmsh know in part.
What is printed has to make the same again with either, so it is written out.
"""

import copy
from typing import Optional

from postfix_ha.cluster.model import names
from postfix_ha.cluster.model.cib import Cib, Element
from postfix_ha.cluster.model.references import References

ATTRIBUTE_SETS = ("instance_attributes", "meta_attributes", "utilization")


def spelled_out(cib: Cib) -> Cib:
    """The same configuration, spelled out; a copy."""
    made = cib.copy()
    _resolve_references(made)
    references = References(made)
    for constraint in made.constraints():
        if constraint.tag == "rsc_location":
            _spell_location(made, references, constraint)
        else:
            _spell_names(made, references, constraint)
    for primitive in made.primitives():
        _spell_template(made, primitive)
    return made


def _resolve_references(cib: Cib) -> None:
    """Put in the place of each id-ref a copy of what it names, with ids of its own."""
    known = {each.get("id"): each for each in cib.root.iter("rule", "nvpair", "operations", *ATTRIBUTE_SETS)}
    for element in list(cib.root.iter("rule", "nvpair", "operations", *ATTRIBUTE_SETS)):
        model, parent = known.get(element.get("id-ref")), element.getparent()
        if element.get("id-ref") and model is not None and parent is not None:
            made = copy.deepcopy(model)
            for each in made.iter():
                if each.get("id"):
                    each.set("id", names.unique(each.get("id", ""), cib.ids()))
            parent.replace(element, made)


def _spell_location(cib: Cib, references: References, constraint: Element) -> None:
    """One constraint for each resource, and for each rule."""
    rules: "list[Optional[Element]]" = [*constraint.findall("rule")]
    sets = constraint.findall("resource_set")
    if constraint.get("rsc") in references.of_location(constraint) and len(rules) < 2 and not sets:
        return
    parent = constraint.getparent()
    assert parent is not None
    at, identity = parent.index(constraint), constraint.get("id", "")
    parent.remove(constraint)
    taken = cib.ids()
    for resource in references.of_location(constraint):
        holder = next((each for each in sets if resource in references.of_set(each)), None)
        for rule in rules or [None]:
            made = constraint.makeelement("rsc_location", {str(key): str(value) for key, value in constraint.items()})
            _taken(made, "rsc-pattern")
            made.set("rsc", resource)
            for key in ("role", "score"):
                if holder is not None and holder.get(key):
                    made.set(key, holder.get(key, ""))
            made.set("id", names.unique(identity, taken))
            taken.add(made.get("id", ""))
            if rule is not None:
                made.append(_fresh(rule, taken))
            parent.insert(at, made)
            at += 1


def _fresh(element: Element, taken: "set[str]") -> Element:
    """A copy whose ids are taken by nothing else."""
    made = copy.deepcopy(element)
    for each in made.iter():
        if each.get("id"):
            each.set("id", names.unique(each.get("id", ""), taken))
            taken.add(each.get("id", ""))
    return made


def _spell_names(cib: Cib, references: References, constraint: Element) -> None:
    """Sets in the place of tags and templates."""
    for ref in list(constraint.iter("resource_ref")):
        holder = ref.getparent()
        if references.is_many(ref.get("id", "")) and holder is not None:
            at = holder.index(ref)
            for name in reversed(references.of_name(ref.get("id", ""))):
                holder.insert(at, holder.makeelement("resource_ref", {"id": name}))
            holder.remove(ref)
    ends = {"rsc_colocation": ("rsc", "with-rsc"), "rsc_order": ("first", "then"), "rsc_ticket": ("rsc",)}
    named = [(end, constraint.get(end, "")) for end in ends.get(str(constraint.tag), ()) if constraint.get(end)]
    if not any(references.is_many(name) for _, name in named):
        return
    for end, name in named:
        role, action = _taken(constraint, f"{end}-role"), _taken(constraint, f"{end}-action")
        _taken(constraint, end)
        identity = names.unique(f"{constraint.get('id')}-{end}", cib.ids())
        chosen = constraint.makeelement("resource_set", {"id": identity, "sequential": "false"})
        for key, value in (("role", role), ("action", action)):
            if value:
                chosen.set(key, value)
        chosen.extend(chosen.makeelement("resource_ref", {"id": each}) for each in references.of_name(name))
        constraint.append(chosen)


def _spell_template(cib: Cib, primitive: Element) -> None:
    """Give a primitive what its template says and it does not."""
    name = _taken(primitive, "template")
    templates = [each for each in cib.look("resources").iter("template") if each.get("id") == name]
    for template in templates:
        for key in ("class", "provider", "type"):
            if template.get(key):
                primitive.set(key, template.get(key, ""))
        for tag in (*ATTRIBUTE_SETS, "operations"):
            _merge(cib, primitive, template, tag)


def _merge(cib: Cib, primitive: Element, template: Element, tag: str) -> None:
    taken = cib.ids()
    if tag == "operations":
        _merge_operations(primitive, template, taken)
        return
    own = {pair.get("name") for each in primitive.findall(tag) for pair in each.findall("nvpair")}
    for attributes in template.findall(tag):
        made = _fresh(attributes, taken)
        for pair in made.findall("nvpair"):
            if pair.get("name") in own:
                made.remove(pair)
        if made.find("nvpair") is not None:
            before = [each for each in primitive if each.tag in ATTRIBUTE_SETS]
            primitive.insert(list(primitive).index(before[-1]) + 1 if before else 0, made)


def _merge_operations(primitive: Element, template: Element, taken: "set[str]") -> None:
    section = primitive.find("operations")
    own = [(each.get("name"), each.get("interval", "0")) for each in primitive.iterfind("operations/op")]
    for operation in template.iterfind("operations/op"):
        if (operation.get("name"), operation.get("interval", "0")) not in own:
            if section is None:
                section = primitive.makeelement("operations", {})
                primitive.append(section)
            section.append(_fresh(operation, taken))


def _taken(element: Element, key: str) -> str:
    """An attribute's value, which is taken away; "" where there is none."""
    value = element.get(key, "")
    if key in element.attrib:
        del element.attrib[key]
    return value
