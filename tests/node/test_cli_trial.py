"""postfix-ha check --trial: the model's chapter 4 from end to end, and a node that is afterwards as it was before."""

import os
import signal
import subprocess
from collections.abc import Iterator

import pytest

from postfix_ha.messages.statement import worded
from tests.support.machine.node import BASE_ENV
from tests.support.machine.waiting import wait_for
from tests.support.mail.check_node import ADDRESS, NODE_ADDRESS, PROGRAM, QUEUE, CheckNode

MOUNT = "/mnt/queue"
FILE = "%p %U %G %m %s %l"
# What a start runs before Postfix, made to hang or to fail.
PREPARATION = "/usr/lib/postfix/configure-instance.sh"


class Before:
    """A node on which neither address nor queue are, as before its first time."""

    def __init__(self) -> None:
        self.node = CheckNode()
        self.node.boot()
        self.device = self.node.queue.device
        self.held = os.open(self.node.path(self.device), os.O_RDONLY)
        self.node.shell(f"umount {MOUNT}; rmdir {MOUNT}; ip address del {ADDRESS}/24 dev eth0")
        self.options = ["check", "--trial", "--mount", f"{self.device}:{MOUNT}"]
        self.state = self.look()

    def look(self) -> "dict[str, str]":
        """All that a trial might leave: interfaces, mounts, processes, files."""
        node = self.node
        places = "/etc /var/lib /var/spool /run /tmp /mnt /usr/lib/postfix /usr/sbin"
        processes = [
            (process.name, process.argv) for process in node.pids() if process.name not in ("find", "sh", "sort")
        ]
        return {
            "interfaces": node.shell("ip -o address show; ip route show table all"),
            "mounts": node.read("/proc/1/mountinfo"),
            "processes": str(sorted(processes)),
            "files": node.shell(f"find {places} -xdev -type d -printf '%p %U %G %m\\n' -o -printf '{FILE}\\n' | sort"),
            "note": str(node.exists("/run/postfix-ha-trial.undo")),
        }

    def trial(self, *more: str) -> "subprocess.CompletedProcess[str]":
        """Run a trial to its end."""
        done = self.node.run([PROGRAM, *self.options, *more], timeout=120)
        assert "Traceback" not in done.stdout + done.stderr
        return done

    def assert_as_before(self) -> None:
        """Nothing is left of a trial, and the queue's file system is whole."""
        assert self.node.daemons() == []
        # What a killed trial had begun ends by itself.
        wait_for(lambda: self.look()["processes"] == self.state["processes"], 5, "the processes are as before")
        now = self.look()
        for what, text in self.state.items():
            assert set(now[what].splitlines()) ^ set(text.splitlines()) == set(), what

    def close(self) -> None:
        """End the node."""
        os.close(self.held)
        self.node.kill()


@pytest.fixture(scope="module")
def shelf() -> "Iterator[list[Before]]":
    kept: "list[Before]" = []
    yield kept
    for before in kept:
        before.close()


@pytest.fixture
def before(shelf: "list[Before]") -> "Iterator[Before]":
    """A node before its first time; a test that leaves it so passes it on."""
    found = shelf.pop() if shelf else Before()
    yield found
    if found.look() == found.state:
        shelf.append(found)
    else:
        found.close()


def test_a_trial_that_passes(before: Before) -> None:
    done = before.trial()
    assert done.returncode == 0, done.stdout + done.stderr
    steps = [line for line in done.stdout.splitlines() if line.startswith("trial: ")]
    text = "\n".join(steps)
    for step in (
        worded("trial_mounts", device=before.device, directory=MOUNT),
        worded("trial_brings_up", address=ADDRESS, prefix=24, nic="eth0"),
        "make the directory /run/postfix-ha-trial",
        "note what is in ",
        "check this node",
        "start Postfix",
        "monitor it at level 20",
        worded("trial_process", process="master["),
        "process pickup[",
        "process qmgr[",
        worded("trial_greets", endpoint=f"{ADDRESS}:25", kind="smtp"),
        "127.0.0.1:25 greets (smtp)",
        "stop Postfix, and undo all of it",
    ):
        assert step in text, (step, text)
    assert steps[-1] == "trial: passed"
    before.assert_as_before()
    assert "fatal" not in before.node.mail_log()


def test_the_interface_and_the_prefix_may_be_given(before: Before) -> None:
    done = before.trial("--nic", "eth0", "--prefix", "32")
    assert f"bring {ADDRESS}/32 up on eth0" in done.stdout
    assert done.returncode == 0
    before.assert_as_before()


