"""The look-up of records: real answers, silence, and whatever else may come over a wire."""

import socket
import struct
import threading
import time
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postfix_ha.system.dns import MX, A, Inquiry, name_servers, query, records_of


class Server:
    """A name server on loopback that answers each question with ``reply(question)``."""

    def __init__(self) -> None:
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        self.replies: "list[bytes]" = []
        threading.Thread(target=self._serve, daemon=True).start()

    def reply(self, question: bytes) -> bytes:
        """An MX for the name that was asked for: 10 mail., with the name compressed."""
        host = b"\x04mail\xc0\x0c"
        record = struct.pack("!HHHIH", 0xC00C, MX, 1, 60, 2 + len(host)) + struct.pack("!H", 10) + host
        return question[:2] + struct.pack("!5H", 0x8180, 1, 1, 0, 0) + question[12:] + record

    def _serve(self) -> None:
        while True:
            try:
                question, client = self.socket.recvfrom(4096)
            except OSError:
                return
            for reply in [reply.replace(b"NN", question[:2], 1) for reply in self.replies] or [self.reply(question)]:
                self.socket.sendto(reply, client)


@pytest.fixture
def server() -> "Iterator[Server]":
    server = Server()
    yield server
    server.socket.close()


def ask(server: Server, timeout_s: float = 5) -> "dict[tuple[str, int], list[str]]":
    return Inquiry([("example.com", MX)], ["127.0.0.1"], server.port).answers(time.monotonic() + timeout_s)


def test_an_answer(server: Server) -> None:
    assert ask(server) == {("example.com", MX): ["10 mail.example.com"]}


def test_a_name_that_is_not_there_is_an_answer(server: Server) -> None:
    question = query(1, "example.com", MX).to_wire()
    server.replies = [b"NN" + struct.pack("!5H", 0x8183, 1, 0, 0, 0) + question[12:]]
    assert ask(server) == {("example.com", MX): []}


def test_a_server_that_refuses_is_none(server: Server) -> None:
    question = query(1, "example.com", MX).to_wire()
    server.replies = [b"NN" + struct.pack("!5H", 0x8185, 1, 0, 0, 0) + question[12:]]
    assert ask(server, 0.3) == {}


@pytest.mark.parametrize(
    "reply",
    [
        b"",
        b"\0",
        b"NN",
        b"NN" + b"\xff" * 10,
        b"NN\x81\x80\0\1\0\1\0\0\0\0\xc0\x0c\0\x0f\0\1",
        b"NN\x81\x80\xff\xff\xff\xff\0\0\0\0",
    ],
)
def test_rubbish_is_no_answer_and_no_failure(server: Server, reply: bytes) -> None:
    server.replies = [reply]
    assert ask(server, 0.3) == {}


def test_an_answer_after_rubbish_counts(server: Server) -> None:
    question = query(1, "example.com", MX).to_wire()
    server.replies = [b"x", b"NN" + struct.pack("!5H", 0x8180, 1, 0, 0, 0) + question[12:]]
    assert ask(server) == {("example.com", MX): []}


def test_silence_ends_at_the_deadline() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.1", 0))
        begin = time.monotonic()
        inquiry = Inquiry([("example.com", A)], ["127.0.0.1"], silent.getsockname()[1])
        assert inquiry.answers(begin + 0.2) == {}
        assert 0.1 < time.monotonic() - begin < 2


def test_nobody_there_is_told_at_once() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
    begin = time.monotonic()
    assert Inquiry([("example.com", A)], ["127.0.0.1", "not an address"], port).answers(begin + 5) == {}
    assert time.monotonic() - begin < 2


def test_an_answer_to_another_question_is_none(server: Server) -> None:
    """The number alone proves nothing: what was asked for stands in the answer."""
    other = query(1, "example.org", MX).to_wire()
    server.replies = [b"NN" + struct.pack("!5H", 0x8180, 1, 0, 0, 0) + other[12:]]
    assert ask(server, 0.3) == {}


def test_a_truncated_answer_counts_with_what_it_has(server: Server) -> None:
    asked = query(1, "example.com", MX).to_wire()
    whole = server.reply(asked)
    server.replies = [b"NN" + struct.pack("!H", 0x8380) + whole[4:]]
    assert ask(server) == {("example.com", MX): ["10 mail.example.com"]}


def test_a_name_that_is_none_keeps_no_other_from_being_asked(server: Server) -> None:
    inquiry = Inquiry([("x" * 64 + ".com", MX), ("a..b", A), ("example.com", MX)], ["127.0.0.1"], server.port)
    assert inquiry.answers(time.monotonic() + 0.5) == {("example.com", MX): ["10 mail.example.com"]}


@given(st.binary(max_size=80), st.booleans())
def test_no_bytes_break_it(data: bytes, is_answer: bool) -> None:
    asked = query(1, "example.com", MX)
    if is_answer:
        data = b"\0\1\x81\x80" + data
    records = records_of(data, asked)
    assert records is None or all(isinstance(text, str) for text in records)


@given(st.binary(max_size=60))
def test_no_records_break_it(data: bytes) -> None:
    asked = query(1, "example.com", MX)
    wire = b"\0\1\x81\x80\0\1\0\1\0\0\0\0" + asked.to_wire()[12:] + b"\xc0\x0c\0\x0f\0\1" + data
    records = records_of(wire, asked)
    assert records is None or all(isinstance(text, str) for text in records)


@given(st.text(max_size=80))
def test_no_name_breaks_it(name: str) -> None:
    try:
        assert len(query(1, name, A).to_wire()) < 400
    except ValueError:  # UnicodeError is one
        return


def test_name_servers(tmp_path: "object") -> None:
    path = f"{tmp_path}/resolv.conf"
    with open(path, "w", encoding="ascii") as file:
        file.write("# nameserver 192.0.2.9\nsearch x\nnameserver 192.0.2.1\nnameserver\n")
        file.write("nameserver fe80::1%eth0\nnameserver 192.0.2.3\n")
    assert name_servers(path) == ["192.0.2.1", "fe80::1"]
    assert name_servers(path + ".none") == []
