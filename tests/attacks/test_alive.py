"""Who lives? The kernel shows a process as a zombie when its first thread has ended, whatever the others do."""

from pathlib import Path

import pytest

from tests.attacks.attacker import OURS, Attacker, taken_over
from tests.node.judged import FAILED, MASTER, NOT_RUNNING, SUCCESS, JudgedNode
from tests.support.machine.node import PYTHON
from tests.support.machine.process import NodeProcess
from tests.support.mail.node import QUEUE

# The first thread ends by itself (exit(2), not exit_group); another one says so, and goes on with an open queue file.
HALF_DEAD = """
import ctypes, os, sys, threading, time
first = os.getpid()
def go_on():
    while open(f"/proc/self/task/{first}/stat").read().rpartition(")")[2].split()[0] != "Z":
        time.sleep(0.01)
    os.write(1, b"ready\\n")
    time.sleep(1000)
threading.Thread(target=go_on).start()
ctypes.CDLL(None).syscall(60, 0)
"""
ZOMBIE = """
import os, sys, time
if os.fork() == 0:
    os.execv(sys.argv[1], [sys.argv[1], "-IS", "-c", "pass"])
os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOWAIT)
print("ready", flush=True)
time.sleep(1000)
"""


def threads(process: NodeProcess) -> int:
    """How many threads of a process run."""
    try:
        places = list(Path(f"/proc/{process.outside}/task").iterdir())
        states = [(place / "stat").read_text().rpartition(")")[2].split()[0] for place in places]
    except OSError:
        return 0
    return sum(state not in "ZX" for state in states)


def half_dead(node: JudgedNode, user: Attacker, program: str = PYTHON, cwd: str = QUEUE) -> NodeProcess:
    """A process of this user's whose first thread has ended."""
    known = {process.outside for process in node.pids()}
    user.hold(HALF_DEAD, program=program, cwd=cwd, env=OURS)
    found = next(p for p in node.pids() if p.outside not in known and threads(p) and p.state == "Z")
    user.stack.callback(node.signal, found, 9)
    return found


def test_a_daemon_whose_first_thread_has_ended_lives(node: JudgedNode, postfix: Attacker) -> None:
    daemon = half_dead(node, postfix, taken_over(node, "trivial-rewrite"))
    answer = node.probe()
    assert answer.code == FAILED
    assert f"[{daemon.pid}]" in answer.reason
    assert node.agent("stop").code == SUCCESS
    assert threads(daemon) == 0, "stop said that nothing lives"
    node.unmounts()


def test_a_master_s_daemon_whose_first_thread_has_ended_is_ended_before_a_start(
    node: JudgedNode, postfix: Attacker
) -> None:
    daemon = half_dead(node, postfix, taken_over(node, "trivial-rewrite.other"))
    node.started()
    assert threads(daemon) == 0
    node.stopped()


def test_mail_owner_s_process_in_the_queue_whose_first_thread_has_ended(node: JudgedNode, postfix: Attacker) -> None:
    process = half_dead(node, postfix)
    assert node.probe().code == NOT_RUNNING
    assert node.agent("stop").code == SUCCESS
    assert threads(process) == 0
    node.unmounts()


def test_a_user_s_process_in_the_queue_whose_first_thread_has_ended(node: JudgedNode, nobody: Attacker) -> None:
    process = half_dead(node, nobody)
    assert node.probe().code == NOT_RUNNING
    assert node.agent("stop").code == SUCCESS
    node.wait(lambda: threads(process) == 0, "it has ended")
    node.unmounts()


def test_a_user_s_imitation_whose_first_thread_has_ended(node: JudgedNode, nobody: Attacker) -> None:
    process = half_dead(node, nobody, nobody.interpreter(nobody.home + "/usr/lib/postfix/sbin/master"), cwd="/")
    assert node.probe().code == NOT_RUNNING
    assert node.agent("stop").code == SUCCESS
    assert threads(process) > 0


def test_a_delivery_command_whose_first_thread_has_ended_is_ended(node: JudgedNode) -> None:
    """It is told by its descent, and is waited for although the kernel shows a zombie."""
    node.write("/usr/local/lib/half_dead", HALF_DEAD.replace('os.write(1, b"ready\\n")', 'open("/tmp/half", "w")'))
    node.append(MASTER, f"half unix - n n - - pipe flags=R user=nobody argv={PYTHON} -IS /usr/local/lib/half_dead\n")
    node.configure("transport_maps = inline:{{ half.example.com = half: }}")
    node.started()
    node.run(["sendmail", "-f", "a@example.com", "u@half.example.com"], input="Subject: x\n\nx\n", check=True)
    node.wait(lambda: node.exists("/tmp/half"), "it is delivered")
    command = next(p for p in node.pids() if p.state == "Z" and threads(p))
    assert node.agent("stop").code == SUCCESS
    assert threads(command) == 0
    node.unmounts()


@pytest.mark.parametrize("name", ["trivial-rewrite", "master"])
def test_a_zombie_with_no_thread_left_is_dead(node: JudgedNode, postfix: Attacker, name: str) -> None:
    """Its parent never asks for its end: nobody can take it away, and it holds nothing."""
    program = taken_over(node, name + ".ended")
    postfix.hold(ZOMBIE, program)
    assert node.probe().code == NOT_RUNNING
    assert node.agent("stop").code == SUCCESS
    node.unmounts()
