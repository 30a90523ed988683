"""The mail client of the lab and its ledger, and the account of where every acknowledged message is."""

import json
import os
import re
import signal
import subprocess
import tempfile
from dataclasses import asdict, dataclass, field
from typing import Optional

from tests.support.lab_config import RECIPIENT
from tests.support.lab_network import SERVICE_ADDRESS
from tests.support.node import PYTHON, Node

CLIENT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "mail_client.py")
_NUMBER = re.compile(rb"X-Number: (\d+)")
_ATTEMPT = re.compile(rb"X-Attempt: (\d+)")


@dataclass(frozen=True)
class Event:
    """One thing that happened to the client: greeting, dot, ack or fail, at ``t`` of the monotonic clock."""

    t: float
    number: int
    attempt: int
    kind: str
    why: str = ""
    crew: str = ""


@dataclass(frozen=True)
class Crew:
    """A group of connections: how many, messages a second of all of them, message size, seconds of conversation."""

    name: str = "plain"
    connections: int = 4
    rate_per_s: float = 25
    size: int = 400
    hold_s: float = 0


@dataclass
class Ledger:
    """Everything that happened to the client, in order."""

    events: "list[Event]" = field(default_factory=list)

    @property
    def acknowledged(self) -> "set[int]":
        """Numbers of the messages that the server took responsibility for."""
        return {event.number for event in self.events if event.kind == "ack"}

    def acknowledged_between(self, start: float, end: float) -> int:
        """How many messages were acknowledged in a span of time."""
        return sum(event.kind == "ack" and start <= event.t <= end for event in self.events)

    def gap(self, start: float, end: float) -> float:
        """The longest time without a greeting or an acknowledgement that overlaps the span."""
        good = [event.t for event in self.events if event.kind in ("greeting", "ack")]
        before = max((t for t in good if t < start), default=None)
        after = min((t for t in good if t > end), default=None)
        if before is None or after is None:
            raise ValueError("the client had no success on both sides of the event: start it earlier, stop it later")
        times = [before, *(t for t in good if start <= t <= end), after]
        return max(later - earlier for earlier, later in zip(times, times[1:]))

    def last_success(self) -> float:
        """When the client last saw a greeting or an acknowledgement; 0 when never."""
        return max((event.t for event in self.events if event.kind in ("greeting", "ack")), default=0.0)

    def failures(self) -> "dict[str, int]":
        """What went wrong, and how often."""
        counts: "dict[str, int]" = {}
        for event in self.events:
            if event.kind == "fail":
                counts[event.why] = counts.get(event.why, 0) + 1
        return counts


class MailClient:
    """Sends numbered messages to the service address until stopped; ``ledger`` can be read at any time."""

    def __init__(self, node: Node, *crews: Crew) -> None:
        self._node = node
        self._spec = {
            "address": SERVICE_ADDRESS,
            "port": 25,
            "recipient": RECIPIENT,
            "connect_timeout_s": 0.1,
            "read_timeout_s": 2.0,
            "crews": [asdict(crew) for crew in crews or (Crew(),)],
        }
        self._process: "Optional[subprocess.Popen[bytes]]" = None
        self._file = tempfile.TemporaryFile()  # noqa: SIM115, closed in close()
        self._ledger = Ledger()
        self._rest = b""
        self._at = 0

    def start(self, first: int = 0) -> None:
        """Begin to send; after a stop the numbers go on, so that each stays unique."""
        if self._process is not None:
            raise RuntimeError("the mail client runs already")
        first = first or max((event.number for event in self.ledger.events), default=0) + 1
        argv = [PYTHON, "-IS", CLIENT, json.dumps({**self._spec, "first": first})]
        self._process = self._node.popen(argv, stdout=self._file)

    @property
    def ledger(self) -> Ledger:
        """What happened so far."""
        data = os.pread(self._file.fileno(), 1 << 30, self._at)
        self._at += len(data)
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            entry = json.loads(line)
            why, crew = entry.get("why", ""), entry.get("crew", "")
            self._ledger.events.append(Event(entry["t"], entry["n"], entry["a"], entry["event"], why, crew))
        return self._ledger

    def stop(self) -> Ledger:
        """End after the sessions at hand; returns the complete ledger."""
        if self._process is not None:
            # nsenter hands no signals on, so the client itself is to be found; it is the only Python in its namespace.
            for process in self._node.pids():
                if CLIENT in process.argv:
                    self._node.signal(process, signal.SIGTERM)
            self._process.wait(30)
            self._process = None
        return self.ledger

    def close(self) -> None:
        """End at once and drop the ledger's file."""
        if self._process is not None:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            self._process = None
        self._file.close()


@dataclass(frozen=True)
class Account:
    """Where the acknowledged messages are: lost ones are nowhere, duplicated ones were delivered more than once."""

    acknowledged: int
    delivered: int
    queued: int
    lost: "tuple[int, ...]"
    duplicated: "tuple[int, ...]"
    # Of the duplicated ones, those where not the client's own second try (its first answer was lost) is the reason.
    delivered_twice: "tuple[int, ...]"


def take_account(ledger: Ledger, delivered: "list[bytes]", queued: "list[bytes]") -> Account:
    """Compare the ledger with the contents of the mailbox and of the queue."""
    copies: "dict[int, list[int]]" = {}
    for content in delivered:
        number = _number(_NUMBER, content)
        copies.setdefault(number, []).append(_number(_ATTEMPT, content))
    waiting = {_number(_NUMBER, content) for content in queued}
    present = set(copies) | waiting
    acknowledged = ledger.acknowledged
    return Account(
        acknowledged=len(acknowledged),
        delivered=len(delivered),
        queued=len(queued),
        lost=tuple(sorted(acknowledged - present)),
        duplicated=tuple(sorted(number for number, tries in copies.items() if len(tries) > 1)),
        delivered_twice=tuple(sorted(number for number, tries in copies.items() if len(tries) > len(set(tries)))),
    )


def _number(pattern: "re.Pattern[bytes]", content: bytes) -> int:
    match = pattern.search(content)
    return int(match.group(1)) if match else 0
