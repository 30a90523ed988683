"""Every message of the agent, provoked on a real node, and cured by the remedy that it names.

A provocation is a generator: it brings a node into the state, yields the agent's answer, and then applies the remedy.
The functional model (LifeKeeper Postfix Recovery Kit) numbers its messages; each has one row of the catalogue.
"""

import contextlib
import ctypes
import fcntl
import os
import re
import signal
import socket
import threading
from collections.abc import Iterator
from typing import Callable

import pytest

from postfix_ha.checks.catalogue import CATALOGUE, ROWS, Row
from tests.node.judged import (
    CONFIG,
    DEGRADED,
    FAILED,
    MAIN,
    MASTER,
    NO_PERMISSION,
    NOT_CONFIGURED,
    NOT_INSTALLED,
    NOT_RUNNING,
    SNAPSHOT,
    SUCCESS,
    JudgedNode,
)
from tests.support.mailnode import ADDRESS, DAEMON_DIRECTORY, MAIN_CF, QUEUE, Answer
from tests.support.node import AGENT, CHECKOUT

MODEL_MESSAGES = 21
PID_FILE = QUEUE + "/pid/master.pid"
PREPARATION = "/usr/lib/postfix/configure-instance.sh"
SECOND_CONFIG, SECOND_QUEUE, SECOND_DATA = "/etc/postfix2", "/mnt/queue2/postfix", "/var/lib/postfix2"
SYS_PIDFD_GETFD = 438

Provocation = Callable[[JudgedNode], "Iterator[Answer]"]


class Case:
    """A provocation, the check that it is for, the code that the agent must give, and words of its message.

    ``is_logged`` says that the message is a note in the cluster's log; ``disk_mb`` asks for a real file system.
    """

    def __init__(self, check: str, code: int, words: "tuple[str, ...]", is_logged: bool, disk_mb: "int | None") -> None:
        self.check = check
        self.code = code
        self.words = words
        self.is_logged = is_logged
        self.disk_mb = disk_mb
        self.provoke: Provocation


CASES: "list[Case]" = []


def provokes(
    check: str, code: int, *words: str, is_logged: bool = False, disk_mb: "int | None" = None
) -> "Callable[[Provocation], Provocation]":
    """Enter a provocation into the table."""

    def enter(provoke: Provocation) -> Provocation:
        case = Case(check, code, words, is_logged, disk_mb)
        case.provoke = provoke
        CASES.append(case)
        return provoke

    return enter


def message_pattern(row: Row) -> "re.Pattern[str]":
    """What a message of this row looks like, whatever its values."""
    parts = re.split(r"\{[a-z_]+(?::[^}]*)?\}", f"{row.sentence}; {row.remedy}")
    return re.compile("(.+)".join(re.escape(part) for part in parts))


# The cluster's own parameters.


@provokes("config_dir_given", NOT_CONFIGURED, "etc/postfix")
def config_dir_is_relative(node: JudgedNode) -> "Iterator[Answer]":
    yield node.agent("start", params={"config_dir": "etc/postfix"})


@provokes("config_dir_given", NOT_CONFIGURED, "/etc/post?fix")
def config_dir_is_unprintable(node: JudgedNode) -> "Iterator[Answer]":
    yield node.agent("validate-all", level=0, params={"config_dir": "/etc/post\x07fix"})


@provokes("config_dir_absolute", NOT_INSTALLED, "'postfix'")
def config_dir_is_a_bare_name(node: JudgedNode) -> "Iterator[Answer]":
    yield node.agent("start", params={"config_dir": "postfix"})


@provokes("config_dir_given_once", NOT_CONFIGURED, "/etc/postfix2", "/etc/postfix3")
def config_dir_is_given_twice(node: JudgedNode) -> "Iterator[Answer]":
    yield node.agent("start", params={"config_dir": "/etc/postfix2", "parameters": "-c /etc/postfix3"})


@provokes("binary_dir_given", NOT_CONFIGURED, "sbin/postfix")
def binary_is_relative(node: JudgedNode) -> "Iterator[Answer]":
    yield node.agent("start", params={"binary": "sbin/postfix"})


@provokes("parameters_valid", NOT_CONFIGURED, "; reboot")
def parameters_hold_a_command(node: JudgedNode) -> "Iterator[Answer]":
    yield node.agent("start", params={"parameters": "'; reboot'"})


