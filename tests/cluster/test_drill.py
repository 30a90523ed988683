"""postfix-ha drill on the real cluster: there and back, a fault, an end at any moment, and what it refuses."""

import json
import re
import signal
import time

import pytest
from lxml import etree

from postfix_ha.drill.mailbox import HEADER, QUEUES
from postfix_ha.drill.senders import TROUBLES
from tests.support.lab.config import MAILBOX, QUEUE, RECIPIENT
from tests.support.lab.resources import ADDRESS, MAIL, SHELL_AGENT
from tests.support.lab.tool import COMMAND
from tests.support.machine.terminal import Terminal

PNG = b"\x89PNG\r\n\x1a\n"
REPORT = "/root/drill"
TO_THE_BOX = ("--recipient", RECIPIENT, "--mailbox", MAILBOX, "--report", REPORT)
END_S = 60
QUEUE_DIRECTORIES = [f"{QUEUE}/{name}" for name in QUEUES]


def drill(tool, *arguments, on="n1"):
    """The report of a drill that must succeed, once it is known that the cluster is as it was."""
    before = tool.configuration()
    found = tool.json("drill", *arguments, *TO_THE_BOX, *tool.rsh, "--yes", on=on)
    assert tool.configuration() == before
    assert_at_rest(tool)
    return found


def assert_at_rest(tool):
    """The service runs, nothing is under way, no node is in standby, no failure is remembered, no drill lives on."""
    lab = tool.lab
    lab.settle()
    status = lab.status()
    assert status.findall(".//node[@standby='true']") == []
    counts = [each.get("fail-count", "0") for each in status.iter("resource_history")]
    assert set(counts) <= {"0"}, lab.dump()
    assert [each for node in lab.nodes.values() for each in node.pids() if COMMAND in each.argv] == []


def assert_nothing_lost(found, may_repeat=False):
    """Nothing is lost; delivered twice is only what a killed process had just delivered and not yet noted down."""
    ledger = found["ledger"]
    assert (ledger["lost"], ledger["not_acknowledged"], ledger["queued"]) == (0, 0, 0)
    assert ledger["offered"] == ledger["acknowledged"] > 50
    assert ledger["delivered"] >= ledger["acknowledged"]
    assert may_repeat or ledger["delivered_twice"] == 0


def test_there_and_back(lab, tool):
    origin, target = lab.where(), lab.another_node()
    found = drill(tool, target, "--back")
    assert lab.where() == origin
    assert [(each["node_before"], each["node_after"]) for each in found["phases"]] == [
        (origin, target),
        (target, origin),
    ]
    assert all(0 < each["gap_s"] <= 10 and each["failed_attempts"] for each in found["phases"])
    assert not [each for each in found["phases"] for kind in TROUBLES if each["senders"][kind]], found["phases"]
    assert all(each["senders"]["taken"] and each["senders"]["longest_wait_s"] > 0 for each in found["phases"])
    assert_nothing_lost(found)
    stays = [each["node"] for each in found["timeline"]["service"]]
    assert stays == [origin, target, origin]
    assert sum(found["timeline"]["acknowledged"]) == found["ledger"]["acknowledged"]
    node = lab.nodes["n1"]
    words = " ".join(etree.fromstring(node.read(f"{REPORT}/drill.svg").encode()).itertext())
    assert all(name in words for name in lab.nodes)
    assert f"back from {target} to {origin}" in words
    with open(node.path(f"{REPORT}/drill.png"), "rb") as file:
        assert file.read(len(PNG)) == PNG
    assert json.loads(node.read(f"{REPORT}/drill.json"))["drill"] == found["drill"]


def test_a_killed_master_far_away(lab, tool):
    here, master = lab.master()
    found = drill(tool, "--fault", "kill-master", on=lab.another_node())
    assert lab.where() == here.name
    assert lab.master()[1].pid != master.pid
    (phase,) = found["phases"]
    assert phase["phase"] == "fault"
    assert 0 < phase["gap_s"] <= 15
    assert_nothing_lost(found, may_repeat=True)


