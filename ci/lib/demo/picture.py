"""The picture of a demo: where the service ran, when mail was acknowledged, the gap of each event, on one time line.

What it draws is in the demo's JSON, so that a kept report can be drawn again.
"""

from typing import Any

from lxml import etree

from ci.lib.prove.figures import BEFORE_S, BIN_S, rates, spans
from ci.lib.prove.svg import number, tag
from tests.support.lab.config import NODES
from tests.support.lab.watch import Watch
from tests.support.mail.ledger import Ledger

WIDTH, LABEL, TOP, LANE, MAIL, FOOT, TOLD = 860, 60, 48, 24, 70, 44, 18
# A letter of bold 12 px is so wide on average.
CAPTION_ROWS, LETTER = 3, 7.5
SAW = {"cut": "cut", "refused": "refused", "reset": "reset", "timed_out": "timed out", "delivered_twice": "twice"}
STYLE = """
text { font: 12px sans-serif; fill: #3c4653; } .paper { fill: #ffffff; } .lane { fill: #eef1f5; }
.mount { fill: #a9c7e6; } .master { fill: #1f6fb8; } .gap { fill: #f9dcd9; } .acked { fill: #2e8b57; }
.axis { stroke: #5a6675; } .what { font-weight: bold; }
"""


def timeline(watch: Watch, ledger: Ledger, events: "list[tuple[str, float, float]]") -> "dict[str, Any]":
    """What the picture shows, in seconds since shortly before the first event; ``events`` are (name, from, to)."""
    start, end = events[0][1], events[-1][2]
    shown = []
    for name, begin, over in events:
        gap = ledger.longest_gap(begin, over)
        shown.append(
            {"event": name, "at_s": round(begin - start, 2), "gap_from_s": round(gap.start - start, 2)}
            | {"gap_s": round(gap.length_s, 2)}
        )
    return {
        "end_s": round(end - start, 2),
        "masters": spans(watch.sights, "masters", start, end),
        "mounts": spans(watch.sights, "mounts", start, end),
        "acknowledged": [good for good, _ in rates(ledger, start, end)],
        "events": shown,
    }


class Picture:
    """One time line as an SVG element."""

    def __init__(self, line: "dict[str, Any]") -> None:
        self._line = line
        self._nodes = list(NODES)
        self._floor = TOP + LANE * len(self._nodes) + MAIL
        # An older report does not have it: agent -> what 12 senders saw of a planned move.
        self._senders: "dict[str, dict[str, float]]" = line.get("senders", {})
        height = self._floor + FOOT + TOLD * len(self._senders)
        self._svg = tag("svg", xmlns="http://www.w3.org/2000/svg", viewBox=f"0 0 {WIDTH} {height}", role="img")
        self._svg.append(tag("title", "ci/demo: where the service ran, and when clients saw no server"))
        self._svg.append(tag("style", STYLE))
        self._svg.append(tag("rect", width=WIDTH, height=height, class_="paper"))

    def draw(self) -> str:
        """The whole picture as text."""
        for event in self._line["events"]:
            end = event["gap_from_s"] + event["gap_s"]
            self._bar(event["gap_from_s"], end, TOP, self._floor - TOP, "gap")
        for row, name in enumerate(self._nodes):
            y = TOP + LANE * row
            self._svg.append(tag("text", name, x=4, y=y + 16))
            self._bar(-BEFORE_S, self._line["end_s"], y + 9, LANE - 18, "lane")
        for what, inset in (("mounts", 3), ("masters", 8)):
            for name, start, end in self._line[what]:
                y = TOP + LANE * self._nodes.index(name)
                self._bar(start, end, y + inset, LANE - 2 * inset, what[:-1])
        self._mail()
        self._axis()
        self._captions()
        return etree.tostring(self._svg, pretty_print=True, encoding="unicode")

    def _x(self, at_s: float) -> float:
        return LABEL + (at_s + BEFORE_S) / (self._line["end_s"] + BEFORE_S) * (WIDTH - LABEL - 8)

    def _bar(self, start: float, end: float, y: float, height: float, kind: str) -> None:
        x, width = self._x(start), max(self._x(end) - self._x(start), 0.6)
        self._svg.append(tag("rect", x=number(x), y=y, width=number(width), height=height, class_=kind))

    def _mail(self) -> None:
        counts = self._line["acknowledged"]
        most, width = max([*counts, 1]), self._x(BIN_S) - self._x(0)
        steps = []
        for place, count in enumerate(counts):
            if count:
                x, height = self._x(place * BIN_S - BEFORE_S), count / most * (MAIL - 12)
                steps.append(f"M{number(x)} {self._floor}v-{number(height)}h{number(width - 0.3)}V{self._floor}z")
        self._svg.append(tag("path", d="".join(steps), class_="acked"))
        self._svg.append(tag("text", "mail", x=4, y=self._floor - 6))

    def _axis(self) -> None:
        floor = self._floor
        self._svg.append(tag("line", x1=LABEL, x2=WIDTH - 8, y1=floor, y2=floor, class_="axis"))
        for at in range(0, int(self._line["end_s"]) + 1, 5):
            x = number(self._x(at))
            self._svg.append(tag("line", x1=x, x2=x, y1=floor, y2=floor + 4, class_="axis"))
            self._svg.append(tag("text", f"{at} s", x=x, y=floor + 17, text_anchor="middle"))
        legend = (
            "dark: Postfix runs; light: the queue is mounted; green: messages acknowledged; red: no server for clients"
        )
        self._svg.append(tag("text", legend, x=LABEL, y=floor + 36))
        for row, (agent, seen) in enumerate(self._senders.items(), 1):
            counts = ", ".join(f"{seen[name]:g} {text}" for name, text in SAW.items())
            text = f"12 senders in a planned move, {agent}: {counts}; longest wait {seen['longest_wait_s']:.2f} s"
            self._svg.append(tag("text", text, x=4, y=floor + 36 + TOLD * row))

    def _captions(self) -> None:
        # Events may follow closely: each caption goes into the first row in which it runs into no other.
        ends = [0.0] * CAPTION_ROWS
        for event in self._line["events"]:
            text, x = f"{event['event']}: {event['gap_s']:.1f} s", self._x(event["at_s"])
            row = next((row for row, end in enumerate(ends) if end <= x), CAPTION_ROWS - 1)
            ends[row] = x + LETTER * (len(text) + 1)
            self._svg.append(tag("text", text, x=number(x), y=12 + 14 * row, class_="what"))