@provokes("greeting_timeout_valid", NOT_CONFIGURED, "soon", "600")
def greeting_timeout_is_a_word(node: JudgedNode) -> "Iterator[Answer]":
    yield node.agent("start", params={"greeting_timeout": "soon"})


# The setup of the node.


@provokes("postfix_command_valid", NOT_INSTALLED, "/usr/sbin/postfix", "no such file")
def postfix_is_missing(node: JudgedNode) -> "Iterator[Answer]":
    node.do("mv", "/usr/sbin/postfix", "/usr/sbin/postfix.away")
    yield node.agent("start")
    node.do("mv", "/usr/sbin/postfix.away", "/usr/sbin/postfix")


@provokes("postfix_command_valid", NOT_INSTALLED, "/opt/postfix", "it is not a file")
def binary_is_a_directory(node: JudgedNode) -> "Iterator[Answer]":
    node.do("mkdir", "-p", "/opt/postfix")
    yield node.agent("start", params={"binary": "/opt/postfix"})


@provokes("commands_executable", NOT_INSTALLED, "/usr/sbin/postconf", "lacks execute permission")
def postconf_is_not_executable(node: JudgedNode) -> "Iterator[Answer]":
    node.do("chmod", "644", "/usr/sbin/postconf")
    yield node.agent("start")
    node.do("chmod", "755", "/usr/sbin/postconf")


@provokes("commands_executable", NOT_INSTALLED, DAEMON_DIRECTORY + "master", "no such file")
def master_is_missing(node: JudgedNode) -> "Iterator[Answer]":
    node.do("mv", DAEMON_DIRECTORY + "master", DAEMON_DIRECTORY + "away")
    yield node.agent("start")
    node.do("mv", DAEMON_DIRECTORY + "away", DAEMON_DIRECTORY + "master")


@provokes("main_cf_present", NOT_INSTALLED, "/etc/postfix")
def main_cf_is_missing(node: JudgedNode) -> "Iterator[Answer]":
    node.do("mv", MAIN, MAIN + ".away")
    yield node.agent("start")
    node.do("mv", MAIN + ".away", MAIN)


@provokes("master_cf_present", NOT_INSTALLED, "/etc/postfix")
def master_cf_is_missing(node: JudgedNode) -> "Iterator[Answer]":
    node.do("mv", MASTER, MASTER + ".away")
    yield node.agent("start")
    node.do("mv", MASTER + ".away", MASTER)


@provokes("config_files_readable", NOT_INSTALLED, "/etc/postfix/main.cf, line ", "no equals sign")
def main_cf_is_broken(node: JudgedNode) -> "Iterator[Answer]":
    node.configure("this line has no equals sign")
    yield node.agent("start")
    node.change(MAIN, "^this line.*\n", "")
    node.age(MAIN)


@provokes("config_files_readable", NOT_INSTALLED, "/etc/postfix/master.cf", "irectory")
def master_cf_is_a_directory(node: JudgedNode) -> "Iterator[Answer]":
    node.do("mv", MASTER, MASTER + ".away")
    node.do("mkdir", MASTER)
    yield node.agent("start")
    node.do("rmdir", MASTER)
    node.do("mv", MASTER + ".away", MASTER)


@provokes("inet_interfaces_usable", NOT_INSTALLED, "/etc/postfix/main.cf, line ", "nowhere.example.com")
def a_name_does_not_resolve(node: JudgedNode) -> "Iterator[Answer]":
    node.configure("inet_interfaces = nowhere.example.com")
    yield node.agent("start")
    node.configure("inet_interfaces = all")


@provokes("inet_interfaces_usable", NOT_INSTALLED, "/etc/postfix/master.cf", "smtpd")
def no_service_greets_clients(node: JudgedNode) -> "Iterator[Answer]":
    node.change(MASTER, r"^smtp +inet", "#smtp inet")
    yield node.agent("start")
    node.change(MASTER, r"^#smtp inet", "smtp inet")