@pytest.mark.parametrize("kind", ["freeze-master", "delete-address", "standby"])
def test_other_faults_where_the_service_runs(lab, tool, kind):
    here, _ = lab.master()
    found = drill(tool, "--fault", kind, on=here.name)
    (phase,) = found["phases"]
    # Without its address Postfix cannot start again in place, until the cluster has noticed that as well.
    assert kind == "delete-address" or (phase["node_after"] == here.name) == (kind == "freeze-master")
    assert 0 < phase["gap_s"] <= 30
    assert_nothing_lost(found, may_repeat=kind == "freeze-master")


def test_a_move_a_fault_there_and_back_with_automatic_switchback(lab, tool):
    priorities = [f"--priority={name}={number}" for number, name in enumerate(lab.nodes, 1)]
    tool.ok("properties", "--switchback", "automatic", *priorities)
    lab.wait_for(lambda: lab.where() == "n1" and lab.is_idle(), 60, "the service goes home")
    assert "say --back" in tool.refused("drill", "n2", *TO_THE_BOX, *tool.rsh)
    found = drill(tool, "n2", "--fault", "kill-master", "--back")
    assert lab.where() == "n1"
    assert [(each["phase"], each["node_before"], each["node_after"]) for each in found["phases"]] == [
        ("move", "n1", "n2"),
        ("fault", "n2", "n2"),
        ("back", "n2", "n1"),
    ]
    assert_nothing_lost(found, may_repeat=True)


def test_a_fault_that_the_cluster_does_not_notice(lab, tool):
    """The shell agent takes a frozen master for a healthy one."""
    tool.ok("migrate", "--to", SHELL_AGENT)
    lab.settle()
    before, (here, master) = tool.configuration(), lab.master()
    arguments = ["drill", "--fault", "freeze-master", "--wait", "8", "--yes", "--json", *TO_THE_BOX, *tool.rsh]
    done = tool.run(*arguments, on=here.name)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "the cluster has not noticed it within 8 s" in done.stderr
    assert lab.master()[1].pid == master.pid
    assert lab.master()[1].state != "T", "it runs on"
    assert json.loads(done.stdout)["exit_code"] == 1
    assert tool.configuration() == before
    assert_at_rest(tool)


class Running:
    """A drill that runs on n1 and writes its progress to a file."""

    def __init__(self, tool, *arguments):
        self.node = tool.lab.nodes["n1"]
        self.lab = tool.lab
        self.node.run(["rm", "-rf", REPORT], check=True)
        argv = [COMMAND, "drill", *arguments, *TO_THE_BOX, *tool.rsh, "--yes"]
        # Whoever started us in the background may have had SIGINT ignored, which a program rightly inherits.
        argv = ["env", "--default-signal=INT", *argv]
        self.process = self.node.popen(["sh", "-c", 'exec "$@" >/root/progress 2>&1', "sh", *argv])

    def text(self):
        return self.node.read("/root/progress") if self.node.exists("/root/progress") else ""

    def send(self, number, at):
        """Send a signal once the progress has come to a line."""
        self.lab.wait_for(lambda: at in self.text() or self.process.poll() is not None, END_S, f"it comes to '{at}'")
        assert at in self.text(), self.text()
        # The guard has the same command line; the drill itself is the older one.
        mine = [each for each in self.node.pids() if COMMAND in each.argv]
        self.node.signal(min(mine, key=lambda each: each.pid), number)

    def end(self):
        return self.process.wait(END_S)


@pytest.fixture
def running(tool):
    """A function that starts a drill on n1."""
    started = []

    def start(*arguments):
        tool.lab.nodes["n1"].run(["rm", "-f", "/root/progress"], check=True)
        started.append(Running(tool, *arguments))
        return started[-1]

    yield start
    for each in started:
        each.process.kill()
        each.process.wait()


def marked(lab, drill):
    """The numbers of the drill's messages in queue and mailbox."""
    pattern = re.compile(rf"{HEADER}: {drill} (\d+) \d+".encode())
    contents = lab._files([*QUEUE_DIRECTORIES, f"{MAILBOX}/new", f"{MAILBOX}/cur"])
    return {int(match.group(1)) for match in map(pattern.search, contents) if match}