def test_what_is_there_already_stays(before: Before) -> None:
    node = before.node
    node.shell(f"ip address add {ADDRESS}/24 dev eth0; mkdir {MOUNT}; mount {before.device} {MOUNT}")
    now = before.look()
    done = node.run([PROGRAM, *before.options], timeout=120)
    assert done.returncode == 0, done.stdout
    assert "bring" not in done.stdout
    assert before.look()["interfaces"] == now["interfaces"]
    assert before.look()["mounts"] == now["mounts"]
    node.shell(f"umount {MOUNT}; rmdir {MOUNT}; ip address del {ADDRESS}/24 dev eth0")
    before.assert_as_before()


@pytest.mark.parametrize(
    ("name", "provoke", "undo", "options", "says"),
    [
        ("mount", "true", "true", ["--mount", "/dev/nosuch:/mnt/other"], "mount /dev/nosuch on /mnt/other"),
        ("address", "true", "true", ["--nic", "nosuch0", "--prefix", "24"], "up on nosuch0"),
        ("interface", f"ip address del {NODE_ADDRESS}/24 dev eth0", f"ip address add {NODE_ADDRESS}/24 dev eth0", [],
         "--nic and --prefix"),
        ("answers", f"ip address add {ADDRESS}/24 dev eth0-wire", f"ip address del {ADDRESS}/24 dev eth0-wire", [], ""),
        ("start", "chmod 644 /usr/sbin/postsuper", "chmod 755 /usr/sbin/postsuper", [], "/usr/sbin/postsuper"),
        ("stranger", "true", "true", [], "python3"),
        ("look", "mv /usr/lib/postfix/sbin/qmgr /tmp/; printf '#!/bin/sh\\nexit 1\\n' >/usr/lib/postfix/sbin/qmgr\n"
         "chmod 755 /usr/lib/postfix/sbin/qmgr", "mv /tmp/qmgr /usr/lib/postfix/sbin/", [], "qmgr"),
    ],
    ids=lambda value: value if isinstance(value, str) and value.isalpha() else "",
)  # fmt: skip
def test_a_step_that_fails(before: Before, name: str, provoke: str, undo: str, options: "list[str]", says: str) -> None:
    node = before.node
    node.shell(provoke)
    stranger = None
    if name == "stranger":  # takes the port as soon as the address is there
        code = "import socket; s = socket.create_server(('0.0.0.0', 25)); s.accept()"
        stranger = node.popen(["/usr/bin/python3", "-c", code])
    if name == "answers":
        state = before.look()
        done = before.trial()
        assert done.returncode == 0  # it is this node's already: nothing to bring up
        assert before.look() == state
    else:
        done = before.trial(*options)
        assert done.returncode == 2, done.stdout
        assert "trial: FAILED: " in done.stdout
        assert "trial: passed" not in done.stdout
        failed = [line for line in done.stdout.splitlines() if line.startswith("trial: FAILED")]
        assert says in "".join(failed), failed
        assert "trial_passed" in done.stdout
    if stranger is not None:
        stranger.kill()
        stranger.wait()
        for process in node.pids():
            if "create_server" in " ".join(process.argv):
                os.kill(process.outside, signal.SIGKILL)
        wait_for(lambda: before.look()["processes"] == before.state["processes"], 10, "the stranger is gone")
    node.shell(undo)
    before.assert_as_before()


