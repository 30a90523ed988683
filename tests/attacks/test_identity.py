"""Whose process is it? What users choose for themselves convinces nobody: names, places, environment, locks.

Each imitation is made on a node where Postfix does not run and on one where it does. A probe and a monitor answer as
without it, a start starts and a stop stops.
"""

import contextlib
import os
import subprocess
from typing import Callable

import pytest

from tests.attacks.attacker import OURS, Attacker
from tests.node.innocents import everybody, lives
from tests.node.judged import CONFIG, FAILED, MAIN, NOT_RUNNING, SNAPSHOT, SUCCESS, JudgedNode
from tests.support.machine.process import NodeProcess
from tests.support.mail.node import DAEMON_DIRECTORY, QUEUE

SLEEP = "import time; print('ready', flush=True); time.sleep(1000)"
# Its own pid file, locked, at a path that ends like ours.
LOCK = """
import fcntl, os, sys, time
os.makedirs(os.path.dirname(sys.argv[1]), exist_ok=True)
file = open(sys.argv[1], "w")
fcntl.flock(file, fcntl.LOCK_EX)
fcntl.lockf(file, fcntl.LOCK_EX)
file.write(str(os.getpid()) + "\\n")
file.flush()
print("ready", flush=True)
time.sleep(1000)
"""
# Becomes root of a user name space of its own, and shows itself what it likes at our paths.
IN_A_NAMESPACE = """
import ctypes, os, subprocess, sys, time
libc = ctypes.CDLL(None, use_errno=True)
uid, gid = os.getuid(), os.getgid()
if libc.unshare(0x10000000 | 0x20000) != 0:
    raise OSError(ctypes.get_errno(), "unshare")
open("/proc/self/setgroups", "w").write("deny")
open("/proc/self/uid_map", "w").write(f"0 {uid} 1")
open("/proc/self/gid_map", "w").write(f"0 {gid} 1")
def bind(source, target):
    if libc.mount(source.encode(), target.encode(), None, 4096 | 16384, None) != 0:
        raise OSError(ctypes.get_errno(), f"bind {source} {target}")
for pair in sys.argv[2:]:
    bind(*pair.split("="))
os.chdir("/")
os.execv(sys.argv[1], [sys.argv[1], "-IS", "-c", LOCK, sys.argv[2].partition("=")[2] + "/pid/master.pid"])
""".replace("LOCK", repr(LOCK))

Imitates = Callable[[JudgedNode, Attacker], "list[NodeProcess]"]


def named_master(node: JudgedNode, attacker: Attacker) -> "list[NodeProcess]":
    """A program of that name in a path that ends like the daemon directory, in the queue, with our configuration."""
    program = attacker.copy("/bin/sleep", attacker.home + "/usr/lib/postfix/sbin/master")
    return attacker.stand([program, "1000"], cwd=QUEUE, env=OURS)


def named_daemon_elsewhere(node: JudgedNode, attacker: Attacker) -> "list[NodeProcess]":
    """As before, but it stands elsewhere: its environment alone speaks."""
    program = attacker.copy("/bin/sleep", attacker.home + "/usr/libexec/postfix/qmgr")
    return attacker.stand([program, "1000"], env=OURS)


def master_with_a_lock(node: JudgedNode, attacker: Attacker) -> "list[NodeProcess]":
    """It holds a lock on a file that is called pid/master.pid, too."""
    program = attacker.interpreter(attacker.home + "/usr/lib/postfix/sbin/master")
    return attacker.hold(LOCK, attacker.home + "/pid/master.pid", program=program, cwd=QUEUE, env=OURS)


def master_with_a_data_lock(node: JudgedNode, attacker: Attacker) -> "list[NodeProcess]":
    """The other lock of a master."""
    program = attacker.interpreter(attacker.home + "/lib/postfix/master")
    return attacker.hold(LOCK, attacker.home + "/data/master.lock", program=program, cwd=QUEUE, env=OURS)


def master_in_a_namespace(node: JudgedNode, attacker: Attacker) -> "list[NodeProcess]":
    """In a mount name space of its own, where its files stand at exactly our paths, and as root of its user space."""
    sbin = attacker.home + "/sbin"
    attacker.interpreter(sbin + "/master")
    attacker.run(["mkdir", "-p", attacker.home + "/queue"], check=True)
    pairs = [f"{attacker.home}/queue={QUEUE}", f"{sbin}={DAEMON_DIRECTORY.rstrip('/')}"]
    # The judge of answers, too, takes it for one of Postfix's.
    space = os.readlink(f"/proc/{node.pid}/ns/user")
    node.is_foreign = lambda process: os.readlink(f"/proc/{process.outside}/ns/user") != space
    return attacker.hold(IN_A_NAMESPACE, DAEMON_DIRECTORY + "master", *pairs, env=OURS)