@provokes("configuration_read_in_time", FAILED, "/etc/postfix/main.cf, line ", "no answer from the name service")
def a_name_service_is_silent(node: JudgedNode) -> "Iterator[Answer]":
    """A port that is bound and never answers; the next try may find a name service that does."""
    node.write("/etc/resolv.conf", "nameserver 127.0.0.53\noptions timeout:30 attempts:3\n")
    node.write("/etc/nsswitch.conf", "hosts: files dns\n")
    with node.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.53", 53))
        node.configure("inet_interfaces = slow.example.com")
        yield node.agent("start", timeout_s=8)
    node.configure("inet_interfaces = all")


@provokes("address_on_node", FAILED, ADDRESS)
def address_is_missing(node: JudgedNode) -> "Iterator[Answer]":
    node.do("ip", "address", "del", f"{ADDRESS}/24", "dev", "eth0")
    yield node.agent("start")
    node.do("ip", "address", "add", f"{ADDRESS}/24", "dev", "eth0")


@provokes("queue_directory_shared", NOT_INSTALLED, QUEUE, "no such directory")
def queue_is_not_mounted(node: JudgedNode) -> "Iterator[Answer]":
    node.do("mkdir", "/mnt/elsewhere")
    node.do("mount", "--move", "/mnt/queue", "/mnt/elsewhere")
    yield node.agent("start")
    node.do("mount", "--move", "/mnt/elsewhere", "/mnt/queue")


@provokes("queue_directory_writable", FAILED, QUEUE, "read-only", disk_mb=64)
def queue_is_mounted_read_only(node: JudgedNode) -> "Iterator[Answer]":
    assert node.queue.remount("ro").returncode == 0
    yield node.agent("start")
    assert node.queue.remount("rw").returncode == 0


@provokes("mail_owner_exists", NOT_INSTALLED, "'postfix'")
def mail_owner_is_missing(node: JudgedNode) -> "Iterator[Answer]":
    node.change("/etc/passwd", "^postfix:", "other:")
    yield node.agent("start")
    node.change("/etc/passwd", "^other:", "postfix:")


@provokes("setgid_group_exists", NOT_INSTALLED, "'postdrop'")
def setgid_group_is_missing(node: JudgedNode) -> "Iterator[Answer]":
    node.change("/etc/group", "^postdrop:", "other:")
    yield node.agent("start")
    node.change("/etc/group", "^other:", "postdrop:")


@provokes("queue_group_matches", NO_PERMISSION, QUEUE + "/maildrop", "4242", "postdrop")
def queue_has_another_group(node: JudgedNode) -> "Iterator[Answer]":
    node.do("chgrp", "4242", QUEUE + "/maildrop")
    yield node.agent("start")
    node.do("postfix", "set-permissions")


@provokes("queue_owner_matches", NO_PERMISSION, QUEUE + "/deferred", "4242", "postfix")
def queue_has_another_owner(node: JudgedNode) -> "Iterator[Answer]":
    node.do("chown", "-R", "4242", QUEUE + "/deferred")
    yield node.agent("start")
    node.do("chown", "-R", "postfix", QUEUE + "/deferred")


@provokes("data_directory_present", NOT_INSTALLED, "/srv/none/postfix")
def data_directory_has_no_place(node: JudgedNode) -> "Iterator[Answer]":
    node.configure("data_directory = /srv/none/postfix")
    yield node.agent("start")
    node.do("install", "-d", "-o", "postfix", "/srv/none/postfix")


@provokes("data_directory_owned", NO_PERMISSION, "/var/lib/postfix", "4242")
def data_directory_has_another_owner(node: JudgedNode) -> "Iterator[Answer]":
    node.do("chown", "-R", "4242", "/var/lib/postfix")
    yield node.agent("start")
    node.do("chown", "-R", "postfix", "/var/lib/postfix")


def start_second(node: JudgedNode, queue_directory: str, data_directory: str) -> None:
    """Start a second instance by hand, on a loopback port of its own."""
    settings = (
        f"queue_directory = {queue_directory}\ndata_directory = {data_directory}\nmaillog_file = /var/log/2.log\n"
    )
    node.copy_config(SECOND_CONFIG, MAIN_CF + "inet_interfaces = 127.0.0.1\n" + settings)
    node.change(f"{SECOND_CONFIG}/master.cf", "^smtp +inet", "2525 inet")
    node.do("mkdir", "-p", SECOND_QUEUE)
    node.do("postfix", "-c", SECOND_CONFIG, "start")
    node.wait(lambda: node.greeting("127.0.0.1", 2525), "the second instance greets")


