"""What a node's mail log tells of spans of time: when clients were served, and what became of single messages.

Postfix's lines are told by their form: smtpd's "connect from", cleanup's "message-id=", the delivery agents' "status=",
and qmgr's "removed" (postlink(5) has them all). A mail log is no proof: every local user may write into most of them.
So it only measures; what an incident is and who caused it comes from the cluster's logs.
"""

import os
import re

from postfix_ha.history.log_files import UNREADABLE, Bounds, forerunners, matching, pieces
from postfix_ha.history.stamps import Clock

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

NEEDLES = (
    b"]: connect from ",
    b": message-id=",
    b", status=",
    b": removed",
    b"(queue active)",
    b"Name service error for name=",
    b"No space left on device",
    b"not enough free space in mail queue",
)
# Serving that pauses no longer than this is one span of it.
PAUSE_S = 0.5
SPANS_MAX, MAILS_MAX, SHOWN_MAX = 5000, 20_000, 2_000
# A message that was removed this shortly before the service went may be in the queue again, after a power cut.
UNSYNCED_S = 60.0
_LINE = re.compile(
    rb"\S+ (?P<tag>[\w.-]+)/(?:[\w.-]+/)?(?P<daemon>[\w-]+)\[\d+\]: "
    rb"(?:(?!warning:|NOQUEUE:|statistics:)(?P<id>[0-9A-Za-z]{6,20}): )?(?P<rest>.*)"
)
_ADDRESS = re.compile(rb"connect from \S*\[(?P<address>[0-9A-Fa-f.:]+)\]")
_STATUS = re.compile(rb"to=<(?P<to>[^>]*)>.*, status=(?P<status>sent|deferred|bounced|expired)")
LOOPBACK = ("127.", "::1")
# A name that no name server told of, which is no fault of the name (dns/dns_lookup.c, dns_strerror.c).
_NO_ANSWER = re.compile(rb".*Name service error for name=(?P<name>\S{1,80})\S* type=\w+: Host not found, try again")
# What a daemon says of its own disk, not what another host said of its own (util/msg.c, smtpd/smtpd_check.c).
_NO_ROOM = re.compile(rb"(?:warning|error|fatal): .*(?:No space left on device|not enough free space in mail queue)")
NAMES_MAX = 100
# What is in the log this long after the service went away is of it.
AROUND_S = 180.0


class Mail:
    """One queue file as a node saw it: when it was accepted there (0: not there), the (time, status) of its deliveries,
    when it was removed (0: not there)."""

    __slots__ = ("accepted", "deliveries", "queued", "removed")

    def __init__(self) -> None:
        self.accepted = self.removed = self.queued = 0.0
        self.deliveries: "list[tuple[float, str]]" = []

    def as_object(self) -> "list[object]":
        """As JSON."""
        return [self.accepted, self.removed, [list(each) for each in self.deliveries[:10]]]


class Span:
    """What is asked of the log: ``begin`` to ``end``; ``down`` is when the service went away."""

    __slots__ = ("begin", "down", "end", "full", "mails", "served", "unanswered")

    def __init__(self, begin: float, down: float, end: float) -> None:
        self.begin = begin
        self.down = down
        self.end = end
        self.served: "list[list[float]]" = []
        self.mails: "dict[str, Mail]" = {}
        # Names that could not be looked up, and how often there was no room.
        self.unanswered: "set[bytes]" = set()
        self.full = 0

    def serve(self, at: float) -> None:
        """Note that a client was served."""
        if self.served and at - self.served[-1][1] <= PAUSE_S + (0.5 if at == int(at) else 0.0):
            self.served[-1][1] = max(at, self.served[-1][1])
        elif len(self.served) < SPANS_MAX:
            self.served.append([at, at])

    def mail(self, name: str) -> "Mail | None":
        """The message of this queue id."""
        if name not in self.mails and len(self.mails) >= MAILS_MAX:
            self._forget()
            if len(self.mails) >= MAILS_MAX:
                return None
        return self.mails.setdefault(name, Mail())

    def _forget(self) -> None:
        """Drop what came and went on this node alone."""
        self.mails = {name: mail for name, mail in self.mails.items() if self._matters(mail)}

    def _matters(self, mail: Mail) -> bool:
        """Whether a message may have met the incident: it was there when the service went away, or it is not the
        node's own."""
        if mail.accepted and mail.removed:
            return mail.accepted <= self.down <= mail.removed + UNSYNCED_S
        return not mail.accepted or mail.accepted <= self.down

    def as_object(self) -> "dict[str, object]":
        """As JSON: what matters, bounded."""
        self._forget()
        shown = list(self.mails.items())[:SHOWN_MAX]
        mails = {name: mail.as_object() for name, mail in shown}
        return {"served": sorted(self.served), "mails": mails, "dns": len(self.unanswered), "full": self.full}


def read_spans(
    paths: "Iterable[str]", spans: "list[Span]", tag: str, own: "Collection[str]", bounds: Bounds
) -> "list[str]":
    """Fill the spans from a log with its forerunners; the paths that could not be read."""
    failed = []
    first = min((span.begin for span in spans), default=0.0)
    for path in paths:
        for written, name in reversed(forerunners(path, first)):
            for span in spans:
                try:
                    _read(name, Clock(written), span, tag.encode(), own, bounds)
                except UNREADABLE as error:
                    failed.append(f"{name}: {getattr(error, 'strerror', None) or error}")
                    break
    return failed


def _read(path: str, clock: Clock, span: Span, tag: bytes, own: "Collection[str]", bounds: Bounds) -> None:
    for piece in pieces(path, clock, span.begin, span.end, bounds):
        for line in matching(piece, NEEDLES):
            stamp = clock.read(line)
            if stamp is not None and span.begin <= stamp[0] <= span.end:
                take(span, stamp[0], line[stamp[1] :], tag, own)


def take(span: Span, at: float, line: bytes, tag: bytes, own: "Collection[str]") -> None:
    """Take one line after its stamp."""
    found = _LINE.match(line)
    if found is None or found["tag"] != tag:
        return
    daemon, name, rest = found["daemon"], os.fsdecode(found["id"] or b""), found["rest"]
    if daemon == b"smtpd" and rest.startswith(b"connect from "):
        address = _ADDRESS.match(rest)
        text = os.fsdecode(address["address"]) if address else ""
        if text not in own and not text.startswith(LOOPBACK):
            span.serve(at)
        return
    if at <= span.down + AROUND_S:
        _note_trouble(span, rest)
    mail = span.mail(name) if name else None
    if mail is None:
        return
    if daemon == b"cleanup" and rest.startswith(b"message-id="):
        mail.accepted = mail.accepted or at
        span.serve(at)
    elif daemon == b"qmgr" and rest.startswith(b"removed"):
        mail.removed = at
    elif daemon != b"qmgr":
        status = _STATUS.match(rest)
        if status is not None and len(mail.deliveries) < 100:
            mail.deliveries.append((at, bytes.decode(status["status"])))


def _note_trouble(span: Span, rest: bytes) -> None:
    """Count what tells of name servers that do not answer, and of a full disk."""
    unanswered = _NO_ANSWER.match(rest)
    if unanswered is not None and len(span.unanswered) < NAMES_MAX:
        span.unanswered.add(unanswered["name"])
    elif _NO_ROOM.match(rest):
        span.full += 1
