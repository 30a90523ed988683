"""The report of the matrix: one HTML page that needs nothing else, and the same as JSON."""

import json
import os
import platform
import subprocess
from pathlib import Path
from typing import Any

from ci.lib.prove.faults import TABLE
from ci.lib.prove.page import Page, gaps, senders_saw, wrongs

# What senders tell of an event -> the head of its column.
SENDERS_SAW = {
    "cut": "cut",
    "refused": "refused",
    "reset": "reset",
    "timed_out": "timed out",
    "other": "other",
    "longest_wait_s": "longest s",
    "median_wait_s": "median s",
    "delivered_twice": "twice",
}
PACKAGES = ("postfix", "pacemaker", "corosync", "resource-agents")


def write(directory: Path, records: "list[dict[str, Any]]") -> Path:
    """Write prove.html and prove.json; the page's path."""
    directory.mkdir(parents=True, exist_ok=True)
    ordered = sorted(
        records, key=lambda record: (list(TABLE).index(record["fault"]), record["agent"], record["repeat"])
    )
    facts = machine()
    report = {"machine": facts, "faults": table(ordered), "runs": ordered}
    (directory / "prove.json").write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    page = directory / "prove.html"
    page.write_text(Page(ordered, facts).html(), encoding="utf-8")
    return page


def table(records: "list[dict[str, Any]]") -> "list[dict[str, Any]]":
    """For each fault and agent: runs, gaps, what was not as expected."""
    rows = []
    for fault in TABLE.values():
        for agent in ("ours", "peer"):
            which = (fault.id, agent, False)
            found = [each for each in records if (each["fault"], each["agent"], each["is_beside"]) == which]
            if found:
                row = {"fault": fault.id, "agent": agent, "runs": len(found), "gap_s": gaps(found)}
                row["senders"] = senders_saw(found)
                bad = sum(bool(each["wrong"]) for each in found)
                expected = {"bound_s": fault.bound_s, "fence": fault.fence, "where": fault.where}
                rows.append({**row, **expected, "not_as_expected": bad, "wrong": wrongs(found)})
    return rows


def lines(records: "list[dict[str, Any]]") -> "list[str]":
    """The gaps of all faults as a table of text: median and worst, ours and the peer's, in seconds."""
    form = "{:52} {:>7} {:>7} {:>9} {:>7}  {}"
    made = [form.format("clients waited, s", "median", "worst", "peer's", "worst", "")]
    rows = {(row["fault"], row["agent"]): row for row in table(records)}
    for fault in TABLE.values():
        row, peer = rows.get((fault.id, "ours")), rows.get((fault.id, "peer"))
        figures = [f"{each['gap_s'][key]:.2f}" if each and each["gap_s"] else ""
                   for each in (row, peer) for key in ("median", "worst")]  # fmt: skip
        wrong = [f"{name} {each['not_as_expected']} of {each['runs']}"
                 for name, each in (("ours", row), ("peer", peer)) if each and each["not_as_expected"]]  # fmt: skip
        if row or peer:
            made.append(form.format(fault.title, *figures, f"not as expected: {', '.join(wrong)}" if wrong else ""))
    return [line.rstrip() for line in made]


def sender_lines(records: "list[dict[str, Any]]") -> "list[str]":
    """What senders saw of each fault, as a table of text: with our agent and with its peer."""
    rows = {(row["fault"], row["agent"]): row for row in table(records)}
    form = "{:40} {:6}" + " {:>9}" * len(SENDERS_SAW)
    made = ["", form.format("senders saw, in all runs", "", *SENDERS_SAW.values())]
    for fault in TABLE.values():
        for agent in ("ours", "peer"):
            seen = rows.get((fault.id, agent), {}).get("senders")
            if seen:
                made.append(form.format(fault.title[:40], agent, *(f"{seen[name]:.4g}" for name in SENDERS_SAW)))
    return made


def machine() -> "dict[str, str]":
    """What it ran on."""
    found = {"processors": str(os.cpu_count()), "kernel": platform.release(), "Python": platform.python_version()}
    query = ["dpkg-query", "--show", "--showformat=${Package} ${Version}\n", *PACKAGES]
    done = subprocess.run(query, capture_output=True, text=True)
    found.update(line.split(" ", 1) for line in done.stdout.splitlines() if " " in line)  # type: ignore[misc]
    return found
