"""Files that root reads for others, and files of root's where others were first."""

import contextlib
import json
import os
import signal
from collections.abc import Iterator

import pytest

from tests.attacks.attacker import Attacker
from tests.support.machine.node import CHECKOUT, PYTHON
from tests.support.machine.waiting import wait_for
from tests.support.mail.check_node import PROGRAM, CheckNode
from tests.support.mail.node import ADDRESS, QUEUE

NOTE = "/run/postfix-ha-trial.undo"
MEMORY_KB = 150_000
ENOUGH_S = 15.0
# A program run with its memory and its time measured: its output as it is, then a line with both.
MEASURE = """
import json, resource, subprocess, sys, time
begin = time.monotonic()
try:
    done = subprocess.run(sys.argv[2:], capture_output=True, text=True, timeout=float(sys.argv[1]))
    told = [done.returncode, done.stdout, done.stderr]
except subprocess.TimeoutExpired:
    told = [None, "", "it hangs"]
print(json.dumps([*told, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss, time.monotonic() - begin]))
"""
# What a user can put in the place of a file of his.
PLANTED = {
    "fifo": 'mkfifo "$0"',
    "endless": 'ln -s /dev/zero "$0"',
    "terminal": 'ln -s /dev/tty "$0"',
    "kernel-log": 'ln -s /proc/kmsg "$0"',
    "directory": 'mkdir "$0"',
    "terabyte": 'truncate -s 1T "$0"',
    "loop": 'ln -s "$0" "$0"',
    "socket": 'python3 -c "import socket,sys; socket.socket(socket.AF_UNIX).bind(sys.argv[1])" "$0"',
}
# Holds a lease on a file: whoever opens it waits for fs/lease-break-time (45 s) unless he says that he does not wait.
LEASE = """
import fcntl, os, signal, sys, time
signal.signal(signal.SIGIO, signal.SIG_IGN)
file = os.open(sys.argv[1], os.O_RDWR | os.O_CREAT, 0o644)
fcntl.fcntl(file, fcntl.F_SETLEASE, fcntl.F_WRLCK)
print("ready", flush=True)
time.sleep(600)
"""
# A file system in user space whose server never answers; made by root, as a dead file server is nobody's fault.
SILENT = """
import ctypes, os, sys, time
device = os.open("/dev/fuse", os.O_RDWR)
options = f"fd={device},rootmode=40000,user_id=0,group_id=0,allow_other".encode()
assert ctypes.CDLL(None, use_errno=True).mount(b"silent", sys.argv[1].encode(), b"fuse", 0, options) == 0
print("ready", flush=True)
time.sleep(600)
"""
LIBRARY = str(CHECKOUT / "lib")


@pytest.fixture
def owner(clean_node: CheckNode, request: pytest.FixtureRequest) -> "Iterator[Attacker]":
    """Any local account, on a node to check; what it has laid is gone afterwards."""
    with contextlib.ExitStack() as stack:
        attacker = Attacker(clean_node, stack, getattr(request, "param", "nobody"))
        yield attacker
    clean_node.shell(f"rm -rf {attacker.home}")


@pytest.fixture
def node(clean_node: CheckNode) -> "Iterator[CheckNode]":
    """The node, whose configuration is put back."""
    kept = {path: clean_node.read(path) for path in ("/etc/postfix/main.cf", "/etc/postfix/master.cf")}
    yield clean_node
    for path, text in kept.items():
        clean_node.write(path, text)
        clean_node.age(path)


class Measured:
    """How a command ended: code (None: it hung), what it printed, memory and time."""

    def __init__(self, node: CheckNode, *argv: str, limit_s: float = 40, enough_s: float = ENOUGH_S) -> None:
        done = node.run([PYTHON, "-IS", "-c", MEASURE, str(limit_s), *argv], timeout=limit_s + 20)
        self.code, self.out, self.err, self.kilobytes, self.seconds = json.loads(done.stdout)
        assert self.code is not None, f"{argv} hangs"
        assert self.kilobytes < MEMORY_KB, (argv, self.kilobytes)
        assert self.seconds < enough_s, (argv, self.seconds)
        assert "Traceback" not in self.err, self.err


def put(attacker: Attacker, what: str, name: str) -> str:
    path = f"{attacker.home}/{name}"
    attacker.run(["sh", "-ec", PLANTED[what], path], check=True)
    return path