@pytest.mark.parametrize(
    ("arguments", "at"),
    [
        (("--back",), "mail to"),
        (("--back",), "move from"),
        (("--back",), "back from"),
        ((), "account"),
        (("--fault", "kill-master"), "kill-master on"),
        (("--fault", "standby"), "standby on"),
    ],
    ids=["mail", "move", "back", "account", "kill-master", "standby"],
)
def test_interrupted_it_leaves_the_cluster_as_it_was(lab, tool, running, arguments, at):
    before = tool.configuration()
    found = running(*arguments)
    found.send(signal.SIGINT, at)
    assert found.end() == 128 + signal.SIGINT, found.text()
    assert tool.configuration() == before
    assert "interrupted" in found.text()
    assert "Traceback" not in found.text()
    assert_at_rest(tool)
    report = json.loads(found.node.read(f"{REPORT}/drill.json"))
    assert report["interrupted"]
    lab.wait_for(lambda: len(marked(lab, report["drill"])) == report["ledger"]["acknowledged"], 20, "what was accepted")


@pytest.mark.parametrize(
    ("arguments", "at", "is_done"),
    [
        (("--back",), "move from", lambda lab: lab.cib().xpath("//rsc_location[starts-with(@id, 'cli-')]")),
        (("--fault", "standby"), "standby on", lambda lab: lab.status().findall(".//node[@standby='true']")),
    ],
    ids=["move", "standby"],
)
def test_killed_it_leaves_the_cluster_as_it_was(lab, tool, running, arguments, at, is_done):
    before = tool.configuration()
    found = running(*arguments)
    lab.wait_for(lambda: at in found.text(), END_S, "it begins")
    lab.wait_for(lambda: is_done(lab), END_S, "the cluster is told")
    found.send(signal.SIGKILL, at)
    assert found.end() in (-signal.SIGKILL, 128 + signal.SIGKILL)
    lab.wait_for(lambda: tool.configuration() == before and not is_done(lab), END_S, "the guard has undone it")
    lab.wait_for(lambda: not [e for e in found.node.pids() if COMMAND in e.argv], END_S, "the guard has ended")
    assert_at_rest(tool)
    number = re.search(r"drill (\w+): mail", found.text()).group(1)
    complete = lab._files(QUEUE_DIRECTORIES, complete=True)
    every = lab._files(QUEUE_DIRECTORIES)
    assert [each for each in every if number.encode() in each and each not in complete] == []


@pytest.mark.namespaces("a terminal on a node")
def test_on_a_terminal_it_asks(lab, tool):
    before, (_, master) = tool.configuration(), lab.master()
    arguments = ["drill", "--fault", "kill-master", *TO_THE_BOX, *tool.rsh]
    with Terminal(lab.nodes["n1"], [COMMAND, *arguments]) as terminal:
        terminal.answer("Do it?", "no")
        assert terminal.end() == 2
    assert "kills the Postfix master" in terminal.text
    assert "nothing was changed" in terminal.text
    assert (tool.configuration(), lab.master()[1].pid) == (before, master.pid)


def test_a_dry_run_tells_and_does_nothing(lab, tool):
    before, here = tool.configuration(), lab.where()
    told = tool.ok("drill", "--back", "--dry-run", *TO_THE_BOX, *tool.rsh)
    assert f"stop {MAIL} on {here}" in told
    assert f"bring it back to {here}" in told
    assert (tool.configuration(), lab.where()) == (before, here)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("n9", *TO_THE_BOX), "there is no node 'n9'"),
        (("--fault", "kill-master", *TO_THE_BOX), "say --yes where there is nobody to ask"),
        (("--fault", "flood"), "invalid choice"),
        (("--recipient", "nobody@elsewhere.example.net"), "refuses mail for nobody@elsewhere.example.net: 454"),
        (("--recipient", "a b"), "not a plain mail address"),
        (
            ("--recipient", RECIPIENT, "--mailbox", "/nonexistent"),
            "no such file or directory: --mailbox takes a maildir or an mbox file",
        ),
        (("--recipient", RECIPIENT, "--report", "/etc/hosts/x"), "cannot be left in /etc/hosts/x"),
        (("--rate", "0"), "from 1 to"),
        ((), "this configuration discards no recipient's mail: name one with --recipient"),
    ],
)
def test_what_cannot_be_is_one_line_and_changes_nothing(lab, tool, arguments, words):
    said = tool.refused("drill", *arguments, *tool.rsh)
    assert words in said
    assert said.rstrip("\n").count("\n") == 0, said