def start_in_progress(node: JudgedNode, attacker: Attacker) -> "list[NodeProcess]":
    """A script called postfix-script with the arguments of a start."""
    path = attacker.home + "/usr/lib/postfix/sbin/postfix-script"
    attacker.run(["mkdir", "-p", path.rpartition("/")[0]], check=True)
    attacker.run(["tee", path], input="#!/bin/sh\nsleep 1000\ntrue\n", check=True)
    attacker.run(["chmod", "755", path], check=True)
    return attacker.stand([path, "start"], cwd=QUEUE, env=OURS, count=2)


def postfix_start(node: JudgedNode, attacker: Attacker) -> "list[NodeProcess]":
    """A program called postfix whose arguments say start."""
    program = attacker.interpreter(attacker.home + "/usr/sbin/postfix")
    return attacker.hold(SLEEP, "-c", CONFIG, "start", program=program, cwd=QUEUE)


def smtpd_of_a_person(node: JudgedNode, attacker: Attacker) -> "list[NodeProcess]":
    """What mail programs run: sendmail -bs becomes smtpd -S and stands in the queue directory. No attack at all."""
    known = {process.outside for process in node.pids()}
    attacker.begin(["sendmail", "-bs"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return node.wait(lambda: [p for p in attacker.new_since(known) if p.name == "smtpd"], "smtpd serves")  # type: ignore[return-value]


def postdrop(node: JudgedNode, attacker: Attacker) -> "list[NodeProcess]":
    """A submission that waits for its text."""
    known = {process.outside for process in node.pids()}
    attacker.begin(["postdrop", "-r"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return node.wait(lambda: [p for p in attacker.new_since(known) if p.name == "postdrop"], "postdrop waits")  # type: ignore[return-value]


def real_daemon_program(node: JudgedNode, attacker: Attacker) -> "list[NodeProcess]":
    """Postfix's own program, traced so that it stands still before its first step, with our configuration."""
    code = (
        "import ctypes, os, time\n"
        "pid = os.fork()\n"
        "if pid == 0:\n"
        "    ctypes.CDLL(None).ptrace(0, 0, 0, 0)\n"
        f"    os.execv({DAEMON_DIRECTORY + 'qmgr'!r}, ['qmgr', '-l', '-t', 'unix', '-u'])\n"
        "os.waitpid(pid, 0)\n"
        "print('ready', flush=True)\n"
        "time.sleep(1000)\n"
    )
    return attacker.hold(code, cwd=QUEUE, env=OURS)


def orphan_in_the_queue(node: JudgedNode, attacker: Attacker) -> "list[NodeProcess]":
    """What looks like a delivery command whose daemon has died."""
    return attacker.stand(["sleep", "1000"], cwd=QUEUE, env=OURS)


IMITATIONS: "list[Imitates]" = [
    named_master,
    named_daemon_elsewhere,
    master_with_a_lock,
    master_with_a_data_lock,
    master_in_a_namespace,
    start_in_progress,
    postfix_start,
    smtpd_of_a_person,
    postdrop,
    orphan_in_the_queue,
]
EVERYBODYS = [pytest.param(makes, id=makes.__name__) for makes in IMITATIONS]


@pytest.mark.parametrize("imitate", EVERYBODYS)
def test_a_probe_of_a_passive_node_is_not_deceived(node: JudgedNode, attacker: Attacker, imitate: Imitates) -> None:
    made = imitate(node, attacker)
    assert all(attacker.lives(process) for process in made)
    assert node.probe().code == NOT_RUNNING
    assert node.monitor().code == NOT_RUNNING
    assert all(attacker.lives(process) for process in made), "to ask harms nobody"


@pytest.mark.parametrize("imitate", EVERYBODYS)
def test_it_neither_hinders_a_start_nor_is_counted_beside_a_service(
    node: JudgedNode, attacker: Attacker, imitate: Imitates
) -> None:
    imitate(node, attacker)
    assert "ended processes left by an earlier run" not in "\n".join(node.logged_by(node.started_again))
    for level in (0, 10, 20):
        assert node.monitor(level).code == SUCCESS
    node.do("rm", SNAPSHOT)
    assert node.probe().code == SUCCESS, "also without a record"
    assert node.agent("stop").code == SUCCESS
    assert node.probe().code == NOT_RUNNING


def test_postfix_s_own_program_run_by_a_user(node: JudgedNode, nobody: Attacker) -> None:
    made = real_daemon_program(node, nobody)
    assert [process for process in made if process.exe.startswith(DAEMON_DIRECTORY)]
    node.is_foreign = lambda process: True
    assert node.probe().code == NOT_RUNNING
    assert node.agent("stop").code == SUCCESS


@pytest.mark.parametrize("is_recorded", [True, False], ids=["recorded", "unrecorded"])
def test_orphans_of_a_killed_master_are_found_among_imitations(
    node: JudgedNode, nobody: Attacker, is_recorded: bool
) -> None:
    node.started()
    orphan = node.daemon("qmgr")
    node.signal(orphan, 19)
    node.end(node.master())
    if not is_recorded:
        node.do("rm", SNAPSHOT)
    made = [*named_master(node, nobody), *named_daemon_elsewhere(node, nobody)]
    reason = node.probe().reason
    assert f"qmgr[{orphan.pid}]" in reason
    assert not [process for process in made if f"[{process.pid}]" in reason]
    assert node.agent("stop").code == SUCCESS
    assert not node.lives(orphan)


def test_an_imitation_on_a_node_without_the_configuration(node: JudgedNode, nobody: Attacker) -> None:
    """The configuration lies on the file system that is not here: nothing is known, and nothing is confirmed."""
    made = master_with_a_lock(node, nobody)
    node.do("mv", CONFIG, "/etc/postfix.away")
    assert node.probe().code == NOT_RUNNING
    assert node.agent("stop").code == SUCCESS
    node.do("mv", "/etc/postfix.away", CONFIG)
    assert made


def test_a_real_instance_without_its_configuration_is_seen(node: JudgedNode, nobody: Attacker) -> None:
    named_daemon_elsewhere(node, nobody)
    node.started()
    node.do("rm", SNAPSHOT)
    node.do("mv", MAIN, MAIN + ".away")
    assert node.probe().code == SUCCESS
    node.do("mv", MAIN + ".away", MAIN)
    node.stopped()


def test_a_master_of_which_nothing_can_be_confirmed_is_not_in_service(node: JudgedNode) -> None:
    """It lives, so the cluster must hear of it; but it serves no port, and the configuration is not here to ask."""
    node.do("sed", "-i", r"s/^\([a-z0-9]\+ \+inet\)/#\1/", "/etc/postfix/master.cf")
    node.do("postfix", "start")
    node.wait(lambda: node.daemons(), "master lives")
    node.do("mv", CONFIG, "/etc/postfix.away")
    answer = node.probe()
    assert answer.code == FAILED
    assert "does not listen on any port" in answer.reason
    node.do("mv", "/etc/postfix.away", CONFIG)
    node.stopped()


def test_local_in_the_middle_of_a_delivery_is_postfix_s(node: JudgedNode, stack: contextlib.ExitStack) -> None:
    """local(8) is root's and takes the recipient's uid for a while (set_eugid): its effective uid misleads."""
    node.write("/usr/local/bin/stuck", "#!/bin/sh\n: > /tmp/stuck\nsleep 2001\n", 0o755)
    node.configure('alias_maps = inline:{{ command = "|/usr/local/bin/stuck" }}')
    node.started()
    node.run(["sendmail", "-f", "a@example.com", "command@localhost"], input="Subject: x\n\nx\n", check=True)
    node.wait(lambda: node.exists("/tmp/stuck"), "the command runs")
    local = node.daemon("local")
    node.signal(local, 19)
    node.end(node.master())
    node.end(*[p for p in node.daemons() if p.name != "local"])
    node.do("rm", SNAPSHOT)
    answer = node.probe()
    assert f"local[{local.pid}]" in answer.reason
    assert node.agent("stop").code == SUCCESS
    assert not node.lives(local)
    node.unmounts()


def test_a_lock_on_a_file_of_the_same_name_holds_up_no_start(node: JudgedNode, nobody: Attacker) -> None:
    """In its own mount name space the path of its lock is to the letter that of our pid file."""
    master_in_a_namespace(node, nobody)
    node.started()
    assert node.monitor(20).code == SUCCESS
    assert node.agent("stop").code == SUCCESS


@pytest.mark.parametrize("makes", [named_master, orphan_in_the_queue, smtpd_of_a_person, postdrop])
def test_what_stands_in_the_queue_is_ended_by_stop_and_named(
    node: JudgedNode, nobody: Attacker, makes: Imitates
) -> None:
    made = makes(node, nobody)
    logged = "\n".join(node.logged_by(lambda: node.agent("stop")))
    assert not [process for process in made if nobody.lives(process)]
    assert all(f"[{process.pid}] of uid {nobody.uid}" in logged for process in made)
    node.unmounts()


def test_what_stands_in_the_queue_in_a_user_namespace_is_ended_by_stop(node: JudgedNode, nobody: Attacker) -> None:
    nobody.begin(["unshare", "-Urmpf", "--kill-child", "sleep", "1000"], cwd=QUEUE, env=OURS)

    def sleepers() -> "list[NodeProcess]":
        return [p for p in everybody(node) if p.argv == ("sleep", "1000") and lives(p)]

    made: "list[NodeProcess]" = node.wait(sleepers, "it sleeps")  # type: ignore[assignment]
    assert node.probe().code == NOT_RUNNING
    assert node.agent("stop").code == SUCCESS
    assert not [process for process in made if lives(process)]
    node.unmounts()


def test_a_directory_of_the_same_path_in_a_namespace_is_not_ours(node: JudgedNode, nobody: Attacker) -> None:
    """What stands in its own directory at our path, as in a container, keeps nothing mounted and is spared."""
    nobody.run(["mkdir", "-p", nobody.home + "/queue"], check=True)
    script = f"mount --bind {nobody.home}/queue {QUEUE} && cd {QUEUE} && exec sleep 1000"
    nobody.stand(["unshare", "-Urm", "sh", "-c", script])
    made = node.wait(lambda: [p for p in nobody.processes() if p.name == "sleep"], "it stands there")
    assert node.agent("stop").code == SUCCESS
    assert all(nobody.lives(process) for process in made)


def test_root_s_shell_that_names_our_configuration_is_spared(
    node: JudgedNode, nobody: Attacker, stack: contextlib.ExitStack
) -> None:
    """Neither a terminal nor its place makes an administrator's shell, or his cron job, ours."""
    node.begin(stack, ["env", "-C", QUEUE, "sleep", "1234"], env={**OURS, "PATH": "/usr/bin:/bin"})
    found = node.wait(lambda: [p for p in node.named("sleep") if p.argv[1] == "1234"], "it sleeps")
    named_master(node, nobody)
    assert node.probe().code == NOT_RUNNING
    node.started()
    node.stopped_only()
    assert all(node.lives(process) for process in found)  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    "name",
    ["ocf-exit-reason:all is well", "a\nocf-exit-reason:x", "\x1b[2J", "\u202eevil", "x" * 200, "a, b (state D)"],
    ids=["reason", "line", "escape", "bidi", "long", "comma"],
)
def test_a_name_is_told_quoted_and_short(node: JudgedNode, nobody: Attacker, name: str) -> None:
    program = nobody.copy("/bin/sleep", f"{nobody.home}/{name}"[:200])
    made = nobody.stand([program, "1000"], cwd=QUEUE)
    lines = node.logged_by(lambda: node.agent("stop"))
    assert not [process for process in made if nobody.lives(process)]
    told = [line for line in lines if "of uid" in line]
    assert len(told) == 1
    assert told[0].partition("WARNING: ")[2].isprintable()
    assert len(told[0]) < 700
    assert "\u202e" not in told[0]
    assert not any(line.startswith("ocf-exit-reason") for line in lines)


def test_a_listener_s_words_do_not_go_into_the_reason(node: JudgedNode, nobody: Attacker) -> None:
    """Who takes our port is named by its program alone, and not by what its environment says."""
    node.configure("inet_interfaces = 127.0.0.1")
    node.change("/etc/postfix/master.cf", "^smtp +inet", "2525 inet")
    listen = (
        "import socket, time\ns = socket.create_server(('127.0.0.1', 2525))\nprint('ready', flush=True)\n"
        "time.sleep(1000)\n"
    )
    program = nobody.interpreter(nobody.home + "/usr/lib/postfix/sbin/master")
    nobody.hold(listen, program=program, env={"MAIL_CONFIG": "S3CR3T: reboot this node at once"})
    answer = node.agent("start")
    assert "master[" in answer.reason
    assert "S3CR3T" not in answer.reason
