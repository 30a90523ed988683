"""Senders as mail servers are: each waits long for a connection, and sends a message over a time.

Run inside a client's namespace as ``python3 -IS crowd.py JSON``; writes one line of JSON for each attempt, and for each
message that its own next hop takes, and ends when its standard input does. ``recipients`` are taken in turn.
"""

import itertools
import json
import os
import socket
import sys
import threading
import time

CONNECT_TIMEOUT_S = 30
REPLY_TIMEOUT_S = 60
PAUSE_S = 0.1


def write(**facts):
    """One line, by one call, so that those of several threads do not mix."""
    os.write(1, (json.dumps(facts) + "\n").encode())


class Sender(threading.Thread):
    """One sender: message after message, each in a session of its own, until it is told to stop."""

    def __init__(self, spec, numbers, recipients, stop):
        super().__init__(daemon=True)
        self.endpoint = (spec["address"], spec["port"])
        self.over_s = spec["over_s"]
        self.numbers = numbers
        self.recipients = recipients
        self.stop = stop

    def run(self):
        """Send; an attempt that fails is told with the stage that it had reached, and its message is given up."""
        while not self.stop.is_set():
            number, recipient = next(self.numbers), next(self.recipients)
            begin = time.monotonic()
            stage = "connect"
            try:
                with socket.create_connection(self.endpoint, CONNECT_TIMEOUT_S) as sock:
                    sock.settimeout(REPLY_TIMEOUT_S)
                    file = sock.makefile("rwb", buffering=0)
                    stage = "greeting"
                    expect(file, b"220")
                    greeted_s = time.monotonic() - begin
                    stage = "envelope"
                    for line in ("EHLO [198.51.100.200]", "MAIL FROM:<sender@example.com>", f"RCPT TO:<{recipient}>"):
                        say(file, line, b"250")
                    stage = "data"
                    say(file, "DATA", b"354")
                    head = f"From: sender@example.com\r\nTo: {recipient}\r\nSubject: test\r\nX-Number: {number}\r\n\r\n"
                    sock.sendall(head.encode())
                    for _ in range(3):
                        time.sleep(self.over_s / 3)
                        sock.sendall(b"x" * 300 + b"\r\n")
                    say(file, ".", b"250")
                    stage = "quit"
                    write(event="taken", n=number, at=begin, took=time.monotonic() - begin, wait=greeted_s)
                    say(file, "QUIT", b"221")
                    file.close()
            except (OSError, EOFError, ValueError) as error:
                why = f"{type(error).__name__}: {error}"
                write(event="failed", n=number, at=begin, took=time.monotonic() - begin, stage=stage, why=why)
            self.stop.wait(PAUSE_S)


def expect(file, code):
    """Read a reply; EOFError where the connection is closed, ValueError for another code."""
    while True:
        line = file.readline()
        if not line:
            raise EOFError("the connection was closed")
        if line[3:4] != b"-":
            break
    if line[:3] != code:
        raise ValueError(line.decode("latin-1").strip())


def say(file, text, code):
    """Send a line and read its reply."""
    file.write(text.encode() + b"\r\n")
    expect(file, code)


def serve_next_hop(listener, dot_s):
    """Take every message, each after a time that the dot waits for its answer."""

    def session(sock):
        with sock, sock.makefile("rwb", buffering=0) as file:
            file.write(b"220 hop.example.com ESMTP\r\n")
            number = ""
            while True:
                line = file.readline()
                word = line[:4].upper()
                if not line or word == b"QUIT":
                    file.write(b"221 bye\r\n")
                    return
                if word == b"DATA":
                    file.write(b"354 go on\r\n")
                    while True:
                        line = file.readline()
                        if line.startswith(b"X-Number:"):
                            number = line.split()[1].decode()
                        if not line or line == b".\r\n":
                            break
                    if not line:
                        return
                    time.sleep(dot_s)
                    write(event="hop", n=int(number))
                file.write(b"250 ok\r\n")

    def careful(sock):
        try:
            session(sock)
        except OSError:
            return

    while True:
        sock, _ = listener.accept()
        threading.Thread(target=careful, args=(sock,), daemon=True).start()


def main():
    """Send until standard input ends, and serve as the next hop all the time."""
    spec = json.loads(sys.argv[1])
    listener = socket.create_server(("", spec["hop_port"]), backlog=100)
    threading.Thread(target=serve_next_hop, args=(listener, spec["dot_s"]), daemon=True).start()
    stop, numbers, recipients = threading.Event(), itertools.count(spec["first"]), itertools.cycle(spec["recipients"])
    senders = [Sender(spec, numbers, recipients, stop) for _ in range(spec["senders"])]
    for sender in senders:
        sender.start()
        time.sleep(spec["over_s"] / len(senders))
    for line in sys.stdin:
        if line.strip() == "rest":  # send nothing more, but go on as the next hop
            stop.set()
            for sender in senders:
                sender.join()
            write(event="rests")


main()