@provokes("data_directory_own", FAILED, SECOND_DATA, SECOND_CONFIG)
def data_directory_is_in_use(node: JudgedNode) -> "Iterator[Answer]":
    start_second(node, SECOND_QUEUE, SECOND_DATA)
    node.configure(f"data_directory = {SECOND_DATA}")
    yield node.agent("start")
    node.configure("data_directory = /var/lib/postfix")


@provokes("queue_directory_own", FAILED, QUEUE, SECOND_CONFIG)
def queue_directory_is_in_use(node: JudgedNode) -> "Iterator[Answer]":
    start_second(node, QUEUE, SECOND_DATA)
    yield node.agent("start")
    node.do("postfix", "-c", SECOND_CONFIG, "stop")


@provokes("setgid_commands_kept", SUCCESS, QUEUE + "/maildrop", "0755", is_logged=True)
def maildrop_lost_its_mode(node: JudgedNode) -> "Iterator[Answer]":
    node.do("chmod", "755", QUEUE + "/maildrop")
    yield node.agent("start")
    node.do("postfix", "set-permissions")


@provokes("distribution_prepared", SUCCESS, PREPARATION, "no jail today", is_logged=True)
def preparation_fails(node: JudgedNode) -> "Iterator[Answer]":
    node.do("mv", PREPARATION, PREPARATION + ".away")
    node.write(PREPARATION, "#!/bin/sh\necho 'no jail today' >&2\nexit 1\n", 0o755)
    yield node.agent("start")
    node.do("mv", PREPARATION + ".away", PREPARATION)


@provokes("endpoint_free", FAILED, f"{ADDRESS}:25", "python3")
def port_is_taken(node: JudgedNode) -> "Iterator[Answer]":
    server = f"import socket; s = socket.create_server(('{ADDRESS}', 25)); s.accept()"
    with contextlib.ExitStack() as stack:
        node.background(stack, ["/usr/bin/python3", "-c", server])
        node.wait(lambda: node.run(["ss", "-Hltn", "sport = :25"]).stdout, "the stranger listens")
        yield node.agent("start")


@provokes("postfix_check_passes", NOT_INSTALLED, "default_privs", "nosuchuser")
def postfix_check_fails(node: JudgedNode) -> "Iterator[Answer]":
    node.configure("default_privs = nosuchuser")
    answer = node.agent("start")
    assert node.agent("validate-all").reason == answer.reason
    yield answer
    node.configure("default_privs = nobody")


@provokes("run_by_root", NO_PERMISSION, "start", "65534")
def start_by_a_user(node: JudgedNode) -> "Iterator[Answer]":
    wrapper = "/usr/local/bin/as-nobody"
    user = "setpriv --reuid=nobody --regid=nogroup --clear-groups"
    node.write(wrapper, f'#!/bin/sh\nexec {user} {AGENT} "$@"\n', 0o755)
    yield node.agent("start", agent=wrapper)


# The health of a running instance.


@provokes("master_running", NOT_RUNNING, CONFIG)
def master_was_killed(node: JudgedNode) -> "Iterator[Answer]":
    node.started()
    node.end(node.master())
    node.end(*node.daemons())
    yield node.monitor()


@provokes("master_left_no_orphans", FAILED, CONFIG, "qmgr[")
def master_left_an_orphan(node: JudgedNode) -> "Iterator[Answer]":
    node.started()
    node.signal(node.daemon("qmgr"), signal.SIGSTOP)
    node.end(node.master())
    yield node.monitor()
    node.stopped_only()


@provokes("master_not_stopped", FAILED, "state T")
def master_is_frozen(node: JudgedNode) -> "Iterator[Answer]":
    node.started()
    node.signal(node.master(), signal.SIGSTOP)
    answer = node.monitor()
    assert f"process {node.master().pid} " in answer.reason
    yield answer
    node.do("kill", "-CONT", str(node.master().pid))


@provokes("master_holds_lock", FAILED, "pid/master.pid", "master.lock")
def locks_are_lost(node: JudgedNode) -> "Iterator[Answer]":
    node.started()
    release_locks(node.master().outside)
    yield node.monitor()
    node.stopped_only()


