"""The mail client of the lab and its ledger, and the account of where every acknowledged message is."""

import json
import os
import re
import signal
import subprocess
import tempfile
from dataclasses import asdict
from typing import Optional

from postfix_ha.drill.ledger import Account, Crew, Event, Ledger, Mark, compare
from tests.support.lab.config import RECIPIENT
from tests.support.lab.network import SERVICE_ADDRESS
from tests.support.machine.node import PYTHON, Node

__all__ = ["Account", "Crew", "Event", "Ledger", "MailClient", "take_account"]
CLIENT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "client.py")
_NUMBER = re.compile(rb"X-Number: (\d+)")
_ATTEMPT = re.compile(rb"X-Attempt: (\d+)")


class MailClient:
    """Sends numbered messages to the service address until stopped; ``ledger`` can be read at any time."""

    def __init__(self, node: Node, *crews: Crew, address: str = SERVICE_ADDRESS, slowness: float = 1) -> None:
        self._node = node
        self._spec = {
            "address": address,
            "port": 25,
            "recipient": RECIPIENT,
            "connect_timeout_s": 0.1 * slowness,
            "read_timeout_s": 2.0 * slowness,
            "crews": [asdict(crew) for crew in crews or (Crew(),)],
        }
        self._process: "Optional[subprocess.Popen[bytes]]" = None
        self._argv: "tuple[str, ...]" = ()
        self._file = tempfile.TemporaryFile()  # noqa: SIM115, closed in close()
        self._ledger = Ledger()
        self._rest = b""
        self._at = 0

    def start(self, first: int = 0) -> None:
        """Begin to send; after a stop the numbers go on, so that each stays unique."""
        if self._process is not None:
            raise RuntimeError("the mail client runs already")
        first = first or max((event.number for event in self.ledger.events), default=0) + 1
        self._argv = (PYTHON, "-IS", CLIENT, json.dumps({**self._spec, "first": first}))
        self._process = self._node.popen(self._argv, stdout=self._file)

    @property
    def ledger(self) -> Ledger:
        """What happened so far."""
        data = os.pread(self._file.fileno(), 1 << 30, self._at)
        self._at += len(data)
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            entry = json.loads(line)
            why, crew, cause = (entry.get(name, "") for name in ("why", "crew", "cause"))
            event = Event(entry["t"], entry["n"], entry["a"], entry["event"], why, crew, cause=cause)
            self._ledger.events.append(event)
        return self._ledger

    def stop(self) -> Ledger:
        """End after the sessions at hand; returns the complete ledger."""
        if self._process is not None:
            # nsenter hands no signals on, so the client itself is to be found, beside others in its namespace.
            for process in self._node.pids():
                if process.argv == self._argv:
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


def take_account(ledger: Ledger, delivered: "list[bytes]", queued: "list[bytes]") -> Account:
    """Compare the ledger with the contents of the mailbox and of the queue."""
    return compare(ledger, _marks(delivered), _marks(queued))


def _marks(contents: "list[bytes]") -> "list[Mark]":
    return [(_number(_NUMBER, content), _number(_ATTEMPT, content)) for content in contents]


def _number(pattern: "re.Pattern[bytes]", content: bytes) -> int:
    match = pattern.search(content)
    return int(match.group(1)) if match else 0
