"""The last incident that the cluster itself remembers, in one line: a failure of the service, or a node fenced."""

from postfix_ha.cluster.model.cib import Element
from postfix_ha.cluster.model.hierarchy import Hierarchy
from postfix_ha.cluster.model.moments import moment, seconds_of
from postfix_ha.cluster.show.status_text import INDENT, wrapped
from postfix_ha.cluster.where.failures_on import counted_failures
from postfix_ha.printable import printable

ACTIONS = ("start", "stop", "monitor")
TEXT_MAX = 160
WHOLE = "'postfix-ha history' tells of it"


def remembered(found: "dict[str, object]", hierarchy: Hierarchy, status: Element, running_on: "list[str]") -> None:
    """Add to what status shows (``found``): the last incident, and when each fail count expires.

    The fail count that keeps the service off a node stands in the line that says so, and is not told again.
    """
    incident, counts = last_incident(hierarchy, status, running_on), counted_failures(hierarchy)
    found["last_incident"], found["expiry"] = incident or None, [each.text for each in counts]
    text = found["text"]
    assert isinstance(text, list)
    said = " ".join(" ".join(text).split())
    for line in [*(each.text for each in counts if each.told_as not in said), *([incident] if incident else [])]:
        text += wrapped(INDENT, line)


def last_incident(hierarchy: Hierarchy, status: Element, running_on: "list[str]") -> str:
    """When it was, on which node, what it was, and how it ended; "" where the cluster remembers none."""
    found = [*_failures(hierarchy, status), *_fencing(status)]
    if not found:
        return ""
    at, text = max(found)
    end = f"in service on {', '.join(running_on)} now" if running_on else "NOT IN SERVICE now"
    return f"last incident: {moment(at)}, {text}; {end}; {WHOLE}"


def _failures(hierarchy: Hierarchy, status: Element) -> "list[tuple[float, str]]":
    found = []
    for node in status.iterfind("node_history/node"):
        for history in node.iterfind("resource_history"):
            resource = history.get("id", "").split(":")[0]
            for each in history.iterfind("operation_history") if resource in hierarchy.members else ():
                is_probe = each.get("task") == "monitor" and each.get("interval") in (None, "0ms", "0")
                is_failed = each.get("rc") not in (None, "0", "193")
                at = seconds_of(each.get("last-rc-change", ""))
                if at and is_failed and not is_probe and each.get("task") in ACTIONS:
                    why = each.get("exit-reason") or each.get("rc_text", "")
                    text = f"{node.get('name')}: {each.get('task')} of {resource} failed: {why}"
                    found.append((at, printable(text, TEXT_MAX)))
    return found


def _fencing(status: Element) -> "list[tuple[float, str]]":
    found = []
    for each in status.iterfind("fence_history/fence_event"):
        at = seconds_of(each.get("completed", ""))
        if at:
            word = "was fenced" if each.get("status") == "success" else "was to be fenced, which failed"
            found.append((at, printable(f"{each.get('target')} {word} ({each.get('action')})", TEXT_MAX)))
    return found
