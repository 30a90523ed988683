"""Before a healthy instance is ended, what is under way ends: sessions, deliveries. Who connects meanwhile waits."""

import contextlib
import errno
import signal
import socket
import threading
import time

import pytest

from tests.support.machine.waiting import wait_for
from tests.support.mail.node import ADDRESS, MAIN_CF, MailNode

# A delivery that takes two seconds, writes down each message once it is done, and can be waited for.
SLOW = """\
#!/bin/sh
cat >/dev/null
echo begun >>/var/tmp/deliveries
sleep 2
echo done >>/var/tmp/deliveries
"""
DELIVERIES = "/var/tmp/deliveries"
HELD = ["nft", "list", "set", "inet", "postfix_ha", "draining4"]


class DrainedNode(MailNode):
    """A node whose resource has the parameter, which is 0 where nothing is said."""

    def agent(self, action, *, params=None, **more):
        """As of any node."""
        return super().agent(action, params={"drain_timeout": "5", **(params or {})}, **more)


@pytest.fixture
def node():
    more = "mailbox_command = /usr/local/bin/slow\nlocal_recipient_maps =\nmailbox_delivery_lock = dotlock\n"
    with DrainedNode(main_cf=MAIN_CF + more) as node:
        node.write("/usr/local/bin/slow", SLOW, 0o755)
        node.run(["sh", "-c", f": >{DELIVERIES} && chmod 666 {DELIVERIES}"], check=True)
        yield node.started()


@pytest.fixture
def dial(node: MailNode):
    """Makes connections, and closes them in the end."""
    with contextlib.ExitStack() as stack:

        def make() -> "Sender":
            client = stack.enter_context(node.socket())
            client.settimeout(30)
            client.connect((ADDRESS, 25))
            return Sender(client, stack.enter_context(client.makefile("rwb", buffering=0)))

        yield make


class Sender:
    """A mail server's way of sending: greeting, a message over some time, and the answer to its dot."""

    def __init__(self, client: socket.socket, file: "socket.SocketIO"):
        self.client = client
        self.file = file

    def read(self) -> str:
        """A reply, "" where the connection was cut."""
        while True:
            line = self.file.readline().decode()
            if line[3:4] != "-":
                return line

    def say(self, line: str) -> str:
        self.file.write(line.encode() + b"\r\n")
        return self.read()

    def up_to_data(self) -> None:
        assert self.read().startswith("220 ")
        for line in ("EHLO client.example.com", "MAIL FROM:<a@example.com>", "RCPT TO:<root@localhost>"):
            assert self.say(line).startswith("250 ")
        assert self.say("DATA").startswith("354 ")

    def end(self) -> str:
        """End message and session; the reply to the dot."""
        said = self.say("Subject: x\r\n\r\nx\r\n.")
        self.say("QUIT")
        self.file.close()
        self.client.close()
        return said


def stopping(node: MailNode, **more):
    """A stop that runs meanwhile; its answer is in the list when the thread has ended."""
    answers = []
    thread = threading.Thread(target=lambda: answers.append(node.agent("stop", timeout_s=60, **more)))
    thread.start()
    return thread, answers


def deliveries(node: MailNode) -> "list[str]":
    return node.read(DELIVERIES).split()


def submit(dial) -> None:
    sender = dial()
    sender.up_to_data()
    assert sender.end().startswith("250 ")


def test_a_session_in_the_middle_of_a_message_ends_in_order(node: MailNode, dial) -> None:
    sender = dial()
    sender.up_to_data()
    thread, answers = stopping(node)
    time.sleep(0.7)
    assert thread.is_alive(), "stop did not wait for the session"
    assert sender.end().startswith("250 ")
    thread.join()
    assert answers[0].code == 0
    assert answers[0].seconds < 4
    assert node.daemons() == []
    assert "cut off" not in node.cluster_log()


def test_a_connection_that_waits_to_be_accepted_is_served(node: MailNode, dial) -> None:
    # One process serves smtp, and it is taken: the second connection waits in the kernel's queue.
    node.agent("stop", timeout_s=60)
    node.run(["postconf", "-F", "smtp/inet/process_limit=1"], check=True)
    node.started()
    first = dial()
    first.up_to_data()
    second = dial()
    thread, answers = stopping(node)
    time.sleep(0.3)
    assert first.end().startswith("250 ")
    second.up_to_data()
    assert second.end().startswith("250 ")
    thread.join()
    assert answers[0].code == 0


def test_a_new_connection_waits_for_the_next_start(node: MailNode, dial) -> None:
    sender = dial()
    sender.up_to_data()
    thread, answers = stopping(node)
    wait_for(lambda: "elements" in node.run(HELD).stdout, 20, "new connections are held")
    seen = []

    def connect() -> None:
        try:
            seen.append(dial().read())
        except OSError as error:
            seen.append(error)

    knock = threading.Thread(target=connect)
    knock.start()
    time.sleep(0.3)
    assert seen == [], "it was answered although the server is about to end"
    assert sender.end().startswith("250 ")
    thread.join()
    assert answers[0].code == 0
    assert seen == [], "it was answered although no server is there"
    node.started()
    knock.join()
    assert seen[0].startswith("220 "), seen


