"""What senders see of an event: each end of an attempt has its kind, and a wait is that for the greeting."""

import contextlib
import socket
import threading
import time
from collections.abc import Iterator
from typing import Callable

import pytest

from postfix_ha.drill.client import Client, Letter
from postfix_ha.drill.ledger import Crew, Event, Ledger
from postfix_ha.drill.senders import TROUBLES, in_words, seen, senders

GREETING = b"220 test\r\n"
LINGERS_S = 0.4


@contextlib.contextmanager
def server(act: "Callable[[socket.socket], None]") -> "Iterator[tuple[str, int]]":
    """A server on loopback that does this to each client."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0.1)
        over = threading.Event()

        def serve() -> None:
            while not over.is_set():
                with contextlib.suppress(OSError):
                    client, _ = listener.accept()
                    with client:
                        act(client)

        serving = threading.Thread(target=serve, daemon=True)
        serving.start()
        yield listener.getsockname()
        over.set()
        serving.join(10)


def closes(client: socket.socket) -> None:
    """End the connection in silence."""


def resets(client: socket.socket) -> None:
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")


def keeps_silent(client: socket.socket) -> None:
    client.recv(100)


def is_busy(client: socket.socket) -> None:
    client.sendall(b"421 too many\r\n")
    client.recv(100)


def greets_late_and_closes(client: socket.socket) -> None:
    time.sleep(LINGERS_S / 2)
    client.sendall(GREETING)
    client.recv(100)


def takes(client: socket.socket) -> None:
    client.sendall(GREETING)
    with client.makefile("rb") as lines:
        for line in lines:
            if line == b"DATA\r\n":
                client.sendall(b"354 go\r\n")
                while next(lines) != b".\r\n":
                    pass
            client.sendall(b"221 bye\r\n" if line == b"QUIT\r\n" else b"250 ok\r\n")


def what_senders_see(endpoint: "tuple[str, int]", enough: "Callable[[Ledger], bool]") -> "dict[str, float]":
    ledger = Ledger()
    crew = Crew(**{**vars(senders(1, 50)), "patience_s": LINGERS_S, "hold_s": 0})
    letter = Letter("", "box@example.com", "test", "X-Number: {number}")
    client = Client(
        [endpoint], letter, [crew], lambda *event: ledger.events.append(Event(*event)), read_timeout_s=LINGERS_S
    )
    begin = time.monotonic()
    client.start()
    while not enough(ledger) and time.monotonic() < begin + 20:
        time.sleep(0.01)
    client.stop()
    return seen(ledger, begin, time.monotonic()).as_object()


@pytest.mark.parametrize(
    ("act", "kind"),
    [
        (closes, "reset"),
        (resets, "reset"),
        (keeps_silent, "timed_out"),
        (is_busy, "other"),
        (greets_late_and_closes, "cut"),
    ],
)
def test_each_failure_has_its_kind(act: "Callable[[socket.socket], None]", kind: str) -> None:
    with server(act) as endpoint:
        found = what_senders_see(endpoint, lambda ledger: bool(ledger.failures()))
    assert [name for name in TROUBLES if found[name]] == [kind]
    assert found["taken"] == 0
    assert (found["longest_wait_s"] >= LINGERS_S / 2) == (kind == "cut"), "only who was greeted has waited for it"


def test_where_nobody_listens_it_is_refused() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        endpoint = listener.getsockname()
    found = what_senders_see(endpoint, lambda ledger: bool(ledger.failures()))
    assert [name for name in TROUBLES if found[name]] == ["refused"]


def test_what_is_taken_is_no_trouble() -> None:
    with server(takes) as endpoint:
        found = what_senders_see(endpoint, lambda ledger: len(ledger.acknowledged) > 2)
    assert not any(found[name] for name in TROUBLES)
    assert found["taken"] > 2
    assert 0 < found["median_wait_s"] <= found["longest_wait_s"] < LINGERS_S


def test_what_was_under_way_in_the_span_counts_and_nothing_else() -> None:
    def attempt(number: int, begin: float, greeted: float, end: float, crew: str = "sender") -> "list[Event]":
        times = ((begin, "knock"), (greeted, "greeting"), (end, "ack"))
        return [Event(t, number, 1, kind, crew=crew) for t, kind in times]

    before, into, over, after = (
        attempt(n, *t) for n, t in enumerate([(0, 1, 2), (8, 11, 12), (9, 31, 32), (21, 22, 23)])
    )
    others = attempt(9, 12, 19, 19, crew="drill")
    found = seen(Ledger([*before, *into, *over, *after, *others]), 10, 20).as_object()
    assert (found["taken"], found["longest_wait_s"], found["median_wait_s"]) == (2, 22, 12.5)
    assert in_words(found) == ("0 cut, 0 refused, 0 reset, 0 timed out, 0 other; longest wait 22.00 s, median 12.50 s")
