"""The picture of a demo shows what its report has: each node's spans and each gap at its time, nothing outside."""

import json

import pytest
from lxml import etree

from ci.lib.demo.picture import LABEL, WIDTH, Picture, timeline
from tests.support.lab.watch import Sight
from tests.support.mail.ledger import Event, Ledger

SVG = "{http://www.w3.org/2000/svg}"


class Seen:
    """What a watch keeps."""

    def __init__(self, *sights):
        self.sights = list(sights)


@pytest.fixture
def line():
    """Four messages a second from 96 to 112, but for 101 to 104; the service moves from n1 to n2 meanwhile."""
    times = [96 + n / 4 for n in range(65)]
    ledger = Ledger([Event(t, n, 1, "ack", "", "plain") for n, t in enumerate(times) if not 101 < t < 104])
    watch = Seen(Sight(90, ("n1",), ("n1",)), Sight(101, (), ()), Sight(103, ("n2",), ("n2",)))
    return timeline(watch, ledger, [("planned move", 100.0, 110.0)])


def shapes(line, kind):
    svg = etree.fromstring(Picture(json.loads(json.dumps(line))).draw())
    return svg.findall(f".//{SVG}*[@class='{kind}']")


def test_the_gap_is_where_no_mail_was_taken(line):
    assert line["events"] == [{"event": "planned move", "at_s": 0.0, "gap_from_s": 1.0, "gap_s": 3.0}]
    (gap,) = shapes(line, "gap")
    (caption,) = shapes(line, "what")
    assert caption.text == "planned move: 3.0 s"
    # 12 s are shown, from 2 s before the event to its end.
    assert float(gap.get("width")) == pytest.approx((WIDTH - LABEL - 8) * 3 / 12, abs=0.2)


def test_a_master_is_drawn_in_its_nodes_lane_for_as_long_as_it_was_seen(line):
    assert line["masters"] == [["n1", -2.0, 1.0], ["n2", 3.0, 10.0]]
    first, second = shapes(line, "master")
    assert float(first.get("y")) < float(second.get("y"))
    assert float(second.get("width")) / float(first.get("width")) == pytest.approx(7 / 3, abs=0.02)
    assert float(first.get("x")) + float(first.get("width")) < float(second.get("x"))


def test_nothing_is_drawn_outside(line):
    svg = etree.fromstring(Picture(line).draw())
    width, height = map(float, svg.get("viewBox").split()[2:])
    for each in svg.iter(f"{SVG}rect"):
        assert 0 <= float(each.get("x", 0)) <= float(each.get("x", 0)) + float(each.get("width")) <= width
        assert 0 <= float(each.get("y", 0)) + float(each.get("height")) <= height


def test_what_senders_saw_is_told_below_with_each_agent(line):
    without = etree.fromstring(Picture(line).draw())
    counts = {"taken": 140, "cut": 27, "refused": 1900, "reset": 0, "timed_out": 0, "delivered_twice": 2}
    line["senders"] = {
        "ocf:mail:postfix_ha": {**dict.fromkeys(counts, 0), "longest_wait_s": 3.051},
        "ocf:heartbeat:postfix": {**counts, "longest_wait_s": 0.2},
    }
    svg = etree.fromstring(Picture(line).draw())
    ours, peer = [each for each in svg.iter(f"{SVG}text") if each.text.startswith("12 senders")]
    assert ours.text.endswith("postfix_ha: 0 cut, 0 refused, 0 reset, 0 timed out, 0 twice; longest wait 3.05 s")
    assert "heartbeat:postfix: 27 cut, 1900 refused" in peer.text
    width, height = map(float, svg.get("viewBox").split()[2:])
    for each in (ours, peer):
        assert float(each.get("x")) + 6.5 * len(each.text) < width
        assert float(each.get("y")) < height
    assert height > float(without.get("viewBox").split()[3])


def test_captions_of_events_that_follow_closely_run_into_none(line):
    (first,) = line["events"]
    times = {"planned move": 0.0, "master killed": 1.0, "power cut": 2.0, "network cut": 5.0}
    line["events"] = [{**first, "event": name, "at_s": at} for name, at in times.items()]
    captions = [(float(each.get("x")), float(each.get("y")), each.text) for each in shapes(line, "what")]
    assert len(captions) == 4
    for x, y, text in captions:
        assert not [other for at, row, other in captions if row == y and x < at < x + 7 * len(text)], text
