"""A daemon that was taken over: what the account of mail_owner lays in the queue, in its sockets and on the wire."""

import os
import socket
import stat
from pathlib import Path

import pytest

from tests.attacks.attacker import Attacker
from tests.node.judged import CONFIG, DEGRADED, FAILED, MASTER, SUCCESS, JudgedNode
from tests.support.machine.node import AGENT, PYTHON
from tests.support.mail.node import ADDRESS, DAEMON_DIRECTORY, QUEUE

CORRUPT = QUEUE + "/corrupt"
PROBE = CORRUPT + "/.postfix_ha.probe"
OF_ROOT = "/root/precious"
TEXT = "do not write here\n"
# The traps that can lie in the place of a file with a known name, each with what it must still hold afterwards.
TRAPS = {
    "fifo": 'mkfifo "$0"',
    "directory": 'mkdir -p "$0/full"',
    "link": f'ln -s {OF_ROOT} "$0"',
    "dangling": 'ln -s /etc/cron.d/mine "$0"',
    "hard-link": 'echo mine >"$0.other"; ln "$0.other" "$0"',
    "socket": 'python3 -c "import socket,sys; socket.socket(socket.AF_UNIX).bind(sys.argv[1])" "$0"',
}
# An agent that leaves beside its answer how much memory it and its children took at most.
MEASURED = f"""#!{PYTHON} -IS
import resource, subprocess, sys
done = subprocess.run([{AGENT!r}, *sys.argv[1:]])
with open("/root/kilobytes", "w") as file:
    file.write(str(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss))
sys.exit(done.returncode)
"""
MEMORY_KB = 60_000
RECORD_PEER = """
import os, socket, struct, sys
path, told = sys.argv[1:]
os.rename(path, path + ".old")
with socket.socket(socket.AF_UNIX) as listener:
    listener.bind(path)
    listener.listen(5)
    print("ready", flush=True)
    while True:
        client, _ = listener.accept()
        pid, uid, gid = struct.unpack("3i", client.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
        with open(told, "a") as file:
            file.write(f"{uid}\\n")
        client.recv(1)
        client.close()
"""


def lay(attacker: Attacker, trap: str, path: str) -> None:
    """Lay a trap as this user."""
    attacker.run(["sh", "-ec", TRAPS[trap], path], check=True)


def entries(node: JudgedNode, directory: str) -> "set[str]":
    return set(os.listdir(node.path(directory)))


@pytest.mark.parametrize("trap", TRAPS)
def test_a_trap_in_the_place_of_the_test_file_makes_no_node_sick(
    node: JudgedNode, postfix: Attacker, trap: str
) -> None:
    node.write(OF_ROOT, TEXT)
    node.started()
    lay(postfix, trap, PROBE)
    before = entries(node, CORRUPT)
    answer = node.monitor(level=20, timeout_s=10)
    assert (answer.code, answer.seconds < 5) == (SUCCESS, True), answer
    assert node.read(OF_ROOT) == TEXT
    assert not node.exists("/etc/cron.d/mine")
    if trap == "hard-link":
        assert node.read(PROBE + ".other") == "mine\n"
        before -= {".postfix_ha.probe"}  # an earlier release's own name: a file of that name is a leftover
    assert entries(node, CORRUPT) == before


def test_what_is_laid_in_the_queue_does_not_keep_the_next_node_from_starting(
    node: JudgedNode, postfix: Attacker
) -> None:
    for name in (".postfix_ha.probe", ".postfix_ha.trial", "quick-start"):
        lay(postfix, "fifo", f"{CORRUPT}/{name}")
    node.started_again()
    assert node.monitor(level=20).code == SUCCESS
    node.stopped_only()


@pytest.mark.parametrize("mode", ["000", "500"])
def test_a_directory_that_its_owner_has_shut_makes_no_node_sick(node: JudgedNode, postfix: Attacker, mode: str) -> None:
    node.started()
    postfix.run(["chmod", mode, CORRUPT], check=True)
    assert node.monitor(level=20).code == SUCCESS


@pytest.mark.parametrize("trap", ["ln -s /tmp/home-postfix/elsewhere", "ln -s /run/victim", "mkfifo"])
def test_a_test_file_is_made_in_the_queue_and_nowhere_else(node: JudgedNode, postfix: Attacker, trap: str) -> None:
    node.do("install", "-d", "-m", "777", "/run/victim")
    node.started()
    node.do("chown", "postfix", QUEUE)
    postfix.run(["sh", "-ec", f"cd {QUEUE}; mkdir {postfix.home}/elsewhere; mv corrupt away"], check=True)
    postfix.run(["sh", "-ec", f"{trap} {CORRUPT}"], check=True)
    times = {path: os.stat(node.path(path)).st_mtime_ns for path in ("/run/victim", f"{postfix.home}/elsewhere")}
    assert node.monitor(level=20, timeout_s=10).code == SUCCESS
    assert {path: os.stat(node.path(path)).st_mtime_ns for path in times} == times


