"""The watch over virtual machines: each tells all the time whether it has the queue mounted and a master on it.

Each look has the machine's own time, and a machine's clock is held against ours by the look that came fastest: so a
late word from a busy machine makes no overlap, and none is missed between machines that run.
"""

import json
import subprocess
import threading
import time
from dataclasses import dataclass, field

from tests.support.lab_node import QUEUE_MOUNT
from tests.support.node import PYTHON
from tests.support.virtual_node import VirtualNode
from tests.support.watch import Sight

# Run in the machine: [own time, mounted or not, masters] at every look, as long as somebody listens. A master is a
# process of that program that holds a lock on a file of the shared disk, as in watcher.py.
WATCH = """\
import json, os, sys, time
mount = sys.argv[1]

def device():
    with open("/proc/self/mountinfo") as lines:
        return next((words[2] for words in map(str.split, lines) if words[4] == mount), "")

def masters(device):
    major, _, minor = device.partition(":")
    wanted, found = f"{int(major):02x}:{int(minor):02x}", set()
    with open("/proc/locks") as lines:
        for words in map(str.split, lines):
            if words[1] in ("FLOCK", "POSIX", "OFDLCK") and words[3] == "WRITE":
                if words[5].rpartition(":")[0] == wanted:
                    found.add(words[4])
    return sum(map(is_master, found))

def is_master(pid):
    try:
        argv = open(f"/proc/{pid}/cmdline", "rb").read().split(b"\\0")
        return os.readlink(f"/proc/{pid}/exe").endswith("/master") and b"-t" not in argv
    except OSError:
        return False

last, told, before = None, 0.0, 0.0
while True:
    at, where = time.monotonic(), device()
    seen = [bool(where), masters(where) if where else 0]
    if seen != last or at - told > 0.5:
        if last is not None and seen != last:
            print(json.dumps([before, *last]))
        print(json.dumps([at, *seen]), flush=True)
        last, told = seen, at
    before = at
    # An emulated machine that looks all the time does nothing else.
    time.sleep(0.2)
"""


@dataclass
class Span:
    """A time, on our clock, in which a machine surely had so many of something."""

    node: str
    start: float
    end: float
    count: int


@dataclass
class Life:
    """What one connection to a machine told: looks as (its time, mounted, masters); ``lag`` is our clock less its."""

    looks: "list[tuple[float, bool, int]]" = field(default_factory=list)
    lag: float = float("inf")


class VirtualWatch:
    """Keeps a connection to every machine, and begins a new one when a machine is back."""

    def __init__(self, nodes: "dict[str, VirtualNode]") -> None:
        self._lives: "dict[str, list[Life]]" = {name: [] for name in nodes}
        self._processes: "dict[str, subprocess.Popen[bytes]]" = {}
        self._is_closed = threading.Event()
        self._threads = [
            threading.Thread(target=self._follow, args=(name, node), name=f"watch {name}", daemon=True)
            for name, node in nodes.items()
        ]
        for thread in self._threads:
            thread.start()

    def _follow(self, name: str, node: VirtualNode) -> None:
        argv = [PYTHON, "-IS", "-c", WATCH, QUEUE_MOUNT]
        while not self._is_closed.is_set():
            with node.popen(argv, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
                self._processes[name] = process
                self._listen(name, process)
                process.kill()
            self._is_closed.wait(1)

    def _listen(self, name: str, process: "subprocess.Popen[bytes]") -> None:
        """Keep what a machine tells, until it or its connection ends."""
        life = Life()
        assert process.stdout
        for line in process.stdout:
            arrived = time.monotonic()
            try:
                at, mounted, masters = json.loads(line)
            except ValueError:
                return  # the machine ended in the middle of a word
            life.lag = min(life.lag, arrived - at)
            life.looks.append((at, mounted, masters))
            if len(life.looks) == 1:
                self._lives[name].append(life)

    def is_looking(self) -> bool:
        """Whether every machine has told something lately."""
        now = time.monotonic()
        return all(lives and now - (lives[-1].looks[-1][0] + lives[-1].lag) < 10 for lives in self._lives.values())

    def _spans(self, which: int) -> "list[Span]":
        """From each look with a mount (1) or a master (2) to the last look that saw the same."""
        found: "list[Span]" = []
        for name, lives in self._lives.items():
            for life in list(lives):
                span = None
                for look in list(life.looks):
                    at, count = look[0] + life.lag, int(look[which])
                    if span is not None and count == span.count:
                        span.end = at
                    else:
                        span = Span(name, at, at, count) if count else None
                        if span:
                            found.append(span)
        return found

    def worst(self, since: float = 0.0, until: float = float("inf")) -> "tuple[int, int]":
        """The greatest number of mounts and of masters seen at once between two times."""
        return self._most(1, since, until), self._most(2, since, until)

    def _most(self, which: int, since: float, until: float) -> int:
        spans = [span for span in self._spans(which) if span.start <= until and span.end >= since]
        # The most are there when one of them begins.
        sums = [sum(each.count for each in spans if each.start <= at <= each.end) for at in (s.start for s in spans)]
        return max(sums, default=0)

    @property
    def now(self) -> Sight:
        """The latest sight."""
        last = {name: lives[-1].looks[-1] for name, lives in self._lives.items() if lives}
        mounts = tuple(name for name, look in last.items() if look[1])
        return Sight(time.monotonic(), mounts, tuple(name for name, look in last.items() for _ in range(look[2])))

    def close(self) -> None:
        """Hang up."""
        self._is_closed.set()
        for process in list(self._processes.values()):
            process.kill()
        for thread in self._threads:
            thread.join(30)
