"""What other nodes answer: facts that are refused in a line, or compared; what is told of them steers no terminal."""

import copy
import io
import json
import time
from typing import Any

from hypothesis import strategies as st

from postfix_ha.cli.commands.status import ask_there
from postfix_ha.cli.statements import Printer
from postfix_ha.messages.statement import Statement
from postfix_ha.peers.compare import compare
from postfix_ha.peers.remote import PeerQuestion, Remote, wrong_shape
from postfix_ha.report import line_of
from tests.property.fuzz.config_files import directory
from tests.property.fuzz.target import Broken, Target, must_be_clean
from tests.property.fuzz.texts import NASTY, encoded, mostly, mutated, number, pick
from tests.support.facts import FACTS

TEXT = pick((2, st.sampled_from(NASTY)), (1, mostly("/q", "hash:/a", "postfix", "n1")), (1, number()))
LEAF = st.one_of(
    st.none(), st.booleans(), TEXT, st.integers(), st.floats(), st.sampled_from((10**400, -(10**400), 2**63, 1e308, -1))
)
JSON = st.recursive(
    LEAF, lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(TEXT, inner, max_size=3))
)


def places(value: Any, path: "tuple[Any, ...]" = ()) -> "list[tuple[Any, ...]]":
    """The way to everything in an object."""
    found = [path] if path else []
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, item in items:
        found += places(item, (*path, name))
    return found


PLACES = places(FACTS)


@st.composite
def facts(draw: "st.DrawFn") -> "dict[str, Any]":
    """Facts as a node has them, some of them exchanged for others."""
    made = copy.deepcopy(FACTS)
    for path in draw(st.lists(st.sampled_from(PLACES), max_size=5)):
        at: Any = made
        for name in path[:-1]:
            try:
                at = at[name]
            except (TypeError, LookupError):  # what was there has been exchanged already
                at = {}
        if isinstance(at, dict):
            same_kind = TEXT if isinstance(at.get(path[-1]), str) else JSON
            at[path[-1]] = draw(pick((3, same_kind), (1, JSON)))
        elif isinstance(at, list) and at:
            at[0] = draw(JSON)
    if draw(st.booleans()):
        made["main"] = (
            {**made["main"], **draw(st.dictionaries(TEXT, TEXT, max_size=3))}
            if isinstance(made.get("main"), dict)
            else {}
        )
    return made


def remote_that_says(data: bytes) -> "list[str]":
    """A remote shell, a real program, which answers every command with these bytes."""
    path = directory() / "answer"
    path.write_bytes(data)
    return ["/bin/sh", "-c", f"cat {path}", "sh"]


def check_answer(data: bytes) -> None:
    """The bytes that a peer sends for its facts."""
    remote = Remote("n2", remote_that_says(data))
    got, why = PeerQuestion(remote, "/etc/postfix", "", "salt", {}, time.monotonic() + 20).answer()
    if got is None:
        must_be_clean(" ".join(why.split()), "why a peer's answer is not taken")
        return
    check_compared(FACTS, got)


def check_status(data: bytes) -> None:
    """The bytes that a peer sends for its status."""
    told = ask_there(remote_that_says(data), "n2", "mail")
    if set(told) != {"endpoints", "greets", "queues"} or not all(isinstance(part, dict) for part in told.values()):
        raise Broken("a status of another shape", repr(told)[:200])


def check_pair(drawn: "dict[str, Any]") -> None:
    """Two nodes' facts, of which ours may be of a hostile configuration too."""
    ours, theirs = json.loads(json.dumps(drawn["here"])), json.loads(json.dumps(drawn["there"]))
    if wrong_shape(ours) or wrong_shape(theirs):
        return
    check_compared(ours, theirs)


def check_compared(ours: "dict[str, Any]", theirs: "dict[str, Any]") -> None:
    """Every difference as people see it."""
    findings = compare(ours, theirs, Remote("n2", ["ssh"]), 999.0, 1001.0)
    statements = [Statement(finding) for finding in findings]
    page = io.StringIO()
    Printer(page, no_color=True).statements(statements)
    must_be_clean(page.getvalue(), "check")
    for finding in findings:
        must_be_clean(line_of(finding), "a reason", lines=False)


PEER_BYTES = pick(
    (4, facts().map(lambda made: encoded(json.dumps(made)))),
    (
        1,
        st.sampled_from(
            (b"[" * 100_000, b'{"a":' * 50_000, b"{" * 1000, b'{"format": 1, "node": ' + b"9" * 5000 + b"}")
        ),
    ),
    (1, JSON.map(lambda value: encoded(json.dumps(value)))),
)
TOLD = st.fixed_dictionaries(
    {"hierarchies": st.lists(st.fixed_dictionaries({}, optional={"endpoints": JSON, "queues": JSON}), max_size=2)}
).map(lambda told: encoded(json.dumps(told)))

TARGETS = (
    Target("peer_answer", mutated(PEER_BYTES), check_answer, share=2, fixed=40),
    Target("peer_status", mutated(pick((3, TOLD), (1, PEER_BYTES))), check_status, fixed=40),
    Target(
        "peers",
        st.fixed_dictionaries({"here": facts(), "there": facts()}),
        check_pair,
        is_json=True,
        share=2,
        fixed=100,
    ),
)
