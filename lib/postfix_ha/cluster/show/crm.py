"""Changes as lines of crmsh: ``crm configure`` reads the definitions, the others are commands of their own."""

import shlex

from postfix_ha.cluster.model import changes as kinds
from postfix_ha.cluster.model.alerts import recipients
from postfix_ha.cluster.model.changes import Change
from postfix_ha.cluster.model.cib import Element, pairs
from postfix_ha.cluster.show.crm_constraints import Word, crm_constraint
from postfix_ha.cluster.show.pcs import NO_WORD, agent_of, assignment, comment, operation_words
from postfix_ha.system.quoting import quote_words

LINE_END = "\n"


def crm_lines(found: "list[Change]") -> "list[str]":
    """The lines that make the changes, each to be given to ``crm configure``; a comment where crmsh has none."""
    lines = []
    for change in found:
        words = _line(change)
        if words and not any(map(_is_misread, words)):
            lines += " ".join(map(_quoted, words)).split(" \n ")
        elif not words and change.kind in (kinds.SET_META, kinds.SET_PARAMETER):
            lines.append("# not inside configure: " + quote_words(_setting(change)))
        else:
            lines.append(comment("crm has no line for", change))
    return lines


def _setting(change: Change) -> "list[str]":
    """The command that sets an attribute: configure's own ``set`` knows only those that are there already."""
    part = "meta" if change.kind == kinds.SET_META else "param"
    if not change.value:
        return ["crm", "resource", part, change.subject, "delete", change.name]
    return ["crm", "resource", part, change.subject, "set", change.name, change.value]


def _is_misread(word: str) -> bool:
    """Whether crmsh would take the word for something else: it has no escape for what cannot be printed."""
    if word == LINE_END or isinstance(word, Word):
        return False
    name, sign, _ = word.partition("=")
    is_plain = name.isprintable() and not set(name) & set(" '\"\\#;")
    return word == NO_WORD or not word.isprintable() or not is_plain or (not sign and word.startswith("-"))


def _quoted(word: str) -> str:
    name, sign, value = word.partition("=")
    return f"{name}={shlex.quote(value)}" if sign else word


def _line(change: Change) -> "list[str]":
    element = change.element
    if change.kind == kinds.SET_PROPERTY:
        return ["property", assignment(change.name, change.value)]
    if change.kind in (kinds.REMOVE_CONSTRAINT, kinds.REMOVE_RESOURCE, kinds.REMOVE_ALERT):
        return ["delete", change.subject]
    if element is None:
        return []
    if change.kind == kinds.ADD_RESOURCE:
        return _primitive(element)
    if change.kind == kinds.ADD_ALERT:
        return _alert(element)
    if change.kind == kinds.ADD_OPERATION:
        return (
            [operation_words(element)[0], change.subject, *operation_words(element)[1:]]
            if element.get("name") == "monitor"
            else []
        )
    return crm_constraint(element) if change.kind == kinds.ADD_CONSTRAINT else []


def _alert(element: Element) -> "list[str]":
    words = ["alert", element.get("id", ""), element.get("path", "")]
    for keyword, tag in (("attributes", "instance_attributes"), ("meta", "meta_attributes")):
        values = [assignment(name, value) for name, value in pairs(element, tag).items()]
        words += [keyword, *values] if values else []
    return words + [word for address in recipients(element) for word in ("to", address)]


def _primitive(resource: Element) -> "list[str]":
    if resource.tag == "group":
        members = resource.findall("primitive")
        words = [word for member in members for word in [*_primitive(member), LINE_END]]
        meta = [assignment(name, value) for name, value in pairs(resource, "meta_attributes").items()]
        names = [member.get("id", "") for member in members]
        return [*words, "group", resource.get("id", ""), *names, *(["meta", *meta] if meta else [])]
    if resource.tag == "clone":
        inner = next(iter(resource.iterchildren("primitive", "group")), None)
        if inner is None:
            return []
        meta = [assignment(name, value) for name, value in pairs(resource, "meta_attributes").items()]
        clone = ["clone", resource.get("id", ""), inner.get("id", ""), *(["meta", *meta] if meta else [])]
        return [*_primitive(inner), LINE_END, *clone]
    words = ["primitive", resource.get("id", ""), agent_of(resource)]
    for keyword, tag in (
        ("params", "instance_attributes"),
        ("meta", "meta_attributes"),
        ("utilization", "utilization"),
    ):
        values = [assignment(name, value) for name, value in pairs(resource, tag).items()]
        words += [keyword, *values] if values else []
    for operation in resource.iterfind("operations/op"):
        words += ["op", *operation_words(operation)]
    return words
