"""A lock that a killed delivery agent left on a moving spool goes at the next start; what may be another's stays."""

import contextlib
import os
import signal
import time

import pytest

from tests.support.machine.waiting import wait_for
from tests.support.mail.node import MAIN_CF, MailNode

SPOOL = "/mnt/queue/spool"
LOCKING = f"{MAIN_CF}mail_spool_directory = {SPOOL}\nmailbox_delivery_lock = fcntl, dotlock\nlocal_recipient_maps =\n"
VIRTUAL = "/mnt/queue/virtual"


@pytest.fixture
def node():
    with MailNode(main_cf=LOCKING) as node:
        node.run(["install", "-d", "-m", "1777", SPOOL], check=True)
        yield node


def lock(node: MailNode, path: str, owner: str = "root", content: str = "", mode: int = 0) -> str:
    """A lock that somebody has left, as Postfix makes them where nothing else is said."""
    node.write(path, content, 0o600)
    node.run(["sh", "-c", f"chown {owner} {path} && chmod {mode:o} {path}"], check=True)
    return path


def submit(node: MailNode) -> None:
    node.run(["sh", "-c", "echo test | sendmail -f a@example.com nobody@localhost"], check=True)


def is_delivered(node: MailNode) -> bool:
    return node.exists(f"{SPOOL}/nobody") and "test" in node.read(f"{SPOOL}/nobody")


def test_the_first_message_after_a_power_cut_in_a_delivery_is_there_at_once(node: MailNode) -> None:
    node.started()
    # A reader has the mailbox locked, so that local(8) holds its own lock and waits with it.
    node.run(["sh", "-c", f"touch {SPOOL}/nobody && chown nobody {SPOOL}/nobody"], check=True)
    with contextlib.ExitStack() as stack:
        program = f"import fcntl, time; f = open('{SPOOL}/nobody', 'r+'); fcntl.lockf(f, 2); time.sleep(60)"
        holder = stack.enter_context(node.popen(["/usr/bin/python3", "-c", program]))
        time.sleep(0.5)
        submit(node)
        wait_for(lambda: node.exists(f"{SPOOL}/nobody.lock"), 10, "local(8) has locked the mailbox")
        for daemon in node.daemons():
            node.signal(daemon, signal.SIGKILL)
        os.killpg(holder.pid, signal.SIGKILL)
    assert node.exists(f"{SPOOL}/nobody.lock")
    begin = time.monotonic()
    assert node.agent("start", timeout_s=60).code == 0
    submit(node)
    wait_for(lambda: is_delivered(node), 10 - (time.monotonic() - begin), "the message is in the mailbox")
    assert f"removed stale mailbox locks of an earlier Postfix: {SPOOL}/nobody.lock" in node.cluster_log()


def test_locks_of_other_programs_stay(node: MailNode) -> None:
    others = [
        lock(node, f"{SPOOL}/a.lock", content="4711:mail.example.com", mode=0o600),
        lock(node, f"{SPOOL}/b.lock", content="0", mode=0o444),
        lock(node, f"{SPOOL}/c.lock", mode=0o644),
    ]
    node.run(["sh", "-c", f"mkdir {SPOOL}/d.lock && ln -s /etc/passwd {SPOOL}/e.lock"], check=True)
    node.run(["sh", "-c", f"ln {SPOOL}/c.lock {SPOOL}/f.lock && chmod 0 {SPOOL}/c.lock"], check=True)
    node.started()
    for path in [*others, f"{SPOOL}/d.lock", f"{SPOOL}/f.lock"]:
        assert node.exists(path), path
    assert node.run(["readlink", f"{SPOOL}/e.lock"]).stdout == "/etc/passwd\n"


def test_nothing_is_removed_where_postfix_makes_no_such_locks(node: MailNode) -> None:
    node.run(["postconf", "-e", "mailbox_delivery_lock = fcntl"], check=True)
    node.age("/etc/postfix/main.cf")
    path = lock(node, f"{SPOOL}/a.lock")
    node.started()
    assert node.exists(path)


def test_locks_below_the_virtual_mailbox_base_are_removed_too(node: MailNode) -> None:
    node.append("/etc/postfix/main.cf", f"virtual_mailbox_base = {VIRTUAL}\nvirtual_mailbox_lock = dotlock\n")
    node.age("/etc/postfix/main.cf")
    node.run(["mkdir", "-p", f"{VIRTUAL}/example.com"], check=True)
    path = lock(node, f"{VIRTUAL}/example.com/box.lock", owner="nobody")
    node.started()
    assert not node.exists(path)


def test_a_link_in_the_spool_leads_nowhere(node: MailNode) -> None:
    node.run(["mkdir", "-p", "/var/tmp/elsewhere", VIRTUAL], check=True)
    path = lock(node, "/var/tmp/elsewhere/box.lock")
    node.append("/etc/postfix/main.cf", f"virtual_mailbox_base = {VIRTUAL}\nvirtual_mailbox_lock = dotlock\n")
    node.age("/etc/postfix/main.cf")
    node.run(["ln", "-s", "/var/tmp/elsewhere", f"{VIRTUAL}/link"], check=True)
    node.started()
    assert node.exists(path)


def test_a_running_agent_of_another_instance_keeps_them(node: MailNode) -> None:
    node.run(["sh", "-c", "mkdir /run/other && cp /usr/bin/sleep /run/other/local"], check=True)
    path = lock(node, f"{SPOOL}/a.lock")
    with node.popen(["/run/other/local", "60"]) as other:
        time.sleep(0.3)
        node.started()
        assert node.exists(path)
        assert f"mailbox locks may be stale and were not removed: {path}" in node.cluster_log()
        os.killpg(other.pid, signal.SIGKILL)


def test_a_users_program_of_that_name_keeps_nothing(node: MailNode) -> None:
    node.run(["sh", "-c", "mkdir /run/other && cp /usr/bin/sleep /run/other/local"], check=True)
    path = lock(node, f"{SPOOL}/a.lock")
    with node.popen(["/run/other/local", "60"], user="65534") as other:
        time.sleep(0.3)
        node.started()
        assert not node.exists(path)
        os.killpg(other.pid, signal.SIGKILL)
