"""ci/demo: a three-node cluster on this machine, a client that keeps sending mail, and four events that befall it.

In the end 12 senders tell what they see of a planned move, with this agent and with its peer.
"""

import argparse
import contextlib
import json
import os
import signal
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ci.lib.demo.picture import Picture, timeline
from tests.support.lab.cluster import Lab, LabError
from tests.support.lab.events import Events, Outcome
from tests.support.lab.resources import OUR_AGENT, SHELL_AGENT, MailResource
from tests.support.lab.senders import disturbed, in_words, seen_of_a_move, use_agent

LIMIT_S = 280
ROW = "{:14} {:9} {:>6} {:>12} {:>5} {:>10} {:>8} {:>7}"
HEAD = ROW.format("event", "node", "gap s", "acknowledged", "lost", "duplicated", "masters", "mounts")


class Demo:
    """One run: its progress on the terminal, its results, its report."""

    def __init__(self, agent: str, monitor_s: float) -> None:
        self._began = time.monotonic()
        self._mail = MailResource(agent=agent, monitor_s=monitor_s)
        self._lines: "list[str]" = []
        self.outcomes: "list[Outcome]" = []
        self.senders: "dict[str, dict[str, float]]" = {}
        self.total: "dict[str, float]" = {}
        self.timeline: "dict[str, Any]" = {}
        self.failure = ""

    def say(self, text: str) -> None:
        """Show one line of progress at once, with the time since the beginning."""
        self._show(f"{time.monotonic() - self._began:6.1f} s  {text}")

    def _show(self, line: str) -> None:
        self._lines.append(line)
        print(line, flush=True)

    def run(self) -> None:
        """Build the lab, let the events happen, take the final account."""
        with Lab(self._mail, self.say) as lab:
            self.say(f"the service runs on {lab.where()}; the client begins to send")
            lab.client.start()
            lab.wait_for(lambda: len(lab.client.ledger.acknowledged) > 20, 30, "the first messages are acknowledged")
            events, times = Events(lab), []
            for event in (events.planned_move, events.master_killed, events.power_cut, events.network_cut):
                self.say(f"{event.__name__.replace('_', ' ')} ...")
                begin = time.monotonic()
                outcome = event()
                times.append((outcome.event, begin, time.monotonic()))
                self.outcomes.append(outcome)
                self.say(f"    gap {outcome.gap_s:.2f} s, cluster whole again after {outcome.took_s:.1f} s")
            lab.wait_for(lambda: lab.client.ledger.last_success() > times[-1][2], 20, "the client is served on")
            ledger = lab.client.stop()
            account = lab.account()
            mounts, masters = lab.watch.worst()
            self.timeline = timeline(lab.watch, ledger, times)
            self.say("the client stops; 12 senders send, as mail servers do, while the service moves ...")
            for agent in (self._mail.agent, SHELL_AGENT):
                if agent != self._mail.agent:
                    use_agent(lab, agent)
                self.senders[agent] = seen_of_a_move(lab, lab.another_node())
                self.say(f"    with {agent}: {in_words(self.senders[agent])}")
            self.timeline["senders"] = self.senders
            self.say("the lab is taken down")
        self.total = {
            "acknowledged": account.acknowledged,
            "delivered": account.delivered,
            "queued": account.queued,
            "lost": len(account.lost),
            "duplicated": len(account.duplicated),
            "most_masters": masters,
            "most_mounts": mounts,
            "looks": lab.watch.looks,
            "longest_between_looks_s": lab.watch.longest_s,
            "failed_attempts": sum(ledger.failures().values()),
        }

    @property
    def is_good(self) -> bool:
        """Whether all events came to their end, nothing was lost, and there were never two of anything."""
        return (
            not self.failure
            and len(self.outcomes) == 4
            and self._is_unnoticed
            and all(outcome.is_clean for outcome in self.outcomes)
            and not self.total["lost"]
            and self.total["most_masters"] < 2
            and self.total["most_mounts"] < 2
        )

    @property
    def _is_unnoticed(self) -> bool:
        """Whether no sender was disturbed by the planned move; of another agent nothing is asked."""
        return self._mail.agent != OUR_AGENT or not disturbed(self.senders[OUR_AGENT])

    def show_results(self) -> None:
        """What senders see of a planned move, the table of events, the total, the verdict."""
        self._show("")
        for agent, seen in self.senders.items():
            self._show(f"12 senders in a planned move, {agent}: {in_words(seen)}")
        self._show(HEAD)
        for outcome in self.outcomes:
            moved = outcome.node_after != outcome.node_before
            node = f"{outcome.node_before} > {outcome.node_after}" if moved else outcome.node_before
            counts = (outcome.acknowledged, outcome.lost, outcome.duplicated, outcome.most_masters, outcome.most_mounts)
            self._show(ROW.format(outcome.event, node, f"{outcome.gap_s:.2f}", *counts))
        if self.total:
            total = self.total
            keys = ("acknowledged", "lost", "duplicated", "most_masters", "most_mounts")
            self._show(ROW.format("in all", "", "", *(total[key] for key in keys)))
            self._show("")
            self._show(
                f"{total['delivered']:.0f} messages in the mailbox, {total['queued']:.0f} in the queue at the end."
            )
            self._show(
                f"masters, mounts: the most ever seen at once, in {total['looks']:.0f} looks "
                f"at most {total['longest_between_looks_s'] * 1000:.0f} ms apart."
            )
        if self.failure:
            self._show(f"FAILED: {self.failure}")
        else:
            self._show("good: nothing lost, never two masters or mounts" if self.is_good else "NOT GOOD")

    def write_report(self, directory: Path) -> None:
        """Leave demo.txt and demo.json, and demo.svg of a run that came to its end."""
        directory.mkdir(parents=True, exist_ok=True)
        report = {
            "agent": self._mail.agent,
            "monitor_s": self._mail.monitor_s,
            "good": self.is_good,
            "failure": self.failure,
            "took_s": round(time.monotonic() - self._began, 1),
            "events": [asdict(outcome) for outcome in self.outcomes],
            "senders_in_a_planned_move": self.senders,
            "total": self.total,
            "timeline": self.timeline,
        }
        if self.timeline:
            (directory / "demo.svg").write_text(Picture(self.timeline).draw(), encoding="utf-8")
        (directory / "demo.json").write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
        (directory / "demo.txt").write_text("\n".join(self._lines) + "\n", encoding="utf-8")