def release_locks(pid: int) -> None:
    """Take a master's locks away, as a failing lock service does: through a copy of its own descriptors."""
    libc = ctypes.CDLL(None, use_errno=True)
    process = os.pidfd_open(pid)
    for name in os.listdir(f"/proc/{pid}/fd"):
        if os.readlink(f"/proc/{pid}/fd/{name}").endswith(("/master.pid", "/master.lock")):
            copy = libc.syscall(SYS_PIDFD_GETFD, process, int(name), 0)
            assert copy >= 0, os.strerror(ctypes.get_errno())
            fcntl.flock(copy, fcntl.LOCK_UN)
            os.close(copy)
    os.close(process)


@provokes("pidfile_current", SUCCESS, PID_FILE, is_logged=True)
def pid_file_is_lost(node: JudgedNode) -> "Iterator[Answer]":
    node.started()
    node.do("rm", PID_FILE)
    yield node.monitor()
    node.stopped_only()


@provokes("endpoint_listening", FAILED, f"{ADDRESS}:25")
def master_stopped_listening(node: JudgedNode) -> "Iterator[Answer]":
    node.started()
    node.change(MASTER, "^smtp +inet", "#smtp inet")
    node.do("postfix", "reload")
    node.wait(lambda: not node.run(["ss", "-Hltn", "sport = :25"]).stdout, "master has closed port 25")
    node.change(MASTER, "^#smtp inet", "smtp inet")
    yield node.monitor()
    node.stopped_only()


@provokes("address_kept", FAILED, ADDRESS)
def address_was_lost(node: JudgedNode) -> "Iterator[Answer]":
    node.started()
    node.do("ip", "address", "del", f"{ADDRESS}/24", "dev", "eth0")
    yield node.monitor()
    node.do("ip", "address", "add", f"{ADDRESS}/24", "dev", "eth0")


@provokes("endpoint_answers", FAILED, f"{ADDRESS}:25", "within 1 s")
def nobody_greets(node: JudgedNode) -> "Iterator[Answer]":
    node.started()
    for process in node.named("smtpd"):
        node.signal(process, signal.SIGSTOP)
    yield node.monitor(10, params={"greeting_timeout": "1"})
    node.stopped_only()


@provokes("endpoint_not_busy", DEGRADED, f"{ADDRESS}:25", "all 1 processes")
def all_servers_are_taken(node: JudgedNode) -> "Iterator[Answer]":
    node.configure("default_process_limit = 1")
    node.started()
    node.tolerated = {"lost connection"}  # whoever waited in vain has gone when a server is free for him
    with node.client():
        yield node.monitor(10, params={"greeting_timeout": "1"})
    node.change(MAIN, "^default_process_limit = 1$", "default_process_limit = 10")
    node.do("postfix", "reload")


@provokes("transaction_accepted", DEGRADED, "MAIL with '451 ")
def a_milter_is_gone(node: JudgedNode) -> "Iterator[Answer]":
    node.configure("smtpd_milters = inet:127.0.0.1:8891")
    node.started()
    yield node.monitor(20)
    node.change(MAIN, "^smtpd_milters.*\n", "")
    node.do("postfix", "reload")


@provokes("queue_writable", FAILED, QUEUE, "Read-only", disk_mb=64)
def queue_went_read_only(node: JudgedNode) -> "Iterator[Answer]":
    node.started()
    node.queue.fail_read_only()
    node.wait(lambda: node.run(["touch", "/mnt/queue/x"]).returncode, "the queue is read-only")
    yield node.monitor(20)
    node.stopped_only()
    # What the Filesystem resource does when it fails over.
    node.do("umount", "/mnt/queue")
    node.queue = node.mount_tmpfs()
    node.do("mkdir", QUEUE)


@provokes("queue_has_room", DEGRADED, QUEUE, " MB left")
def queue_is_nearly_full(node: JudgedNode) -> "Iterator[Answer]":
    node.started()
    descriptor = node.open("/mnt/queue/filler", os.O_WRONLY | os.O_CREAT)
    found = os.fstatvfs(descriptor)
    os.posix_fallocate(descriptor, 0, found.f_bavail * found.f_frsize - (3 << 20))
    os.close(descriptor)
    yield node.monitor(20)
    node.do("rm", "/mnt/queue/filler")


