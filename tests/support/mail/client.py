"""The library's mail client as a program of its own.

Run by mail.py inside the client's namespace as ``python3 -IS mail_client.py JSON``; writes one line of JSON for every
thing that happens (``t`` is the monotonic clock) to standard output, and ends on SIGTERM after the sessions at hand.
``crews`` are groups of connections with a pace, a size and a conversation length of their own.
"""

import json
import os
import signal
import sys

sys.path.insert(
    0,
    os.path.join(os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))), "lib"),
)

from postfix_ha.drill.client import Client, Letter
from postfix_ha.drill.ledger import Crew

MARK = "X-Number: {number}\r\nX-Attempt: {attempt}"


def note(t, number, attempt, kind, why, crew, endpoint, cause):
    """Write one line of the ledger; one write call, so that lines of several threads do not mix."""
    event = {"t": round(t, 4), "n": number, "a": attempt, "event": kind, "why": why, "crew": crew, "cause": cause}
    os.write(1, (json.dumps(event) + "\n").encode())


def main():
    """Send until told to stop."""
    spec = json.loads(sys.argv[1])
    client = Client(
        [(spec["address"], spec["port"])],
        Letter("sender@example.com", spec["recipient"], "test", MARK),
        [Crew(**crew) for crew in spec["crews"]],
        note,
        first=spec["first"],
        connect_timeout_s=spec["connect_timeout_s"],
        read_timeout_s=spec["read_timeout_s"],
    )
    signal.signal(signal.SIGTERM, lambda *_: client.ask_to_stop())
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    client.start()
    client.wait()


main()
