"""The report of a drill: one object, as text, and as files with a picture."""

import json
import os
from dataclasses import dataclass, field
from typing import Optional

from postfix_ha.drill.ledger import ACK, FAIL, Account, Gap, Ledger, per_interval
from postfix_ha.drill.senders import PATIENCE_S, in_words, seen
from postfix_ha.drill.whereabouts import Timeline
from postfix_ha.messages.statement import Statement
from postfix_ha.printable import printable
from postfix_ha.system.files import open_directory, replace_file

# About as many bars as a picture can show.
BARS = 60
INTERVALS_S = (0.1, 0.25, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0)
REASONS_MAX = 5
PHASE = "  {:34} {:>9} {:>9} {:>13} {:>8}"


@dataclass
class Phase:
    """One thing that was done to the service: what it was, when, where it ran before and after, the gap it made."""

    kind: str
    what: str
    start: float
    node_before: str
    node_after: str = ""
    end: float = 0.0
    gap: "Optional[Gap]" = None
    errors: "list[Statement]" = field(default_factory=list)


@dataclass
class DrillFacts:
    """All that a drill has found out; times are those of the monotonic clock, ``nodes`` all that take part."""

    drill: str
    tag: str
    here: str
    nodes: "list[str]"
    sender: str
    recipient: str
    endpoints: "list[str]"
    began_at: str
    began: float
    ended: float
    phases: "list[Phase]"
    timeline: Timeline
    ledger: Ledger
    queued: "Optional[int]" = None
    account: "Optional[Account]" = None
    remarks: "list[str]" = field(default_factory=list)
    errors: "list[Statement]" = field(default_factory=list)
    interrupted: str = ""


def as_object(facts: DrillFacts) -> "dict[str, object]":
    """The report for JSON; times in seconds since the drill began."""
    began, ended = facts.began, facts.ended
    interval_s = next((each for each in INTERVALS_S if (ended - began) / each <= BARS), INTERVALS_S[-1])
    events = facts.ledger.events

    def counted(kind: str) -> "list[int]":
        return per_interval((event.t for event in events if event.kind == kind), began, ended, interval_s)

    return {
        "drill": facts.drill,
        "tag": facts.tag,
        "began": facts.began_at,
        "took_s": round(ended - began, 1),
        "client_on": facts.here,
        "endpoints": facts.endpoints,
        "sender": facts.sender,
        "recipient": facts.recipient,
        "phases": [_phase(facts, each) for each in facts.phases],
        "ledger": _ledger(facts),
        "remarks": facts.remarks,
        "errors": [each.reason for each in facts.errors],
        "findings": [each.as_object() for each in facts.errors],
        "interrupted": facts.interrupted,
        "timeline": {
            "nodes": facts.nodes,
            "service": [
                {"node": node, "from_s": round(begin - began, 2), "to_s": round(end - began, 2)}
                for node, begin, end in facts.timeline.spans(ended)
            ],
            "interval_s": interval_s,
            "acknowledged": counted(ACK),
            "failed": counted(FAIL),
        },
    }


def _phase(facts: DrillFacts, phase: Phase) -> "dict[str, object]":
    gap = phase.gap
    return {
        "phase": phase.kind,
        "what": phase.what,
        "node_before": phase.node_before,
        "node_after": phase.node_after,
        "from_s": round(phase.start - facts.began, 2),
        "took_s": round(phase.end - phase.start, 2),
        "gap_s": None if gap is None else round(gap.length_s, 2),
        "gap_from_s": None if gap is None else round(gap.start - facts.began, 2),
        "acknowledged": facts.ledger.acknowledged_between(phase.start, phase.end),
        "failed_attempts": facts.ledger.failed_between(phase.start, phase.end),
        "senders": seen(facts.ledger, phase.start, phase.end).as_object(),
        "errors": [each.reason for each in phase.errors],
    }


def _ledger(facts: DrillFacts) -> "dict[str, object]":
    """What became of the messages; None where that cannot be seen from here."""
    ledger, account = facts.ledger, facts.account
    return {
        "offered": len(ledger.offered),
        "acknowledged": len(ledger.acknowledged),
        "not_acknowledged": len(ledger.offered - ledger.acknowledged),
        "refused": len(ledger.refused),
        "failed_attempts": ledger.failures(),
        "queued": facts.queued,
        "delivered": None if account is None else account.delivered,
        "lost": None if account is None else len(account.lost),
        "duplicated": None if account is None else len(account.duplicated),
        "delivered_twice": None if account is None else len(account.delivered_twice),
    }


def text_of(facts: DrillFacts) -> "list[str]":
    """The report as lines."""
    found = _ledger(facts)
    lines = ["", PHASE.format("", "gap s", "took s", "acknowledged", "failed")]
    for each in facts.phases:
        gap = "?" if each.gap is None else f"{each.gap.length_s:.2f}"
        counts = (
            facts.ledger.acknowledged_between(each.start, each.end),
            facts.ledger.failed_between(each.start, each.end),
        )
        lines.append(PHASE.format(each.what[:34], gap, f"{each.end - each.start:.1f}", *counts))
    lines += ["", f"senders, each of which waits {PATIENCE_S:g} s for a connection:"]
    for each in facts.phases:
        told = in_words(seen(facts.ledger, each.start, each.end).as_object())
        lines += [f"  {each.what}", *(f"    {part}" for part in told.split("; "))]
    keys = ("offered", "acknowledged", "not_acknowledged", "refused")
    lines += ["", "messages: " + ", ".join(f"{found[key]} {key.replace('_', ' ')}" for key in keys)]
    kinds = ("queued", "delivered", "lost", "duplicated", "delivered_twice")
    lines.append(
        "at the end: "
        + ", ".join(f"{'?' if found[key] is None else found[key]} {key.replace('_', ' ')}" for key in kinds)
    )
    failures = sorted(facts.ledger.failures().items(), key=lambda pair: -pair[1])
    lines += [f"  {count} attempts failed: {why}" for why, count in failures[:REASONS_MAX]]
    return [*lines, *facts.remarks]


def write(directory: str, found: "dict[str, object]", lines: "list[str]") -> "list[str]":
    """Leave drill.json and drill.txt in the directory, which is made; their paths."""
    os.close(open_directory(directory, make=True))
    paths = [os.path.join(directory, name) for name in ("drill.json", "drill.txt")]
    for path, text in zip(paths, (json.dumps(found, indent=2), "\n".join(map(printable, lines)))):
        replace_file(path, (text + "\n").encode("utf-8", "replace"))
    return paths
