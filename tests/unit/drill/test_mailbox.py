"""Marked mail is found where it lies, and nothing else is taken for it."""

import os
import time

import pytest

from postfix_ha.drill.mailbox import find_marks, in_mailbox, in_queue, mark_of
from postfix_ha.drill.recipient import is_address


def message(drill, number, attempt=1):
    head = mark_of(drill).format(number=number, attempt=attempt)
    return f"From: a@example.com\n{head}\nTo: b@example.com\n\nbody\n".encode()


@pytest.fixture
def maildir(tmp_path):
    for name in ("new", "cur", "tmp"):
        (tmp_path / name).mkdir()
    (tmp_path / "new/1").write_bytes(message("aa", 1))
    (tmp_path / "cur/2:2,S").write_bytes(message("aa", 2, 3))
    (tmp_path / "new/3").write_bytes(message("bb", 3))
    (tmp_path / "tmp/4").write_bytes(message("aa", 4))
    (tmp_path / "new/5").write_bytes(b"Subject: other mail\n\n")
    return tmp_path


def test_a_maildir(maildir):
    assert sorted(in_mailbox(str(maildir), "aa", time.time())) == [(1, 1), (2, 3)]


def test_mail_from_long_before_is_not_read(maildir):
    os.utime(maildir / "new/1", (1000, 1000))
    assert in_mailbox(str(maildir), "aa", time.time()) == [(2, 3)]


def test_an_mbox_file(tmp_path):
    box = tmp_path / "box"
    box.write_bytes(
        b"From x\n" + message("aa", 1) + b"\nFrom x\n" + message("bb", 2) + b"\nFrom x\n" + message("aa", 7, 2)
    )
    assert in_mailbox(str(box), "aa", time.time()) == [(1, 1), (7, 2)]


@pytest.mark.parametrize("name", ["nothing", "."])
def test_no_mailbox_is_told(tmp_path, name):
    with pytest.raises(OSError, match=r"No such file|no maildir"):
        in_mailbox(str(tmp_path / name), "aa", time.time())


def test_a_queue_and_only_complete_files(tmp_path):
    """A queue file has records: a letter, a length, and a line of the message without its end."""
    for name, mode in (("active/A", 0o700), ("deferred/B/BC", 0o700), ("incoming/D", 0o600)):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        line = mark_of("aa").format(number=len(name), attempt=1).encode()
        path.write_bytes(b"C\x0f 100 N" + bytes([len(line)]) + line + b"N\x05To: b")
        path.chmod(mode)
    assert sorted(in_queue(str(tmp_path), "aa", time.time())) == [(8, 1), (13, 1)]


def test_another_drills_mark_is_not_ours():
    assert find_marks(message("aab", 1) + message("aa", 2), "aa") == [(2, 1)]


@pytest.mark.parametrize("text", ["a@example.com", "o'hara+tag@mail.example.com", "x@[198.51.100.1]"])
def test_plain_addresses(text):
    assert is_address(text)


@pytest.mark.parametrize(
    "text", ["", "a", "@x", "a@", "a b@x", "a@x>\r\nRCPT TO:<b@x", '"a b"@x', "ü@x", "a" * 300 + "@x"]
)
def test_what_is_no_plain_address(text):
    assert not is_address(text)
