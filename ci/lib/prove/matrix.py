"""ci/prove: the matrix of faults, run by run, kept as it goes; a rerun goes on where the last one was ended."""

import argparse
import contextlib
import json
import os
import signal
import sys
import time
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

from ci.lib.prove import browser as proof_browser
from ci.lib.prove import report as proof
from ci.lib.prove.faults import TABLE
from ci.lib.prove.lab import AGENTS, Laboratory
from ci.lib.prove.run import Case, run

RESULTS = "results.jsonl"


class Results:
    """The records of all runs so far: one line of JSON for each, in a file that only grows."""

    def __init__(self, directory: Path) -> None:
        self._path = directory / RESULTS
        directory.mkdir(parents=True, exist_ok=True)
        self.records: "dict[tuple[object, ...], dict[str, Any]]" = {}
        for line in self._path.read_text(encoding="utf-8").splitlines() if self._path.exists() else ():
            # The last line of a run that was killed while it wrote may be half a line.
            with contextlib.suppress(ValueError):
                self._keep(json.loads(line))

    def _keep(self, record: "dict[str, Any]") -> None:
        self.records[case_of(record).key] = record

    def has(self, case: Case) -> bool:
        """Whether this run was made and could be measured."""
        record = self.records.get(case.key)
        return record is not None and not record["failure"]

    def add(self, record: "dict[str, Any]") -> None:
        """Keep a record for good; the latest of the same run counts. What nodes logged goes into a file beside."""
        logs = record.pop("logs", "")
        if logs:
            which = "beside" if record["is_beside"] else record["agent"]
            record["logs"] = f"{record['fault']}-{which}-{record['repeat']}.log"
            (self._path.parent / record["logs"]).write_text(logs, encoding="utf-8", errors="surrogateescape")
        self._keep(record)
        with self._path.open("a", encoding="utf-8") as handle:
            handle.write(json.dumps(record) + "\n")
            handle.flush()
            os.fsync(handle.fileno())


def case_of(record: "dict[str, Any]") -> Case:
    """The run that a record is of."""
    return Case(**{field.name: record[field.name] for field in fields(Case)})


def plan(options: argparse.Namespace) -> "list[Case]":
    """All runs that the options ask for, our agent and its peer in turn, so that both meet the machine alike."""
    if options.beside:
        return plan_beside(options)
    cases = []
    names = options.fault or list(TABLE)
    for name in names:
        fault = TABLE[name]
        count = options.repeats or (1 if options.short else fault.repeats)
        for repeat in [options.repeat] if options.repeat else range(1, count + 1):
            agents = list(AGENTS) if fault.is_main else ["ours"]
            # Each exchange of the agent takes seconds: the one that ran last goes first.
            for agent in agents if repeat % 2 else agents[::-1]:
                if options.agent in (None, agent):
                    cases.append(Case(name, agent, repeat, options.seed, options.short))
        if options.agent == "peer" and not fault.is_main and options.fault:
            cases += [Case(name, "peer", repeat, options.seed, options.short) for repeat in range(1, count + 1)]
    # Last, since they need a lab of their own.
    return cases + ([] if options.agent == "peer" or options.repeat else plan_beside(options))


def plan_beside(options: argparse.Namespace) -> "list[Case]":
    """The runs with a second instance in the cluster: each fault once, where it can show something."""
    names = [name for name in options.fault or list(TABLE) if TABLE[name].beside]
    return [Case(name, "ours", options.repeat or 1, options.seed, options.short, True) for name in names]


def positive(text: str) -> int:
    """A number from 1."""
    if not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"'{text}' is no number from 1")
    return int(text)


