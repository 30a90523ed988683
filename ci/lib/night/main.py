"""ci/night: a random night of incidents by seed, and what `postfix-ha history` tells of it held against the truth."""

import argparse
import json
import random
import sys
import time
from pathlib import Path

from ci.lib.night.judge import judge, judge_without
from ci.lib.night.night import INCIDENTS, Night
from ci.lib.prove.lab import Laboratory
from tests.support.lab.cluster import LabError
from tests.support.lab.tool import Tool


def main() -> int:
    """Run the night; 0 where history told all of it, and nothing else."""
    parser = argparse.ArgumentParser(prog="ci/night", description=__doc__)
    parser.add_argument("--seed", type=int, default=1, help="the night to have (default 1)")
    parser.add_argument("--incidents", type=int, default=12, metavar="N", help="how many (default 12)")
    parser.add_argument("--out", default="report/night", metavar="DIR", help="where the account is left")
    options = parser.parse_args()
    chance = random.Random(options.seed)
    kinds = [INCIDENTS[name] for name in _chosen(chance, options.incidents)]
    laboratory = Laboratory(_say)
    began = time.monotonic()
    try:
        night = Night(laboratory, options.seed, _say)
        with laboratory.mail():
            for number, kind in enumerate(kinds):
                if number == len(kinds) // 2:
                    night.rotate("n2")
                night.incident(kind)
        wrong = _told(night, Path(options.out))
    except LabError as error:
        _say(str(error))
        return 1
    finally:
        laboratory.discard()
    for each in wrong:
        _say(f"WRONG: {each}")
    count = len(night.truth)
    _say(f"{count} incidents in {time.monotonic() - began:.0f} s, {len(wrong)} told wrong (seed {options.seed})")
    return 1 if wrong else 0


def _chosen(chance: random.Random, count: int) -> "list[str]":
    """Each kind once before any comes again."""
    names: "list[str]" = []
    while len(names) < count:
        names += chance.sample(sorted(INCIDENTS), len(INCIDENTS))
    return names[:count]


def _told(night: Night, out: Path) -> "list[str]":
    """Ask history: with all logs, then with one node's logs gone, of which no cause may be invented."""
    tool = Tool(night.lab)
    out.mkdir(parents=True, exist_ok=True)
    try:
        words = ["--since", night.since, *tool.rsh]
        picture = "/root/night.svg"
        (out / "history.txt").write_text(tool.ok("history", *words, "--svg", picture), encoding="utf-8")
        (out / "history.svg").write_text(night.lab.nodes["n1"].read(picture), encoding="utf-8")
        (out / "status.txt").write_text(tool.run("status", "--cluster-only").stdout, encoding="utf-8")
        began = time.monotonic()
        found = tool.json("history", *words)
        _say(f"history answered in {time.monotonic() - began:.1f} s")
        for name, text in night.logs().items():
            (out / name).write_text(text, encoding="utf-8")
        night.forget("n3")
        without = tool.json("history", *words)
    finally:
        tool.close()
    for name, value in (("history.json", found), ("without-n3.json", without), ("truth.json", night.truth)):
        (out / name).write_text(json.dumps(value, indent=2), encoding="utf-8")
    missing = [] if any(each["id"].startswith("history_log") for each in without["notes"]) else ["n3's logs: not said"]
    return judge(night.truth, found) + judge_without(night.truth, without, "n3") + missing


def _say(text: str) -> None:
    print(text, flush=True, file=sys.stderr)
