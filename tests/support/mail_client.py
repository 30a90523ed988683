"""A mail client that never tires: numbered messages, one SMTP session after another, each tried until acknowledged.

Run by mail.py inside the client's namespace as ``python3 -IS mail_client.py JSON``; writes one line of JSON for every
thing that happens (``t`` is the monotonic clock) to standard output, and ends on SIGTERM after the sessions at hand.
``crews`` are groups of connections with a pace, a size and a conversation length of their own.
"""

import itertools
import json
import os
import signal
import socket
import sys
import threading
import time

STOP = threading.Event()
# Between two tries while nobody listens: short against any gap that is measured.
RETRY_S = 0.02


def note(**event):
    """Write one line of the ledger; one write call, so that lines of several threads do not mix."""
    event["t"] = round(time.monotonic(), 4)
    os.write(1, (json.dumps(event) + "\n").encode())


class Refused(Exception):
    """The server answered with something else than was expected."""


class Session:
    """One SMTP session, good for one message."""

    def __init__(self, spec, crew):
        self.spec = spec
        self.crew = crew
        address = (spec["address"], spec["port"])
        self.sock = socket.create_connection(address, timeout=spec["connect_timeout_s"])
        self.sock.settimeout(spec["read_timeout_s"])
        self.lines = self.sock.makefile("rb")

    def expect(self, code):
        """Read one reply and insist on its code."""
        while True:
            line = self.lines.readline(4096)
            if not line:
                raise Refused("connection closed")
            if line[3:4] != b"-":
                break
        if line[:3] != code:
            raise Refused(line.decode("latin-1").strip())

    def say(self, text, code):
        """Send one command and insist on the reply's code."""
        self.sock.sendall(text.encode() + b"\r\n")
        self.expect(code)

    def send(self, number, attempt):
        """Deliver one message; returns once it is acknowledged."""
        self.expect(b"220")
        note(n=number, a=attempt, event="greeting", crew=self.crew["name"])
        self.say("EHLO client.example.com", b"250")
        self.say("MAIL FROM:<sender@example.com>", b"250")
        self.say(f"RCPT TO:<{self.spec['recipient']}>", b"250")
        self.linger()
        self.say("DATA", b"354")
        head = f"From: sender@example.com\r\nTo: {self.spec['recipient']}\r\nSubject: test\r\n"
        head += f"X-Number: {number}\r\nX-Attempt: {attempt}\r\n\r\n"
        self.sock.sendall(head.encode() + filler(self.crew["size"]))
        note(n=number, a=attempt, event="dot", crew=self.crew["name"])
        self.say(".", b"250")
        note(n=number, a=attempt, event="ack", crew=self.crew["name"])

    def linger(self):
        """Hold the conversation open before the message, as slow clients do."""
        end = time.monotonic() + self.crew["hold_s"]
        while time.monotonic() < end and not STOP.is_set():
            STOP.wait(min(0.5, self.crew["hold_s"]))
            self.say("NOOP", b"250")

    def close(self, polite):
        """End the session; politely, so that the server's log has nothing to complain about."""
        try:
            if polite:
                self.say("QUIT", b"221")
        except (OSError, Refused):
            pass
        self.lines.close()
        self.sock.close()


def filler(size):
    """The body of a message: lines that no server finds too long."""
    lines, rest = divmod(size, 500)
    return b"x" * rest + b"\r\n" + (b"x" * 498 + b"\r\n") * lines


def try_once(spec, crew, number, attempt):
    """One attempt at one message; whether it was acknowledged."""
    session = None
    sent = False
    try:
        session = Session(spec, crew)
        session.send(number, attempt)
        sent = True
    except (OSError, Refused) as error:
        note(n=number, a=attempt, event="fail", crew=crew["name"], why=f"{type(error).__name__}: {error}")
    finally:
        if session is not None:
            session.close(sent)
    return sent


def work(spec, crew, counter):
    """Send message after message until the end."""
    interval = crew["connections"] / crew["rate_per_s"]
    following = time.monotonic()
    while not STOP.is_set():
        number = next(counter)
        for attempt in itertools.count(1):
            if try_once(spec, crew, number, attempt) or STOP.is_set():
                break
            STOP.wait(RETRY_S)
        following = max(following + interval, time.monotonic())
        STOP.wait(max(0.0, following - time.monotonic()))


def main():
    """Start the workers, each crew's spread over one interval, and wait for the end."""
    spec = json.loads(sys.argv[1])
    signal.signal(signal.SIGTERM, lambda *_: STOP.set())
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    workers = []
    counter = itertools.count(spec["first"])
    for crew in spec["crews"]:
        for number in range(crew["connections"]):
            name = f"{crew['name']} {number}"
            worker = threading.Thread(target=work, args=(spec, crew, counter), name=name)
            worker.start()
            workers.append(worker)
            # Not longer than it takes to get all of them going in a second.
            STOP.wait(min(1 / crew["rate_per_s"], 1 / crew["connections"]))
    for worker in workers:
        while worker.is_alive():
            worker.join(0.2)


main()
