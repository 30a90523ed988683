"""Time under pressure: whatever users spawn, lock up or let hang, the right answer comes in time."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.attacks.attacker import OURS, Attacker, taken_over
from tests.node.judged import CONFIG, NOT_RUNNING, SUCCESS, JudgedNode
from tests.support.machine.node import PYTHON
from tests.support.machine.process import NodeProcess
from tests.support.mail.node import DAEMON_DIRECTORY, QUEUE

HANGING = str(Path(__file__).with_name("hanging.py"))
TIMEOUT_S = 12
# Each starts the next and ends: none is there for as long as it takes to list all. Ends when /tmp/enough is there.
CHAIN = """
import os, signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("ready", flush=True)
while not os.path.exists("/tmp/enough"):
    if os.fork():
        os._exit(0)
    os.setsid()
    time.sleep(0.0005)
"""
# Each starts two for as long as there are not too many; whoever is killed is replaced at once.
TREE = """
import os, resource, signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_NPROC, (300, 300))
print("ready", flush=True)
while not os.path.exists("/tmp/enough"):
    try:
        os.fork()
    except OSError:
        time.sleep(0.01)
"""
CROWD = """
import os, signal, sys, time
if "deaf" in sys.argv:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
for _ in range(int(sys.argv[1])):
    if os.fork() == 0:
        time.sleep(1000)
        os._exit(0)
print("ready", flush=True)
time.sleep(1000)
"""
# Whatever becomes this account, such as a helper of ours, is stopped and killed as soon as it is one.
BULLY = """
import os, signal, time
print("ready", flush=True)
while not os.path.exists("/tmp/enough"):
    for number in (signal.SIGSTOP, signal.SIGKILL):
        for name in os.listdir("/proc"):
            if name.isdigit() and int(name) not in (os.getpid(), os.getppid()):
                try:
                    if open(f"/proc/{name}/comm").read().startswith("postfix_ha"):
                        os.kill(int(name), number)
                except OSError:
                    pass
