"""The account of a drill: where every marked message is, as far as the node that has queue and mailbox can be asked."""

import time
from typing import Callable, Optional

from postfix_ha.cli.drill.preconditions import Course
from postfix_ha.cluster.live.wait import INTERVAL_S
from postfix_ha.drill.ledger import Account, Ledger, Mark, compare
from postfix_ha.messages.errors import Refused, refused
from postfix_ha.messages.statement import Statement, stated, worded

ARRIVAL_S = 20.0
SHOWN_MAX = 10


def await_so(is_so: "Callable[[], bool]", timeout_s: float) -> bool:
    """Whether it came to be so in time."""
    deadline = time.monotonic() + timeout_s
    while not is_so():
        if time.monotonic() >= deadline:
            return False
        time.sleep(INTERVAL_S)
    return True


class Counting:
    """``queued`` and ``account`` are None for what cannot be seen, and ``remarks`` say why."""

    def __init__(self, course: Course, ledger: Ledger, since: float) -> None:
        self.course = course
        self.ledger = ledger
        self.since = since
        self.queued: "Optional[int]" = None
        self.account: "Optional[Account]" = None
        self.remarks: "list[str]" = []

    def expect_arrival(self, node: str) -> None:
        """Refused where a mailbox is named and nothing arrives in it."""
        if not self.course.options.mailbox or await_so(lambda: bool(self._look(node)[0]), ARRIVAL_S):
            return
        why = f" ({self.remarks[-1]})" if self.remarks else ""
        whose = self.course.letter.recipient
        raise refused("drill_mail_arrives", timeout_s=ARRIVAL_S, why=why, recipient=whose)

    def take(self, node: str) -> "list[Statement]":
        """Look for every message; what is on its way gets some time to arrive. What is wrong."""

        def is_done() -> bool:
            delivered, queued = self._look(node)
            self.queued = None if queued is None else len(queued)
            self.account = None if delivered is None else compare(self.ledger, delivered, queued or [])
            return not queued and not (self.account and self.account.lost)

        await_so(is_done, ARRIVAL_S)
        unanswered = len(self.ledger.offered - self.ledger.acknowledged)
        if unanswered:
            self._remark(worded("drill_unanswered", count=unanswered))
        if self.account is None:
            self._remark(worded("drill_mailbox_named"))
        elif self.account.lost:
            numbers = ", ".join(map(str, self.account.lost[:SHOWN_MAX]))
            return [stated("drill_messages_found", count=len(self.account.lost), numbers=numbers)]
        return []

    def _look(self, node: str) -> "tuple[Optional[list[Mark]], Optional[list[Mark]]]":
        """(delivered, queued) messages, None for what cannot be seen."""
        try:
            found = self.course.count(node or self.course.origin, self.since)
        except Refused as refusal:
            self._remark(worded("drill_queue_seen", why=refusal))
            return None, None
        if found.get("why"):
            self._remark(str(found["why"]))
        return _marks(found.get("delivered")), _marks(found.get("queued"))

    def _remark(self, text: str) -> None:
        if text not in self.remarks:
            self.remarks.append(text)


def _marks(found: object) -> "Optional[list[Mark]]":
    """The marks of a node's answer, None where it has none."""
    if not isinstance(found, list):
        return None
    try:
        return [(int(number), int(attempt)) for number, attempt in found]
    except (ValueError, TypeError, OverflowError):
        return None
