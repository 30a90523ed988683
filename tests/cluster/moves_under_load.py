"""What senders see of a planned move: nobody is cut, nobody refused, nothing is delivered twice."""

import collections
import json
import os
import re
import signal
import subprocess
import time
from pathlib import Path

import pytest

from tests.support.lab import config as lab_config
from tests.support.lab.config import QUEUE
from tests.support.lab.network import SERVICE_ADDRESS
from tests.support.lab.resources import MAIL
from tests.support.machine.node import PYTHON

pytestmark = pytest.mark.namespaces("senders beside the lab's client")

CROWD = Path(__file__).parents[1] / "support/mail/crowd.py"
HOP_PORT = 2526
SENDERS = 12
STANDBY = ("monitor", "interval=30s", "timeout=20s", "role=Stopped")
MOVES = 3
# Longer than a move, and shorter than the drain: every move meets some of them.
SLOW_S, DOT_S = 1.5, 1.0
SPOOL, DONE = "/mnt/queue/spool", "/mnt/queue/done"
RECIPIENTS = ["box@example.com", "slow@slow.example.com", "hop@hop.example.com", "nobody@mbox.example.com"]
SETTINGS = {
    "mydestination": "mbox.example.com",
    "local_recipient_maps": "",
    "mail_spool_directory": SPOOL,
    "mailbox_delivery_lock": "fcntl, dotlock",
    "relay_domains": "slow.example.com, hop.example.com",
    "transport_maps": f"inline:{{ {{slow.example.com=slow:}} {{hop.example.com=hop:[198.51.100.200]:{HOP_PORT}}} }}",
    "slow_destination_recipient_limit": "1",
    "mailbox_size_limit": "0",
}
SERVICES = "slow unix - n n - 16 pipe flags=R user=nobody argv=/usr/local/bin/slow\nhop unix - - n - 16 smtp\n"
SLOW = f"""\
#!/bin/sh
number=$(sed -n 's/^X-Number: //p')
sleep {SLOW_S}
echo "$number" >>{DONE}
"""


class Crowd:
    """The senders of a test, and what became of each of their messages."""

    def __init__(self, lab):
        self.lab = lab
        spec = {"address": SERVICE_ADDRESS, "port": 25, "senders": SENDERS, "over_s": 0.3, "first": 1_000_000}
        spec.update(recipients=RECIPIENTS, hop_port=HOP_PORT, dot_s=DOT_S)
        argv = [PYTHON, "-IS", str(CROWD), json.dumps(spec)]
        self.process = lab.client_node.popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        os.set_blocking(self.process.stdout.fileno(), False)
        self.rest, self.events = "", []

    def look(self):
        """All that was told so far."""
        try:
            data = os.read(self.process.stdout.fileno(), 1 << 24).decode()
        except BlockingIOError:
            data = ""
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

    def delivered(self):
        """How often each message has arrived anywhere."""
        node = self.lab.nodes[self.lab.where()]
        texts = [node.read(DONE), *(f"{event['n']}" for event in self.of("hop"))]
        numbers = [int(word) for text in texts for word in text.split()]
        boxes = node.run(["sh", "-c", f"cat {SPOOL}/nobody {lab_config.MAILBOX}/new/*"]).stdout
        numbers += [int(word) for word in re.findall(r"X-Number: (\d+)", boxes)]
        return collections.Counter(number for number in numbers if number >= 1_000_000)

    def close(self):
        """End all of them."""
        self.process.stdin.close()
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        self.process.stdout.close()


@pytest.fixture
def crowd(lab):
    """Senders to a mailbox, to a slow command, to a slow next hop and to a mailbox with dot locks."""
    before = {}
    for name, node in lab.nodes.items():
        before[name] = node.read("/etc/postfix/main.cf"), node.read("/etc/postfix/master.cf")
        node.write("/etc/postfix/main.cf", before[name][0].replace("mydestination =\n", "") + settings())
        node.write("/etc/postfix/master.cf", before[name][1] + SERVICES)
        node.write("/usr/local/bin/slow", SLOW, 0o755)
    holder = lab.nodes[lab.where()]
    holder.run(["sh", "-c", f"install -d -m 1777 {SPOOL} && : >{DONE} && chmod 666 {DONE}"], check=True)
    # Every node of this cluster has the agent: the nodes that stand by renew their hold.
    lab.pcs("resource", "update", MAIL, "drain_timeout=5")
    lab.pcs("resource", "op", "add", MAIL, *STANDBY)
    restart(lab)
    crowd = Crowd(lab)
    lab.wait_for(lambda: len(crowd.of("taken")) > 2 * SENDERS, 30, "the senders send")
    yield crowd
    crowd.close()
    for name, node in lab.nodes.items():
        node.write("/etc/postfix/main.cf", before[name][0])
        node.write("/etc/postfix/master.cf", before[name][1])
    lab.nodes[lab.where()].run(["rm", "-rf", SPOOL, DONE])
    lab.pcs("resource", "op", "delete", MAIL, *STANDBY)
    lab.pcs("resource", "update", MAIL, "drain_timeout=")
    restart(lab)


def settings():
    return "".join(f"{name} = {value}\n" for name, value in SETTINGS.items())


def restart(lab):
    lab.crm_resource("--resource", MAIL, "--restart")
    lab.settle()


def switchover(lab, node):
    """As an administrator does, by our command."""
    done = lab.on().run(["postfix-ha", "switchover", node, "--yes", "--tag", MAIL], timeout=120)
    assert done.returncode == 0, done.stderr


def pcs_move(lab, node):
    """As an administrator does, by pcs."""
    lab.pcs("resource", "move", MAIL, node)
    lab.wait_for(lambda: lab.where() == node and lab.is_idle(), 60, f"the service has moved to {node}")


@pytest.mark.parametrize("move", [pcs_move, switchover])
def test_no_sender_notices_a_planned_move(lab, tool, crowd, move):
    begin = time.monotonic()
    for _ in range(MOVES):
        move(lab, lab.another_node())
        lab.settle()
        # A standing look at the nodes that do not run it, every 30 s, renews what they hold; and senders go on.
        time.sleep(2)
    crowd.rest_now()
    failures = [event for event in crowd.of("failed") if event["at"] > begin]
    assert failures == []
    taken = {event["n"] for event in crowd.of("taken")}
    waits = sorted(event["wait"] for event in crowd.of("taken"))
    lab.nodes[lab.where()].run(["postqueue", "-f"], check=True)
    lab.wait_for(lambda: taken <= set(crowd.delivered()), 120, "all messages have arrived")
    often = {number: count for number, count in crowd.delivered().items() if count != 1}
    assert often == {}, "delivered twice"
    assert waits[-1] < 5 + 2.6
    assert lab.nodes[lab.where()].run(["sh", "-c", f"ls -d {SPOOL}/*.lock"]).stdout == ""
    assert not [name for name in lab.nodes if "cut off" in lab.nodes[name].read("/var/log/pacemaker/pacemaker.log")]
    print(f"{len(taken)} messages, longest wait {waits[-1]:.2f} s, median {waits[len(waits) // 2]:.2f} s", QUEUE)