@provokes("queue_service_alive", FAILED, "qmgr of /etc/postfix is frozen")
def qmgr_is_frozen(node: JudgedNode) -> "Iterator[Answer]":
    node.started()
    node.signal(node.daemon("qmgr"), signal.SIGSTOP)
    yield node.monitor(20)
    node.stopped_only()


@provokes("queue_service_answers", DEGRADED, "pickup of /etc/postfix")
def pickup_does_not_answer(node: JudgedNode) -> "Iterator[Answer]":
    """It lives and waits for its disk for ever; here a program that sleeps takes its place."""
    node.write(DAEMON_DIRECTORY + "sleepy", "#!/bin/sh\nwhile :; do sleep 1000; done\n", 0o755)
    node.change(MASTER, "^(pickup .*)pickup$", r"\1sleepy")
    node.run(["postfix", "start"], check=True)
    node.wait(node.greeting, "a greeting")
    yield node.monitor(20, timeout_s=5)
    node.change(MASTER, "^(pickup .*)sleepy$", r"\1pickup")
    node.stopped_only()


@provokes("configuration_in_use", SUCCESS, CONFIG, "reload", is_logged=True)
def configuration_was_edited(node: JudgedNode) -> "Iterator[Answer]":
    node.started()
    node.append(MAIN, "message_size_limit = 5000000\n")
    yield node.monitor()
    assert node.agent("reload").code == SUCCESS


@provokes("check_ended", FAILED, "monitor", "within 3 s", f"writing a test file in {QUEUE}", disk_mb=64)
def storage_hangs(node: JudgedNode) -> "Iterator[Answer]":
    node.started()
    with frozen(node):
        answer = node.monitor(20, timeout_s=3)
        assert node.monitor(timeout_s=3).code == SUCCESS, "level 0 needs no storage"
    yield answer


@contextlib.contextmanager
def frozen(node: JudgedNode) -> "Iterator[None]":
    """Hold up whoever writes to the queue's file system, in a way that no signal ends."""
    node.do("fsfreeze", "-f", "/mnt/queue")
    try:
        yield
    finally:
        node.do("fsfreeze", "-u", "/mnt/queue")


# What an action did.


@provokes("start_completed", FAILED, "no greeting from", "fatal: Invalid TLS level")
def nobody_is_greeted_after_a_start(node: JudgedNode) -> "Iterator[Answer]":
    node.configure("smtpd_tls_security_level = perhaps")
    answer = node.agent("start", params={"greeting_timeout": "2"})
    assert node.daemons() == []
    assert not node.exists(PID_FILE)
    assert not node.exists(SNAPSHOT)
    yield answer
    node.change(MAIN, "^smtpd_tls_security_level = .*\n", "")
    node.age(MAIN)


@provokes("stop_completed", FAILED, CONFIG, "cleanup[", "(state D)", disk_mb=64)
def a_process_hangs_in_the_kernel(node: JudgedNode) -> "Iterator[Answer]":
    node.started()
    node.tolerated = {"lost connection"}
    with contextlib.ExitStack() as stack:
        client = stack.enter_context(node.client())
        stack.enter_context(frozen(node))
        client.write(b"HELO client\r\nMAIL FROM:<>\r\nRCPT TO:<root@localhost>\r\n")
        client.flush()
        node.tolerated.add("improper command pipelining")
        node.wait(lambda: [p for p in node.named("cleanup") if p.state == "D"], "cleanup waits for the disk")
        answer = node.agent("stop", timeout_s=5)
        assert "cleanup" in [process.name for process in node.daemons()]
    yield answer
    node.stopped_only()


@provokes("reload_completed", FAILED, "main.cf, line ")
def reload_meets_a_broken_main_cf(node: JudgedNode) -> "Iterator[Answer]":
    node.started()
    node.append(MAIN, "this line has no equals sign\n")
    yield node.agent("reload")
    node.change(MAIN, "^this line.*\n", "")
    assert node.agent("reload").code == SUCCESS


@provokes("leftovers_ended", SUCCESS, CONFIG, "qmgr[", is_logged=True)
def start_meets_an_orphan(node: JudgedNode) -> "Iterator[Answer]":
    node.started()
    node.signal(node.daemon("qmgr"), signal.SIGSTOP)
    node.end(node.master())
    yield node.agent("start")


