"""Replies of a mail server that says anything, in pieces of any size: no exception, in time, with little memory."""

import contextlib
import socket
import threading
import time
from typing import Any

from hypothesis import strategies as st

from postfix_ha.endpoint import KINDS, Endpoint
from postfix_ha.system.smtp import Conversation, close, converse
from tests.property.fuzz.target import Broken, Target
from tests.property.fuzz.texts import NASTY, encoded, pick

DEADLINE_S = 0.3
# What one conversation may keep of what it hears (REPLY_MAX, and what was on its way).
KEPT_MAX = 3 * 65536
REPLIES = (
    b"220 mail.example.com ESMTP Postfix\r\n", b"220-wait\r\n", b"250 ok\r\n", b"250-x\r\n", b"421 busy\r\n",
    b"554 no\r\n",
    b"220", b"-", b" ", b"\r\n", b"\n", b"\r", b"99999 x\r\n", b"2\xd9\xa520 x\r\n", b"\xb2\xb3\xb9 x\r\n",
    b"220\0x\r\n",
    b"\xff\xfe\r\n", b"\x1b[2J\r\n", b"\x15\x03\x01\x00\x02\x02\x28", b"\x16\x03\x03\xff\xff", b"x" * 5000,
    b"220-\r\n" * 500,
)  # fmt: skip
PIECE = pick(
    (4, st.sampled_from(REPLIES)),
    (1, st.sampled_from(NASTY).map(encoded)),
    (1, st.binary(max_size=40)),
)
TALK = st.fixed_dictionaries(
    {
        "pieces": st.lists(PIECE, max_size=8).map(lambda pieces: [piece.decode("latin-1") for piece in pieces]),
        # keep: stay silent; close: hang up; reset; again: the same without end
        "end": st.sampled_from(("keep", "close", "close", "reset", "again")),
        "kind": st.sampled_from((*KINDS, "smtp")),
        "waits": st.booleans(),
    }
)


def serve(listener: socket.socket, drawn: "dict[str, Any]", stop: "threading.Event") -> None:
    """One connection, until it is closed or we are told to stop."""
    with contextlib.suppress(OSError):
        connection, _ = listener.accept()
        with connection:
            connection.settimeout(0.05)
            pieces = [piece.encode("latin-1") for piece in drawn["pieces"]]
            for piece in pieces:
                if drawn["waits"]:
                    with contextlib.suppress(OSError):
                        connection.recv(4096)
                connection.sendall(piece)
            while drawn["end"] == "again" and not stop.is_set() and any(pieces):
                connection.sendall(b"".join(pieces) * 50)
            if drawn["end"] == "reset":
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            elif drawn["end"] == "keep":
                stop.wait(5)


def check_talk(drawn: "dict[str, Any]") -> None:
    """One conversation with such a server."""
    stop = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = threading.Thread(target=serve, args=(listener, drawn, stop), daemon=True)
        server.start()
        begin = time.monotonic()
        endpoint = Endpoint("127.0.0.1", listener.getsockname()[1], drawn["kind"])
        conversation = Conversation(endpoint, begin + DEADLINE_S)
        try:
            converse([conversation], ["EHLO x", "MAIL FROM:<>", "RCPT TO:<postmaster>"], begin + DEADLINE_S)
            took_s = time.monotonic() - begin
            kept = (
                len(conversation.greeting) + len(conversation.received) + sum(map(len, conversation.replies.values()))
            )
        finally:
            close([conversation])
            stop.set()
            server.join(10)
    if took_s > DEADLINE_S + 5:
        raise Broken("a conversation that does not end", f"{took_s:.1f} s")
    if kept > KEPT_MAX:
        raise Broken("a conversation that keeps all it hears", f"{kept} bytes")
    if not conversation.greeting and not conversation.failure:
        raise Broken("a conversation without an outcome", repr(drawn)[:200])
    if not 0 <= conversation.code <= 999:
        raise Broken("an impossible code", str(conversation.code))


TARGETS = (Target("smtp", TALK, check_talk, is_json=True, share=3, fixed=60),)