# What keeps postsuper from passing, each in a queue of its own. No mail has such a name or is of such a kind.
OBSTACLES = {
    "file": "echo text >incoming/A",
    "dangling": "ln -s /nowhere active/A",
    "loop": "ln -s . deferred/B",
    "fifo": "mkfifo hold/C",
    "shut": "mkdir -m 000 active/D",
    "not-empty": "mkdir incoming/E; echo text >'incoming/E/no queue file'",
    "deep": "p=hold; for n in $(seq 30); do p=$p/F; mkdir $p; done; echo text >$p/.x",
    "no-id": "echo text >active/ZZZZZZZZ",
    "bogus": "echo text >'incoming/not an id'",
    "name": "mkdir hold/G; touch \"$(printf 'hold/G/\\033[2J\\377')\"",
}
# Of these postsuper only warns; the Postfix of Debian 12 ends at the warning, where postlogd takes its log.
WARNED_OF = ("no-id", "bogus", "name")
LAY = "cd {queue}; umask 077; rm -rf {{active,incoming,deferred,hold}}/{{[A-Z],Z*,not*}}; {commands}"
KEEP = (
    "import os, sys\n"
    "os.chdir(sys.argv[1])\n"
    "f = open('hold/x', 'w'); name = f'00001{os.fstat(f.fileno()).st_ino:X}'\n"
    "os.fchmod(f.fileno(), 0o700); os.rename('hold/x', 'hold/' + name); print(name)"
)


def fatal_check(node: JudgedNode) -> int:
    return node.run(["postfix", "check-fatal"]).returncode


def test_what_keeps_postfix_s_own_check_from_passing_keeps_no_node_from_starting(
    node: JudgedNode, postfix: Attacker
) -> None:
    mail = postfix.python(KEEP, QUEUE, check=True).stdout.strip()
    for name, commands in OBSTACLES.items():
        postfix.run(["bash", "-ec", LAY.format(queue=QUEUE, commands=commands)], check=True)
        assert fatal_check(node) != 0 or name in WARNED_OF, f"{name} is an obstacle to postsuper"
    postfix.run(["bash", "-ec", LAY.format(queue=QUEUE, commands="; ".join(OBSTACLES.values()))], check=True)
    sockets = "mkdir -p private/smtp/full public/cleanup private/mine; chmod 500 private/smtp; chmod 000 public"
    postfix.run(["bash", "-ec", f"cd {QUEUE}; {sockets}"], check=True)
    logged = "\n".join(node.logged_by(node.started_again))
    assert "incoming/A" in logged
    assert not entries(node, f"{QUEUE}/active") & {"A", "B", "D", "ZZZZZZZZ"}
    assert "private/smtp" in logged
    assert entries(node, f"{QUEUE}/private") >= {"smtp", "mine"}
    assert stat.S_ISSOCK(os.stat(node.path(f"{QUEUE}/private/smtp")).st_mode)
    assert "active/D (mode 0000)" in logged
    assert fatal_check(node) == 0
    kept = {node.read(f"{CORRUPT}/{name}") for name in entries(node, CORRUPT) if name.startswith("incoming-A-")}
    assert kept == {"text\n"}, "nothing with content is lost"
    assert node.exists(f"{QUEUE}/hold/{mail}"), "mail stays where it is"
    assert node.monitor(level=20).code == SUCCESS
    more = "chmod 000 corrupt; mkdir active/A; ln -s /etc/passwd active/A/x; chmod 500 active/A; touch active/B"
    postfix.run(["bash", "-ec", f"cd {QUEUE}; {more}"], check=True)
    assert node.agent("reload").code == SUCCESS
    node.stopped_only()


def test_leftovers_of_runs_that_were_cut_short_are_cleared(node: JudgedNode, postfix: Attacker) -> None:
    node.started()
    names = [".postfix_ha.probe", ".postfix_ha.probe-0123456789abcdef", "AMESSAGE", ".postfix_ha.probe-other"]
    postfix.run(["touch", *(f"{CORRUPT}/{name}" for name in names)], check=True)
    assert node.monitor(level=20).code == SUCCESS
    assert entries(node, CORRUPT) == {"AMESSAGE", ".postfix_ha.probe-other"}


def test_a_queue_with_many_entries_is_not_read_through_at_each_monitor(node: JudgedNode, postfix: Attacker) -> None:
    node.started()
    make = "import os, sys\nfor n in range(60000): os.symlink('x', f'{sys.argv[1]}/.postfix_ha.probe-{n:016x}')"
    postfix.python(make, CORRUPT, check=True)
    answer = node.monitor(level=20, timeout_s=10)
    assert (answer.code, answer.seconds < 4) == (SUCCESS, True), answer