def interrupted(before: Before, at: str, number: int) -> "tuple[int, str]":
    """Send a trial a signal as soon as it says that it has come to a step."""
    process = before.node.popen([PROGRAM, *before.options], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    text = ""
    for line in process.stdout:
        text += line.decode()
        if at in text:
            break
    inside = min((found for found in before.node.pids() if "--trial" in found.argv), key=lambda found: found.pid)
    os.kill(inside.outside, number)
    text += process.stdout.read().decode()
    process.stdout.close()
    return process.wait(60), text


STEPS = (
    "mount /dev",
    "bring ",
    "note what",
    "check this node",
    "start Postfix",
    "monitor it",
    "greets",
    "stop Postfix",
)


@pytest.mark.parametrize(
    ("step", "number"),
    [
        *((step, signal.SIGTERM) for step in STEPS),
        ("start Postfix", signal.SIGINT),
        ("monitor it", signal.SIGHUP),
    ],
    ids=str,
)
def test_interrupted_at_any_step(before: Before, step: str, number: signal.Signals) -> None:
    code, text = interrupted(before, step, number)
    assert "Traceback" not in text
    before.assert_as_before()
    if "trial: passed" in text:
        assert code == 0
        assert step in ("greets", "stop Postfix", "monitor it"), text
    else:
        assert code == 2
        assert f"interrupted by {number.name}" in text


def test_interrupted_while_the_start_hangs(before: Before) -> None:
    node = before.node
    node.shell(f"mkfifo /run/held; mv {PREPARATION} /run/kept; printf '#!/bin/sh\\ncat /run/held\\n' >{PREPARATION}")
    node.shell(f"chmod 755 {PREPARATION}")
    code, text = interrupted(before, "start Postfix", signal.SIGTERM)
    node.shell(f"rm /run/held; mv /run/kept {PREPARATION}")
    assert code == 2
    assert "interrupted by SIGTERM" in text
    before.assert_as_before()


def test_killed_it_leaves_a_note_and_the_note_undoes_it(before: Before) -> None:
    for step in ("mount /dev", "bring ", "start Postfix", "monitor it"):
        interrupted(before, step, signal.SIGKILL)
        refused = before.trial()
        assert refused.returncode == 2
        assert "an earlier trial was cut short: undo it with 'sh /run/postfix-ha-trial.undo'" in " ".join(
            refused.stdout.split()
        )
        (found,) = before.node.check().named("trial_undone")
        before.node.shell(found["command"])
        before.assert_as_before()


def test_it_does_not_touch_a_postfix_that_runs(before: Before) -> None:
    node = before.node
    node.shell(f"ip address add {ADDRESS}/24 dev eth0; mkdir {MOUNT}; mount {before.device} {MOUNT}")
    node.started()
    master = node.master()
    done = before.trial()
    assert done.returncode == 2
    assert f"runs here already: master[{master.pid}]" in " ".join(done.stdout.split())
    assert node.master() == master
    node.agent("stop")
    node.shell(f"umount {MOUNT}; rmdir {MOUNT}; ip address del {ADDRESS}/24 dev eth0; rm -rf /run/resource-agents")


def test_it_does_not_take_what_the_cluster_has_in_service(before: Before) -> None:
    node = before.node
    cib = "/root/cib.xml"
    node.shell(f"""
        cibadmin --empty >{cib}
        pcs -f {cib} resource create ip ocf:heartbeat:IPaddr2 ip={ADDRESS}
    """)
    running = """<node_state id="1" uname="n2" in_ccm="true" crmd="online" join="member" expected="member">
    <lrm id="1"><lrm_resources><lrm_resource id="ip" type="IPaddr2" class="ocf" provider="heartbeat">
    <lrm_rsc_op id="ip_last_0" operation_key="ip_start_0" operation="start" rc-code="0" op-status="0" call-id="1"
    interval="0" transition-key="1:1:0:x" transition-magic="0:0;1:1:0:x" on_node="n2" crm-debug-origin="x"
    crm_feature_set="3.16.1"/></lrm_resource></lrm_resources></lrm></node_state>"""
    text = node.read(cib).replace("<nodes/>", '<nodes><node id="1" uname="n2"/></nodes>')
    node.write(cib, text.replace("<status/>", f"<status>{running}</status>"))
    done = node.run([PROGRAM, *before.options], env={**BASE_ENV, "CIB_file": cib})
    node.shell(f"rm {cib}")
    assert done.returncode == 2
    assert "the cluster has ip in service on n2" in done.stdout
    before.assert_as_before()


def test_it_needs_root(before: Before) -> None:
    done = before.node.run([PROGRAM, *before.options], user="postfix")
    assert done.returncode == 2
    assert "needs root" in done.stdout
    before.assert_as_before()


def test_another_machine_that_answers_is_left_its_address(before: Before) -> None:
    """A second network namespace stands for the other machine, on the other end of this node's wire."""
    node = before.node
    node.shell("""
        ip netns add other
        ip link add wire0 type veth peer name wire1 netns other
        ip address add 203.0.113.1/24 dev wire0
        ip link set wire0 up
        ip -n other address add 203.0.113.100/24 dev wire1
        ip -n other link set wire1 up
        ip -n other link set lo up
        postconf -e 'inet_interfaces = 203.0.113.100, localhost'
    """)
    node.age("/etc/postfix/main.cf")
    done = before.trial()
    node.shell("ip netns del other; umount /run/netns; rmdir /run/netns; ip link del wire0 2>/dev/null || :")
    node.set(f"inet_interfaces = {ADDRESS}, localhost")
    node.age("/etc/postfix/main.cf")
    assert done.returncode == 2
    assert "203.0.113.100 answers already" in done.stdout
    assert QUEUE not in node.read("/proc/1/mountinfo")