def test_a_delivery_under_way_is_done_once(node: MailNode, dial) -> None:
    submit(dial)
    wait_for(lambda: deliveries(node) == ["begun"], 10, "the delivery has begun")
    answer = node.agent("stop", timeout_s=60)
    assert answer.code == 0
    assert deliveries(node) == ["begun", "done"]
    assert node.mail_log().count("qmgr") == 1, "another queue manager was started, which would hand out more"
    node.started()
    node.run(["postqueue", "-f"], check=True)
    time.sleep(3)
    assert deliveries(node) == ["begun", "done"], "the message was delivered again"


def test_no_delivery_begins_while_others_end(node: MailNode, dial) -> None:
    submit(dial)
    wait_for(lambda: deliveries(node) == ["begun"], 10, "the delivery has begun")
    sender = dial()
    sender.up_to_data()
    thread, answers = stopping(node)
    time.sleep(0.3)
    # Taken during the drain: it wakes a queue manager, which must not hand it out.
    assert sender.end().startswith("250 ")
    thread.join()
    assert answers[0].code == 0
    # A queue manager that was quicker than we may have handed it out: then that delivery has ended too.
    assert deliveries(node) in (["begun", "done"], ["begun", "begun", "done", "done"])
    node.started()
    wait_for(lambda: sorted(deliveries(node)) == ["begun", "begun", "done", "done"], 400, "both are delivered")


def test_what_takes_longer_than_the_bound_is_cut_and_named(node: MailNode, dial) -> None:
    sender = dial()
    sender.up_to_data()
    answer = node.agent("stop", timeout_s=60, params={"drain_timeout": "1"})
    assert answer.code == 0
    assert 0.9 < answer.seconds < 3
    peer = sender.client.getsockname()
    assert f"cut off: an SMTP session with {peer[0]}:{peer[1]}" in node.cluster_log()
    assert node.daemons() == []


def test_a_delivery_may_take_the_whole_time_and_leaves_half_of_it_to_sessions(node: MailNode, dial) -> None:
    node.write("/usr/local/bin/slow", SLOW.replace("sleep 2", "sleep 5.4"), 0o755)
    submit(dial)
    wait_for(lambda: deliveries(node) == ["begun"], 10, "the delivery has begun")
    begin = time.monotonic()
    thread, answers = stopping(node, params={"drain_timeout": "6"})
    wait_for(lambda: "elements" in node.run(HELD).stdout, 20, "new connections are held")
    assert 2 < time.monotonic() - begin < 4.7
    assert deliveries(node) == ["begun"]
    thread.join()
    assert answers[0].code == 0
    assert deliveries(node) == ["begun", "done"]
    assert "cut off" not in node.cluster_log()


def test_zero_turns_it_off(node: MailNode, dial) -> None:
    sender = dial()
    sender.up_to_data()
    answer = node.agent("stop", timeout_s=60, params={"drain_timeout": "0"})
    assert answer.code == 0
    assert answer.seconds < 1
    with pytest.raises(ConnectionRefusedError):
        dial()


def test_an_idle_server_is_not_waited_for(node: MailNode) -> None:
    took_s = []
    for _ in range(3):
        took_s.append(node.agent("stop", timeout_s=60).seconds)
        node.started()
    # A queue manager that is left suspended would keep it for a second.
    assert min(took_s) < 1


def test_the_bound_is_a_part_of_the_time_out(node: MailNode, dial) -> None:
    sender = dial()
    sender.up_to_data()
    answer = node.agent("stop", timeout_s=5, params={"drain_timeout": "600"})
    assert answer.code == 0
    assert answer.seconds < 4


def test_a_frozen_master_is_not_waited_for(node: MailNode, dial) -> None:
    sender = dial()
    sender.up_to_data()
    node.signal(node.master(), signal.SIGSTOP)
    answer = node.agent("stop", timeout_s=60, params={"drain_timeout": "20"})
    assert answer.code == 0
    assert answer.seconds < 12


def take_nft_away(node: MailNode) -> None:
    for path in ("/usr/sbin/nft", "/sbin/nft"):
        node.run(["sh", "-c", f"[ ! -e {path} ] || mount --bind /dev/null {path}"], check=True)


def is_held(node: MailNode) -> bool:
    """Whether a new client gets no answer."""
    with node.socket() as late:
        late.settimeout(0.3)
        return late.connect_ex((ADDRESS, 25)) == errno.EAGAIN


def test_a_stop_holds_by_the_table_of_the_start_and_starts_no_program_for_it(node: MailNode, dial) -> None:
    sender = dial()
    sender.up_to_data()
    take_nft_away(node)
    thread, answers = stopping(node)
    wait_for(lambda: is_held(node), 20, "new connections are held")
    assert sender.end().startswith("250 ")
    thread.join()
    assert answers[0].code == 0
    assert "new connections cannot be held" not in node.cluster_log()


def test_without_nft_the_move_goes_on_as_before(node: MailNode, dial) -> None:
    node.run(["nft", "flush", "ruleset"], check=True)
    take_nft_away(node)
    sender = dial()
    sender.up_to_data()
    thread, answers = stopping(node)
    time.sleep(0.3)
    assert sender.end().startswith("250 ")
    thread.join()
    assert answers[0].code == 0
    assert "new connections cannot be held" in node.cluster_log()
