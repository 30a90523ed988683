"""The mail client of a drill and a server that means harm: each reply is bounded in bytes and in time."""

import contextlib
import socket
import threading
import time
from collections.abc import Iterator
from typing import Callable

import pytest

from postfix_ha.drill.client import SmtpSession, UnexpectedReply


@contextlib.contextmanager
def server(act: "Callable[[socket.socket], None]") -> "Iterator[tuple[str, int]]":
    """A server on loopback that does this to its one client."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            client, _ = listener.accept()
            with client, contextlib.suppress(OSError):
                act(client)

        serving = threading.Thread(target=serve, daemon=True)
        serving.start()
        yield listener.getsockname()
        serving.join(10)


def for_ever(data: bytes, pause_s: float = 0.0) -> "Callable[[socket.socket], None]":
    def act(client: socket.socket) -> None:
        while True:
            client.sendall(data)
            time.sleep(pause_s)

    return act


@pytest.mark.parametrize("data", [b"220-hello\r\n" * 100, b"x" * 5000], ids=["lines", "line"])
def test_a_reply_without_end_is_refused(data: bytes) -> None:
    with server(for_ever(data)) as endpoint:
        session = SmtpSession(endpoint, 1, 20)
        begin = time.monotonic()
        with pytest.raises(UnexpectedReply, match="without end"):
            session.expect(b"220")
        assert time.monotonic() - begin < 5
        session.close(False)


@pytest.mark.parametrize("data", [b"2", b"220-a\r\n"], ids=["letters", "lines"])
def test_a_reply_that_comes_in_drops_ends_with_its_time(data: bytes) -> None:
    with server(for_ever(data, 0.05)) as endpoint:
        session = SmtpSession(endpoint, 1, 0.5)
        begin = time.monotonic()
        with pytest.raises(socket.timeout):
            session.expect(b"220")
        assert time.monotonic() - begin < 2
        session.close(False)


def test_replies_that_come_together_are_told_apart() -> None:
    with server(lambda client: client.sendall(b"220-a\r\n220 b\r\n250 c\r\n421 d\r\n")) as endpoint:
        session = SmtpSession(endpoint, 1, 2)
        session.expect(b"220")
        session.expect(b"250")
        with pytest.raises(UnexpectedReply, match="421 d"):
            session.expect(b"250")
        with pytest.raises(UnexpectedReply, match="closed"):
            session.expect(b"250")
        session.close(False)
