"""Figures from what was seen: gaps, duplicates and their causes, spans of time, medians. Pure functions."""

import statistics
from collections.abc import Sequence
from typing import Any

from postfix_ha.drill import senders
from tests.support.lab.watch import Sight
from tests.support.mail.ledger import Account, Ledger

BIN_S = 0.25
BEFORE_S = 2.0


def last_plain(ledger: Ledger) -> float:
    """When an ordinary client had its latest message acknowledged; 0 for never."""
    return next((e.t for e in reversed(ledger.events) if e.kind == "ack" and e.crew == "plain"), 0.0)


def gap(ledger: Ledger, start: float, end: float, kinds: "tuple[str, ...]" = ("ack",)) -> "tuple[float, float]":
    """The longest time that touches the span without one of these events at an ordinary client: begin and end.

    Clients that talk for long are left out: a server that is about to end serves them on, and nobody else.
    """
    # Several connections write into one ledger, each in its order.
    good = sorted(event.t for event in ledger.events if event.kind in kinds and event.crew == "plain")
    before = max((t for t in good if t < start), default=None)
    after = min((t for t in good if t > end), default=None)
    if before is None or after is None:
        raise ValueError("no ordinary client was served on both sides of the event")
    times = [before, *(t for t in good if start <= t <= end), after]
    return max(zip(times, times[1:]), key=lambda pair: pair[1] - pair[0])


def duplicates(ledger: Ledger, account: Account) -> "dict[str, int]":
    """Why messages are there twice: the answer to the first was lost and the client sent again, or Postfix did it."""
    by_server = set(account.delivered_twice)
    return {
        "client sent again, since the answer was lost": len(set(account.duplicated) - by_server),
        "Postfix was ended between delivery and its record": len(by_server),
    }


def senders_figures(ledger: Ledger, account: Account, start: float, end: float) -> "dict[str, float]":
    """What those saw of the event that behave as mail servers do."""
    own = {event.number for event in ledger.events if event.crew == senders.NAME}
    twice = len(own & set(account.delivered_twice))
    return {**senders.seen(ledger, start, end).as_object(), "delivered_twice": twice}


def together(seen: "Sequence[dict[str, float]]") -> "dict[str, float]":
    """What senders saw of several events: the sum of each count, the worst of each wait; nothing of nothing."""
    names = seen[0] if seen else {}
    return {name: (max if name.endswith("_s") else sum)(each[name] for each in seen) for name in names}


def mail_figures(ledger: Ledger, account: Account, start: float, end: float) -> "dict[str, Any]":
    """What clients saw of one event, and where their messages are."""
    seconds = end - start
    silent_from, silent_to = gap(ledger, start, end)
    ungreeted_from, ungreeted_to = gap(ledger, start, end, ("greeting",))
    return {
        "gap_s": round(silent_to - silent_from, 3),
        "gap_at_s": round(silent_from - start, 3),
        "greeting_gap_s": round(ungreeted_to - ungreeted_from, 3),
        "acknowledged": account.acknowledged,
        "rate_per_s": round(calm_rate(ledger, start), 1),
        "rate_all_per_s": round(ledger.acknowledged_between(start, end) / seconds, 1) if seconds else 0.0,
        "lost": list(account.lost),
        "duplicated": len(account.duplicated),
        "duplicates": duplicates(ledger, account),
        "failed_attempts": sum(ledger.failures().values()),
        "senders": senders_figures(ledger, account, start, end),
    }


def calm_rate(ledger: Ledger, start: float) -> float:
    """Messages acknowledged a second, in the last second before the event."""
    return float(ledger.acknowledged_between(start - 1, start))


def spans(sights: "Sequence[Sight]", what: str, start: float, end: float) -> "list[list[Any]]":
    """[node, from, to] for each time in which a node was seen with a master or a mount, relative to ``start``."""
    begin = start - BEFORE_S
    found: "list[list[Any]]" = []
    begun: "dict[str, float]" = {}
    for sight in sights:
        if sight.at > end:
            break
        names = set(getattr(sight, what))
        for name in sorted(set(begun) - names):
            found.append([name, begun.pop(name), sight.at])
        for name in names - set(begun):
            begun[name] = sight.at
    found += [[name, at, end] for name, at in begun.items()]
    kept = [[name, max(a, begin) - start, b - start] for name, a, b in found if b > begin]
    return [[name, round(a, 2), round(b, 2)] for name, a, b in sorted(kept, key=lambda each: each[1])]


def rates(ledger: Ledger, start: float, end: float) -> "list[list[int]]":
    """[acknowledged, failed attempts] in each quarter of a second from shortly before the event to its end."""
    begin = start - BEFORE_S
    bins = [[0, 0] for _ in range(int((end - begin) / BIN_S) + 1)]
    for event in ledger.events:
        at = int((event.t - begin) // BIN_S)
        if 0 <= at < len(bins) and event.kind in ("ack", "fail"):
            bins[at][event.kind == "fail"] += 1
    return bins


def summary(values: "Sequence[float]") -> "dict[str, float]":
    """Median and worst; nothing of nothing."""
    return {"median": statistics.median(values), "worst": max(values)} if values else {}
