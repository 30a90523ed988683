"""The guard: a process beside the drill that undoes what the drill has left when the drill itself was killed.

What the drill is about to do to the cluster it tells the guard first. When the drill ends without having said that all
is undone, the guard waits for what was under way, and undoes it.
"""

import json
import os
import signal
import time
from typing import Callable

TYPE_CHECKING = False  # psutil costs every command 20 ms, and only a drill needs it
if TYPE_CHECKING:
    from psutil import Process

Traces = dict[str, "list[str]"]
# Programs of ours by which a change may still be on its way to the cluster when we die.
MESSENGERS = ("cibadmin", "crm_resource", "crm_attribute")
MESSENGER_S = 60.0
# A change that another node's daemon is still passing on cannot be seen here at once.
PASSING_ON_S = 2.0
DONE = "done"


class Guard:
    """``traces``: kind -> words, of what is to be undone; ``undo`` does it, here at the end, or in the guard."""

    def __init__(self, undo: "Callable[[Traces], None]") -> None:
        import psutil  # noqa: F401 - the guard needs it when it is too late to say that it cannot be loaded

        self.traces: Traces = {}
        self._undo = undo
        reading, self._writing = os.pipe()
        self._child = os.fork()
        if self._child == 0:
            os.close(self._writing)
            _watch(reading, undo)
        os.close(reading)

    def leave(self, kind: str, *words: str) -> None:
        """Say what we are about to leave behind."""
        self.traces[kind] = list(words)
        self._tell(self.traces)

    def forget(self, kind: str) -> None:
        """Say that a trace is no longer there."""
        if self.traces.pop(kind, None) is not None:
            self._tell(self.traces)

    def undo(self) -> None:
        """Undo all that is left, and send the guard home."""
        if self.traces:
            self._undo(self.traces)
        self._tell(DONE)
        os.close(self._writing)
        os.waitpid(self._child, 0)

    def _tell(self, what: object) -> None:
        try:
            os.write(self._writing, (json.dumps(what) + "\n").encode())
        except BrokenPipeError:
            return  # somebody has ended the guard; we undo by ourselves


def _watch(reading: int, undo: "Callable[[Traces], None]") -> None:
    """The guard's whole life."""
    try:
        os.setsid()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        nothing = os.open(os.devnull, os.O_RDWR)
        for descriptor in range(3):
            os.dup2(nothing, descriptor)
        told = _read_all(reading).decode().splitlines()
        last = json.loads(told[-1]) if told else DONE
        if isinstance(last, dict) and last:
            _wait_for_messengers()
            undo(last)
            time.sleep(PASSING_ON_S)
            undo(last)
    finally:
        os._exit(0)


def _wait_for_messengers() -> None:
    """Wait until what was on its way to the cluster has arrived."""
    import psutil

    left = [each for each in psutil.process_iter(["name"]) if each.info["name"] in MESSENGERS]
    until = time.monotonic() + MESSENGER_S
    # Not psutil.wait_procs(): it would wait for one that has ended and that nobody collects.
    while any(map(_lives, left)) and time.monotonic() < until:
        time.sleep(0.05)


def _lives(process: "Process") -> bool:
    import psutil

    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


def _read_all(descriptor: int) -> bytes:
    """All that comes until the last writer has gone."""
    data = b""
    while True:
        part = os.read(descriptor, 65536)
        if not part:
            return data
        data += part
