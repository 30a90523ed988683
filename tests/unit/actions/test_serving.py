"""What is read of logs, and what cleanup is told: without a Postfix."""

import socket
import time
from datetime import datetime, timezone

import pytest

from postfix_ha.actions.serving.acceptance import message
from postfix_ha.actions.serving.causes import is_younger, journal_lines, telling
from postfix_ha.actions.serving.connections import waiting_at
from postfix_ha.actions.serving.tables import lacking_table
from postfix_ha.instance import Instance

AT = "Nov 29 12:00:00 mail "


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (["postfix/smtpd[7]: fatal: no way"], "smtpd: fatal: no way"),
        (["postfix/smtpd[7]: connect from localhost[127.0.0.1]"], ""),
        (["postfix/smtpd[7]: warning: first", "postfix/smtpd[7]: warning: second"], "smtpd: warning: first"),
        (
            ["postfix/smtpd[7]: warning: why", "postfix/smtpd[7]: fatal: what"],
            "smtpd: warning: why; fatal: what",
        ),
        (
            ["postfix/smtpd[7]: warning: of another", "postfix/smtpd[8]: fatal: what"],
            "smtpd: fatal: what",
        ),
        (
            ["postfix/qmgr[7]: fatal: what", "postfix/master[1]: warning: process qmgr pid 7 exit status 1"],
            "qmgr: fatal: what",
        ),
        (
            ["postfix/master[1]: warning: process smtpd pid 7 killed by signal 11"],
            "master: warning: process smtpd pid 7 killed by signal 11",
        ),
        (["evil[7]: fatal: not ours", "sshd/postfix[7]: fatal: neither"], ""),
        (["mail2/smtpd[7]: fatal: of the instance"], "smtpd: fatal: of the instance"),
        (["postfix/submission/smtpd[7]: error: open /x"], "smtpd: error: open /x"),
        (["postfix/cleanup[7]: 4F2A1B: warning: of a message"], "cleanup: warning: of a message"),
        (['postfix/smtpd[7]: fatal: bad string: "secret" in macro name: "secret"'], "smtpd: fatal: bad string"),
    ],
)
def test_the_telling_line(lines: "list[str]", said: str) -> None:
    found = telling([AT + line for line in lines], "mail2")
    assert found == said or (said and found.startswith(said) and "secret" not in found)


def test_a_line_without_end_is_cut() -> None:
    assert len(telling([AT + "postfix/smtpd[7]: fatal: " + "x" * 100_000], "postfix")) <= 300


def test_lines_that_bear_their_time() -> None:
    now = time.time()
    for ago_s, is_so in ((5, True), (500, False)):
        at = now - ago_s
        iso = datetime.fromtimestamp(at, timezone.utc).isoformat()
        bsd = time.strftime("%b %d %H:%M:%S", time.localtime(at))
        assert is_younger(f"{iso} mail postfix/smtpd[1]: fatal: x", now - 60) is is_so
        assert is_younger(f"{bsd} mail postfix/smtpd[1]: fatal: x", now - 60) is is_so
    for line in ("", "no time here", "9999-99-99T99:99:99 x", "Feb 31 99:00:00 x"):
        assert not is_younger(line, now)


def test_the_journal_may_be_absent_or_silent() -> None:
    assert isinstance(journal_lines(time.time(), time.monotonic() + 2), list)
    assert journal_lines(time.time(), time.monotonic() - 1) == []


def test_the_message_that_cleanup_gets_has_no_end() -> None:
    data, kinds = message(1), []
    while data:
        kinds.append(data[:1])
        assert data[1] < 0x80, "one byte holds the length"
        data = data[2 + data[1] :]
    assert kinds[:5] == [b"T", b"A", b"S", b"R", b"M"]
    assert b"E" not in kinds
    assert set(kinds[5:]) == {b"N"}


def test_who_waits_at_a_socket_is_counted(tmp_path: object) -> None:
    import os

    path = f"{tmp_path}/asked"
    with socket.socket(socket.AF_UNIX) as server, socket.socket(socket.AF_UNIX) as client:
        server.bind(path)
        server.listen(5)
        assert (waiting_at(os.getpid()) or {}).get(path) == 0
        client.connect(path)
        assert (waiting_at(os.getpid()) or {}).get(path) == 1
    assert path not in (waiting_at(os.getpid()) or {})
    datagrams = f"{tmp_path}/told"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as server:
        server.bind(datagrams)
        assert (waiting_at(os.getpid()) or {}).get(datagrams) == 0
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as client:
            client.connect(datagrams)
            client.send(b"told")
            assert (waiting_at(os.getpid()) or {}).get(datagrams, 0) > 0
            assert "" not in (waiting_at(os.getpid()) or {}), "the client's own has no name"


def test_a_table_whose_file_is_missing(tmp_path: object) -> None:
    there = f"{tmp_path}/checks"
    with open(there, "w", encoding="ascii") as file:
        file.write("/x/ WARN\n")
    instance, end = Instance(command_directory="/nonexistent"), time.monotonic() + 5
    assert lacking_table(instance, "", end) == ""
    assert lacking_table(instance, f"regexp:{there}", end) == ""
    assert lacking_table(instance, f"regexp:{there}, pcre:{there}.x", end) == f"pcre:{there}.x: there is no {there}.x"
    assert lacking_table(instance, "inline:{ { x.example = nosuch:y } }, pcre:{ {/a:b/ WARN} }", end) == ""
    assert lacking_table(instance, f"hash:{there}", end) == f"hash:{there}: there is no {there}.db"
