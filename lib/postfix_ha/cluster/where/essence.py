"""Essence: a large configuration without what cannot matter for one hierarchy, so that answers come at once."""

from postfix_ha.cluster.model.cib import Cib, Element, top_of
from postfix_ha.cluster.model.references import References

# Below this many primitives nothing is left out: the scheduler takes milliseconds.
LARGE = 40
# Exit codes of a history that leaves nothing to be done: done, not running, running as promoted.
QUIET_CODES = ("0", "7", "8")


def is_large(cib: Cib) -> bool:
    """Whether it pays to leave something out."""
    return sum(1 for _ in cib.primitives()) > LARGE


def essence(cib: Cib, members: "list[str]") -> Cib:
    """The configuration with these primitives and all that is tied to them; the whole where anything may matter.

    What stays: fence devices, what runs nodes (remote and guest), and everything that has failed, as a failure can
    cost its node. With a placement strategy every resource uses up room for the others, so that all of them stay.
    """
    if not is_large(cib) or cib.property("placement-strategy", "default") not in ("", "default"):
        return cib
    kept = _tied(cib, [*members, *_always(cib)])
    dropped = [each for each in cib.look("resources") if each.tag != "template" and each.get("id", "") not in kept]
    names = {
        each.get("id", "") for top in dropped for each in top.iter("primitive", "group", "clone", "master", "bundle")
    }
    return _without(cib, names)


def _always(cib: Cib) -> "list[str]":
    found = [each.get("id", "") for each in cib.primitives() if each.get("class") == "stonith" or _runs_a_node(each)]
    found += [each.get("id", "") for each in cib.look("resources").iter("bundle")]
    for history in cib.root.iterfind("status/node_state/lrm/lrm_resources/lrm_resource"):
        if any(not _is_quiet(each) for each in history):
            found.append(history.get("id", "").split(":")[0])
    return found


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
    small = cib.copy_without(lambda element: _names(element, names))
    for constraint in small.constraints():
        for each in constraint.findall("resource_set"):
            if not len(each):
                constraint.remove(each)
        if (
            not len(constraint)
            and constraint.tag != "rsc_location"
            and not (constraint.get("rsc") or constraint.get("first"))
        ):
            constraint.getparent().remove(constraint)  # type: ignore[union-attr]
    return small


def _names(element: Element, names: "set[str]") -> bool:
    tag = element.tag
    if tag in ("resource_ref", "obj_ref", "primitive", "group", "clone", "master", "bundle"):
        return element.get("id") in names
    if tag == "lrm_resource":
        return element.get("id", "").split(":")[0] in names
    if tag in ("rsc_location", "rsc_colocation", "rsc_order", "rsc_ticket"):
        return any(element.get(end) in names for end in ("rsc", "with-rsc", "first", "then"))
    return False
