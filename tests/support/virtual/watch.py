"""The watch over virtual machines: each tells all the time whether its kernel uses the shared disk, and how many
masters hold a lock on it.

Each look has the machine's own time, and a machine's clock is held against ours by the look that came fastest: so a
late word from a busy machine makes no overlap, and none is missed between machines that run. What a machine did between
its boot and its first word, its kernel's log tells.
"""

import json
import subprocess
import threading
import time
from dataclasses import dataclass, field

from tests.support.lab.watch import Sight
from tests.support.machine.node import PYTHON
from tests.support.virtual.node import VirtualNode

# Run in the machine: [own time, disk in use or not, masters] at every change, and now and then without one, as long as
# somebody listens. The kernel has a directory for each ext4 that it has not let go of, also where it was unmounted
# lazily or in another namespace. A master is a process of that program that holds a lock on a file of the shared disk.
WATCH = """\
import json, os, re, sys, time

def queue_storage():
    # Its name below /sys/fs/ext4, "major:minor", and whether it is in use, as far as it is here.
    try:
        path = re.search("^queue=(.*)", open("/etc/postfix-ha-disks").read(), re.M).group(1)
    except (OSError, AttributeError):
        return "", "", False
    if ":/" in path:
        for words in map(str.split, open("/proc/self/mountinfo")):
            if words[words.index("-") + 2] == path:
                major, minor = map(int, words[2].split(":"))
                return "", f"{major:02x}:{minor:02x}", True
        return "", "", False
    try:
        name, number = os.path.basename(os.path.realpath(path)), os.stat(path).st_rdev
    except OSError:
        return "", "", False
    return name, f"{os.major(number):02x}:{os.minor(number):02x}", os.path.isdir(f"/sys/fs/ext4/{name}")

def masters(wanted):
    found = set()
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

def tell(*look):
    print(json.dumps(look), flush=True)

def tell_history(name):
    log = os.open("/dev/kmsg", os.O_RDONLY | os.O_NONBLOCK)
    while True:
        try:
            head, _, text = os.read(log, 8192).decode(errors="replace").partition(";")
        except BlockingIOError:
            return
        except BrokenPipeError:
            continue  # the oldest lines are gone already
        verb = re.match(rf"EXT4-fs \\({name}\\): (mounted|unmounting)", text)
        if verb:
            tell(int(head.split(",")[2]) / 1e6, verb.group(1) == "mounted", 0)

tell_history(queue_storage()[0] or "none")
last, told, before = None, 0.0, 0.0
while True:
    at, (name, number, used) = time.monotonic(), queue_storage()
    seen = [used, masters(number) if used else 0]
    if seen != last or at - told > 0.5:
        if last is not None and seen != last:
            tell(before, *last)
        tell(at, *seen)
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
    """What one connection to a machine told, as (its time, disk in use, masters); ``lag`` is our clock less its."""

    looks: "list[tuple[float, bool, int]]" = field(default_factory=list)
    lag: float = float("inf")

    def spans(self, node: str, which: int) -> "list[Span]":
        """From each look with a user of the disk (1) or a master (2) to the last look that saw the same."""
        found: "list[Span]" = []
        span = None
        for look in list(self.looks):
            at, count = look[0] + self.lag, int(look[which])
            if span is not None and count == span.count:
                span.end = at
            else:
                span = Span(node, at, at, count) if count else None
                if span:
                    found.append(span)
        return found


class VirtualWatch:
    """Keeps a connection to every machine, and begins a new one when a machine is back."""

    def __init__(self, nodes: "dict[str, VirtualNode]") -> None:
        self._lives: "dict[str, list[Life]]" = {name: [] for name in nodes}
        self._processes: "dict[str, subprocess.Popen[bytes]]" = {}
        self._forgiven: "list[tuple[float, float]]" = []
        self._is_closed = threading.Event()
        self._threads = [
            threading.Thread(target=self._follow, args=(name, node), name=f"watch {name}", daemon=True)
            for name, node in nodes.items()
        ]
        for thread in self._threads:
            thread.start()

    def _follow(self, name: str, node: VirtualNode) -> None:
        argv = [PYTHON, "-IS", "-c", WATCH]
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
                at, used, masters = json.loads(line)
            except ValueError:
                return  # the machine ended in the middle of a word
            life.lag = min(life.lag, arrived - at)
            life.looks.append((at, used, masters))
            if len(life.looks) == 1:
                self._lives[name].append(life)

    def is_looking(self) -> bool:
        """Whether every machine has told something lately."""
        now = time.monotonic()
        return all(lives and now - (lives[-1].looks[-1][0] + lives[-1].lag) < 10 for lives in self._lives.values())

    def worst(self, since: float = 0.0, until: float = float("inf")) -> "tuple[int, int]":
        """The greatest number of machines that used the disk, and of masters, seen at once between two times."""
        return self._most(1, since, until), self._most(2, since, until)

    def _most(self, which: int, since: float, until: float) -> int:
        lives = [(name, life) for name, lives in self._lives.items() for life in list(lives)]
        every = [span for name, life in lives for span in life.spans(name, which)]
        spans = [span for span in every if span.start <= until and span.end >= since]
        # The most are there when one of them begins.
        return max((at_once(spans, each.start) for each in spans if not self._is_forgiven(each.start)), default=0)

    def forgive(self, since: float) -> None:
        """What was seen from that time until now was done on purpose."""
        self._forgiven.append((since, time.monotonic()))

    def _is_forgiven(self, at: float) -> bool:
        return any(start <= at <= end for start, end in self._forgiven)

    @property
    def now(self) -> Sight:
        """The latest sight; a machine that tells nothing any more has nothing."""
        last = {}
        for name, lives in self._lives.items():
            process = self._processes.get(name)
            if lives and process is not None and process.poll() is None:
                last[name] = lives[-1].looks[-1]
        mounts = tuple(name for name, look in last.items() if look[1])
        return Sight(time.monotonic(), mounts, tuple(name for name, look in last.items() for _ in range(look[2])))

    def close(self) -> None:
        """Hang up."""
        self._is_closed.set()
        for process in list(self._processes.values()):
            process.kill()
        for thread in self._threads:
            thread.join(30)


def at_once(spans: "list[Span]", at: float) -> int:
    """How many there were at a time; what two connections to the same machine told is counted once."""
    counts: "dict[str, int]" = {}
    for span in spans:
        if span.start <= at <= span.end:
            counts[span.node] = max(counts.get(span.node, 0), span.count)
    return sum(counts.values())
