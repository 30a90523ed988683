"""A mail client that never tires: numbered messages, one SMTP session after another, each tried until acknowledged."""

import itertools
import socket
import threading
import time
from typing import Callable

from postfix_ha.drill.ledger import ACK, CUT, DOT, FAIL, GREETING, KNOCK, OTHER, REFUSED, RESET, TIMED_OUT, Crew

# Between two tries while nobody listens: short against any gap that is measured.
RETRY_S = 0.02
# Senders that behave as mail servers do leave more time: each failure counts.
PAUSE_S = 0.1
# At the end nobody waits longer for who still waits for a connection.
LEAVE_S = 8.0
# Of one reply with all its lines: what a server sends without end is no reply.
REPLY_MAX = 65536
SHOWN_MAX = 512
Note = Callable[..., None]


class UnexpectedReply(Exception):
    """The server answered with something else than was expected."""


class Closed(UnexpectedReply):
    """The server has closed the connection."""


def cause_of(error: Exception, is_greeted: bool) -> str:
    """What an attempt came to that ended with this error."""
    if isinstance(error, (socket.timeout, TimeoutError)):
        return TIMED_OUT
    if is_greeted:
        return CUT
    if isinstance(error, ConnectionRefusedError):
        return REFUSED
    return RESET if isinstance(error, (ConnectionError, Closed)) else OTHER


class Letter:
    """What is sent: sender and recipient, and ``mark``, a header in which {number} and {attempt} are filled in."""

    def __init__(self, sender: str, recipient: str, subject: str, mark: str) -> None:
        self.sender = sender
        self.recipient = recipient
        self.subject = subject
        self.mark = mark

    def head(self, number: int, attempt: int) -> bytes:
        """The header of one message."""
        lines = [
            f"From: {self.sender or 'MAILER-DAEMON'}",
            f"To: {self.recipient}",
            f"Subject: {self.subject}",
            time.strftime("Date: %a, %d %b %Y %H:%M:%S +0000", time.gmtime()),
            # No vacation notice is to answer it.
            "Auto-Submitted: auto-generated",
            self.mark.format(number=number, attempt=attempt),
        ]
        return "\r\n".join([*lines, "", ""]).encode()


class SmtpSession:
    """One SMTP session with (address, port), good for one message."""

    def __init__(self, endpoint: "tuple[str, int]", connect_timeout_s: float, read_timeout_s: float) -> None:
        self.sock = socket.create_connection(endpoint, timeout=connect_timeout_s)
        self.read_timeout_s = read_timeout_s
        self._received = b""

    def expect(self, code: bytes) -> None:
        """Read one reply and insist on its code; before the read time-out, however slowly its bytes come."""
        deadline = time.monotonic() + self.read_timeout_s
        size = 0
        while True:
            line, found, rest = self._received.partition(b"\n")
            if found:
                self._received = rest
                size += len(line) + 1
                if line[3:4] != b"-":
                    break
                continue
            if size + len(line) > REPLY_MAX:
                raise UnexpectedReply(f"a reply without end after {REPLY_MAX} bytes")
            part = self._receive(deadline)
            if not part:
                raise Closed("connection closed")
            self._received += part
        if line[:3] != code:
            raise UnexpectedReply(line[:SHOWN_MAX].decode("latin-1").strip())

    def _receive(self, deadline: float) -> bytes:
        remaining_s = deadline - time.monotonic()
        if remaining_s <= 0:
            raise socket.timeout("timed out")
        self.sock.settimeout(remaining_s)
        return self.sock.recv(4096)

    def say(self, text: str, code: bytes) -> None:
        """Send one command and insist on the reply's code."""
        self.sock.settimeout(self.read_timeout_s)
        self.sock.sendall(text.encode() + b"\r\n")
        self.expect(code)

    def address(self, letter: Letter) -> None:
        """Say who we are and whom the letter is for; UnexpectedReply where the server does not want it."""
        own = self.sock.getsockname()[0]
        self.say(f"EHLO [IPv6:{own}]" if ":" in own else f"EHLO [{own}]", b"250")
        self.say(f"MAIL FROM:<{letter.sender}>", b"250")
        self.say(f"RCPT TO:<{letter.recipient}>", b"250")

    def close(self, polite: bool) -> None:
        """End the session; politely, so that the server's log has nothing to complain about."""
        try:
            if polite:
                self.say("QUIT", b"221")
        except (OSError, UnexpectedReply):
            pass
        self.sock.close()


