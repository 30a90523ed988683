"""The account as a picture (SVG): a lane for each node, time as its axis, where the service ran, incidents numbered.

One file that needs no other: it can be mailed, and opened in a browser in a light or a dark room. Whatever others wrote
stands in it as text, escaped, and never as an element.
"""

from datetime import datetime
from xml.sax.saxutils import escape

from postfix_ha.printable import printable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    Lane = list[tuple[str, float, float]]

WIDTH, LABEL, RIGHT, TOP, LANE, ROW = 960, 110, 16, 58, 30, 20
# The numbers of incidents that lie close together stand in so many rows.
MARK_ROWS, MARK_WIDTH = 3, 18.0
TICKS = 6
LEAST_S = 60.0
NAME_MAX, TEXT_MAX = 14, 108
STYLE = """
text { font: 12px sans-serif; fill: #27313d; } .paper { fill: #ffffff; } .lane { fill: #e6eaf0; }
.runs { fill: #1f6fb8; } .away { fill: #f2b8ae; } .out { fill: none; stroke: #a3392b; stroke-dasharray: 3 3; }
.fence { stroke: #a3392b; stroke-width: 3; } .axis { stroke: #5a6675; } .mark { stroke: #a3392b; }
.number { font-weight: bold; text-anchor: middle; fill: #a3392b; } .title { font-weight: bold; font-size: 14px; }
.tick { text-anchor: middle; }
@media (prefers-color-scheme: dark) {
text { fill: #d7dee8; } .paper { fill: #14181d; } .lane { fill: #272e37; } .runs { fill: #63a9e6; }
.away { fill: #7d342b; } .out, .fence, .mark { stroke: #ff8c7a; } .number { fill: #ff8c7a; } .axis { stroke: #8d99a8; }
}
"""


def draw(found: "dict[str, Any]") -> str:
    """The picture of an account (``account.as_object`` and what ``whole`` puts around it)."""
    return Picture(found).draw()


