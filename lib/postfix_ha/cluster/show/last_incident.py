"""The last incident that the cluster itself remembers, in one line: a failure of the service, or a node fenced."""

import calendar
import time

from postfix_ha.cluster.model.cib import INFINITY, Element, score_of
from postfix_ha.cluster.model.hierarchy import Hierarchy
from postfix_ha.cluster.show.status_text import INDENT, wrapped
from postfix_ha.printable import printable
from postfix_ha.whole_number import whole_number

ACTIONS = ("start", "stop", "monitor")
# crm_mon of 2.1 writes the one, of 3.0 the other.
FORMS = ("%a %b %d %H:%M:%S %Y", "%Y-%m-%d %H:%M:%S %z", "%Y-%m-%d %H:%M:%S")
TEXT_MAX = 160
WHOLE = "'postfix-ha history' tells of it"
NUMBER_MAX = 10**12
EXPIRES_MAX_S = 366 * 86400


def remembered(found: "dict[str, object]", hierarchy: Hierarchy, status: Element, running_on: "list[str]") -> None:
    """Add to what status shows (``found``): the last incident, and when each fail count expires."""
    incident, counts = last_incident(hierarchy, status, running_on), expiry(hierarchy, status)
    found["last_incident"], found["expiry"] = incident or None, counts
    text = found["text"]
    assert isinstance(text, list)
    for line in [*counts, *([incident] if incident else [])]:
        text += wrapped(INDENT, line)


def last_incident(hierarchy: Hierarchy, status: Element, running_on: "list[str]") -> str:
    """When it was, on which node, what it was, and how it ended; "" where the cluster remembers none."""
    found = [*_failures(hierarchy, status), *_fencing(status)]
    if not found:
        return ""
    at, text = max(found)
    end = f"in service on {', '.join(running_on)} now" if running_on else "NOT IN SERVICE now"
    return f"last incident: {time.strftime('%Y-%m-%d %H:%M:%S', time.localtime(at))}, {text}; {end}; {WHOLE}"


def _failures(hierarchy: Hierarchy, status: Element) -> "list[tuple[float, str]]":
    found = []
    for node in status.iterfind("node_history/node"):
        for history in node.iterfind("resource_history"):
            resource = history.get("id", "").split(":")[0]
            for each in history.iterfind("operation_history") if resource in hierarchy.members else ():
                is_probe = each.get("task") == "monitor" and each.get("interval") in (None, "0ms", "0")
                is_failed = each.get("rc") not in (None, "0", "193")
                at = _moment(each.get("last-rc-change", ""))
                if at and is_failed and not is_probe and each.get("task") in ACTIONS:
                    why = each.get("exit-reason") or each.get("rc_text", "")
                    text = f"{node.get('name')}: {each.get('task')} of {resource} failed: {why}"
                    found.append((at, printable(text, TEXT_MAX)))
    return found


def _fencing(status: Element) -> "list[tuple[float, str]]":
    found = []
    for each in status.iterfind("fence_history/fence_event"):
        at = _moment(each.get("completed", ""))
        if at:
            word = "was fenced" if each.get("status") == "success" else "was to be fenced, which failed"
            found.append((at, printable(f"{each.get('target')} {word} ({each.get('action')})", TEXT_MAX)))
    return found


def _moment(text: str) -> float:
    """Seconds since the epoch of a time as crm_mon writes it; 0 where it is none."""
    text = " ".join(text.replace("Z", " +0000").split())
    for form in FORMS:
        try:
            found = time.strptime(text[: text.index(".")] if "." in text else text, form)
        except ValueError:
            continue
        offset_s = found.tm_gmtoff
        return calendar.timegm(found) - offset_s if offset_s is not None else time.mktime((*found[:6], 0, 0, -1))
    return 0.0


def expiry(hierarchy: Hierarchy, status: Element) -> "list[str]":
    """One line for each fail count: when the cluster forgets it."""
    found = []
    for node in status.iterfind("node_history/node"):
        for history in node.iterfind("resource_history"):
            resource = history.get("id", "").split(":")[0]
            count = history.get("fail-count", "0")
            if resource not in hierarchy.members or count == "0":
                continue
            # crm_mon writes the number that stands for INFINITY.
            count = "INFINITY" if score_of(count) >= INFINITY else count
            what = f"fail count of {resource} on {node.get('name')}: {count}"
            at, timeout_s = _moment(history.get("last-failure", "")), _seconds(history.get("failure-timeout", ""))
            if at and timeout_s:
                when = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(at + timeout_s))
                found.append(f"{what}, expires {when}")
            else:
                found.append(f"{what}, never expires ('crm_resource --cleanup --resource {resource}' ends it)")
    return found


def _seconds(text: str) -> float:
    """Seconds of a time span as crm_mon writes it: 60s, 60000ms."""
    number = whole_number(text.rstrip("ms"), NUMBER_MAX) or 0
    return min(number / 1000 if text.endswith("ms") else float(number), EXPIRES_MAX_S)