class Client:
    """Sends letters to the endpoints in turn until stopped; ``note`` is told of everything that happens."""

    def __init__(
        self,
        endpoints: "list[tuple[str, int]]",
        letter: Letter,
        crews: "list[Crew]",
        note: Note,
        *,
        first: int = 1,
        connect_timeout_s: float = 0.1,
        read_timeout_s: float = 2.0,
    ) -> None:
        self.endpoints = endpoints
        self.letter = letter
        self.crews = crews
        self.timeouts = (connect_timeout_s, read_timeout_s)
        self._note = note
        self._counter = itertools.count(first)
        self._stop = threading.Event()
        self._workers: "list[tuple[threading.Thread, Crew]]" = []

    def start(self) -> None:
        """Start the connections, those of each crew spread over one interval."""
        turn = itertools.cycle(self.endpoints)
        for crew in self.crews:
            for number in range(crew.connections):
                name = f"{crew.name} {number}"
                worker = threading.Thread(target=self._work, args=(crew, next(turn)), name=name, daemon=True)
                worker.start()
                self._workers.append((worker, crew))
                # Not longer than it takes to get all of them going in a second.
                self._stop.wait(min(1 / crew.rate_per_s, 1 / crew.connections))

    def ask_to_stop(self) -> None:
        """Begin no further session; may be called by a signal's handler."""
        self._stop.set()

    def wait(self) -> None:
        """Wait until every connection has ended, after the session at hand; for patient ones not for long."""
        until = time.monotonic() + LEAVE_S
        for worker, crew in self._workers:
            while worker.is_alive() and not (crew.patience_s and time.monotonic() > until):
                worker.join(0.2)

    def stop(self) -> None:
        """Ask it to stop, and wait."""
        self.ask_to_stop()
        self.wait()

    def _work(self, crew: Crew, endpoint: "tuple[str, int]") -> None:
        """Send message after message until the end."""
        interval = crew.connections / crew.rate_per_s
        following = time.monotonic()
        while not self._stop.is_set():
            number = next(self._counter)
            for attempt in itertools.count(1):
                if self._try_once(crew, endpoint, number, attempt) or self._stop.is_set():
                    break
                self._stop.wait(PAUSE_S if crew.patience_s else RETRY_S)
            following = max(following + interval, time.monotonic())
            self._stop.wait(max(0.0, following - time.monotonic()))

    def _try_once(self, crew: Crew, endpoint: "tuple[str, int]", number: int, attempt: int) -> bool:
        """One attempt at one message; whether it was acknowledged."""

        def note(kind: str, why: str = "", cause: str = "") -> None:
            self._note(time.monotonic(), number, attempt, kind, why, crew.name, "{}:{}".format(*endpoint), cause)

        session = None
        sent = is_greeted = False
        try:
            if crew.patience_s:
                note(KNOCK)
            session = SmtpSession(endpoint, *(max(each, crew.patience_s) for each in self.timeouts))
            session.expect(b"220")
            is_greeted = True
            note(GREETING)
            session.address(self.letter)
            self._linger(session, crew.hold_s)
            session.say("DATA", b"354")
            session.sock.sendall(self.letter.head(number, attempt) + filler(crew.size))
            note(DOT)
            session.say(".", b"250")
            note(ACK)
            sent = True
        except UnexpectedReply as refusal:
            note(FAIL, str(refusal), cause_of(refusal, is_greeted))
        except OSError as error:
            note(FAIL, f"{type(error).__name__}: {error}", cause_of(error, is_greeted))
        finally:
            if session is not None:
                session.close(sent)
        return sent

    def _linger(self, session: SmtpSession, hold_s: float) -> None:
        """Hold the conversation open before the message, as slow clients do."""
        end = time.monotonic() + hold_s
        while time.monotonic() < end and not self._stop.is_set():
            self._stop.wait(min(0.5, hold_s))
            session.say("NOOP", b"250")


def filler(size: int) -> bytes:
    """The body of a message: lines that no server finds too long."""
    lines, rest = divmod(size, 500)
    return b"x" * rest + b"\r\n" + (b"x" * 498 + b"\r\n") * lines
