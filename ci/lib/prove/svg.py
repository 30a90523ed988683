"""The drawings of the report: bars of gaps, and the time line of one run; SVG elements, coloured by the page's CSS."""

from typing import Any

from lxml import etree

from ci.lib.prove.figures import BEFORE_S, BIN_S

WIDTH = 380
LABEL = 26
LANE = 16
MAIL = 44
NODES = ("n1", "n2", "n3")


def tag(kind: str, /, *children: "etree._Element | str", **attributes: object) -> "etree._Element":
    """An element; ``class_`` is its class, other underscores in attribute names are hyphens, None is left out."""
    element = etree.Element(kind)
    for key, value in attributes.items():
        if value is not None:
            element.set("class" if key == "class_" else key.replace("_", "-"), str(value))
    for child in children:
        if not isinstance(child, str):
            element.append(child)
        elif len(element):
            element[-1].tail = (element[-1].tail or "") + child
        else:
            element.text = (element.text or "") + child
    return element


def number(value: float) -> str:
    """A coordinate without more digits than an eye can see."""
    return f"{value:.1f}".rstrip("0").rstrip(".")


def bar(median: float, worst: float, most: float, kind: str) -> "etree._Element":
    """A bar as long as the median, with a thin line on to the worst; ``kind`` is the class that colours it."""
    scale = 100 / most if most else 0
    picture = tag("svg", viewBox="0 0 100 8", preserveAspectRatio="none", class_=f"bar {kind}", aria_hidden="true")
    picture.append(tag("rect", x=0, y=3.4, width=number(worst * scale), height=1.2, class_="worst"))
    picture.append(tag("rect", x=0, y=1, width=number(max(median * scale, 0.5)), height=6, class_="median"))
    return picture


class TimeLine:
    """One run: who had the mount and the master, when mail was acknowledged or refused, what was fenced."""

    def __init__(self, record: "dict[str, Any]") -> None:
        self._record = record
        self._line = record["timeline"]
        self._span = self._line["end_s"] + BEFORE_S
        self._height = LANE * len(NODES) + MAIL + 24
        self.picture = tag("svg", viewBox=f"0 0 {WIDTH} {self._height}", class_="line", role="img")
        self.picture.append(tag("title", f"Time line of {record['fault']}, repeat {record['repeat']}"))

    def draw(self) -> "etree._Element":
        """The whole drawing."""
        self._gap()
        for row, name in enumerate(NODES):
            self.picture.append(tag("text", name, x=0, y=LANE * row + 11))
            self.picture.append(self._rect(-BEFORE_S, self._line["end_s"], LANE * row + 2, LANE - 4, "lane"))
        for node, start, end in self._line["mounts"]:
            self.picture.append(self._rect(start, end, LANE * NODES.index(node) + 2, LANE - 4, "mount"))
        for node, start, end in self._line["masters"]:
            self.picture.append(self._rect(start, end, LANE * NODES.index(node) + 5, LANE - 10, "master"))
        for at, node in self._record["fenced"]:
            if at > self._line["end_s"]:
                continue
            self._cross(at, LANE * NODES.index(node) + LANE / 2)
        self._mail()
        self._axis()
        return self.picture

    def _x(self, at: float) -> float:
        return LABEL + (at + BEFORE_S) / self._span * (WIDTH - LABEL - 4)

    def _rect(self, start: float, end: float, y: float, height: float, kind: str) -> "etree._Element":
        x = self._x(start)
        width = max(self._x(end) - x, 0.6)
        return tag("rect", x=number(x), y=number(y), width=number(width), height=number(height), class_=kind)

    def _gap(self) -> None:
        start = self._record["gap_at_s"]
        end = min(start + self._record["gap_s"], self._line["end_s"])
        self.picture.append(self._rect(max(start, -BEFORE_S), end, 0, LANE * len(NODES) + MAIL, "gap"))

    def _cross(self, at: float, y: float) -> None:
        x = self._x(at)
        path = f"M{number(x - 4)} {number(y - 4)}l8 8m0 -8l-8 8"
        self.picture.append(tag("path", d=path, class_="fence"))

    def _mail(self) -> None:
        floor = LANE * len(NODES) + MAIL
        # Attempts that fail at once are made far more often than messages: they would press these flat.
        most = max((good for good, _ in self._line["mail"]), default=1) or 1
        for kind, which in (("failed", 1), ("acked", 0)):
            steps = []
            for place, counts in enumerate(self._line["mail"]):
                at = place * BIN_S - BEFORE_S
                if counts[which] and at < self._line["end_s"]:
                    height = min(counts[which] / most, 1) * (MAIL - 6)
                    x, until = self._x(at), self._x(min(at + BIN_S, self._line["end_s"]))
                    steps.append(f"M{number(x)} {floor}v-{number(height)}h{number(max(until - x - 0.2, 0.3))}V{floor}z")
            if steps:
                self.picture.append(tag("path", d="".join(steps), class_=kind))
        self.picture.append(tag("text", "mail", x=0, y=floor - 4))

    def _axis(self) -> None:
        floor = LANE * len(NODES) + MAIL
        step = next((s for s in (1, 2, 5, 10, 20, 50, 100) if self._span / s <= 9), 200)
        self.picture.append(tag("line", x1=LABEL, x2=WIDTH - 4, y1=floor, y2=floor, class_="axis"))
        for at in range(0, int(self._line["end_s"]) + 1, step):
            x = number(self._x(at))
            self.picture.append(tag("line", x1=x, x2=x, y1=floor, y2=floor + 3, class_="axis"))
            if self._x(at) < WIDTH - 16:
                self.picture.append(tag("text", f"{at} s", x=x, y=floor + 13, text_anchor="middle"))
        x = number(self._x(0))
        self.picture.append(tag("line", x1=x, x2=x, y1=0, y2=floor, class_="moment"))
