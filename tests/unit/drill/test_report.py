"""The report of a drill: figures from the series, the picture in both formats, and files where they belong."""

import json
import subprocess
import sys

import pytest
from lxml import etree

from postfix_ha.drill.ledger import Event, Ledger, compare
from postfix_ha.drill.results import DrillFacts, Phase, as_object, text_of, write
from postfix_ha.drill.whereabouts import Timeline
from tests.support.machine.node import CHECKOUT

PNG = b"\x89PNG\r\n\x1a\n"
DRAW = f"""
import json, sys
sys.path.insert(0, "{CHECKOUT}/lib")
from postfix_ha.drill.picture import draw
print(json.dumps(draw(json.load(open(sys.argv[1])), sys.argv[2])))
"""


@pytest.fixture
def facts():
    """A minute in which the service moved from n1 to n2: the last success at 20.0 s, the next at 23.5 s."""
    good = [t / 10 for t in [*range(201), *range(235, 600)]]
    events = [Event(1000 + t, n, 1, "ack") for n, t in enumerate(good, 1)]
    events += [Event(1000 + 20 + t / 10, 999, t, "fail", "ConnectionRefusedError: refused") for t in range(1, 35)]
    for number, (begin, kind, cause) in enumerate([(20.3, "fail", "cut"), (20.4, "ack", "")], 2000):
        steps = ((begin, "knock", ""), (begin + 3.25, "greeting", ""), (begin + 3.9, kind, cause))
        events += [Event(1000 + t, number, 1, step, "", "sender", "", why) for t, step, why in steps]
    ledger = Ledger(events)
    timeline = Timeline()
    timeline.looks = [(1000.0, ("n1",)), (1020.5, ()), (1023.0, ("n2",))]
    phase = Phase("move", "move from n1 to n2", 1019.5, "n1", "n2", 1024.0, ledger.longest_gap(1019.5, 1024.0))
    account = compare(ledger, [(n, 1) for n in [*range(1, 1 + len(good)), 2001]], [])
    return DrillFacts(
        "abc", "mail", "n3", ["n1", "n2", "n3"], "", "box@example.com", ["198.51.100.100:25"], "then", 1000.0, 1060.0,
        [phase], timeline, ledger, 0, account,
    )  # fmt: skip


def test_the_object_has_the_figures(facts):
    found = as_object(facts)
    (phase,) = found["phases"]
    assert (phase["gap_s"], phase["gap_from_s"], phase["from_s"]) == (3.5, 20.0, 19.5)
    assert phase["failed_attempts"] == 34
    ledger = found["ledger"]
    assert (ledger["offered"], ledger["acknowledged"], ledger["not_acknowledged"]) == (569, 567, 2)
    senders = phase["senders"]
    assert (senders["taken"], senders["cut"], senders["refused"], senders["longest_wait_s"]) == (1, 1, 0, 3.25)
    assert (ledger["lost"], ledger["duplicated"], ledger["queued"]) == (0, 0, 0)
    timeline = found["timeline"]
    assert sum(timeline["acknowledged"]) == 567
    assert timeline["service"] == [
        {"node": "n1", "from_s": 0.0, "to_s": 20.5},
        {"node": "n2", "from_s": 23.0, "to_s": 60.0},
    ]


def test_what_is_not_known_is_no_zero(facts):
    facts.account = facts.queued = None
    ledger = as_object(facts)["ledger"]
    assert {ledger[key] for key in ("lost", "duplicated", "queued", "delivered")} == {None}
    assert "? lost" in "\n".join(text_of(facts))


def test_the_text_fits_eighty_columns(facts):
    assert max(map(len, text_of(facts))) <= 80
    assert "3.50" in "\n".join(text_of(facts))
    assert "1 cut, 0 refused, 0 reset, 0 timed out, 0 other" in "\n".join(text_of(facts))
    assert "longest wait 3.25 s, median 3.25 s" in "\n".join(text_of(facts))


def test_files_and_picture(facts, tmp_path):
    there = tmp_path / "report"
    write(str(there), as_object(facts), text_of(facts))
    assert json.loads((there / "drill.json").read_text())["drill"] == "abc"
    # matplotlib is the distribution's, for the distribution's Python; these tests run on others as well (ci/pythons).
    argv = ["/usr/bin/python3", "-c", DRAW, str(there / "drill.json"), str(there)]
    done = subprocess.run(argv, capture_output=True, text=True, check=True)
    assert (json.loads(done.stdout), done.stderr) == ([str(there / f"drill.{end}") for end in ("svg", "png")], "")
    assert (there / "drill.png").read_bytes().startswith(PNG)
    root = etree.parse(str(there / "drill.svg")).getroot()
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    words = " ".join(root.itertext())
    for expected in ("n1", "n2", "n3", "move from n1 to n2: gap 3.50 s", "acknowledged", "1 cut, 0 refused"):
        assert expected in words


def test_without_the_library_there_is_one_clear_exception(facts, tmp_path):
    (tmp_path / "facts.json").write_text(json.dumps(as_object(facts)))
    missing = 'import sys; sys.modules["matplotlib"] = None\n' + DRAW
    argv = [sys.executable, "-c", missing, str(tmp_path / "facts.json"), str(tmp_path)]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert "NoLibrary" in done.stderr.splitlines()[-1]
    assert not (tmp_path / "drill.svg").exists()