class Picture:
    """One account as SVG; ``begin`` to ``end`` is what its axis shows."""

    def __init__(self, found: "dict[str, Any]") -> None:
        self._found = found
        self._incidents = found["incidents"]
        self._nodes = [each["node"] for each in found["nodes"]]
        self.begin, self.end = _shown(found)
        self._floor = TOP + LANE * len(self._nodes)
        self._parts: "list[str]" = []

    def draw(self) -> str:
        """The whole picture as text."""
        height = self._floor + 76 + ROW * max(1, len(self._incidents))
        title = f"{self._found['resource']}: {_count(self._incidents)} from {_asked(self._found)}"
        self._parts += [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img">',
            f"<title>{_safe(title)}</title><style>{STYLE}</style>",
            f'<rect width="{WIDTH}" height="{height}" class="paper"/>',
        ]
        self._text(8, 18, title, "title")
        spans, gaps = places(self._found, self.begin, self.end)
        for row, node in enumerate(self._nodes):
            y = TOP + LANE * row
            self._text(8, y + 19, _cut(node, NAME_MAX))
            self._bar(self.begin, self.end, y + 5, LANE - 10, "lane", f"{node}: in the cluster")
            for name, begin, end in spans:
                if name == node:
                    self._bar(begin, end, y + 8, LANE - 16, "runs", f"the service runs on {node}")
        for text, begin, end in gaps:
            self._bar(begin, end, TOP, self._floor - TOP, "away", text)
        for row, node in enumerate(self._nodes):
            for begin, end in absences(self._incidents, node, self.end):
                self._bar(begin, end, TOP + LANE * row + 5, LANE - 10, "out", f"{node}: not in the cluster")
        for each in self._incidents:
            self._fences(each)
        self._marks()
        self._axis()
        self._list()
        return "\n".join([*self._parts, "</svg>", ""])

    def _x(self, at: float) -> float:
        at = min(max(at, self.begin), self.end)
        return LABEL + (at - self.begin) / (self.end - self.begin) * (WIDTH - LABEL - RIGHT)

    def _bar(self, begin: float, end: float, y: float, height: float, kind: str, said: str) -> None:
        x = self._x(begin)
        width = max(self._x(end) - x, 1.5)
        self._parts.append(
            f'<rect x="{x:.1f}" y="{y}" width="{width:.1f}" height="{height}" class="{kind}">'
            f"<title>{_safe(said)}, {_clock(begin)} to {_clock(end)}</title></rect>"
        )

    def _line(self, x1: float, y1: float, x2: float, y2: float, kind: str) -> None:
        self._parts.append(f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" class="{kind}"/>')

    def _text(self, x: float, y: float, text: str, kind: str = "") -> None:
        self._parts.append(f'<text x="{x:.1f}" y="{y}" class="{kind}">{_safe(text)}</text>')

    def _fences(self, incident: "dict[str, Any]") -> None:
        """A cross on the lane of a node where it was fenced."""
        for each in incident["events"]:
            if each["kind"] == "fenced" and each.get("outcome") == "ok" and each.get("node") in self._nodes:
                x, y = self._x(_epoch(each["at"])), TOP + LANE * self._nodes.index(each["node"]) + LANE / 2
                self._line(x - 5, y - 5, x + 5, y + 5, "fence")
                self._line(x - 5, y + 5, x + 5, y - 5, "fence")

    def _marks(self) -> None:
        """The number of each incident above the place where it began."""
        taken = [float("-inf")] * MARK_ROWS
        for each in self._incidents:
            x = self._x(_epoch(each["began"]))
            row = next((row for row, last in enumerate(taken) if x - last >= MARK_WIDTH), MARK_ROWS - 1)
            taken[row] = x
            y = TOP - 4 - 10 * row
            self._line(x, y + 1, x, self._floor, "mark")
            said = f"{each['number']}<title>{_safe(_line_of(each))}</title>"
            self._parts.append(f'<text x="{x:.1f}" y="{y}" class="number">{said}</text>')

    def _axis(self) -> None:
        self._line(LABEL, self._floor, WIDTH - RIGHT, self._floor, "axis")
        for number in range(TICKS + 1):
            at = self.begin + (self.end - self.begin) * number / TICKS
            x = self._x(at)
            self._line(x, self._floor, x, self._floor + 4, "axis")
            form = "%H:%M:%S" if self.end - self.begin < 86400 else "%m-%d %H:%M"
            self._text(min(x, WIDTH - 36), self._floor + 17, f"{datetime.fromtimestamp(at):{form}}", "tick")
        text = "blue: the service runs there; red: clients had no server; dashed: not in the cluster; X: fenced"
        self._text(LABEL, self._floor + 36, text)

    def _list(self) -> None:
        y = self._floor + 60
        for each in self._incidents:
            self._text(8, y, _cut(_line_of(each), TEXT_MAX + 30))
            y += ROW
        if not self._incidents:
            self._text(8, y, "no incident")


def places(found: "dict[str, Any]", begin: float, end: float) -> "tuple[Lane, Lane]":
    """((node, from, to) where the service ran, (what is said of it, from, to) where clients had no server)."""
    runs: "Lane" = []
    gaps: "Lane" = []
    since, on = begin, None
    for each in found["incidents"]:
        away, on = each["away"], each["before"]
        is_away = bool(away and away["source"])
        down = _epoch(away["from"]) if is_away else _epoch(each["began"])
        up = _epoch(away["to"]) if is_away else _epoch(each["ended"]) if each["ended"] else end
        runs += [(node, since, max(down, since)) for node in on]
        if is_away:
            gaps.append((f"incident {each['number']}: no server for {away['s']:.1f} s", down, up))
        elif each["after"] == on:
            runs += [(node, down, up) for node in on]
        since, on = up, each["after"] if each["ended"] else []
    runs += [(node, since, end) for node in on or []]
    return runs, gaps


def absences(incidents: "list[dict[str, Any]]", node: str, end: float) -> "list[tuple[float, float]]":
    """When a node was not in the cluster: from its loss, its fencing or its leaving to its return."""
    found, since = [], 0.0
    events = [each for incident in incidents for each in incident["events"] if each.get("node") == node]
    for each in sorted(events, key=lambda each: str(each["at"])):
        is_gone = each["kind"] in ("lost", "leaving") and each.get("action") != "cut"
        if is_gone or (each["kind"] == "fenced" and each.get("outcome") == "ok"):
            since = since or _epoch(each["at"])
        elif since and (each["kind"] == "member" or (each["kind"] == "begin" and each.get("action") == "start")):
            found.append((since, _epoch(each["at"])))
            since = 0.0
    return [*found, (since, end)] if since else found


def _shown(found: "dict[str, Any]") -> "tuple[float, float]":
    """What the axis shows: what was asked for, without the quiet before the first incident and after the last."""
    since, until = _epoch(found["since"]), _epoch(found["until"])
    if found["incidents"]:
        first, last = _epoch(found["incidents"][0]["began"]), found["incidents"][-1]["ended"]
        over = _epoch(last) if last else until
        margin = max(LEAST_S, (over - first) / 10)
        since, until = max(since, first - margin), min(until, over + margin)
    return since, max(until, since + 1)


def _line_of(incident: "dict[str, Any]") -> str:
    """One incident on one line."""
    away = incident["away"]
    gap = f"{away['s']:.1f} s without a server" if away and away["source"] else "clients did not notice"
    cause = incident["cause"]
    began = datetime.fromisoformat(incident["began"])
    return f"{incident['number']}. {began:%m-%d %H:%M:%S} {cause['node']}: {gap}; {incident['end']}; {cause['text']}"


def _asked(found: "dict[str, Any]") -> str:
    since, until = (str(found[key])[:19].replace("T", " ") for key in ("since", "until"))
    return f"{since} to {until}"


def _count(incidents: "list[object]") -> str:
    return "1 incident" if len(incidents) == 1 else f"{len(incidents)} incidents"


def _epoch(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def _clock(at: float) -> str:
    return f"{datetime.fromtimestamp(at):%Y-%m-%d %H:%M:%S}"


def _cut(text: str, length: int) -> str:
    return text if len(text) <= length else text[: length - 1] + "\u2026"


def _safe(text: str) -> str:
    return escape(printable(text))