@provokes("snapshot_written", SUCCESS, SNAPSHOT, is_logged=True)
def snapshot_has_no_place(node: JudgedNode) -> "Iterator[Answer]":
    node.do("mkdir", "-p", SNAPSHOT + "/x")
    yield node.agent("start")
    assert node.monitor().code == SUCCESS
    node.do("rm", "-r", SNAPSHOT)


@provokes("program_sound", FAILED, "monitor", "signal 9")
def our_own_process_is_killed(node: JudgedNode) -> "Iterator[Answer]":
    node.started()
    for process in node.named("smtpd"):
        node.signal(process, signal.SIGSTOP)
    answers: "list[Answer]" = []
    asking = threading.Thread(target=lambda: answers.append(node.monitor(10)))
    asking.start()
    worker = node.wait(lambda: [p for p in node.pids() if AGENT in p.argv][1:], "the agent has a worker")[0]
    node.signal(worker, signal.SIGKILL)
    asking.join(20)
    assert answers, "the agent answers for its worker"
    node.tolerated = {"lost connection"}
    yield answers[0]
    node.stopped_only()


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.check}-{case.provoke.__name__}")
def test_message_is_given_and_its_remedy_cures(case: Case) -> None:
    with JudgedNode(disk_mb=case.disk_mb) as node:
        provocation = case.provoke(node)
        logged = len(node.cluster_log().splitlines())
        answer = next(provocation)
        assert answer.code == case.code, answer
        said = answer.reason if not case.is_logged else logged_message(node, logged, case.check)
        assert message_pattern(CATALOGUE[case.check]).fullmatch(said), (answer, node.cluster_log())
        assert [word for word in case.words if word not in said] == [], said
        others = [row.check for row in ROWS if row.check != case.check and message_pattern(row).fullmatch(said)]
        assert others == []
        next(provocation, None)  # the remedy
        assert node.agent("start").code == SUCCESS
        logged = len(node.cluster_log().splitlines())
        for level in (0, 10, 20):
            assert node.monitor(level).code == SUCCESS
        assert logged_message(node, logged, case.check) == "", "the message is given no more"


def logged_message(node: JudgedNode, since: int, check: str) -> str:
    """The message of this check in the cluster's log, "" for none."""
    pattern = message_pattern(CATALOGUE[check])
    messages = [line.partition("WARNING: ")[2] for line in node.cluster_log().splitlines()[since:]]
    return next((message for message in messages if pattern.fullmatch(message)), "")


@pytest.mark.parametrize("module", ["checks/catalogue.py", "report.py"])
def test_a_damaged_library_gives_one_line_and_no_false_stop(module: str) -> None:
    """What only puts answers into words is broken; stop must still end everything, and a failure is one line."""
    library = "/usr/share/postfix-ha/lib/postfix_ha"
    agent = "/usr/lib/ocf/resource.d/mail/postfix_ha_copy"
    with JudgedNode() as node:
        node.do("mkdir", "-p", library)
        node.do("cp", "-a", f"{CHECKOUT}/lib/postfix_ha/.", library)
        node.do("cp", f"{CHECKOUT}/agents/postfix_ha", agent)
        node.started()
        node.write(f"{library}/{module}", "this is no Python\n")
        assert node.monitor(agent=agent).code == SUCCESS
        node.do("ip", "address", "del", f"{ADDRESS}/24", "dev", "eth0")
        answer = node.monitor(agent=agent)
        assert answer.code == FAILED
        assert "SyntaxError" in answer.reason
        assert node.agent("stop", agent=agent).code == SUCCESS
        assert node.daemons() == []
        node.unmounts()


# The table.


def test_each_row_is_provoked_with_its_own_code() -> None:
    wanted = {row.check: row.code for row in ROWS if row.scope in ("parameter", "node", "health", "operation")}
    assert {case.check: case.code for case in CASES} == wanted
    assert {(case.check, case.code) for case in CASES} == set(wanted.items())


def test_each_message_of_the_model_has_one_row() -> None:
    assert sorted(row.model for row in ROWS if row.model) == list(range(1, MODEL_MESSAGES + 1))
    assert len({row.check for row in ROWS}) == len(ROWS)
