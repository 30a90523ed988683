"""The alert agent: one line for what went wrong, none for what went well, a mail for the first of an incident."""

import os
import socket
import subprocess
import threading
from pathlib import Path

import pytest

AGENT = Path(__file__).resolve().parents[3] / "alerts/postfix-ha-alert"
FAILED = {"kind": "resource", "node": "n1", "rsc": "mail", "task": "monitor", "rc": "1", "target_rc": "0",
          "interval": "10000", "desc": "error"}  # fmt: skip


class Relay(threading.Thread):
    """A mail server that takes one message."""

    def __init__(self):
        super().__init__(daemon=True)
        self.listening = socket.create_server(("127.0.0.1", 0))
        self.listening.settimeout(20)
        self.address = f"127.0.0.1:{self.listening.getsockname()[1]}"
        self.said = []

    def run(self):
        with self.listening:
            connection, _ = self.listening.accept()
        with connection, connection.makefile("rwb") as lines:
            lines.write(b"220 relay\r\n")
            lines.flush()
            for line in lines:
                self.said.append(line.decode().strip())
                word = line[:4].upper().strip()
                if self.said[-1] == ".":
                    word = b"."
                lines.write({b"DATA": b"354 go\r\n", b"QUIT": b"221 bye\r\n"}.get(word, b"250 ok\r\n") if
                            word in (b"DATA", b"QUIT", b"EHLO", b"HELO", b"MAIL", b"RCPT", b".") else b"")  # fmt: skip
                lines.flush()
                if word == b"QUIT":
                    return


@pytest.fixture
def told(tmp_path):
    def tell(event, **options):
        env = {"PATH": os.environ["PATH"], "log_file": str(tmp_path / "log"), "state_file": str(tmp_path / "state")}
        env.update({f"CRM_alert_{name}": value for name, value in event.items()}, **options)
        done = subprocess.run([str(AGENT)], env=env, capture_output=True, text=True, timeout=60, check=False)
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
        log = tmp_path / "log"
        return [line.split(" ", 2)[2] for line in log.read_text().splitlines()] if log.exists() else []

    return tell


def test_a_failure_is_one_line(told):
    assert told(FAILED) == ["monitor of mail failed on n1: error (exit code 1)"]


@pytest.mark.parametrize(
    "more",
    [
        {"rc": "0"}, {"task": "meta-data"}, {"interval": "0"}, {"kind": "node", "desc": "member"},
        {"kind": "attribute"}, {"kind": ""},
    ],
)  # fmt: skip
def test_what_went_well_is_none(told, more):
    assert told({**FAILED, **more}) == []


def test_other_resources_are_left_out_and_fencing_is_not(told):
    assert told({**FAILED, "rsc": "other"}, only="mail, queue-fs") == []
    assert told({"kind": "fencing", "node": "n2", "desc": "Operation reboot of n2 by n1: OK"}, only="mail") == [
        "fencing of n2: Operation reboot of n2 by n1: OK"
    ]
    assert told({"kind": "node", "node": "n2", "desc": "lost"}, only="mail")[-1] == "node n2 was lost"


def test_a_value_cannot_begin_a_line(told):
    assert told({**FAILED, "desc": "error\nNov 29 forged\x1b[2J"}) == [
        "monitor of mail failed on n1: error?Nov 29 forged?[2J (exit code 1)"
    ]


def test_the_first_of_an_incident_is_mailed_by_the_relay(told):
    relay = Relay()
    relay.start()
    event = {**FAILED, "recipient": "admin@example.com"}
    assert len(told(event, relay=relay.address)) == 1
    relay.join(20)
    assert any(line.upper().startswith("RCPT TO:<ADMIN@EXAMPLE.COM>") for line in relay.said)
    assert "monitor of mail failed on n1: error (exit code 1)" in relay.said
    # What follows is of the same incident: nobody listens any more, and nothing complains of that.
    assert len(told({**event, "task": "start"}, relay=relay.address)) == 2


def test_each_recipient_of_an_event_has_its_mail_and_the_log_one_line(told):
    for name in ("admin", "night"):  # Pacemaker runs the agent once for each
        relay = Relay()
        relay.start()
        lines = told({**FAILED, "recipient": f"{name}@example.com"}, relay=relay.address)
        relay.join(20)
        assert any(line.upper().startswith(f"RCPT TO:<{name.upper()}@") for line in relay.said)
    assert lines == ["monitor of mail failed on n1: error (exit code 1)"]


def test_another_service_s_alert_does_not_keep_this_one_s_mail_back(told):
    told({**FAILED, "rsc": "other", "recipient": "admin@example.com"}, only="other", relay="")
    relay = Relay()
    relay.start()
    told({**FAILED, "recipient": "admin@example.com"}, only="mail", relay=relay.address)
    relay.join(20)
    assert "monitor of mail failed on n1: error (exit code 1)" in relay.said


@pytest.mark.parametrize("relay", ["[::1]:{}", "127.0.0.1:{}", "[127.0.0.1]:{}"])
def test_a_relay_may_be_an_ipv6_address(told, relay):
    with socket.create_server(("::1", 0) if "::" in relay else ("127.0.0.1", 0),
                              family=socket.AF_INET6 if "::" in relay else socket.AF_INET) as taken:  # fmt: skip
        name = relay.format(taken.getsockname()[1])
    assert told({**FAILED, "recipient": "admin@example.com"}, relay=name)[1].endswith("Connection refused")


def test_a_relay_that_is_not_there_is_told(told):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
    lines = told({**FAILED, "recipient": "admin@example.com"}, relay=address)
    assert len(lines) == 2
    assert lines[1].startswith(f"no mail to admin@example.com: relay {address}: ")
