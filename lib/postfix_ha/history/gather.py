"""The answers of all nodes to one request, this node's among them; what others answer is checked and bounded."""

import json
import time

from postfix_ha.history.observe import LogRequest, answer
from postfix_ha.history.seen import SEEN_MAX, Seen, from_object
from postfix_ha.messages.errors import Refused
from postfix_ha.peers.ask import PASSED_ON
from postfix_ha.peers.remote import PROGRAM, Remote, without_greeting
from postfix_ha.printable import printable
from postfix_ha.request import caller_environment
from postfix_ha.system.command import Completed, begin

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable

    from postfix_ha.system.command import Running

ANSWER_S = 90.0
ANSWER_MAX = 12 * 1024 * 1024
TEXT_MAX, MISSING_MAX = 300, 20
WORDS = [PROGRAM, "history", "--observe"]
# Differences that no one needs to know of: those of a clock that is set by NTP.
CLOCK_S = 0.5
MAILS_MAX, SPANS_MAX, DELIVERIES_MAX = 2_000, 5_000, 10
ID_MAX = 24
COUNT_MAX = 10**9
STATUSES = ("sent", "deferred", "bounced", "expired")


class NodeAccount:
    """What a node told: ``seen`` events, ``spans`` of mail, since when its log goes (``begins``), what is ``missing``,
    how far its clock is ahead of ours (``ahead``), already taken off all times; ``why`` it told nothing, or ""."""

    __slots__ = ("ahead", "begins", "missing", "node", "seen", "spans", "why")

    def __init__(self, node: str, why: str = "") -> None:
        self.node = node
        self.why = why
        self.seen: "list[Seen]" = []
        self.spans: "list[dict[str, object]]" = []
        self.begins = 0.0
        self.missing: "list[str]" = []
        self.ahead = 0.0


def ask_all(
    nodes: "list[str]", here: str, shell: "list[str] | None", request_for: "Callable[[str], LogRequest]"
) -> "list[NodeAccount]":
    """Ask all nodes at once; those that cannot be asked say why."""
    deadline = time.monotonic() + ANSWER_S
    running: "dict[str, tuple[float, Running]]" = {}
    found: "dict[str, NodeAccount]" = {}
    for node in nodes:
        if node == here:
            continue
        if shell is None:
            found[node] = NodeAccount(node, "it was not asked: name a remote shell with --rsh")
            continue
        try:
            argv = Remote(node, shell).argv(WORDS)
        except Refused as refusal:
            found[node] = NodeAccount(node, "; ".join(refusal.reasons))
            continue
        text = json.dumps(request_for(node).as_object()).encode() + b"\n"
        running[node] = (time.time(), begin(argv, deadline=deadline, env=caller_environment(*PASSED_ON), input=text))
    if here in nodes:
        began = time.time()
        found[here] = read_answer(here, answer(request_for(here), began), began, time.time())
    for node, (began, each) in running.items():
        done = each.finish()
        found[node] = _answered(node, done, began, time.time())
    return [found[node] for node in nodes if node in found]


def _answered(node: str, done: Completed, began: float, ended: float) -> NodeAccount:
    if done.timed_out:
        return NodeAccount(node, "no answer in time")
    if done.returncode != 0:
        said = done.stderr.decode("utf-8", "replace").strip().splitlines()
        return NodeAccount(node, printable(said[-1] if said else f"exit code {done.returncode}", TEXT_MAX))
    try:
        found = json.loads(without_greeting(done.stdout[:ANSWER_MAX]))
    except (ValueError, RecursionError):
        return NodeAccount(node, "what came is no answer: install the same version of postfix-ha on all nodes")
    return read_answer(node, found, began, ended)


def read_answer(node: str, found: object, began: float, ended: float) -> NodeAccount:
    """The answer as a value; what is not of its form is left out."""
    told = NodeAccount(node)
    clock = found.get("clock") if isinstance(found, dict) else None
    if not isinstance(found, dict) or not _are_times(clock, 2):
        told.why = "what came is no answer: install the same version of postfix-ha on all nodes"
        return told
    assert isinstance(clock, list)
    told.ahead = _ahead(clock[0], clock[1], began, ended)
    seen, spans, missing = found.get("seen"), found.get("spans"), found.get("missing")
    for each in seen[:SEEN_MAX] if isinstance(seen, list) else ():
        event = from_object(each, node)
        if event is not None:
            event.at -= told.ahead
            if event.at > 0:
                told.seen.append(event)
    told.spans = [_span(each, told.ahead) for each in (spans[:SPANS_MAX] if isinstance(spans, list) else ())]
    told.missing = [printable(str(each), TEXT_MAX) for each in (missing if isinstance(missing, list) else ())]
    told.missing = told.missing[:MISSING_MAX]
    begins = found.get("begins")
    told.begins = float(begins) if _are_times([begins], 1) else 0.0  # type: ignore[arg-type]
    return told


def _ahead(first: float, last: float, began: float, ended: float) -> float:
    """How far a clock is ahead that said ``first`` after we asked and ``last`` before we had the answer; 0 where that
    can be no difference at all."""
    least, most = last - ended, first - began
    if least <= CLOCK_S and most >= -CLOCK_S:
        return 0.0
    return round((least + most) / 2, 1)


def _are_times(found: object, count: int) -> bool:
    return (
        isinstance(found, list)
        and len(found) == count
        and all(type(at) in (int, float) and 0 <= at < 2.0**34 for at in found)
    )


def _span(found: object, ahead: float) -> "dict[str, object]":
    """One span of a mail log: when it served, and its messages."""
    served: "list[list[float]]" = []
    mails: "dict[str, list[object]]" = {}
    if isinstance(found, dict):
        given = found.get("served")
        for each in given[:SPANS_MAX] if isinstance(given, list) else ():
            if _are_times(each, 2):
                served.append([at - ahead for at in each])
        given = found.get("mails")
        for name, mail in list(given.items())[:MAILS_MAX] if isinstance(given, dict) else ():
            checked = _mail(mail, ahead)
            if checked is not None and name.isalnum() and name.isascii() and len(name) <= ID_MAX:
                mails[name] = checked
    counts = {name: _count(found.get(name)) if isinstance(found, dict) else 0 for name in ("dns", "full")}
    return {"served": served, "mails": mails, **counts}


def _count(found: object) -> int:
    return found if isinstance(found, int) and 0 < found < COUNT_MAX else 0


def _mail(found: object, ahead: float) -> "list[object] | None":
    """[accepted, removed, [[time, status]...]] with our clock's times, None where it is none."""
    if not isinstance(found, list) or len(found) != 3 or not _are_times(found[:2], 2) or not isinstance(found[2], list):
        return None
    deliveries = [
        [each[0] - ahead, each[1]]
        for each in found[2][:DELIVERIES_MAX]
        if isinstance(each, list) and len(each) == 2 and _are_times(each[:1], 1) and each[1] in STATUSES
    ]
    return [*(at - ahead if at else 0.0 for at in found[:2]), deliveries]
