"""check --peer over a real ssh: it works as administrators have it, and whatever is wrong with it is one clear line."""

import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.machine.ssh import THERE, Login
from tests.support.mail.check_node import PROGRAM
from tests.support.mail.pair import PEER, Two
from tests.support.mail.provoked import do

LIMIT_S = 40


@pytest.fixture(scope="module")
def two() -> "Iterator[Two]":
    two = Two()
    yield two
    two.close()


@pytest.fixture(scope="module")
def login(two: Two) -> Login:
    return Login(two.here, two.there, PEER)


def say(two: Two, script: str) -> None:
    """Put a script in the place of the peer's program."""
    two.there.shell(f"mv {PROGRAM} /root/kept")
    two.there.write(PROGRAM, script, 0o755)


def unsay(two: Two) -> None:
    two.there.shell(f"rm -f {PROGRAM}; mv /root/kept {PROGRAM}")


def the_one_line(two: Two, *options: str, peer: str = PEER) -> "dict[str, Any]":
    """The one finding about a peer that gives no facts: exit code 2, one line, and the command that shows it."""
    begin = time.monotonic()
    checked = two.here.check("--peer", peer, *options)
    assert time.monotonic() - begin < LIMIT_S
    assert checked.code == 2
    assert checked.stderr == ""
    (found,) = checked.named("peer_answers")
    assert set(checked.ids()) == {"peer_answers", "queue_storage_shared"}, checked.findings
    assert found["text"].startswith(f"no facts from {peer}: ")
    assert "\n" not in found["text"]
    assert found["command"].startswith("ssh -o BatchMode=yes ")
    return found


def test_two_nodes_that_agree(two: Two, login: Login) -> None:
    assert two.here.check("--peer", PEER).ids() == []


def test_a_difference_is_named_and_the_printed_command_cures_it(two: Two, login: Login) -> None:
    do(two.there, "postconf -e message_size_limit=20480000")
    (found,) = two.here.check("--peer", PEER).findings
    assert found["id"] == "main_cf_agrees"
    assert found["command"].startswith(f"ssh -o BatchMode=yes -o ConnectTimeout=10 {PEER} ")
    do(two.here, found["command"])
    two.there.age("/etc/postfix/main.cf")
    assert two.here.check("--peer", PEER).ids() == []


def test_a_remote_shell_with_options(two: Two, login: Login) -> None:
    assert two.here.check("--peer", PEER, "--rsh", "ssh -l root -o BatchMode=yes").ids() == []


def test_a_shell_that_greets_whoever_comes_is_no_garbage(two: Two, login: Login) -> None:
    """What ~/.bashrc prints comes before the answer."""
    two.there.shell(
        "[ ! -e /root/.bashrc ] || cp /root/.bashrc /root/kept.bashrc; printf 'echo Welcome\\n' >/root/.bashrc"
    )
    assert "Welcome" in two.here.shell(f"ssh -o BatchMode=yes {PEER} true")
    assert two.here.check("--peer", PEER).ids() == []
    two.there.shell("rm /root/.bashrc; [ ! -e /root/kept.bashrc ] || mv /root/kept.bashrc /root/.bashrc")


def test_a_peer_that_cannot_be_reached(two: Two, login: Login) -> None:
    found = the_one_line(two, peer="nowhere")
    assert "connect to host nowhere" in found["text"]
    assert "resolve hostname" in the_one_line(two, peer="nosuch.example.com")["text"]


def test_a_host_key_that_is_not_known(two: Two, login: Login) -> None:
    login.forget_host()
    assert "Host key verification failed" in the_one_line(two)["text"]
    login.know_host()
    assert two.here.check("--peer", PEER).ids() == []


def test_a_peer_that_asks_for_a_password_is_given_none(two: Two, login: Login) -> None:
    login.refuse_key()
    assert "Permission denied" in the_one_line(two)["text"]
    login.accept_key()
    assert two.here.check("--peer", PEER).ids() == []


def test_a_peer_without_the_program(two: Two, login: Login) -> None:
    two.there.shell(f"mv {PROGRAM} /root/kept")
    found = the_one_line(two)
    assert "postfix-ha: command not found" in found["text"]
    assert "must be installed there" in found["remedy"]
    unsay(two)


def test_a_peer_with_an_older_program(two: Two, login: Login) -> None:
    lie = "import json, sys; facts = json.load(sys.stdin); del facts['map_types_used']; print(json.dumps(facts))"
    say(two, f'#!/bin/sh\n/root/kept "$@" | /usr/bin/python3 -c "{lie}"\n')
    text = the_one_line(two)["text"]
    assert "map_types_used" in text
    assert "same version of postfix-ha" in text
    say_unknown = "#!/bin/sh\necho \"postfix-ha: invalid choice: 'facts'; see postfix-ha --help\" >&2; exit 2\n"
    two.there.write(PROGRAM, say_unknown, 0o755)
    assert "invalid choice: 'facts'" in the_one_line(two)["text"]
    unsay(two)


@pytest.mark.parametrize(
    "answer", ["", "{}", "no JSON at all", "{\\n\\n", "\\000\\377\\033[2J", '{"format": 99}', "[1]"]
)
def test_an_answer_without_sense(two: Two, login: Login, answer: str) -> None:
    say(two, f"#!/bin/sh\nprintf '%b' '{answer}'\n")
    text = the_one_line(two)["text"]
    assert "\033" not in text
    unsay(two)


def test_a_peer_that_hangs_and_one_whose_answer_never_ends_hold_up_nobody_for_long(two: Two, login: Login) -> None:
    say(two, "#!/bin/sh\nmkdir /run/asked 2>/dev/null || exec yes\nexec sleep 600\n")
    begin = time.monotonic()
    checked = two.here.check("--peer", PEER, THERE)
    assert time.monotonic() - begin < LIMIT_S
    assert checked.code == 2
    found = checked.named("peer_answers")
    assert [one["text"] for one in found] == [f"no facts from {peer}: no answer in time" for peer in (THERE, PEER)]
    unsay(two)


def test_a_connection_that_breaks(two: Two, login: Login) -> None:
    say(two, "#!/bin/sh\nkill -9 $(pgrep -x 'sshd(-session)?' | tail -n 1)\nsleep 600\n")
    assert "closed" in the_one_line(two)["text"]
    unsay(two)
