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
import time
from pathlib import Path

from tests.support.lab.config import MAILBOX, RECIPIENT
from tests.support.lab.network import SERVICE_ADDRESS
from tests.support.lab.resources import MAIL
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


def seen_of_a_move(lab, target):
    """Move the service to the target under 12 senders; what their attempts meanwhile have come to."""
    senders = Senders(lab, [RECIPIENT])
    try:
        begin = time.monotonic()
        lab.move(target)
        end = time.monotonic()
        lab.wait_for(lambda: any(each["at"] > end for each in senders.of("taken")), 60, "mail flows")
        senders.rest_now()
        seen = senders.seen(begin, end)
        mailbox = lab.nodes[lab.where()].run(["sh", "-c", f"grep -h ^X-Number: {MAILBOX}/new/*"]).stdout
        return {**seen, "delivered_twice": sum(count > 1 for count in senders.copies(mailbox).values())}
    finally:
        senders.close()


def disturbed(seen):
    """How many attempts a move has disturbed, and how many messages came twice."""
    return sum(seen[kind] for kind in (*TROUBLES, "delivered_twice"))


def in_words(seen):
    """What senders have seen, in one line; the trouble first."""
    names = (*TROUBLES, "delivered_twice", "longest_wait_s", "median_wait_s", "taken")
    words = (f"{name.removesuffix('_s').replace('_', ' ')} {seen[name]:.3g}" for name in names if name in seen)
    return ", ".join(words)


def use_agent(lab, agent):
    """Put another agent in the mail server's place, while it is stopped."""
    _, provider, kind = agent.split(":")
    _set_role(lab, "Stopped")
    lab.wait_for(lambda: not lab.where() and lab.is_idle(), 60, "the mail service is stopped")
    change = f'<primitive id="{MAIL}" class="ocf" provider="{provider}" type="{kind}"/>'
    lab.on().run(["cibadmin", "--modify", "--scope", "resources", "--xml-text", change], check=True)
    for node in lab.nodes.values():  # what our agent holds would serve the other one; a probe of ours brings it back
        for table in re.findall(r"table (inet postfix_ha\w*)", node.run(["nft", "list", "tables"]).stdout):
            node.run(["nft", "delete", "table", *table.split()], check=True)
    lab.wait_for(lambda: lab.crm_resource("--refresh", "--resource", MAIL).returncode == 0, 30, "the cluster forgets")
    _set_role(lab, "Started")
    lab.wait_for(lambda: lab.is_idle() and lab.where(), 60, f"{agent} has started")


def _set_role(lab, role):
    command = ["crm_resource", "--resource", MAIL, "--meta", "--set-parameter", "target-role", "--parameter-value"]
    lab.on().run([*command, role], check=True)
