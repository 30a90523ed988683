"""Essence: a large configuration without what cannot matter for one hierarchy, so that answers come at once."""

from collections.abc import Iterable
from itertools import islice

from lxml import etree

from postfix_ha.cluster.model.cib import RESOURCE_TAGS, Cib, Element, top_of
from postfix_ha.cluster.model.references import References
from postfix_ha.cluster.where.lifting import with_property

# Below this many primitives and elements nothing is left out: the scheduler takes milliseconds.
LARGE, ELEMENTS_LARGE = 40, 5000
# Exit codes of a history that leaves nothing to be done: done, not running, running as promoted.
QUIET_CODES = ("0", "7", "8")
# What the history has of a resource where it does not run: looked for and not found, or stopped.
NEVER_THERE = (("monitor", "7"), ("stop", "0"))


def is_large(cib: Cib) -> bool:
    """Whether it pays to leave something out."""
    has_many = any(True for _ in islice(cib.root.iter(), ELEMENTS_LARGE, None))
    return has_many or sum(1 for _ in cib.primitives()) > LARGE


def essence(cib: Cib, members: "list[str]") -> Cib:
    """The configuration with these primitives and all that is tied to them; the whole where anything may matter.

    What stays: fence devices, what runs nodes (remote and guest), everything that has failed, as a failure can cost
    its node, what others refer to, and with a placement strategy all that uses up room.
    """
    if not is_large(cib):
        return cib
    uses_room = cib.property("placement-strategy", "default") not in ("", "default")
    ours = _tied(cib, [*members, *_always(cib), *_referred_to(cib)])
    kept = _tied(cib, [*ours, *_with_utilization(cib)]) if uses_room else ours
    dropped = [each for each in cib.look("resources") if each.tag != "template" and each.get("id", "") not in kept]
    small = _without(cib, _names_in(dropped))
    if uses_room:
        _forget_where_they_do_not_run(small, kept - ours)
    return small


def _always(cib: Cib) -> "list[str]":
    found = [each.get("id", "") for each in cib.primitives() if each.get("class") == "stonith" or _runs_a_node(each)]
    found += [each.get("id", "") for each in cib.look("resources").iter("bundle")]
    for history in cib.root.iterfind("status/node_state/lrm/lrm_resources/lrm_resource"):
        if any(not _is_quiet(each) for each in history):
            found.append(history.get("id", "").split(":")[0])
    return found


def _with_utilization(cib: Cib) -> "list[str]":
    """What uses up room of its node."""
    declared = cib.look("resources").iter("primitive", "template")
    users = {each.get("id", "") for each in declared if each.find("utilization") is not None}
    return [each.get("id", "") for each in cib.primitives() if users & {each.get("id"), each.get("template")}]


def _referred_to(cib: Cib) -> "list[str]":
    """The resources that others take something from by id-ref, and those of a constraint whose rule is taken."""
    wanted = {each.get("id-ref", "") for each in cib.root.iter(etree.Element) if each.get("id-ref")}
    if not wanted:
        return []
    references = References(cib)
    found = [
        top.get("id", "")
        for top in cib.look("resources")
        if any(each.get("id") in wanted for each in top.iter(etree.Element))
    ]
    for constraint in cib.constraints():
        if any(each.get("id") in wanted for each in constraint.iter(etree.Element)):
            found += references.of_constraint(constraint)
    return found


def _names_in(tops: "Iterable[Element]") -> "set[str]":
    return {each.get("id", "") for top in tops for each in top.iter(*RESOURCE_TAGS)}


def _forget_where_they_do_not_run(cib: Cib, tops: "set[str]") -> None:
    """Take away what the history has of resources on nodes where they do not run, and all look-ups for them."""
    names = _names_in(each for each in cib.look("resources") if each.get("id", "") in tops)
    for history in cib.root.findall("status/node_state/lrm/lrm_resources/lrm_resource"):
        parent = history.getparent()
        is_there = any((each.get("operation"), each.get("rc-code")) not in NEVER_THERE for each in history)
        if history.get("id", "").split(":")[0] in names and not is_there and parent is not None:
            parent.remove(history)
    with_property("enable-startup-probes", "false")(cib)


def _runs_a_node(primitive: Element) -> bool:
    is_remote = (primitive.get("provider"), primitive.get("type")) == ("pacemaker", "remote")
    return is_remote or any(each.get("name") == "remote-node" for each in primitive.iterfind("meta_attributes/nvpair"))


def _is_quiet(operation: Element) -> bool:
    return operation.get("rc-code", "0") in QUIET_CODES and operation.get("op-status", "0") in ("0", "-1")


def _tied(cib: Cib, names: "list[str]") -> "set[str]":
    """The outermost resources that these are in, and all that constraints tie to them, directly or not."""
    references = References(cib)
    top: "dict[str, str]" = {each.get("id", ""): top_of(each).get("id", "") for each in cib.resources()}
    neighbours: "dict[str, set[str]]" = {}
    for constraint in cib.constraints():
        if constraint.tag in ("rsc_colocation", "rsc_order"):
            together = {top[name] for name in references.of_constraint(constraint) if name in top}
            for name in together:
                neighbours.setdefault(name, set()).update(together)
    found: "set[str]" = set()
    waiting = [top[name] for name in names if name in top]
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += neighbours.get(name, ())
    return found


def _without(cib: Cib, names: "set[str]") -> Cib:
    """A copy without these resources, and what names them."""
    emptied = {
        tag.get("id", "")
        for tag in cib.look("tags").iter("tag")
        if all(each.get("id") in names for each in tag.iter("obj_ref"))
    }
    names = names | emptied
    small = cib.copy_without(lambda element: _names(element, names))
    for constraint in small.constraints():
        for each in constraint.findall("resource_set"):
            if not len(each):
                constraint.remove(each)
        if not len(constraint) and not any(constraint.get(each) for each in ("rsc", "first", "rsc-pattern")):
            constraint.getparent().remove(constraint)  # type: ignore[union-attr]
    return small


def _names(element: Element, names: "set[str]") -> bool:
    tag = element.tag
    if not isinstance(tag, str) or tag == "acls":
        return True  # a comment, or what is of no concern to the scheduler
    if tag in ("resource_ref", "obj_ref", "tag", *RESOURCE_TAGS):
        return element.get("id") in names
    if tag == "lrm_resource":
        return element.get("id", "").split(":")[0] in names
    if tag in ("rsc_location", "rsc_colocation", "rsc_order", "rsc_ticket"):
        return any(element.get(end) in names for end in ("rsc", "with-rsc", "first", "then"))
    return False