@pytest.mark.parametrize("trap", ["fifo", "directory", "link", "dangling"])
@pytest.mark.parametrize("name", [".postfix_ha.trial", "quick-start"])
def test_a_trap_in_a_queue_directory_that_was_given_away(
    node: JudgedNode, postfix: Attacker, trap: str, name: str
) -> None:
    """Where an administrator has given the queue directory itself to mail_owner, as wrong advice has it."""
    node.write(OF_ROOT, TEXT)
    node.do("chown", "postfix", QUEUE)
    lay(postfix, trap, f"{QUEUE}/{name}")
    answer = node.agent("start")
    assert (answer.code, answer.seconds < 10) == (SUCCESS, True), answer
    assert node.read(OF_ROOT) == TEXT
    assert not node.exists("/etc/cron.d/mine")
    node.stopped_only()


@pytest.mark.parametrize("part", ["public", "private"])
def test_a_failed_start_removes_no_sockets_where_a_link_leads(node: JudgedNode, postfix: Attacker, part: str) -> None:
    node.do("install", "-d", "-m", "711", "/run/victim")
    node.do(PYTHON, "-c", "import socket; socket.socket(socket.AF_UNIX).bind('/run/victim/s')")
    node.do("chown", "postfix", QUEUE)
    postfix.run(["sh", "-ec", f"cd {QUEUE}; mv {part} away; ln -s /run/victim {part}"], check=True)
    node.do("ip", "address", "del", f"{ADDRESS}/24", "dev", "eth0")
    assert node.agent("start").code != SUCCESS
    assert entries(node, "/run/victim") == {"s"}


def test_a_failed_start_removes_no_pid_file_where_a_link_leads(node: JudgedNode, postfix: Attacker) -> None:
    node.do("sh", "-ec", "mkdir /run/victim; echo 1 >/run/victim/master.pid")
    node.do("chown", "postfix", QUEUE)
    postfix.run(["sh", "-ec", f"cd {QUEUE}; mv pid away; ln -s /run/victim pid"], check=True)
    node.do("ip", "address", "del", f"{ADDRESS}/24", "dev", "eth0")
    assert node.agent("start").code != SUCCESS
    assert entries(node, "/run/victim") == {"master.pid"}


@pytest.mark.parametrize("service", ["qmgr", "pickup"])
def test_a_socket_of_the_queue_is_connected_as_mail_owner(node: JudgedNode, postfix: Attacker, service: str) -> None:
    node.started()
    told = f"{postfix.home}/told"
    postfix.hold(RECORD_PEER, f"{QUEUE}/public/{service}", told)
    assert node.monitor(level=20, timeout_s=10).code == SUCCESS
    assert set(node.read(told).split()) == {str(postfix.uid)}


@pytest.mark.parametrize("service", ["qmgr", "pickup"])
def test_root_is_not_led_to_a_socket_of_its_own(node: JudgedNode, postfix: Attacker, service: str) -> None:
    node.started()
    node.do("install", "-d", "-m", "755", "/run/own")
    heard = node.path("/run/own/s")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(heard)
        os.chmod(heard, 0o600)
        listener.listen()
        listener.settimeout(0.5)
        postfix.run(["sh", "-ec", f"cd {QUEUE}/public; mv {service} away; ln -s /run/own/s {service}"], check=True)
        node.monitor(level=20, timeout_s=10)
        with pytest.raises(socket.timeout):
            listener.accept()


@pytest.fixture
def taken_over(node: JudgedNode) -> JudgedNode:
    """A node that is about to start with a daemon that says what /root/greeting names."""
    node.tolerated |= {"lost connection"}
    directory = "/usr/local/lib/taken-over"
    node.do("cp", "-a", DAEMON_DIRECTORY.rstrip("/"), directory)
    node.do("rm", f"{directory}/smtpd")
    node.write(f"{directory}/smtpd", Path(__file__).with_name("taken_over.py").read_text(encoding="utf-8"), 0o755)
    node.do("postconf", "-c", CONFIG, "-e", f"daemon_directory={directory}")
    node.age(CONFIG + "/main.cf")
    node.change(MASTER, r"^smtp +inet .*$", "smtp inet n - n - - smtpd")
    node.write("/root/measured", MEASURED, 0o755)
    return node


@pytest.mark.parametrize("kind", ["lines", "one line", "replies", "drops"])
@pytest.mark.parametrize("level", [10, 20])
def test_a_reply_without_end_costs_neither_memory_nor_time(taken_over: JudgedNode, kind: str, level: int) -> None:
    node = taken_over
    node.write("/root/greeting", kind)
    node.do("postfix", "start")
    node.wait(lambda: node.named("master"), "master runs")
    answer = node.monitor(level, agent="/root/measured", timeout_s=12)
    assert answer.code in (FAILED, DEGRADED, SUCCESS), answer
    assert (answer.code, level) != (SUCCESS, 20), answer
    assert int(node.read("/root/kilobytes")) < MEMORY_KB
    assert answer.seconds < 12, answer
    assert len(answer.reason) < 1000
