"""The whole account: what the nodes were asked and told, made one."""

import time

from postfix_ha.history.account import FORMAT, as_object, event, stamp
from postfix_ha.history.again import Trouble, advice
from postfix_ha.history.away import away
from postfix_ha.history.gather import NodeAccount
from postfix_ha.history.harm import harm
from postfix_ha.history.incidents import Assembly, Incident
from postfix_ha.history.observe import SPANS_MAX, LogRequest
from postfix_ha.messages.statement import Statement
from postfix_ha.verdict import Finding

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable

    Ask = Callable[[Callable[[str], LogRequest]], "list[NodeAccount]"]

# Mail is looked at from so long before an incident until so long after it.
BEFORE_S, AFTER_S = 90.0, 600.0


class HistoryQuestion:
    """What is wanted: the life of the resource ``tag`` with its ``members``; only the ``last`` incidents, 0 for all;
    ``ask`` gives each node its request; ``no_timeout``: the members whose failures never expire."""

    __slots__ = ("ask", "config_dir", "last", "members", "no_timeout", "since", "tag", "until")

    def __init__(
        self, tag: str, members: "list[str]", config_dir: str, since: float, until: float, ask: "Ask", *,
        last: int = 0, no_timeout: "list[str] | None" = None,
    ) -> None:  # fmt: skip
        self.tag = tag
        self.members = members
        self.config_dir = config_dir
        self.since = since
        self.until = until
        self.ask = ask
        self.last = last
        self.no_timeout = no_timeout or []


def whole(question: HistoryQuestion) -> "dict[str, Any]":
    """All that there is to say, as one object."""
    since, until = max(question.since, 1.0), question.until  # 0 is no time, anywhere here
    told = question.ask(lambda node: LogRequest(node, since, until, question.config_dir))
    begins = {each.node: float("inf") if each.why else each.begins for each in told if each.why or each.begins > since}
    assembly = Assembly(question.tag, question.members, begins)
    assembly.run([seen for each in told for seen in each.seen])
    incidents = assembly.incidents[-question.last :] if question.last else assembly.incidents
    troubles = {each.node: Trouble(each.node) for each in told}
    for each in told:
        troubles[each.node].clocks = [seen for seen in each.seen if seen.kind == "clock"]
    mails = _mails(question, incidents, troubles, begins)
    found = advice(assembly.incidents, question.tag, question.no_timeout, troubles.values())
    again = [Statement(each) for each in found]
    first = len(assembly.incidents) - len(incidents) + 1
    return {
        "format": FORMAT,
        "resource": question.tag,
        "since": stamp(since),
        "until": stamp(until),
        "nodes": [
            {"node": each.node, "told": not each.why, "why": each.why or None, "ahead_s": each.ahead} for each in told
        ],
        "incidents": [
            as_object(number, incident, *mails.get(number - first, (None, None)))
            for number, incident in enumerate(incidents, first)
        ],
        "changes": [event(seen) for seen in assembly.changes],
        "advice": [each.as_object() for each in again],
        "notes": [each.as_object() for each in notes_on(told, since)],
    }


def _mails(
    question: HistoryQuestion, incidents: "list[Incident]", troubles: "dict[str, Trouble]", begins: "dict[str, float]"
) -> "dict[int, tuple[Any, Any]]":
    """Number of an incident -> how long the service was away in it, and what became of mail; fills the troubles.

    ``begins``: when the logs of a node begin that begin late; its mail log is taken to begin with its cluster's.
    """
    touched = [number for number, each in enumerate(incidents) if each.touched and each.down][-SPANS_MAX:]
    spans = [
        [each.began - BEFORE_S, each.down, (each.up or question.until) + AFTER_S]
        for each in map(incidents.__getitem__, touched)
    ]
    if not spans:
        return {}
    asked = question.ask(lambda node: LogRequest(node, 0.0, question.until, question.config_dir, spans))
    answers = [each for each in asked if not each.why and len(each.spans) == len(spans)]
    for each in answers:
        troubles[each.node].names = max(int(str(span["dns"])) for span in each.spans)
        troubles[each.node].full = sum(int(str(span["full"])) for span in each.spans)
    found = {}
    for at, number in enumerate(touched):
        told = [(each.node, each.spans[at]) for each in answers]
        incident = incidents[number]
        is_whole = {*incident.before, *incident.after} <= {
            each.node for each in answers if begins.get(each.node, 0.0) <= incident.down
        }
        gone = away(incident, [span for _, span in told], question.until, is_whole)
        found[number] = (gone, harm(told, incidents[number].down))
    return found


def notes_on(told: "list[NodeAccount]", since: float) -> "list[Statement]":
    """What is missing, or was corrected, in what the nodes told."""
    found = []
    for each in told:
        if each.why:
            found.append(Finding("history_node_told", node=each.node, why=each.why))
        found += [Finding("history_log_whole", node=each.node, why=why) for why in each.missing]
        if each.begins > since:
            when = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(each.begins))
            found.append(Finding("history_log_begins", node=each.node, when=when))
        if each.ahead:
            way = "ahead of" if each.ahead > 0 else "behind"
            found.append(Finding("history_clock_agrees", node=each.node, s=abs(each.ahead), way=way))
    if not any(each.seen for each in told) and not any(each.begins for each in told):
        found.append(Finding("history_log_there"))
    return [Statement(each) for each in found]