def arguments() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(prog="ci/prove", description=__doc__)
    parser.add_argument("--fault", action="append", choices=list(TABLE), metavar="ID", help="this fault; repeatable")
    parser.add_argument("--agent", choices=list(AGENTS), help="one agent alone (all runs: both, in turn)")
    parser.add_argument("--repeat", type=positive, metavar="N", help="the N-th repeat alone")
    parser.add_argument("--repeats", type=positive, metavar="N", help="how often (main faults 5, others 2)")
    parser.add_argument("--seed", type=int, default=1, metavar="N", help="of the random moments (%(default)s)")
    parser.add_argument("--beside", action="store_true", help="the runs with a second instance in the cluster alone")
    parser.add_argument("--short", action="store_true", help="each fault once, and less chaos")
    parser.add_argument("--report", type=Path, default=Path("report/prove"), metavar="DIR", help="(%(default)s)")
    parser.add_argument("--again", action="store_true", help="make runs again that the report has already")
    parser.add_argument("--list", action="store_true", help="show the table of faults and what is expected of them")
    parser.add_argument("--page", action="store_true", help="make nothing but the page, from the results so far")
    return parser


def show_table() -> None:
    """The faults, one line each."""
    for fault in TABLE.values():
        print(f"{fault.id:18} {fault.title}; fencing {fault.fence}; {fault.where}; gap <= {fault.bound_s:g} s")


def say(text: str) -> None:
    """One line of progress, at once."""
    print(f"{time.strftime('%H:%M:%S')}  {text}", flush=True)


def work(options: argparse.Namespace, results: Results) -> None:
    """Make all runs that are not made yet."""
    wanted = plan(options)
    cases = [case for case in wanted if options.again or not results.has(case)]
    say(f"{len(wanted)} runs, {len(wanted) - len(cases)} of them made already")
    laboratory = Laboratory(lambda text: say(f"    {text}"))
    try:
        for number, case in enumerate(cases, 1):
            beside = ", with a second instance beside" if case.is_beside else ""
            say(f"{number} of {len(cases)}: {case.fault}, {case.agent}, repeat {case.repeat}{beside}")
            record = run(laboratory, case)
            results.add(record)
            say("    " + outcome(record))
    finally:
        laboratory.discard()


def outcome(record: "dict[str, Any]") -> str:
    """A record in one line."""
    if record["failure"]:
        return f"FAILED: {record['failure'].splitlines()[0]}"
    fenced = ", ".join(name for _, name in record["fenced"]) or "nobody"
    text = (
        f"gap {record['gap_s']:.2f} s, {record['node_before']} > {record['node_after']}, fenced: {fenced}, "
        f"{record['acknowledged']} acknowledged, {len(record['lost'])} lost, {record['duplicated']} twice"
    )
    if record["beside"]:
        text += f"; beside: gap {record['beside']['gap_s']:.2f} s, {record['beside']['lost']} lost"
    return text + (f"; WRONG: {'; '.join(record['wrong'])}" if record["wrong"] else "")


@contextlib.contextmanager
def ended_in_order() -> "Iterator[None]":
    """Let TERM and HUP unwind the program, so that the lab is taken down."""

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, stop)
    yield


def main() -> int:
    """Run the matrix; 0 exactly when every run of our agent was as expected."""
    options = arguments().parse_args()
    if options.list:
        show_table()
        return 0
    if os.geteuid() and not options.page:
        print("ci/prove: run it as root: it makes namespaces, mounts and loop devices", file=sys.stderr)
        return 2
    results = Results(options.report)
    was_ended = False
    try:
        with ended_in_order():
            if not options.page:
                work(options, results)
    except KeyboardInterrupt:
        was_ended = True
        say("ended; the same command goes on from here")
    records = [results.records[case.key] for case in plan(options) if case.key in results.records]
    everything = [record for record in results.records.values() if record["is_short"] == options.short]
    page = proof.write(options.report, everything)
    print("\n".join([*proof.lines(everything), *proof.sender_lines(everything)]))
    print(f"report: {page}, {page.with_suffix('.json')}")
    complaints = [] if options.page or was_ended else proof_browser.faults_of_page(page, options.report)
    for complaint in complaints:
        print(f"THE PAGE ON A PHONE: {complaint}")
    bad = [record for record in records if record["agent"] == "ours" and record["wrong"]]
    for record in bad:
        print(f"NOT AS EXPECTED: {record['command']}: {'; '.join(record['wrong'])}")
    return 1 if bad or complaints or was_ended or len(records) < len(plan(options)) else 0


if __name__ == "__main__":
    sys.exit(main())
