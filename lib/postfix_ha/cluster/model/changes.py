"""Changes: what differs between two CIB documents, in the terms in which an administrator would do it by hand."""

from typing import Optional

from lxml import etree

from postfix_ha.cluster.model.alerts import alerts, recipients
from postfix_ha.cluster.model.cib import Cib, Element, pairs

ADD_RESOURCE = "add-resource"
REMOVE_RESOURCE = "remove-resource"
ADD_CONSTRAINT = "add-constraint"
REMOVE_CONSTRAINT = "remove-constraint"
SET_META = "set-meta-attribute"
SET_PARAMETER = "set-parameter"
ADD_OPERATION = "add-operation"
REMOVE_OPERATION = "remove-operation"
SET_AGENT = "exchange-agent"
SET_PROPERTY = "set-property"
ADD_ALERT = "add-alert"
REMOVE_ALERT = "remove-alert"


class Change:
    """One change: its kind, the id of what it is about, the element, or name and value ("" takes it away)."""

    __slots__ = ("element", "kind", "name", "subject", "value")

    def __init__(
        self, kind: str, subject: str, element: "Optional[Element]" = None, name: str = "", value: str = ""
    ) -> None:
        self.kind = kind
        self.subject = subject
        self.element = element
        self.name = name
        self.value = value

    def __repr__(self) -> str:
        return f"Change({self.kind!r}, {self.subject!r}, {self.name!r}, {self.value!r})"


def changes(old: Cib, new: Cib) -> "list[Change]":
    """What leads from the old configuration to the new one: removals before additions, resources before constraints."""
    before, after = _by_id(old.constraints()), _by_id(new.constraints())
    here, there = _by_id(list(old.resources())), _by_id(list(new.resources()))
    gone = [name for name in before if name not in after or _text(after[name]) != _text(before[name])]
    come = [name for name in after if name not in before or _text(after[name]) != _text(before[name])]
    found = [Change(REMOVE_CONSTRAINT, name, before[name]) for name in gone]
    found += [Change(REMOVE_RESOURCE, name, here[name]) for name in here if name not in there]
    found += [Change(ADD_RESOURCE, name, there[name]) for name in there if name not in here and _is_outer(there[name])]
    for name in there:
        if name in here:
            found += _resource_changes(old, new, here[name], there[name])
    found += [Change(ADD_CONSTRAINT, name, after[name]) for name in come]
    return found + _property_changes(old, new) + _alert_changes(old, new)


def _resource_changes(old: Cib, new: Cib, before: Element, after: Element) -> "list[Change]":
    name = after.get("id", "")
    found = []
    if after.tag == "primitive" and old.agent(before) != new.agent(after):
        found.append(Change(SET_AGENT, name, after, value=new.agent(after)))
    for kind, tag in ((SET_PARAMETER, "instance_attributes"), (SET_META, "meta_attributes")):
        found += [Change(kind, name, after, key, value) for key, value in _pair_changes(before, after, tag)]
    had, has = _operations(before), _operations(after)
    found += [Change(REMOVE_OPERATION, name, had[key]) for key in had if _text(has.get(key)) != _text(had[key])]
    found += [Change(ADD_OPERATION, name, has[key]) for key in has if _text(has[key]) != _text(had.get(key))]
    return found


def _property_changes(old: Cib, new: Cib) -> "list[Change]":
    def properties(cib: Cib) -> "dict[str, str]":
        return {pair.get("name", ""): pair.get("value", "") for pair in cib.look("crm_config").iter("nvpair")}

    before, after = properties(old), properties(new)
    names = [name for name in {**before, **after} if before.get(name) != after.get(name)]
    return [Change(SET_PROPERTY, name, None, name, after.get(name, "")) for name in names]


def _alert_changes(old: Cib, new: Cib) -> "list[Change]":
    """An alert that differs is removed and added: the tools have no word for each thing that can differ."""
    had, has = _by_id(alerts(old)), _by_id(alerts(new))
    gone = [name for name in had if _text(has.get(name)) != _text(had[name])]
    come = [name for name in has if _text(had.get(name)) != _text(has[name])]
    return [
        *(Change(REMOVE_ALERT, name, had[name]) for name in gone),
        *(Change(ADD_ALERT, name, has[name]) for name in come),
    ]


def _pair_changes(before: Element, after: Element, tag: str) -> "list[tuple[str, str]]":
    had, has = pairs(before, tag), pairs(after, tag)
    return [(key, has.get(key, "")) for key in {**had, **has} if had.get(key) != has.get(key)]


def _operations(resource: Element) -> "dict[str, Element]":
    return {
        f"{op.get('name')} {op.get('interval', '0s')} {op.get('role', '')}": op
        for op in resource.iterfind("operations/op")
    }


def _by_id(elements: "list[Element]") -> "dict[str, Element]":
    return {element.get("id", ""): element for element in elements}


def _is_outer(resource: Element) -> bool:
    parent = resource.getparent()
    return parent is not None and parent.tag == "resources"


def _text(element: "Optional[Element]") -> bytes:
    return b"" if element is None else etree.tostring(element, method="c14n")


def sentence(change: Change) -> str:
    """The change in words."""
    verb = change.kind.replace("-", " ")
    if change.kind in (SET_META, SET_PARAMETER, SET_PROPERTY):
        where = "" if change.kind == SET_PROPERTY else f" of {change.subject}"
        what = f"{change.name}{where}"
        return f"{verb} {what} to {change.value}" if change.value else f"{verb.replace('set', 'remove', 1)} {what}"
    if change.kind == SET_AGENT:
        return f"let {change.value} run {change.subject}"
    if change.kind in (ADD_OPERATION, REMOVE_OPERATION) and change.element is not None:
        return f"{verb} {change.element.get('name')} every {change.element.get('interval', '0s')} of {change.subject}"
    return f"{verb} {change.subject}{_meaning(change.element)}"


def _of_rules(location: Element) -> str:
    """Where a location with rules holds: the nodes and the end of a move by hand, the rules of any other."""
    expressions = list(location.iter("expression"))
    ends = [found.get("end", "") for found in location.iter("date_expression")]
    if not expressions or any(found.get("attribute") != "#uname" for found in expressions) or "" in ends:
        return f" by rule {', '.join(rule.get('id', rule.get('id-ref', '')) for rule in location.iter('rule'))}"
    until = f" until {' '.join(ends)}" if ends else ""
    return f" on {' '.join(found.get('value', '') for found in expressions)}{until}"


def _meaning(element: "Optional[Element]") -> str:
    if element is None:
        return ""
    get = element.get
    if element.tag == "alert":
        to = f", mails to {', '.join(recipients(element))}" if recipients(element) else ""
        return f" ({get('path')}{to})"
    if element.tag == "primitive":
        return " (" + ":".join(get(key, "") for key in ("class", "provider", "type") if get(key)) + ")"
    if element.tag == "rsc_location" and get("node"):
        return f": {get('rsc')} on {get('node')} {get('score')}"
    if element.tag == "rsc_location":
        return f": {get('rsc') or get('rsc-pattern', '')}{_of_rules(element)}"
    if element.tag == "rsc_colocation" and get("rsc"):
        return f": {get('rsc')} where {get('with-rsc')} is"
    if element.tag == "rsc_order" and get("first"):
        return f": {get('first')} before {get('then')}"
    return ""