@pytest.mark.parametrize("what", PLANTED)
def test_facts_of_a_table_that_its_owner_has_replaced(node: CheckNode, owner: Attacker, what: str) -> None:
    path = put(owner, what, "map")
    node.write("/etc/postfix/good", "a b\n")
    node.set(f"transport_maps = texthash:{path}", "virtual_alias_maps = texthash:/etc/postfix/good")
    node.age("/etc/postfix/main.cf")
    done = Measured(node, PROGRAM, "facts", "--json")
    files = {table["table"]: table["files"][0] for table in json.loads(done.out)["tables"]}
    assert files["texthash:/etc/postfix/good"]["digest"]
    assert files[f"texthash:{path}"]["digest"] is None
    assert files[f"texthash:{path}"]["why"]


@pytest.mark.parametrize("what", [what for what in PLANTED if what != "terabyte"])
def test_check_of_a_table_that_its_owner_has_replaced(node: CheckNode, owner: Attacker, what: str) -> None:
    path = put(owner, what, "map")
    node.set(f"transport_maps = texthash:{path}")
    node.age("/etc/postfix/main.cf")
    done = Measured(node, PROGRAM, "check", "--json")
    found = [each for each in json.loads(done.out)["findings"] if path in each["text"]]
    assert [each["id"] for each in found] == ["table_present" if what == "loop" else "table_readable"], found


@pytest.mark.parametrize("parameter", ["cert", "key"])
@pytest.mark.parametrize("what", ["fifo", "endless", "kernel-log", "terabyte"])
@pytest.mark.parametrize("command", ["check", "facts"])
def test_a_certificate_that_its_owner_has_replaced(
    node: CheckNode, owner: Attacker, parameter: str, what: str, command: str
) -> None:
    path = put(owner, what, "pem")
    node.shell("""
        mkdir -p /etc/tls; cd /etc/tls
        openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout a.key -out a.pem \\
            -subj /CN=mail.example.com -days 90 2>/dev/null
        chmod 600 a.key""")
    files = {"cert": "/etc/tls/a.pem", "key": "/etc/tls/a.key", parameter: path}
    node.set("smtpd_tls_security_level = may", *(f"smtpd_tls_{name}_file = {file}" for name, file in files.items()))
    node.age("/etc/postfix/main.cf")
    done = Measured(node, PROGRAM, command, "--json")
    node.shell("rm -r /etc/tls")
    told = json.loads(done.out)
    if command == "facts":
        assert [each["path"] for each in told["certificates"]] == [files["cert"]]
    else:
        assert [each["id"] for each in told["findings"] if path in each["text"]] == ["tls_file_readable"]


@pytest.mark.parametrize("command", ["check", "facts"])
def test_a_lease_on_a_table_holds_nobody(node: CheckNode, owner: Attacker, command: str) -> None:
    path = f"{owner.home}/map"
    owner.hold(LEASE, path)
    node.set(f"transport_maps = texthash:{path}")
    node.age("/etc/postfix/main.cf")
    assert Measured(node, PROGRAM, command, "--json").seconds < ENOUGH_S


@pytest.mark.parametrize("file", ["main.cf", "master.cf"])
@pytest.mark.parametrize("what", ["fifo", "endless", "terabyte", "socket"])
@pytest.mark.parametrize("command", ["check", "facts"])
def test_a_configuration_that_is_no_file(node: CheckNode, owner: Attacker, file: str, what: str, command: str) -> None:
    node.shell(f"cp -r /etc/postfix {owner.home}/conf; rm {owner.home}/conf/{file}; chown -R nobody {owner.home}")
    put(owner, what, f"conf/{file}")
    done = Measured(node, PROGRAM, command, "--json", "--config-dir", f"{owner.home}/conf")
    told = json.loads(done.out)
    if command == "facts":
        assert told["complete"] is False
    else:
        found = [each for each in told["findings"] if each["id"] == "config_files_readable"]
        assert any(f"{owner.home}/conf/{file}" in each["text"] for each in found), told


def test_a_file_system_that_does_not_answer(node: CheckNode) -> None:
    """files_looked_at, and facts that say what they lack."""
    node.shell("mkdir -p /mnt/silent; [ -e /dev/fuse ] || mknod /dev/fuse c 10 229")
    server = node.popen([PYTHON, "-IS", "-c", SILENT, "/mnt/silent"], stdout=-1)
    assert server.stdout.readline() == b"ready\n"
    try:
        node.set("transport_maps = texthash:/mnt/silent/map")
        node.age("/etc/postfix/main.cf")
        checked = json.loads(Measured(node, PROGRAM, "check", "--json", limit_s=60, enough_s=30).out)
        facts = json.loads(Measured(node, PROGRAM, "facts", "--json", limit_s=60, enough_s=30).out)
    finally:
        server.kill()
        server.wait()
        server.stdout.close()
        node.shell("umount -l /mnt/silent; rmdir /mnt/silent")
    assert [each["subject"] for each in checked["findings"] if each["id"] == "files_looked_at"] == ["lookup tables"]
    assert (facts["complete"], facts["tables"]) == (False, [])
    assert "does not answer" in facts["missing"][0]


