"""What caused an incident, by its kind, and the sentences for it and for each event."""

from postfix_ha.history.incidents import Incident
from postfix_ha.history.seen import Seen
from postfix_ha.messages.history import CAUSES, ENDS, EVENTS

# What a configuration change is about, by the ids that Pacemaker's, pcs's and our own tools give; the first that fits.
CHANGE_MAX = 60
MOVES = ("cli-prefer-", "cli-ban-", "cli-standby-", "postfix-ha-unfinished", "location-")


def kind_of(incident: Incident) -> "tuple[str, str]":
    """(the kind of the cause, the node that it concerns)."""
    cause = incident.cause
    here = incident.before[0] if incident.before else ""
    if cause.failed:
        return "failed", cause.node
    if cause.kind in ("change", "standby"):
        kind = "standby" if cause.kind == "standby" else _of_change(cause)
        return kind, cause.node if cause.kind == "standby" else (here or cause.node)
    kinds = {
        "lost": "node_lost", "condemned": "node_lost", "leaving": "node_left", "quorum": "quorum_lost",
        "fenced": "fenced", "member": "returned",
    }  # fmt: skip
    return kinds.get(cause.kind, "unknown"), cause.node or here


def _of_change(cause: Seen) -> str:
    if "standby" in cause.resource or "standby=" in cause.text:
        return "standby"
    if "maintenance" in cause.resource or "maintenance" in cause.text:
        return "maintenance"
    if "target-role" in cause.resource:
        return "switched"
    return "moved" if any(each in cause.resource for each in MOVES) else "configured"


def sentence(incident: Incident, kind: str) -> str:
    """What caused it, in one sentence."""
    cause = incident.cause
    here = incident.before[0] if incident.before and cause.action != "removed" else "a node"
    command = f" ({cause.who} on {cause.node})"
    if cause.kind == "standby":
        here, command = cause.node, " until it reboots"
    because = next((seen.who for seen in incident.events if seen.kind == "planned" and seen.who), "")
    return CAUSES[kind].format_map({**_values(cause), "here": here, "command": command, "because": _because(because)})


def text_of(seen: Seen) -> str:
    """An event in one sentence."""
    key = seen.kind
    if seen.failed:
        key = "failed"
    elif seen.kind == "lost" and seen.action == "cut":
        key = "cut"
    elif seen.kind == "fenced" and seen.outcome != "ok":
        key = "not fenced"
    elif f"{seen.kind} {seen.action}" in EVENTS:
        key = f"{seen.kind} {seen.action}"
    elif f"{seen.kind} {seen.outcome}" in EVENTS:
        key = f"{seen.kind} {seen.outcome}"
    return EVENTS[key].format_map(_values(seen))


def end_of(incident: Incident) -> str:
    """How it ended, in one sentence."""
    after, before = ", ".join(incident.after), ", ".join(incident.before)
    if not incident.ended:
        kind = "down"
    elif not incident.touched:
        kind = "untouched"
    elif not before:
        kind = "began"
    else:
        kind = "same" if after == before else "moved"
    return ENDS[kind].format(after=after or "?", before=before)


def _values(seen: Seen) -> "dict[str, str]":
    values = {name: getattr(seen, name) for name in ("node", "resource", "action", "outcome", "text", "who", "by")}
    # A change of one value is told with it; whole elements are not.
    is_plain = seen.kind == "change" and 0 < len(seen.text) < CHANGE_MAX and seen.text[0] not in "<@"
    values["what"] = f" ({seen.text})" if is_plain else ""
    return {**values, "why": f": {seen.text}" if seen.text else "", "because": _because(seen.who)}


def _because(reason: str) -> str:
    return f"; the scheduler's reason: {reason}" if reason else ""