@contextlib.contextmanager
def signals_as_exceptions() -> "Iterator[None]":
    """Let TERM, HUP and the time limit unwind the program, so that the lab is taken down in order."""

    def stop(number: int, _: object) -> None:
        if number == signal.SIGALRM:
            raise LabError(f"it is not over after {LIMIT_S} s")
        raise KeyboardInterrupt

    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGALRM):
        signal.signal(number, stop)
    signal.alarm(LIMIT_S)
    yield
    signal.alarm(0)


def main() -> int:
    """Run the demo; 0 exactly when nothing was lost and there were never two masters or mounts."""
    parser = argparse.ArgumentParser(prog="ci/demo", description=__doc__)
    parser.add_argument("--report", type=Path, default=Path("report"), metavar="DIR", help="where the report goes")
    parser.add_argument("--agent", default=OUR_AGENT, help="the agent in the mail server's place (%(default)s)")
    parser.add_argument("--monitor", type=float, default=2, metavar="S", help="interval of its monitor (%(default)s)")
    options = parser.parse_args()
    if os.geteuid():
        print("ci/demo: run it as root: it makes namespaces, mounts and loop devices", file=sys.stderr)
        return 1
    demo = Demo(options.agent, options.monitor)
    try:
        with signals_as_exceptions():
            demo.run()
    except KeyboardInterrupt:
        demo.failure = "interrupted"
    except (LabError, RuntimeError, OSError) as error:
        demo.failure = str(error)
    demo.show_results()
    demo.write_report(options.report)
    print(f"report: {options.report}: demo.txt, demo.json and demo.svg")
    return 0 if demo.is_good else 1


if __name__ == "__main__":
    sys.exit(main())
