"""A mail client's dialogue with several endpoints at once, before one deadline.

Each endpoint gets one connection, which waits for the greeting, asks what it has to ask command by command, says QUIT
and waits for the answer: a healthy server's mail log shows an orderly session and no lost connection.
"""

import errno
import os
import select
import socket
import time
from collections.abc import Generator, Iterable

from postfix_ha.endpoint import KIND_SMTPS, Endpoint
from postfix_ha.whole_number import whole_number

# Of one reply, with all its lines; RFC 5321 has 512 bytes a line.
REPLY_MAX = 65536
# Of its text, for people to read; the code stands first.
KEPT_MAX = 2000

Talk = Generator[int, None, None]


class Conversation:
    """What one endpoint said.

    ``deadline`` is when it stops waiting for the greeting, and later for the rest. ``greeting`` and the replies in
    ``replies`` (word of a command that was sent -> reply) are whole replies, lines joined by " / "; "" where none
    came. ``failure`` says why there is no greeting ("" when there is one), ``has_failed``
    whether that was an error and not only the end of the time. ``first_line`` is the greeting's first, also where the
    last one is not there yet. ``is_connected`` whether the kernel
    accepted the connection; ``local_port`` our side's port.
    """

    __slots__ = (
        "deadline",
        "endpoint",
        "failure",
        "first_line",
        "greeting",
        "has_failed",
        "is_connected",
        "local_port",
        "received",
        "replies",
        "socket",
    )

    def __init__(self, endpoint: Endpoint, deadline: float) -> None:
        self.endpoint = endpoint
        self.deadline = deadline
        self.greeting = ""
        self.replies: "dict[str, str]" = {}
        self.failure = ""
        self.first_line = ""
        self.has_failed = False
        self.is_connected = False
        self.local_port = 0
        self.received = b""
        family = socket.AF_INET6 if endpoint.is_ipv6 else socket.AF_INET
        self.socket: socket.socket = socket.socket(family, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
        self.socket.setblocking(False)

    @property
    def code(self) -> int:
        """The three digits of the greeting, 0 for none."""
        return reply_code(self.greeting)


def reply_code(reply: str) -> int:
    """The three-digit code of a reply, 0 where there is none."""
    return whole_number(reply[:3]) or 0


def converse(conversations: "list[Conversation]", commands: "Iterable[str]", end: float) -> None:
    """Hold all the conversations side by side; afterwards each is filled in and its socket still open.

    ``commands`` are sent after a 220 greeting until one is refused; QUIT always follows. Whoever has greeted has time
    until ``end``. close() them all afterwards.
    """
    poller = select.poll()
    talks: "dict[int, tuple[Conversation, Talk]]" = {}
    for conversation in conversations:
        talk = _talk(conversation, list(commands), end)
        descriptor = conversation.socket.fileno()
        talks[descriptor] = (conversation, talk)
        _advance(talks, descriptor, poller)
    while talks:
        now = time.monotonic()
        for descriptor in [d for d, (conversation, _) in talks.items() if conversation.deadline <= now]:
            poller.unregister(descriptor)
            talks.pop(descriptor)[1].close()
        if not talks:
            break
        soonest = min(conversation.deadline for conversation, _ in talks.values())
        for descriptor, _ in poller.poll(max(0.0, soonest - now) * 1000 + 1):
            _advance(talks, descriptor, poller)
    for conversation in conversations:
        if not conversation.greeting and not conversation.failure:
            conversation.failure = "connected, but silent" if conversation.is_connected else "not connected"


def close(conversations: "list[Conversation]") -> None:
    """Close every socket."""
    for conversation in conversations:
        conversation.socket.close()


def _advance(talks: "dict[int, tuple[Conversation, Talk]]", descriptor: int, poller: select.poll) -> None:
    conversation, talk = talks[descriptor]
    try:
        poller.register(descriptor, next(talk))
        return
    except StopIteration:
        pass
    except OSError as error:
        if not conversation.greeting:
            conversation.failure, conversation.has_failed = error.strerror or str(error), True
    del talks[descriptor]
    try:
        poller.unregister(descriptor)
    except KeyError:
        return  # it ended before it waited for anything


def _talk(conversation: Conversation, commands: "list[str]", end: float) -> Talk:
    """One conversation as a generator of the poll events that it waits for."""
    yield from _connect(conversation)
    if conversation.endpoint.kind == KIND_SMTPS:
        yield from _start_tls(conversation)
    conversation.greeting = yield from _reply(conversation)
    conversation.deadline = end
    if conversation.code == 220:
        for command in commands:
            word = command.partition(" ")[0]
            conversation.replies[word] = ""
            yield from _send(conversation, command)
            conversation.replies[word] = yield from _reply(conversation)
            if reply_code(conversation.replies[word]) // 100 != 2:
                break
    yield from _send(conversation, "QUIT")
    conversation.replies["QUIT"] = yield from _reply(conversation)


def _connect(conversation: Conversation) -> Talk:
    endpoint = conversation.endpoint
    code = conversation.socket.connect_ex((endpoint.dial_address, endpoint.port))
    if code == errno.EINPROGRESS:
        yield select.POLLOUT
        code = conversation.socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
    if code:
        raise OSError(code, os.strerror(code))
    conversation.is_connected = True
    conversation.local_port = conversation.socket.getsockname()[1]


def _start_tls(conversation: Conversation) -> Talk:
    """Begin TLS without asking who is there: the endpoint is one of this node's own addresses."""
    import ssl

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    conversation.socket = context.wrap_socket(conversation.socket, do_handshake_on_connect=False)
    yield from _patiently(conversation, conversation.socket.do_handshake)


def _patiently(conversation: Conversation, work: "object") -> "Generator[int, None, object]":
    """Do work on the socket, waiting for the event that it asks for as often as it asks."""
    import ssl

    while True:
        try:
            return work()  # type: ignore[operator]
        except (BlockingIOError, ssl.SSLWantReadError):
            yield select.POLLIN
        except ssl.SSLWantWriteError:
            yield select.POLLOUT


def _wait_read(conversation: Conversation) -> "Generator[int, None, bytes]":
    if conversation.endpoint.kind == KIND_SMTPS:
        data = yield from _patiently(conversation, lambda: conversation.socket.recv(4096))
        return data  # type: ignore[return-value]
    yield select.POLLIN
    return conversation.socket.recv(4096)


def _reply(conversation: Conversation) -> "Generator[int, None, str]":
    """One whole reply: continuation lines ``220-`` up to the line ``220 ``; OSError for one without end."""
    lines: "list[str]" = []
    size = len(conversation.received)
    while True:
        while b"\n" in conversation.received:
            line, _, conversation.received = conversation.received.partition(b"\n")
            lines.append(line.decode("utf-8", "replace").rstrip("\r"))
            conversation.first_line = conversation.first_line or lines[-1][:KEPT_MAX]
            if lines[-1][3:4] != "-":
                return " / ".join(lines)[:KEPT_MAX]
        if size > REPLY_MAX:
            raise OSError(0, f"its reply has no end after {REPLY_MAX} bytes")
        data = yield from _wait_read(conversation)
        if not data:
            raise OSError(0, "the connection was closed without a reply")
        size += len(data)
        conversation.received += data


def _send(conversation: Conversation, command: str) -> Talk:
    data = (command + "\r\n").encode("ascii")
    if conversation.endpoint.kind == KIND_SMTPS:
        yield from _patiently(conversation, lambda: conversation.socket.sendall(data))
    else:
        yield select.POLLOUT
        conversation.socket.sendall(data)  # a command of a few bytes always fits the socket's buffer
