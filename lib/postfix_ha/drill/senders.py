"""What senders see of an event that behave as mail servers do: they wait long for a connection, and send for a time."""

import statistics
from dataclasses import dataclass

from postfix_ha.drill.ledger import ACK, CUT, FAIL, GREETING, KNOCK, OTHER, REFUSED, RESET, TIMED_OUT, Crew, Ledger

NAME = "sender"
# As Postfix's own client does (smtp_connect_timeout), and over how long it sends a message.
PATIENCE_S, SESSION_S = 30.0, 0.3
# What an attempt that was not taken has come to, the worst first.
TROUBLES = (CUT, REFUSED, RESET, TIMED_OUT, OTHER)


def senders(connections: int, rate_per_s: float) -> Crew:
    """A crew of such senders."""
    return Crew(NAME, connections, rate_per_s, hold_s=SESSION_S, patience_s=PATIENCE_S)


@dataclass
class SeenBySenders:
    """``counts``: what the attempts have come to that were not taken; ``waits_s``: for a greeting, one for each."""

    taken: int
    counts: "dict[str, int]"
    waits_s: "list[float]"

    def as_object(self) -> "dict[str, float]":
        """For JSON."""
        longest_s, median_s = (max(self.waits_s), statistics.median(self.waits_s)) if self.waits_s else (0.0, 0.0)
        waits = {"longest_wait_s": round(longest_s, 4), "median_wait_s": round(median_s, 4)}
        return {"taken": self.taken, **self.counts, **waits}


def seen(ledger: Ledger, begin: float, end: float) -> SeenBySenders:
    """What the attempts of the crew of senders have come to that were under way in this span of time."""
    begun: "dict[tuple[int, int], float]" = {}
    found = SeenBySenders(0, dict.fromkeys(TROUBLES, 0), [])
    waits_s: "dict[tuple[int, int], float]" = {}
    for event in ledger.events:
        key = (event.number, event.attempt)
        if event.crew != NAME:
            continue
        if event.kind == KNOCK:
            begun[key] = event.t
        elif event.kind == GREETING:
            waits_s[key] = event.t - begun.get(key, event.t)
        elif event.kind in (ACK, FAIL):
            if begun.get(key, event.t) > end or event.t < begin:
                continue
            if event.kind == ACK:
                found.taken += 1
            else:
                found.counts[event.cause if event.cause in TROUBLES else OTHER] += 1
            found.waits_s += [waits_s[key]] if key in waits_s else []
    return found


def in_words(found: "dict[str, float]") -> str:
    """What as_object() tells, in one line; the trouble first."""
    counts = [f"{found[name]:g} {name.replace('_', ' ')}" for name in TROUBLES]
    return f"{', '.join(counts)}; longest wait {found['longest_wait_s']:.2f} s, median {found['median_wait_s']:.2f} s"
