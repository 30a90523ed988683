"""Provocations of what befalls a running instance, and of what an action did."""

import contextlib
import ctypes
import fcntl
import os
import signal
import threading
from collections.abc import Iterator

from tests.node.innocents import USER
from tests.node.judged import (
    CONFIG,
    DEGRADED,
    FAILED,
    MAIN,
    MASTER,
    NOT_RUNNING,
    SNAPSHOT,
    SUCCESS,
    JudgedNode,
)
from tests.node.messages import provokes
from tests.support.machine.node import AGENT, PYTHON
from tests.support.mail.node import ADDRESS, DAEMON_DIRECTORY, QUEUE, Answer

PID_FILE = QUEUE + "/pid/master.pid"
SPOOL = "/mnt/queue/spool"
PREPARATION = "/usr/lib/postfix/configure-instance.sh"
SECOND_CONFIG, SECOND_QUEUE, SECOND_DATA = "/etc/postfix2", "/mnt/queue2/postfix", "/var/lib/postfix2"
SYS_PIDFD_GETFD = 438


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


@provokes("endpoint_welcomes", DEGRADED, f"{ADDRESS}:25", "greets with '421 ", " of 10 processes run")
def too_many_of_one_client(node: JudgedNode) -> "Iterator[Answer]":
    """One of many causes of 421 that has nothing to do with the number of processes (Postfix 3.10: a milter too)."""
    node.configure(
        "default_process_limit = 10\nsmtpd_client_connection_count_limit = 1\nsmtpd_client_event_limit_exceptions ="
    )
    node.started()
    with node.client():
        yield node.monitor(10)
    node.change(MAIN, "^smtpd_client.*\n", "")
    node.do("postfix", "reload")


@provokes("transaction_accepted", DEGRADED, "MAIL with '450 ")
def everybody_is_told_to_come_again(node: JudgedNode) -> "Iterator[Answer]":
    node.configure("smtpd_delay_reject = no\nsmtpd_sender_restrictions = defer")
    node.started()
    yield node.monitor(20)
    node.change(MAIN, "^smtpd_delay_reject.*\nsmtpd_sender.*\n", "")
    node.do("postfix", "reload")


@provokes("mail_taken", FAILED, CONFIG, "nosuch:/etc/x", "no tables of type nosuch")
def cleanup_needs_a_table_that_is_not_built_in(node: JudgedNode) -> "Iterator[Answer]":
    node.configure("header_checks = nosuch:/etc/x")
    node.started()
    yield node.monitor(20)
    node.change(MAIN, "^header_checks.*\n", "")
    node.do("postfix", "reload")


@provokes("mail_taken_on_restart", DEGRADED, CONFIG)
def cleanup_lacks_a_table_and_main_cf_is_broken(node: JudgedNode) -> "Iterator[Answer]":
    node.configure("header_checks = nosuch:/etc/x\nsmtpd_delay_reject = no\nsmtpd_sender_restrictions = reject")
    node.started()
    with node.client() as client:  # leaves processes that have read it as it was
        client.write(b"EHLO client\r\n")
        client.flush()
        client.readline()
        assert node.monitor(20).code == FAILED
    node.append(MAIN, "this line has no equals sign\n")
    yield node.monitor(20, timeout_s=10)
    node.change(MAIN, "^(header_checks|smtpd_delay_reject|smtpd_sender|this line).*\n", "")
    node.do("postfix", "reload")


@provokes("tables_answer", DEGRADED, CONFIG, "socketmap:inet:127.0.0.1:9:x")
def server_of_a_table_is_away(node: JudgedNode) -> "Iterator[Answer]":
    node.configure("virtual_alias_maps = socketmap:inet:127.0.0.1:9:x")
    node.started()
    yield node.monitor(20)
    node.change(MAIN, "^virtual_alias_maps.*\n", "")
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
    node.make_queue()


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
        # One after the other: Postfix 3.9 and later turn away who does not wait for its answers.
        for command in (b"HELO client", b"MAIL FROM:<>", b"RCPT TO:<root@localhost>"):
            client.write(command + b"\r\n")
            client.flush()
            if not command.startswith(b"RCPT"):
                assert client.readline().startswith(b"250 ")
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


@provokes("reload_survived", FAILED, CONFIG, "see the mail log")
def reload_meets_a_service_of_its_own_address_that_is_away(node: JudgedNode) -> "Iterator[Answer]":
    node.started()
    node.append(MASTER, "203.0.113.5:7777 inet n - n - - spawn\n")
    yield node.agent("reload")
    assert node.probe().code == NOT_RUNNING
    node.change(MASTER, "^203.*\n", "")
    node.started_again()
    node.stopped_only()


@provokes("queue_files_set_aside", SUCCESS, QUEUE, "active/A", is_logged=True)
def start_meets_what_no_daemon_leaves_in_the_queue(node: JudgedNode) -> "Iterator[Answer]":
    node.do("setpriv", "--reuid=postfix", "--clear-groups", "touch", f"{QUEUE}/active/A")
    yield node.agent("start")
    node.stopped_only()


@provokes("queue_files_known", SUCCESS, QUEUE, "active/A", "the next start", is_logged=True)
def validation_meets_what_no_daemon_leaves_in_the_queue(node: JudgedNode) -> "Iterator[Answer]":
    node.do("setpriv", "--reuid=postfix", "--clear-groups", "touch", f"{QUEUE}/active/A")
    yield node.agent("validate-all", level=10)
    assert node.named("master") == []
    assert os.path.exists(node.path(f"{QUEUE}/active/A")), "a look changes nothing"
    node.do("rm", f"{QUEUE}/active/A")


