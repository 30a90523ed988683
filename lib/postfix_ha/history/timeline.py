"""One list of what all nodes' logs tell, in order of time: what several of them tell of is in it once."""

from postfix_ha.history.seen import Seen

# The same event in two logs lies no further apart: the controller that asks for an action and the node that does it;
# the scheduler's memory of a failure, which has whole seconds; the nodes that lose another.
SAME_ACTION_S, SAME_FAILURE_S, SAME_LOSS_S, SAME_FENCE_S, SAME_CHANGE_S = 2.0, 3.0, 20.0, 10.0, 30.0
SPANS = {
    "begin": SAME_ACTION_S,
    "end": SAME_ACTION_S,
    "lost": SAME_LOSS_S,
    "member": SAME_LOSS_S,
    "condemned": SAME_LOSS_S,
    "fenced": SAME_FENCE_S,
    "change": SAME_CHANGE_S,
    "standby": SAME_ACTION_S,
    "leaving": 600.0,  # told again when all its resources are stopped
    "joining": SAME_ACTION_S,
    "quorum": SAME_ACTION_S,
    "banned": 3600.0,
    "planned": SAME_ACTION_S,
    "clock": SAME_ACTION_S,
}
# What lies between two tellings of the one makes them two events, however near.
OPPOSITE = {"lost": "member", "member": "lost"}


def timeline(found: "list[Seen]") -> "list[Seen]":
    """All of it in order, each event once, by the log of the node whom it concerns where there is one."""
    ordered = sorted(found, key=lambda seen: (seen.at, seen.by != seen.node))
    failures = [seen for seen in ordered if seen.failed and seen.who != "scheduler"]
    kept: "list[Seen]" = []
    last: "dict[tuple[str, ...], Seen]" = {}
    for seen in [*_own(ordered), *_remembered(ordered, failures)]:
        key = _key(seen)
        before, opposite = last.get(key), last.get((OPPOSITE.get(seen.kind, ""), *key[1:]))
        last[key] = seen
        is_anew = before is not None and opposite is not None and opposite.at > before.at
        # The span is counted from the latest: a failure that is remembered again and again stays one.
        if before is None or is_anew or seen.at - before.at > SPANS.get(seen.kind, 0.0):
            kept.append(seen)
    return sorted(kept, key=lambda seen: seen.at)


def _key(seen: Seen) -> "tuple[str, ...]":
    """What two tellings of the same event have in common."""
    if seen.kind == "change":
        return (seen.kind, seen.outcome)
    if seen.kind == "quorum":
        return (seen.kind, seen.by, seen.outcome)
    if seen.kind == "idle":
        return (seen.kind, seen.by, str(seen.at))
    if seen.kind in ("lost", "member"):
        return (seen.kind, seen.node, "cut" if seen.action == "cut" else "")
    outcome = "ok" if seen.outcome == "ok" else "failed" if seen.outcome else ""
    return (seen.kind, seen.node, seen.resource, seen.action, outcome)


def _own(ordered: "list[Seen]") -> "list[Seen]":
    """All but the failures that the scheduler remembers, and the probes, of which none is an event."""
    own_times: "dict[tuple[str, ...], list[float]]" = {}
    for seen in ordered:
        if seen.by == seen.node:
            own_times.setdefault((seen.kind, seen.resource, seen.action, seen.node), []).append(seen.at)
    found = []
    for seen in ordered:
        if seen.who == "scheduler" or seen.action == "probe":
            continue
        key = (seen.kind, seen.resource, seen.action, seen.node)
        is_others = seen.kind in ("begin", "end") and seen.by != seen.node
        # Where the node itself tells it, to the moment, nobody else is asked.
        if not (is_others and any(abs(at - seen.at) < SAME_ACTION_S for at in own_times.get(key, ()))):
            found.append(seen)
    return found


def _remembered(ordered: "list[Seen]", failures: "list[Seen]") -> "list[Seen]":
    """The failures that only the scheduler tells of, since the node's own log is not there; each once."""
    found: "dict[tuple[str, ...], Seen]" = {}
    for seen in ordered:
        if seen.who != "scheduler" or seen.action == "probe":
            continue
        is_told = any(
            (each.resource, each.action, each.node) == (seen.resource, seen.action, seen.node)
            and abs(each.at - seen.at) < SAME_FAILURE_S
            for each in failures
        )
        if not is_told:
            found.setdefault((seen.resource, seen.action, seen.node, str(int(seen.at))), seen)
    return list(found.values())


def without_quorum(found: "list[Seen]") -> "dict[str, list[tuple[float, float]]]":
    """Node -> the spans in which its partition had no quorum, by its own log."""
    spans: "dict[str, list[tuple[float, float]]]" = {}
    since: "dict[str, float]" = {}
    for seen in sorted(found, key=lambda seen: seen.at):
        if seen.kind == "quorum" and seen.outcome == "lost":
            since.setdefault(seen.by, seen.at)
        elif seen.by in since and (seen.kind == "joining" or (seen.kind == "quorum" and seen.outcome == "acquired")):
            spans.setdefault(seen.by, []).append((since.pop(seen.by), seen.at))
    for node, at in since.items():
        spans.setdefault(node, []).append((at, float("inf")))
    return spans


def mark_cut_off(found: "list[Seen]") -> None:
    """Mark what a node tells of others that it lost while they, with quorum, had lost it."""
    spans = without_quorum(found)
    lost = [seen for seen in found if seen.kind == "lost"]
    for seen in lost:
        if not _is_within(spans.get(seen.by, []), seen.at):
            continue
        others = [each for each in lost if each.node == seen.by and not _is_within(spans.get(each.by, []), each.at)]
        if any(abs(each.at - seen.at) < SAME_LOSS_S for each in others):
            seen.action = "cut"


def _is_within(spans: "list[tuple[float, float]]", at: float) -> bool:
    """Whether a moment lies in one of the spans, or so shortly before that it was the same event."""
    return any(begin - 1.0 <= at < end for begin, end in spans)
