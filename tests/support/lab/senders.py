"""Senders beside the lab's client: as many mail servers as are asked for, what became of each of their messages."""

import collections
import itertools
import json
import os
import re
import signal
import statistics
import subprocess
import tempfile
from pathlib import Path

from tests.support.lab.network import SERVICE_ADDRESS
from tests.support.machine.node import PYTHON

CROWD = Path(__file__).parents[1] / "mail/crowd.py"
# Beyond the numbers of the lab's own client; each crowd of senders has its own.
FIRST = itertools.count(1_000_000, 1_000_000)
SESSION_S = 0.3
HOP_PORT = 2526
# What a sender's attempt may come to, by what it has seen: the kernel's error, and how far it had come.
TROUBLES = ("cut", "refused", "reset", "timed_out", "other")


class Senders:
    """The senders; each sends message after message over SESSION_S, to the recipients in turn."""

    def __init__(self, lab, recipients, number=12, dot_s=1.0):
        self.lab = lab
        self.first = next(FIRST)
        spec = {"address": SERVICE_ADDRESS, "port": 25, "senders": number, "over_s": SESSION_S, "first": self.first}
        spec.update(recipients=recipients, hop_port=HOP_PORT, dot_s=dot_s)
        argv = [PYTHON, "-IS", str(CROWD), json.dumps(spec)]
        # No pipe: nobody reads it while the service moves, and senders must not wait for us.
        self.told = tempfile.TemporaryFile("a+")  # noqa: SIM115 - closed by close()
        self.process = lab.client_node.popen(argv, stdin=subprocess.PIPE, stdout=self.told, text=True)
        self.rest, self.events = "", []
        self.at = 0
        lab.wait_for(lambda: len(self.of("taken")) > 2 * number, 30, "the senders send")

    def look(self):
        """All that was told so far."""
        data = os.pread(self.told.fileno(), 1 << 26, self.at).decode()
        self.at += len(data)
        *lines, self.rest = (self.rest + data).split("\n")
        self.events += [json.loads(line) for line in lines]
        return self.events

    def of(self, kind):
        """The events of a kind."""
        return [event for event in self.look() if event["event"] == kind]

    def rest_now(self):
        """Let the sessions end and begin no other."""
        self.process.stdin.write("rest\n")
        self.process.stdin.flush()
        self.lab.wait_for(lambda: self.of("rests"), 60, "the senders rest")

    def seen(self, begin, end):
        """What the attempts that were under way in this span have come to: how many of each kind, and the waits."""
        taken = [each for each in self.of("taken") if each["at"] + each["took"] >= begin and each["at"] <= end]
        failed = [each for each in self.of("failed") if each["at"] + each["took"] >= begin and each["at"] <= end]
        waits = [each["wait"] for each in taken]
        counts = {kind: sum(trouble(each) == kind for each in failed) for kind in TROUBLES}
        return {
            "taken": len(taken),
            **counts,
            "longest_wait_s": max(waits, default=0.0),
            "median_wait_s": statistics.median(waits) if waits else 0.0,
        }

    def copies(self, text):
        """Of the messages of these senders: how many copies are in the text of a mailbox."""
        numbers = [int(word) for word in re.findall(r"X-Number: (\d+)", text)]
        return collections.Counter(number for number in numbers if number >= self.first)

    def close(self):
        """End all of them."""
        self.process.stdin.close()
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        self.told.close()


def trouble(event):
    """The kind of an attempt that failed: cut is a session that was greeted, and ended before its end."""
    if event["stage"] not in ("connect", "greeting"):
        return "timed_out" if event["why"].startswith("TimeoutError") else "cut"
    kinds = {"ConnectionRefusedError": "refused", "ConnectionResetError": "reset", "TimeoutError": "timed_out"}
    return kinds.get(event["why"].partition(":")[0], "reset" if event["why"].startswith("EOFError") else "other")
