"""The ledger of a mail client that never tires: what happened to it, the gaps it saw, and where its mail is."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from postfix_ha.system.smtp import reply_code

KNOCK, GREETING, DOT, ACK, FAIL = "knock", "greeting", "dot", "ack", "fail"
GOOD = (GREETING, ACK)
# Why an attempt failed: cut is a session that was greeted, and ended before its end.
CUT, REFUSED, RESET, TIMED_OUT, OTHER = "cut", "refused", "reset", "timed_out", "other"


@dataclass(frozen=True)
class Event:
    """One thing that happened to the client: knock, greeting, dot, ack or fail, at ``t`` of the monotonic clock.

    ``why`` is for people, ``cause`` one of CUT and its like.
    """

    t: float
    number: int
    attempt: int
    kind: str
    why: str = ""
    crew: str = ""
    endpoint: str = ""
    cause: str = ""

    @property
    def is_refusal(self) -> bool:
        """Whether a server answered, and refused; else nobody answered."""
        return self.kind == FAIL and reply_code(self.why) // 100 in (4, 5)


@dataclass(frozen=True)
class Crew:
    """A group of connections: how many, messages a second of all of them, message size, seconds of conversation.

    ``patience_s`` seconds it waits for a connection; 0 for as long as the client as a whole does.
    """

    name: str = "plain"
    connections: int = 4
    rate_per_s: float = 25
    size: int = 400
    hold_s: float = 0
    patience_s: float = 0


@dataclass(frozen=True)
class Gap:
    """The longest time without a server: from the last success to the next one."""

    start: float
    end: float

    @property
    def length_s(self) -> float:
        """How long it was."""
        return self.end - self.start


@dataclass
class Ledger:
    """Everything that happened to the client, in order."""

    events: "list[Event]" = field(default_factory=list)

    @property
    def acknowledged(self) -> "set[int]":
        """Numbers of the messages that the server took responsibility for."""
        return {event.number for event in self.events if event.kind == ACK}

    @property
    def offered(self) -> "set[int]":
        """Numbers of the messages for which at least one attempt was made."""
        return {event.number for event in self.events}

    @property
    def refused(self) -> "set[int]":
        """Numbers of the messages that a server refused at least once, with a reply that is no 2xx."""
        return {event.number for event in self.events if event.is_refusal}

    def acknowledged_between(self, start: float, end: float) -> int:
        """How many messages were acknowledged in a span of time."""
        return sum(event.kind == ACK and start <= event.t <= end for event in self.events)

    def failed_between(self, start: float, end: float) -> int:
        """How many attempts failed in a span of time."""
        return sum(event.kind == FAIL and start <= event.t <= end for event in self.events)

    def gap(self, start: float, end: float) -> float:
        """The longest time without a greeting or an acknowledgement that overlaps the span."""
        return self.longest_gap(start, end).length_s

    def longest_gap(self, start: float, end: float) -> Gap:
        """As gap(); of several endpoints, the one that was away longest. ValueError where a side has no success."""
        good: "dict[str, list[float]]" = {event.endpoint: [] for event in self.events}
        for event in self.events:
            if event.kind in GOOD:
                good[event.endpoint].append(event.t)
        gaps = [_longest(sorted(times), start, end) for times in good.values()]
        if not gaps:
            raise ValueError("the client has not begun")
        return max(gaps, key=lambda gap: gap.length_s)

    def last_success(self) -> float:
        """When the client last saw a greeting or an acknowledgement; 0 when never."""
        return max((event.t for event in self.events if event.kind in GOOD), default=0.0)

    def failures(self) -> "dict[str, int]":
        """What went wrong, and how often."""
        counts: "dict[str, int]" = {}
        for event in self.events:
            if event.kind == FAIL:
                counts[event.why] = counts.get(event.why, 0) + 1
        return counts


def _longest(good: "list[float]", start: float, end: float) -> Gap:
    before = max((t for t in good if t < start), default=None)
    after = min((t for t in good if t > end), default=None)
    if before is None or after is None:
        raise ValueError("the client had no success on both sides of the event: start it earlier, stop it later")
    times = [before, *(t for t in good if start <= t <= end), after]
    return max((Gap(*pair) for pair in zip(times, times[1:])), key=lambda gap: gap.length_s)


def per_interval(times: "Iterable[float]", start: float, end: float, interval_s: float) -> "list[int]":
    """How many of the times lie in each interval from the start to the end."""
    counts = [0] * max(1, int(-(-(end - start) // interval_s)))
    for t in times:
        at = int((t - start) // interval_s)
        if t >= start and at < len(counts):
            counts[at] += 1
    return counts


@dataclass(frozen=True)
class Account:
    """Where the acknowledged messages are: lost ones are nowhere, duplicated ones were delivered more than once."""

    acknowledged: int
    delivered: int
    queued: int
    lost: "tuple[int, ...]"
    duplicated: "tuple[int, ...]"
    # Of the duplicated ones, those where not the client's own second try (its first answer was lost) is the reason.
    delivered_twice: "tuple[int, ...]"


Mark = tuple[int, int]


def compare(ledger: Ledger, delivered: "list[Mark]", queued: "list[Mark]") -> Account:
    """Compare the ledger with the (number, attempt) of all messages in the mailbox and in the queue."""
    copies: "dict[int, list[int]]" = {}
    for number, attempt in delivered:
        copies.setdefault(number, []).append(attempt)
    present = set(copies) | {number for number, _ in queued}
    acknowledged = ledger.acknowledged
    return Account(
        acknowledged=len(acknowledged),
        delivered=len(delivered),
        queued=len(queued),
        lost=tuple(sorted(acknowledged - present)),
        duplicated=tuple(sorted(number for number, tries in copies.items() if len(tries) > 1)),
        delivered_twice=tuple(sorted(number for number, tries in copies.items() if len(tries) > len(set(tries)))),
    )
