"""Watch: proof from outside that the shared file system and the queue never have two users at once."""

import json
import os
import subprocess
import threading
import time
from dataclasses import dataclass

from tests.support.machine.node import BASE_ENV, PYTHON

WATCHER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "watcher.py")


@dataclass(frozen=True)
class Sight:
    """What was seen from ``at`` (monotonic clock) until the next sight: names of nodes."""

    at: float
    mounts: "tuple[str, ...]"
    masters: "tuple[str, ...]"


class Watch:
    """Runs the watcher process and keeps what it reports."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [PYTHON, "-IS", WATCHER],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=BASE_ENV,
            cwd="/",
            text=True,
            start_new_session=True,
        )
        self.sights: "list[Sight]" = []
        self.looks = 0
        self.longest_s = 0.0
        self._reader = threading.Thread(target=self._read, name="watch", daemon=True)
        self._reader.start()

    def _read(self) -> None:
        for line in self._process.stdout:
            data = json.loads(line)
            if "at" in data:
                self.sights.append(Sight(data["at"], tuple(data["mounts"]), tuple(data["masters"])))
            else:
                self.looks, self.longest_s = data["looks"], data["longest_s"]

    def node_is(self, name: str, pid: int, minor: int) -> None:
        """Tell the watcher a node's PID 1 (0: it is off) and the loop device of its shared disk."""
        self._process.stdin.write(f"{name} {pid} {minor}\n")
        self._process.stdin.flush()

    @property
    def now(self) -> Sight:
        """The latest sight."""
        return self.sights[-1] if self.sights else Sight(time.monotonic(), (), ())

    def worst(self, since: float = 0.0, until: float = float("inf")) -> "tuple[int, int]":
        """The greatest number of mounts and of masters seen at once between two times."""
        seen = [
            sight
            for sight, following in zip(self.sights, [*self.sights[1:], None])
            if sight.at <= until and (following is None or following.at >= since)
        ]
        return (
            max((len(sight.mounts) for sight in seen), default=0),
            max((len(sight.masters) for sight in seen), default=0),
        )

    def forgive(self, since: float) -> None:
        """What was seen from that time until now was done on purpose."""
        first = next((number for number, sight in enumerate(self.sights) if sight.at >= since), len(self.sights))
        del self.sights[first:-1]

    def close(self) -> None:
        """End the watcher; its last line tells how often it looked."""
        self._process.stdin.close()
        self._process.wait(10)
        self._reader.join(10)
        self._process.stdout.close()