"""


@pytest.fixture(autouse=True)
def _bombs_end(node: JudgedNode) -> "Iterator[None]":
    yield
    if node.alive:
        node.do("touch", "/tmp/enough")


def daemons_of(user: Attacker) -> "list[NodeProcess]":
    return [process for process in user.processes() if process.name not in ("setpriv", "env", "nsenter", "bash")]


@contextlib.contextmanager
def hanging(node: JudgedNode, user: Attacker, *words: str, program: str = PYTHON) -> "Iterator[list[NodeProcess]]":
    """A process that hangs whoever looks; what it hangs goes on when its file system is gone, at the end."""
    node.do("sh", "-c", "test -e /dev/fuse || mknod -m 666 /dev/fuse c 10 229; chmod 666 /dev/fuse")
    # Its environment hangs us as well, who look from outside.
    node.is_foreign = lambda process: True
    node.write("/tmp/hanging.py", Path(HANGING).read_bytes(), 0o755)
    known = {process.outside for process in node.pids()}
    began = user.begin([program, "-IS", "/tmp/hanging.py", *words], env=OURS, stdout=-1, stderr=-1, bufsize=0)
    try:
        assert began.stdout
        line = began.stdout.readline()
        assert line == b"ready\n", (line, began.stderr and began.stderr.read(4096))
        yield user.new_since(known)
    finally:
        began.kill()
        for process in node.pids():
            if process.outside not in known:
                node.signal(process, 9)


def state(process: NodeProcess) -> str:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{process.outside}/stat").read_text().rpartition(")")[2].split()[0]
    return ""


@pytest.mark.parametrize("bomb", [CHAIN, TREE], ids=["chain", "tree"])
def test_a_fork_bomb_of_mail_owner_is_ended_in_time(node: JudgedNode, postfix: Attacker, bomb: str) -> None:
    node.started()
    postfix.hold(bomb, cwd=QUEUE, env=OURS)
    answer = node.agent("stop", timeout_s=TIMEOUT_S)
    assert answer.code == SUCCESS
    assert not daemons_of(postfix), "nothing of it is left"
    node.unmounts()


@pytest.mark.parametrize("bomb", [CHAIN, TREE], ids=["chain", "tree"])
def test_a_daemon_that_is_a_fork_bomb_is_ended_in_time(node: JudgedNode, postfix: Attacker, bomb: str) -> None:
    postfix.hold(bomb, program=taken_over(node, "trivial-rewrite.own"), cwd="/", env=OURS)
    assert node.agent("stop", timeout_s=TIMEOUT_S).code == SUCCESS
    assert not daemons_of(postfix)


def test_a_fork_bomb_beside_one_that_kills_our_helpers(node: JudgedNode, postfix: Attacker) -> None:
    postfix.hold(BULLY)
    postfix.hold(TREE, cwd=QUEUE)
    answer = node.agent("stop", timeout_s=TIMEOUT_S)
    assert answer.code == SUCCESS
    node.wait(lambda: not [p for p in postfix.processes() if "RLIMIT" in " ".join(p.argv)], "the bomb is gone")


def test_the_suspended_account_of_another_instance_goes_on(node: JudgedNode, postfix: Attacker) -> None:
    other = postfix.stand(["sleep", "1000"])
    frozen = postfix.stand(["sleep", "1001"])
    node.signal(frozen[0], 19)
    node.wait(lambda: state(frozen[0]) == "T", "it is stopped")
    postfix.hold(CHAIN, cwd=QUEUE, env=OURS)
    assert node.agent("stop", timeout_s=TIMEOUT_S).code == SUCCESS
    assert state(other[0]) == "S"
    assert state(frozen[0]) == "T", "it was stopped before"


@pytest.mark.parametrize("bomb", [CHAIN, TREE], ids=["chain", "tree"])
def test_a_fork_bomb_of_a_user_neither_delays_nor_fails_anything(node: JudgedNode, nobody: Attacker, bomb: str) -> None:
    program = nobody.interpreter(nobody.home + "/usr/lib/postfix/sbin/master")
    nobody.hold(bomb, program=program, cwd=QUEUE, env=OURS)
    assert node.probe(timeout_s=TIMEOUT_S).code == NOT_RUNNING
    assert node.agent("start", timeout_s=60).code == SUCCESS
    answer = node.agent("stop", timeout_s=TIMEOUT_S)
    assert answer.code == SUCCESS
    assert answer.seconds < TIMEOUT_S / 2


@pytest.mark.parametrize("kind", ["plain", "deaf"])
def test_a_crowd_in_the_queue_does_not_hold_up_a_stop(node: JudgedNode, nobody: Attacker, kind: str) -> None:
    node.started()
    program = nobody.interpreter(nobody.home + "/usr/lib/postfix/sbin/smtpd")
    nobody.hold(CROWD, "400", kind, program=program, cwd=QUEUE, env=OURS)
    answer = node.agent("stop", timeout_s=TIMEOUT_S)
    assert answer.code == SUCCESS
    assert answer.seconds < TIMEOUT_S / 2
    node.wait(lambda: not nobody.processes(), "all of them are killed")
    node.unmounts()


def test_imitations_by_the_thousand_cost_little(node: JudgedNode, nobody: Attacker) -> None:
    """Processor time, which other work on this machine does not lengthen much; three thousand are measured by bench."""
    before = cpu_of_a_probe(node)
    program = nobody.interpreter(nobody.home + "/usr/lib/postfix/sbin/master")
    nobody.hold(CROWD, "1000", program=program, cwd=QUEUE, env=OURS)
    assert cpu_of_a_probe(node) < 1.7 * before
    assert node.probe().code == NOT_RUNNING
    node.started()
    node.do("touch", "/mnt/queue/log")
    node.begin(nobody.stack, ["tail", "-f", "/mnt/queue/log"])
    logged = node.logged_by(lambda: node.agent("stop", timeout_s=TIMEOUT_S))
    assert "of root (/mnt/queue/log)" in "".join(logged), "a crowd of one user's hides nobody else"


def cpu_of_a_probe(node: JudgedNode) -> float:
    """The least processor time of some probes, in seconds."""
    least = 100.0
    for _ in range(5):
        begin = os.times()
        node.probe()
        end = os.times()
        least = min(least, end.children_user + end.children_system - begin.children_user - begin.children_system)
    return least


def test_a_user_who_hangs_in_the_kernel_in_our_queue_does_not_fail_a_stop(node: JudgedNode, nobody: Attacker) -> None:
    """State D, which no signal ends: an administrator is told who it is."""
    node.started()
    with hanging(node, nobody, "stand", QUEUE) as made:
        hung = [process for process in made if os.readlink(f"/proc/{process.outside}/cwd").endswith(QUEUE)]
        assert len(hung) == 1
        lines = node.logged_by(lambda: node.agent("stop", timeout_s=TIMEOUT_S))
        assert node.named("qmgr") == []
        assert state(hung[0]) == "D", "nobody can end it"
        assert any(f"[{hung[0].pid}] of uid {nobody.uid}" in line for line in lines)
        assert node.probe().code == NOT_RUNNING


@pytest.mark.parametrize("program", ["/usr/lib/postfix/sbin/smtpd", "/bin/sendmail"])
def test_a_directory_that_hangs_is_not_looked_at(node: JudgedNode, nobody: Attacker, program: str) -> None:
    """It stands in its own file system, under Postfix's names and with our configuration."""
    path = nobody.interpreter(nobody.home + program)
    with hanging(node, nobody, "cwd", program=path):
        assert node.probe(timeout_s=TIMEOUT_S).code == NOT_RUNNING
        assert node.agent("start", timeout_s=60).code == SUCCESS
        assert node.agent("stop", timeout_s=TIMEOUT_S).code == SUCCESS


