"""The README's figures of the fault laboratory: from the JSON of ci/prove to a text and a picture, none by hand."""

from typing import Any

from lxml import etree

from ci.lib.prove.faults import MAIN, TABLE
from ci.lib.prove.figures import summary
from ci.lib.prove.svg import number, tag

PROOF = "faults, ci/prove"
# What a sentence about what was not as expected has in it -> what the README calls it; the gravest first.
KINDS = {
    "messages are lost": "mail lost",
    "fenced without need": "fenced without need",
    "no node was fenced": "not fenced",
    "not answered": "not answered",
    "clients waited": "too late",
    "the cluster was whole again only": "cleaned up by hand",
    "the service went": "on the wrong node",
    "could not be measured": "not measured",
}
WIDTH, LABEL, TOP, ROW, BAR, NOTES, GAP = 860, 170, 30, 46, 14, 340, 14
# (x, classes of the swatches, what they stand for) of the line above the bars.
LEGEND = (
    (170, ("ours",), "ocf:mail:postfix_ha"),
    (320, ("peer",), "ocf:heartbeat:postfix"),
    (480, ("ours", "peer"), "median"),
    (580, ("ours worst", "peer worst"), "worst"),
)
HEAD = "clients waited"
STYLE = """
text { font: 12px sans-serif; fill: #3c4653; } .paper { fill: #ffffff; } .what { font-weight: bold; }
.ours { fill: #1f6fb8; } .peer { fill: #d08a3e; } .worst { fill-opacity: .35; } .bad { fill: #b3261e; }
"""


def kept_proof(report: "dict[str, Any]") -> "dict[str, Any]":
    """What the documentation keeps of a report of ci/prove: totals of our runs, and the main faults by agent."""
    runs = [run for run in report["runs"] if not run["failure"]]
    ours = [run for run in runs if run["agent"] == "ours"]
    totals = {
        "faults": len({run["fault"] for run in ours}),
        "runs": len(ours),
        "acknowledged": sum(run["acknowledged"] for run in ours),
        "lost": sum(len(run["lost"]) for run in ours),
        "twice": sum(run["duplicated"] for run in ours),
        "masters": max(run["most_masters"] for run in ours),
        "mounts": max(run["most_mounts"] for run in ours),
        "fenced_without_need": sum(_has(run, "fenced without need") for run in ours),
        "not_as_expected": sum(bool(run["wrong"]) for run in ours),
        "beside": sum(run["is_beside"] for run in ours),
    }
    return {PROOF: {"totals": totals, "main": {fault.id: _by_agent(fault.id, runs) for fault in MAIN}}}


def _by_agent(fault: str, runs: "list[dict[str, Any]]") -> "dict[str, Any]":
    found: "dict[str, Any]" = {}
    for agent in ("ours", "peer"):
        own = [run for run in runs if (run["fault"], run["agent"], run["is_beside"]) == (fault, agent, False)]
        if own:
            kinds = {kind: sum(_has(run, words) for run in own) for words, kind in KINDS.items()}
            wrong = {kind: count for kind, count in kinds.items() if count}
            found[agent] = {**summary([run["gap_s"] for run in own]), "of": len(own), "wrong": wrong}
    return found


def _has(run: "dict[str, Any]", words: str) -> bool:
    return any(words in what for what in run["wrong"])


def proof_text(kept: "dict[str, Any]") -> str:
    """The totals as sentences."""
    totals = kept["totals"]
    return (
        f"{totals['runs']} runs of {totals['faults']} faults with our agent: {totals['acknowledged']:,} messages "
        f"acknowledged, {totals['lost']} lost, {totals['twice']} delivered twice\n(a delivery that was cut off is done "
        f"again); at most {totals['masters']} master and {totals['mounts']} mount at once; fenced without need: "
        f"{totals['fenced_without_need']};\nnot as expected: {totals['not_as_expected']}. A second instance ran beside "
        f"in {totals['beside']} of them.\n"
    )


def proof_picture(kept: "dict[str, Any]") -> str:
    """Bars of the gaps of the main faults, ours over the peer's, as an SVG file."""
    height = TOP + ROW * len(kept["main"]) + 12
    svg = tag("svg", xmlns="http://www.w3.org/2000/svg", viewBox=f"0 0 {WIDTH} {height}", role="img")
    svg.append(tag("title", "ci/prove: how long clients waited, ocf:mail:postfix_ha above ocf:heartbeat:postfix"))
    svg.append(tag("style", STYLE))
    svg.append(tag("rect", width=WIDTH, height=height, class_="paper"))
    svg.append(tag("text", HEAD, x=4, y=16, class_="what"))
    for x, kinds, text in LEGEND:
        for place, kind in enumerate(kinds):
            svg.append(tag("rect", x=x + 14 * place, y=6, width=12, height=12, class_=kind))
        svg.append(tag("text", text, x=x + 14 * len(kinds) + 4, y=16))
    most = max(figures["worst"] for agents in kept["main"].values() for figures in agents.values())
    for row, (fault, agents) in enumerate(kept["main"].items()):
        y = TOP + ROW * row
        svg.append(tag("text", TABLE[fault].title, x=4, y=y + 22, class_="what"))
        for place, agent in enumerate(name for name in ("ours", "peer") if name in agents):
            _bar(svg, agents[agent], agent, y + 4 + place * (BAR + 3), (WIDTH - LABEL - NOTES) / most)
    return etree.tostring(svg, pretty_print=True, encoding="unicode")


def _bar(svg: "etree._Element", figures: "dict[str, Any]", agent: str, y: float, scale: float) -> None:
    for key, kind in (("worst", f"{agent} worst"), ("median", agent)):
        width = max(figures[key] * scale, 1)
        svg.append(tag("rect", x=LABEL, y=y, width=number(width), height=BAR, class_=kind))
    note = tag("text", f"{figures['median']:.1f} s, worst {figures['worst']:.1f} s", y=y + BAR - 3)
    note.set("x", number(LABEL + figures["worst"] * scale + 6))
    if figures["wrong"]:
        gravest, count = next(iter(figures["wrong"].items()))
        note.append(tag("tspan", f"{gravest} {count} of {figures['of']}", class_="bad", dx=GAP))
    svg.append(note)
