"""What keeps the queue in use after a kill (debuggers, name spaces, places below it), and traps without number."""

from pathlib import Path

import pytest

from tests.attacks.attacker import OURS, Attacker, taken_over
from tests.node.innocents import everybody, lives
from tests.node.judged import FAILED, SUCCESS, JudgedNode
from tests.support.machine.node import PYTHON
from tests.support.machine.process import NodeProcess
from tests.support.mail.node import QUEUE

TRACING = Path(__file__).with_name("tracing.py")
TIMEOUT_S = 12
GONE = "mkdir {0}/active/gone; cd {0}/active/gone; rmdir {0}/active/gone; exec sleep 1001"


def tracing(node: JudgedNode, user: Attacker, kind: str, program: str = PYTHON) -> "list[NodeProcess]":
    """A process of this program in the queue, held at its exit by its debugger."""
    node.write("/tmp/tracing.py", TRACING.read_bytes(), 0o755)
    code = 'import sys; sys.argv = sys.argv[1:]; exec(open("/tmp/tracing.py").read())'
    return user.hold(code, "tracing", kind, program, QUEUE)


@pytest.mark.parametrize("kind", ["thread", "apart"])
def test_a_daemon_that_a_debugger_holds_at_its_exit_fails_no_stop(
    node: JudgedNode, postfix: Attacker, kind: str
) -> None:
    """The debugger stands elsewhere and runs a program of its own; no signal ends what it holds."""
    tracing(node, postfix, kind, taken_over(node, "trivial-rewrite.own"))
    assert node.probe().code == FAILED
    assert node.agent("stop", timeout_s=TIMEOUT_S).code == SUCCESS
    node.unmounts()


def test_a_debugger_that_is_held_by_another_one(node: JudgedNode, postfix: Attacker) -> None:
    tracing(node, postfix, "chain")
    assert node.agent("stop", timeout_s=TIMEOUT_S).code == SUCCESS
    node.unmounts()


def test_a_user_s_process_that_a_debugger_holds_leaves_the_queue(node: JudgedNode, nobody: Attacker) -> None:
    tracing(node, nobody, "thread")
    assert node.agent("stop", timeout_s=TIMEOUT_S).code == SUCCESS
    node.unmounts()


def test_a_debugger_of_what_ends_by_itself_is_spared(node: JudgedNode, nobody: Attacker) -> None:
    made = tracing(node, nobody, "attached")
    assert node.agent("stop", timeout_s=TIMEOUT_S).code == SUCCESS
    assert [process.argv[-3] for process in made if nobody.lives(process)] == ["attached"]
    node.unmounts()


def test_mail_owner_in_a_user_namespace_leaves_the_queue(node: JudgedNode, postfix: Attacker) -> None:
    postfix.begin(["unshare", "-Urmpf", "--kill-child", "sleep", "1000"], cwd=QUEUE, env=OURS)
    made = node.wait(lambda: [p for p in everybody(node) if p.argv == ("sleep", "1000") and lives(p)], "it sleeps")
    assert node.agent("stop").code == SUCCESS
    assert not [process for process in made if lives(process)]  # type: ignore[attr-defined]
    node.unmounts()


def test_what_stands_below_the_queue_leaves_it_and_what_stands_beside_it_stays(
    node: JudgedNode, nobody: Attacker, postfix: Attacker
) -> None:
    node.started()
    node.do("install", "-d", "-o", "nobody", QUEUE + "-old")
    below = [
        nobody.stand(["sleep", "1000"], cwd=QUEUE + "/pid"),
        postfix.stand(["sleep", "1000"], cwd=QUEUE + "/active"),
    ]
    postfix.begin(["sh", "-ec", GONE.format(QUEUE)])
    below.append(node.wait(lambda: [p for p in node.named("sleep") if p.argv[1] == "1001"], "it stands"))  # type: ignore[arg-type]
    beside = nobody.stand(["sleep", "1000"], cwd=QUEUE + "-old")
    assert node.agent("stop").code == SUCCESS
    assert not [process for made in below for process in made if lives(process)]
    assert all(nobody.lives(process) for process in beside)


def test_more_traps_than_mail_keep_no_node_from_starting(node: JudgedNode, postfix: Attacker) -> None:
    code = "import os, sys\nos.chdir(sys.argv[1])\nfor n in range(10500): open(b'incoming/\\xff\\n%d' % n, 'w').close()"
    postfix.python(code, QUEUE, check=True)
    assert node.agent("start", timeout_s=60).code == SUCCESS
    node.stopped_only()
