"""Changes as pcs commands that can be pasted."""

import re

from postfix_ha.cluster.model import changes as kinds
from postfix_ha.cluster.model.alerts import recipients
from postfix_ha.cluster.model.changes import Change
from postfix_ha.cluster.model.cib import Element, is_promotable, pairs
from postfix_ha.cluster.model.names import legal
from postfix_ha.cluster.show.option import Option
from postfix_ha.cluster.show.pcs_constraints import pcs_constraint
from postfix_ha.printable import printable
from postfix_ha.system.quoting import quote, quote_words

# What pcs takes for a value's name, and an element's id as the CIB's schema has it, without what begins an option.
NAME = re.compile(r"[A-Za-z_#][^=\s]*")
SCORE = re.compile(r"[+-]?(?:INFINITY|[0-9]{1,7})")
NO_WORD = "\0"


def pcs_lines(found: "list[Change]", file: str = "") -> "list[str]":
    """The pcs commands that make the changes, on a file (pcs -f) where one is named; a comment where pcs has none."""
    start = ["pcs", "-f", file] if file else ["pcs"]
    lines = []
    for change in found:
        commands = _commands(change)
        if not commands or any(map(_is_misread, commands)):
            lines.append(comment("pcs has no command for", change))
        else:
            lines += [quote_words([*start, *words]) for words in commands]
    return lines


def pcs_script(found: "list[Change]", file: str) -> "list[str]":
    """The same for the live cluster: several are made on a copy of its configuration, which comes into it at once."""
    lines = pcs_lines(found)
    if len(lines) < 2:
        return lines
    copy = quote(file_name(file))
    return [f"pcs cluster cib {copy}", *pcs_lines(found, file_name(file)), f"pcs cluster cib-push {copy}"]


def file_name(file: str) -> str:
    """A name for a file here: a hierarchy's id may be anything."""
    stem, dot, end = file.rpartition(".")
    return legal(stem) + dot + end


def comment(why: str, change: Change) -> str:
    """A line that no shell and no crmsh does anything for."""
    return printable(f"# {why}: {kinds.sentence(change)}")


def _is_misread(words: "list[str]") -> bool:
    """Whether pcs would take a name or a value for something else: an option, or the name of another value."""
    taken = [word for word in words if not isinstance(word, Option)]
    return any(word == NO_WORD or (word.startswith("-") and not SCORE.fullmatch(word)) for word in taken)


def _commands(change: Change) -> "list[list[str]]":
    element = change.element
    if change.kind == kinds.ADD_RESOURCE and element is not None:
        return _resource(element)
    if change.kind == kinds.ADD_ALERT and element is not None:
        return _alert(element)
    words = _command(change)
    return [words] if words else []


def _resource(element: Element) -> "list[list[str]]":
    """The commands that make a resource with all that is in it, utilization after the rest."""
    made: "list[list[str]]" = []
    if element.tag == "group":
        members = [_create(primitive) for primitive in element.findall("primitive")]
        made = [[*words, Option("--group"), element.get("id", "")] for words in members]
    elif element.tag == "clone" and element.find("group") is not None:
        for group in element.findall("group"):
            kind = "promotable" if is_promotable(element) else "clone"
            clone = ["resource", kind, group.get("id", ""), element.get("id", "")]
            made = [*_resource(group), clone]
    else:
        words = _create(element)
        made = [words] if words else []
    outer = {} if element.tag == "primitive" else pairs(element, "meta_attributes")
    if is_promotable(element):  # pcs says so itself, and takes it from nobody whose agent it does not know
        outer = {name: value for name, value in outer.items() if name != "promotable"}
    meta = _assignments(outer)
    # pcs 0.11 takes meta after clone for the primitive's, pcs 0.12 for the clone's.
    made += [["resource", "meta", element.get("id", ""), *meta]] if meta and made else []
    for primitive in element.iter("primitive") if made and element.find("group") is None else ():
        needs = _assignments(pairs(primitive, "utilization"))
        made += [["resource", "utilization", primitive.get("id", ""), *needs]] if needs else []
    return made


def _alert(element: Element) -> "list[list[str]]":
    name = element.get("id", "")
    words = ["alert", "create", f"path={element.get('path')}", f"id={name}"]
    for keyword, tag in (("options", "instance_attributes"), ("meta", "meta_attributes")):
        values = _assignments(pairs(element, tag))
        words += [keyword, *values] if values else []
    told = [["alert", "recipient", "add", name, f"value={address}"] for address in recipients(element)]
    return [words, *told]


def agent_of(primitive: Element) -> str:
    """class:provider:type of a primitive, or the template it is made from."""
    return ":".join(primitive.get(key, "") for key in ("class", "provider", "type") if primitive.get(key))


def operation_words(operation: Element) -> "list[str]":
    """An operation as name and key=value words, its instance attributes among them; its id is left to the tool."""
    words = [operation.get("name", "")]
    words += [assignment(str(key), str(operation.get(key))) for key in operation.attrib if key not in ("id", "name")]
    return words + _assignments(pairs(operation, "instance_attributes"))


def _assignments(values: "dict[str, str]") -> "list[str]":
    return [assignment(name, value) for name, value in values.items()]


def assignment(name: str, value: str) -> str:
    """``name=value``, or NO_WORD where the name is none for pcs and crmsh."""
    return f"{name}={value}" if NAME.fullmatch(name) else NO_WORD


def _command(change: Change) -> "list[str]":
    element = change.element
    if change.kind == kinds.SET_PROPERTY:
        return ["property", "set", assignment(change.name, change.value)]
    if change.kind == kinds.SET_META:
        return ["resource", "meta", change.subject, assignment(change.name, change.value)]
    if change.kind == kinds.SET_PARAMETER:
        return ["resource", "update", change.subject, assignment(change.name, change.value)]
    if change.kind == kinds.REMOVE_CONSTRAINT:
        return ["constraint", "delete", change.subject]
    if change.kind == kinds.REMOVE_RESOURCE:
        return ["resource", "delete", change.subject]
    if change.kind == kinds.REMOVE_ALERT:
        return ["alert", "remove", change.subject]
    if element is None:
        return []
    if change.kind == kinds.ADD_OPERATION:
        return ["resource", "op", "add", change.subject, *operation_words(element)]
    if change.kind == kinds.REMOVE_OPERATION:
        return ["resource", "op", "delete", element.get("id", "")]
    return _constraint(element) if change.kind == kinds.ADD_CONSTRAINT else []


def _create(resource: Element) -> "list[str]":
    primitive = resource if resource.tag == "primitive" else resource.find("primitive")
    if primitive is None or resource.tag not in ("primitive", "clone"):
        return []
    words = ["resource", "create", primitive.get("id", ""), agent_of(primitive)]
    words += _assignments(pairs(primitive, "instance_attributes"))
    for operation in primitive.iterfind("operations/op"):
        words += ["op", *operation_words(operation)]
    meta = pairs(primitive, "meta_attributes")
    words += ["meta", *_assignments(meta)] if meta else []
    if resource.tag == "clone":
        words += ["promotable" if is_promotable(resource) else "clone", resource.get("id", "")]
    return [*words, Option("--no-default-ops")]


def _constraint(element: Element) -> "list[str]":
    words = pcs_constraint(element)
    return ["constraint", *words] if words else []