@pytest.mark.parametrize("place", [QUEUE, "/"], ids=["queue", "elsewhere"])
def test_an_environment_that_hangs_holds_up_nothing(node: JudgedNode, postfix: Attacker, place: str) -> None:
    """A daemon that was taken over puts a file of its own where the kernel keeps its environment.

    Kernels from 4.18 on read no file there, older ones wait for it: either way such a daemon has said nothing.
    """
    program = taken_over(node, "trivial-rewrite.hung")
    with hanging(node, postfix, "environment", place, program, f"MAIL_CONFIG={CONFIG}") as made:
        hidden = [process for process in made if process.exe == program]
        assert hidden
        answer = node.probe(timeout_s=TIMEOUT_S)
        assert answer.code == (1 if place == QUEUE else NOT_RUNNING)
        assert "check" not in answer.reason.partition(";")[0]
        answer = node.agent("stop", timeout_s=TIMEOUT_S)
        assert answer.code == SUCCESS
        if place == QUEUE:
            assert not postfix.lives(hidden[0])


def test_an_environment_of_a_user_that_hangs_is_not_read(node: JudgedNode, nobody: Attacker) -> None:
    program = nobody.interpreter(nobody.home + "/usr/lib/postfix/sbin/master")
    with hanging(node, nobody, "environment", QUEUE, program, f"MAIL_CONFIG={CONFIG}"):
        answer = node.probe(timeout_s=TIMEOUT_S)
        assert answer.code == NOT_RUNNING
        assert answer.seconds < TIMEOUT_S / 2
        assert node.agent("stop", timeout_s=TIMEOUT_S).code == SUCCESS


def test_the_files_of_a_user_without_number_are_not_gone_through(node: JudgedNode, nobody: Attacker) -> None:
    """Named like a master, it has a great many descriptors, each on a file called pid/master.pid."""
    code = (
        "import os, resource, sys, time\n"
        "limit = resource.getrlimit(resource.RLIMIT_NOFILE)[1]\n"
        "resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))\n"
        "os.makedirs(sys.argv[1] + '/pid', exist_ok=True)\n"
        "first = os.open(sys.argv[1] + '/pid/master.pid', os.O_RDWR | os.O_CREAT)\n"
        "for number in range(min(limit, 100_000) - 10):\n    os.dup(first)\n"
        "print('ready', flush=True)\ntime.sleep(1000)\n"
    )
    program = nobody.interpreter(nobody.home + "/usr/lib/postfix/sbin/master")
    nobody.hold(code, nobody.home, program=program, cwd=QUEUE, env=OURS)
    for answer in (node.probe(timeout_s=TIMEOUT_S), node.agent("stop", timeout_s=TIMEOUT_S)):
        assert answer.code in (SUCCESS, NOT_RUNNING)
        assert answer.seconds < TIMEOUT_S / 4


def test_a_frozen_crowd_of_mail_owner_is_ended(node: JudgedNode, postfix: Attacker) -> None:
    made = postfix.hold(CROWD, "50", "deaf", program=taken_over(node, "trivial-rewrite.frozen"), cwd=QUEUE, env=OURS)
    for process in postfix.processes():
        node.signal(process, 19)
    assert made
    assert node.agent("stop", timeout_s=TIMEOUT_S).code == SUCCESS
    assert not [p for p in node.daemons() if p.exe.startswith(DAEMON_DIRECTORY)]
    node.unmounts()