@provokes("leftovers_ended", SUCCESS, CONFIG, "qmgr[", is_logged=True)
def start_meets_an_orphan(node: JudgedNode) -> "Iterator[Answer]":
    node.started()
    node.signal(node.daemon("qmgr"), signal.SIGSTOP)
    node.end(node.master())
    yield node.agent("start")


@provokes("queue_left_by_users", SUCCESS, CONFIG, "sleep[", "of uid", is_logged=True)
def user_stands_in_the_queue(node: JudgedNode) -> "Iterator[Answer]":
    node.started()
    with contextlib.ExitStack() as stack:
        node.begin(stack, [*USER, "env", "-C", QUEUE, "sleep", "1000"])
        node.wait(lambda: node.named("sleep"), "it stands there")
        yield node.agent("stop")


@provokes("commands_undisturbed", SUCCESS, CONFIG, "postdrop[", "of root", is_logged=True)
def root_is_handing_in_a_message(node: JudgedNode) -> "Iterator[Answer]":
    node.started()
    with contextlib.ExitStack() as stack:
        node.begin(stack, ["sh", "-c", "sleep 1000 | sendmail box@example.org"])
        node.wait(lambda: node.named("postdrop"), "it waits for the rest")
        yield node.agent("stop")


LISTEN = "import socket, time; s = socket.socket(socket.AF_UNIX); s.bind('{}'); s.listen(); time.sleep(1000)"


@provokes(
    "queue_released", SUCCESS, "/mnt/queue: ", "of nobody (/mnt/queue", "socket private/auth", "log)", is_logged=True
)
def others_use_the_file_system(node: JudgedNode) -> "Iterator[Answer]":
    """A shell that stands there, a log reader, a service with its socket in the jail; a postdrop that stop ends."""
    node.started()
    node.do("install", "-o", "nobody", "/dev/null", "/mnt/queue/a\x1b[31m log")
    with contextlib.ExitStack() as stack:
        node.begin(stack, ["env", "-C", "/mnt/queue", "sleep", "1000"])
        node.begin(stack, [*USER, "tail", "-f", "/mnt/queue/a\x1b[31m log"])
        node.begin(stack, ["env", "-C", QUEUE, PYTHON, "-IS", "-c", "import os\n" + LISTEN.format("private/auth")])
        node.begin(stack, [*USER, "sh", "-c", "sleep 1000 | sendmail box@example.org"])
        node.wait(lambda: all(map(node.named, ("sleep", "tail", "postdrop"))), "they are there")
        node.wait(lambda: node.exists(f"{QUEUE}/private/auth"), "it listens")
        answer = node.agent("stop")
        said = node.cluster_log().splitlines()[-2:]
        assert "postdrop[" in said[0] + said[1]
        assert "\x1b" not in node.cluster_log()
        assert node.named("tail"), "stop names them and leaves them"
        yield answer


@provokes("drain_completed", SUCCESS, "stop waited 1 s", f"an SMTP session with {ADDRESS}:", is_logged=True)
def client_sends_longer_than_stop_waits(node: JudgedNode) -> "Iterator[Answer]":
    node.started()
    with node.connection() as connection, connection.makefile("rwb", buffering=0) as lines:
        for line in ("", "HELO client.example.com", "MAIL FROM:<>", "RCPT TO:<root@localhost>", "DATA"):
            lines.write(line.encode() + b"\r\n" if line else b"")
            assert lines.readline()[:1] in b"23"
        yield node.agent("stop", params={"drain_timeout": "1"})


@provokes("connections_held", SUCCESS, "nft", is_logged=True)
def nft_is_missing(node: JudgedNode) -> "Iterator[Answer]":
    node.started()
    # Without the command nobody puts the table back that a flush of all rules takes away.
    node.do("nft", "flush", "ruleset")
    node.do("mount", "--bind", "/dev/null", "/usr/sbin/nft")
    yield node.agent("stop", params={"drain_timeout": "5"})
    node.do("umount", "/usr/sbin/nft")


def lock_mailboxes(node: JudgedNode) -> None:
    node.configure(f"mail_spool_directory = {SPOOL}\nmailbox_delivery_lock = dotlock\n")
    node.do("install", "-d", "-m", "1777", SPOOL)
    node.do("sh", "-c", f": >{SPOOL}/box.lock && chmod 0 {SPOOL}/box.lock")


@provokes("mailbox_locks_current", SUCCESS, f"{SPOOL}/box.lock", is_logged=True)
def delivery_agent_has_left_a_lock(node: JudgedNode) -> "Iterator[Answer]":
    lock_mailboxes(node)
    yield node.agent("start")


@provokes("mailbox_locks_free", SUCCESS, f"{SPOOL}/box.lock", is_logged=True)
def lock_may_be_another_instances(node: JudgedNode) -> "Iterator[Answer]":
    lock_mailboxes(node)
    node.do("sh", "-c", "mkdir /run/other && cp /usr/bin/sleep /run/other/local")
    with contextlib.ExitStack() as stack:
        node.begin(stack, ["/run/other/local", "1000"])
        yield node.agent("start")
    node.do("rm", f"{SPOOL}/box.lock")


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
