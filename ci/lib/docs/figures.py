"""The measured figures of docs/timeouts.md: from the JSON of the benches to a table, none by hand."""

import statistics
from typing import Any

from ci.lib.docs.proof import PROOF, kept_proof

DEMO = "time line, ci/demo"
MOVE = "planned move, as clients see it"
SHOWN = ("ours", "peer")
# name of ci/bench's figure -> what the table calls it; {who} is ours or peer
ACTIONS = {
    "monitor {who}": "monitor, depth 0",
    "monitor 10 {who}": "monitor, depth 10",
    "monitor 20 {who}": "monitor, depth 20",
    "probe {who}": "probe where it does not run",
    "start {who}": "start, until a client is greeted",
    "stop {who}": "stop of an idle instance",
}
HEAD = (
    "| what | `ocf:mail:postfix_ha`: median | worst | `ocf:heartbeat:postfix`: median | worst |\n" + "|---" * 5 + "|\n"
)


def kept_figures(report: "dict[str, Any]") -> "dict[str, Any]":
    """What the documentation keeps of one report: {row: {ours/peer: {median_s, worst_s}}}; ValueError for others."""
    if "figures" in report:
        return _of_actions(report["figures"])
    if "gaps_s" in report:
        return _of_events(report)
    if "runs" in report:
        return kept_proof(report)
    if "timeline" in report:
        return _of_demo(report)
    raise ValueError("a report neither of ci/bench nor of ci/bench-move nor of ci/prove nor of ci/demo")


def _of_actions(figures: "dict[str, dict[str, list[float]]]") -> "dict[str, Any]":
    found: "dict[str, Any]" = {}
    for pattern, title in ACTIONS.items():
        for who in SHOWN:
            kept = figures.get(pattern.format(who=who))
            if kept:
                found.setdefault(title, {})[who] = _summary(kept["wall_s"])
    return found


def _of_demo(report: "dict[str, Any]") -> "dict[str, Any]":
    if not report["good"] or not report["timeline"]:
        raise ValueError(f"a report of a demo that is not good: {report['failure'] or 'its counts say why'}")
    return {DEMO: report["timeline"]}


def _of_events(report: "dict[str, Any]") -> "dict[str, Any]":
    found = {MOVE: {who: _summary(report["gaps_s"][who]) for who in SHOWN}}
    if report["killed_s"]:
        found["master killed, monitor every 2 s"] = {"ours": _summary(report["killed_s"])}
    for who in SHOWN:
        for operation, values in report["operations_s"].get(who, {}).items():
            found.setdefault(f"{operation}, during a move", {})[who] = _summary(values)
    return found


def _summary(values: "list[float]") -> "dict[str, float]":
    return {"median_s": round(statistics.median(values), 4), "worst_s": round(max(values), 4), "of": len(values)}


def figures_table(kept: "dict[str, Any]") -> str:
    """The table of all that is kept, in seconds."""
    lines = []
    for title, by_agent in kept.items():
        if title in (PROOF, DEMO):
            continue
        cells = [title]
        for who in SHOWN:
            figures = by_agent.get(who)
            cells += [_seconds(figures[key]) for key in ("median_s", "worst_s")] if figures else ["", ""]
        lines.append("| " + " | ".join(cells) + " |\n")
    return HEAD + "".join(lines)


def _seconds(value: float) -> str:
    return f"{value * 1000:.0f} ms" if value < 1 else f"{value:.1f} s"