def test_nodes_that_are_no_target_and_a_service_that_is_stopped(lab, tool):
    here, target = lab.where(), lab.another_node()
    assert f"runs on {here} already" in tool.refused("drill", here, *TO_THE_BOX, *tool.rsh)
    lab.pcs("node", "standby", target)
    try:
        assert f"{target} is in standby" in tool.refused("drill", target, *TO_THE_BOX, *tool.rsh)
    finally:
        lab.pcs("node", "unstandby", target)
    tool.ok("out-of-service")
    assert "out of service" in tool.refused("drill", *TO_THE_BOX, *tool.rsh)
    tool.ok("in-service")
    tool.ok("undepend", ADDRESS)
    lab.wait_for(lab.is_idle, 20, "the cluster is idle")
    said = tool.refused("drill", *TO_THE_BOX, *tool.rsh)
    assert f"no endpoint for plain SMTP moves with the addresses of {MAIL} (it has none)" in said


def test_a_node_that_is_offline(lab, tool):
    target = next(name for name in lab.nodes if name not in ("n1", lab.where()))
    node = lab.nodes[target]
    for daemon in ("pacemakerd", "corosync"):
        node.signal(node.named(daemon)[0], signal.SIGTERM)
        lab.wait_for(lambda daemon=daemon: not node.named(daemon), 60, f"{daemon} has ended")
    try:
        offline = f"nodes/node[@name='{target}'][@online='false']"
        lab.wait_for(lambda: lab.status().find(offline) is not None and lab.is_idle(), 60, "the node has left")
        assert f"node {target} is offline" in tool.refused("drill", target, *TO_THE_BOX, *tool.rsh)
    finally:
        node.run(["setsid", "-f", "sh", "-c", "corosync && exec pacemakerd"], check=True)
        lab.settle()


def test_it_needs_root(lab, tool):
    done = tool.run("drill", user="postfix")
    assert (done.returncode, done.stdout) == (2, "")
    assert "a drill needs root: it looks into the queue, and at the mail system's processes" in done.stderr


def test_the_discard_address_is_asked_for(lab, tool):
    """A transport table that discards an address: Postfix and its own postmap are asked."""
    kept = {name: node.read("/etc/postfix/main.cf") for name, node in lab.nodes.items()}
    try:
        for node in lab.nodes.values():
            node.write("/etc/postfix/transport", "postfix-ha-drill@example.com discard:\n")
            node.append("/etc/postfix/main.cf", "transport_maps = texthash:/etc/postfix/transport\n")
        lab.nodes[lab.where()].run(["postfix", "reload"], check=True)
        began = time.monotonic()
        found = tool.json("drill", "--back", "--yes", "--report", REPORT, *tool.rsh)
        assert found["recipient"] == "postfix-ha-drill@example.com"
        assert found["ledger"]["acknowledged"] == found["ledger"]["offered"]
        assert (found["ledger"]["queued"], found["ledger"]["lost"]) == (0, None)
        assert found["took_s"] <= time.monotonic() - began
        assert marked(lab, found["drill"]) == set()
    finally:
        for name, text in kept.items():
            lab.nodes[name].write("/etc/postfix/main.cf", text)
            lab.nodes[name].run(["rm", "-f", "/etc/postfix/transport"], check=True)
        lab.nodes[lab.where()].run(["postfix", "reload"], check=True)