# Mail


def count(node: CheckNode, mailbox: str = "") -> "dict[str, object]":
    """What a drill's account finds in queue and mailbox."""
    step = {"step": "count", "drill": "aa", "since": 0.0, "queue": QUEUE, "mailbox": mailbox}
    done = Measured(node, PROGRAM, "drill", "--step", json.dumps(step))
    assert done.code == 0, done.err
    return dict(json.loads(done.out))


HEADER = "X-Postfix-HA-Drill: aa {} 1"


@pytest.mark.parametrize("owner", ["postfix"], indirect=True)
@pytest.mark.parametrize("what", [what for what in PLANTED if what != "terabyte"])
def test_a_queue_file_that_is_none(node: CheckNode, owner: Attacker, what: str) -> None:
    put(owner, what, "planted")
    message = f"{QUEUE}/active/A1"
    owner.run(["sh", "-ec", f'mv {owner.home}/planted {QUEUE}/active/A0; echo "$0" >{message}; chmod 700 {message}',
               HEADER.format(7)], check=True)  # fmt: skip
    found = count(node)
    node.shell(f"rm -rf {QUEUE}/active/*")
    assert found["queued"] == [[7, 1]]


@pytest.mark.parametrize("owner", ["postfix"], indirect=True)
def test_a_queue_that_is_deeper_than_any(node: CheckNode, owner: Attacker) -> None:
    dig = "import os, sys\nos.chdir(sys.argv[1])\nfor _ in range(3000):\n    os.mkdir('d')\n    os.chdir('d')"
    owner.python(dig, f"{QUEUE}/active", check=True)
    found = count(node)
    node.shell(f"rm -rf {QUEUE}/active/*")
    assert found["queued"] == []


@pytest.mark.parametrize("what", [what for what in PLANTED if what != "terabyte"])
def test_a_maildir_with_what_is_no_message(node: CheckNode, owner: Attacker, what: str) -> None:
    owner.run(["sh", "-ec", f'cd {owner.home}; mkdir -p m/new m/cur; echo "$0" >m/new/a', HEADER.format(3)], check=True)
    put(owner, what, "m/new/0")
    assert count(node, f"{owner.home}/m")["delivered"] == [[3, 1]]


@pytest.mark.parametrize("what", ["fifo", "endless", "kernel-log", "socket"])
def test_an_mbox_that_is_no_file(node: CheckNode, owner: Attacker, what: str) -> None:
    found = count(node, put(owner, what, "mbox"))
    assert found["delivered"] is None
    assert "neither a maildir nor a file" in str(found["why"])


def test_an_mbox_of_one_line(node: CheckNode, owner: Attacker) -> None:
    path = f"{owner.home}/mbox"
    owner.run(
        ["sh", "-ec", f'(echo "$0"; head -c 600M /dev/zero; echo; echo "$0") >{path}', HEADER.format(4)], check=True
    )
    assert count(node, path)["delivered"] == [[4, 1], [4, 1]]


def test_a_number_of_a_message_that_is_too_long(node: CheckNode, owner: Attacker) -> None:
    path = f"{owner.home}/mbox"
    owner.run(["sh", "-ec", f'printf "X-Postfix-HA-Drill: aa %05000d 1\\n" 7 >{path}'], check=True)
    assert count(node, path)["delivered"] == []


# Reports and notes

LEAVE = f"""
import sys
sys.path.insert(0, {LIBRARY!r})
from postfix_ha.cli.drill.drill_command import check_writable
from postfix_ha.messages.errors import Refused
from postfix_ha.drill.results import write
try:
    check_writable(sys.argv[1])
    write(sys.argv[1], {{}}, ["text"])
except (Refused, OSError) as refused:
    print(refused)
"""


def leave(node: CheckNode, directory: str) -> str:
    """Leave a drill's report there as root; what was said against it."""
    return node.run([PYTHON, "-I", "-c", LEAVE, directory], check=True).stdout


def test_a_report_goes_through_no_link_of_another_user(node: CheckNode, owner: Attacker) -> None:
    node.shell("mkdir -p /root/precious; chmod 1777 /tmp")
    owner.run(["ln", "-s", "/root/precious", "/tmp/report"], check=True)
    said = leave(node, "/tmp/report")
    assert "a link of user" in said
    assert "a link of user" in leave(node, "/tmp/report/below")
    assert os.listdir(node.path("/root/precious")) == []
    node.shell("rm -r /tmp/report /root/precious")


@pytest.mark.parametrize("name", ["drill.json", "drill.txt"])
@pytest.mark.parametrize("trap", ["ln -s", "mkfifo", "ln"])
def test_a_report_replaces_what_has_its_name(node: CheckNode, owner: Attacker, name: str, trap: str) -> None:
    node.shell("install -d -m 1777 /tmp/open; echo precious >/tmp/precious")
    argv = ["sh", "-ec", f"{trap} {'/tmp/precious' if 'ln' in trap else ''} /tmp/open/{name}"]
    node.run(argv if trap == "ln" else owner.command(argv), check=True)
    assert leave(node, "/tmp/open") == ""
    about = os.lstat(node.path(f"/tmp/open/{name}"))
    assert (about.st_mode, about.st_uid) == (0o100600, 0)
    assert node.read("/tmp/precious") == "precious\n"
    assert sorted(os.listdir(node.path("/tmp/open"))) == ["drill.json", "drill.txt"]
    node.shell("rm -r /tmp/open /tmp/precious")


def test_an_administrators_own_link_is_followed(node: CheckNode, owner: Attacker) -> None:
    node.shell(f"install -d -o nobody {owner.home}/own; mkdir -p /root/reports; ln -sfn /root/reports /tmp/mine")
    owner.run(["ln", "-s", f"{owner.home}/own", f"{owner.home}/link"], check=True)
    assert leave(node, "/tmp/mine/n1") == leave(node, f"{owner.home}/link") == ""
    assert node.exists("/root/reports/n1/drill.json")
    assert node.exists(f"{owner.home}/own/drill.txt")
    node.shell("rm -r /root/reports /tmp/mine")


def trial(node: CheckNode) -> "list[str]":
    return [PROGRAM, "check", "--trial"]


@pytest.mark.parametrize("name", [NOTE, NOTE + ".new"])
@pytest.mark.parametrize("trap", ["ln -s /root/precious", "mkfifo", "ln -s /etc/cron.d/mine"])
def test_the_note_of_a_trial_goes_through_no_link(node: CheckNode, name: str, trap: str) -> None:
    """Where /run is open to others, as in some containers; the traps are laid by root for want of that."""
    node.write("/root/precious", "precious\n")
    node.shell(f"{trap} {name}; chown -h nobody {name}")
    done = Measured(node, *trial(node), limit_s=60)
    node.shell(f"rm -f {name}")
    assert "trial: passed" in done.out, done.out
    assert node.read("/root/precious") == "precious\n"
    assert not node.exists("/etc/cron.d/mine")
    node.shell("rm /root/precious")


def test_nobody_is_told_to_run_a_note_of_another_user(node: CheckNode) -> None:
    node.shell(f"echo 'touch /root/owned' >{NOTE}; chown nobody {NOTE}")
    found = node.check().named("trial_undone")
    node.shell(f"rm {NOTE}")
    assert found == []


def cut_short(node: CheckNode) -> None:
    """A trial that is killed while Postfix runs."""
    running = node.popen([*trial(node)], stdout=-1)
    with running.stdout:
        for line in running.stdout:
            if b"monitor it" in line:
                break
        assert node.exists(NOTE)
        for process in node.pids():
            if PROGRAM in process.argv:
                node.signal(process, signal.SIGKILL)
        running.wait()
    assert os.lstat(node.path(NOTE)).st_mode == 0o100600


def undone(node: CheckNode) -> None:
    """The note is followed, and all of it was undone."""
    done = node.run(["sh", NOTE], timeout=30)
    assert done.returncode == 0, done.stderr
    wait_for(lambda: not node.daemons(), 10, "Postfix has ended")
    assert not node.exists(NOTE)
    assert ADDRESS in node.shell("ip address")


def test_a_process_that_is_called_like_an_action_does_not_hold_the_undoing(node: CheckNode, owner: Attacker) -> None:
    owner.hold("print('ready', flush=True); import time; time.sleep(600)",
               "postfix_ha.agent import run; run() ")  # fmt: skip
    cut_short(node)
    undone(node)


@pytest.mark.parametrize("owner", ["postfix"], indirect=True)
def test_names_in_the_data_directory_are_no_patterns_for_the_undoing(node: CheckNode, owner: Attacker) -> None:
    data = "/var/lib/postfix"
    owner.run(["sh", "-ec", f"cd {data}; touch '*' '[a]' 'b\\c' -- -name"], check=True)
    before = set(os.listdir(node.path(data)))
    cut_short(node)
    assert set(os.listdir(node.path(data))) > before
    undone(node)
    assert set(os.listdir(node.path(data))) == before
    node.shell(f"cd {data}; rm -- '*' '[a]' 'b\\c' -name")
