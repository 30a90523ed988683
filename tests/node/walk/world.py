"""World: a private node with its Postfix, what is broken on it, and its facts, asked of the kernel and of a client.

Nothing here asks the agent: these facts are what its answers are held against.
"""

import contextlib
import time
from dataclasses import dataclass
from types import TracebackType
from typing import Callable, Optional

from tests.node.judged import UNWANTED, JudgedNode
from tests.node.scene import Scene
from tests.support.machine.process import NodeProcess
from tests.support.mail.node import ADDRESS, DAEMON_DIRECTORY

KEPT_CONFIG = "/root/etc-postfix"
PATIENCE_S = 6.0
# Without these two mail is taken and lies in the queue.
DELIVERERS = ("qmgr", "pickup")
LISTENING = "0A"
# Beside 25, what an edit of master.cf brings.
MORE_PORTS = (2525,)


@dataclass(frozen=True)
class Facts:
    """One look at the instance."""

    people: "tuple[NodeProcess, ...]"
    master: "Optional[NodeProcess]"
    listens: bool

    @property
    def lives(self) -> bool:
        """Whether a process of the instance lives."""
        return bool(self.people)

    @property
    def frozen(self) -> "set[str]":
        """The names of those that a signal has stopped."""
        return {process.name for process in self.people if process.state == "T"}

    @property
    def names(self) -> "set[str]":
        """The names of all."""
        return {process.name for process in self.people}

    def __str__(self) -> str:
        people = " ".join(f"{each.name}[{each.pid}]{each.state}" for each in self.people) or "nobody"
        return f"{people}; {'listens' if self.listens else 'does not listen'}"


class World:
    """The node of one walk. ``broken`` names what stands against the service, and how that is put right."""

    def __init__(self) -> None:
        self.stack = contextlib.ExitStack()
        self.broken: "dict[str, Callable[[], None]]" = {}
        self.clients = contextlib.ExitStack()
        self.client_count = 0
        self.limit = 100
        # Processes that are not Postfix's and hold the queue's file system.
        self.holders = 0
        self.is_stirred = True
        # Action and code of every answer, for whoever asks how much was seen.
        self.answers: "list[tuple[str, int]]" = []

    def __enter__(self) -> "World":
        self.node = self.stack.enter_context(JudgedNode(disk_mb=64))
        self.node.tolerated = set(UNWANTED)
        self.stack.callback(lambda: self.clients.close())
        self.scene = Scene(self.node, self.stack, 5)
        self.scene.hold_disk()
        self.node.run(["cp", "-a", "/etc/postfix", KEPT_CONFIG], check=True)
        # An error of the file system loses what is not on the disk: the queue itself is.
        self.node.run(["sync", "-f", self.node.queue.at], check=True)
        return self

    def __exit__(
        self,
        kind: "Optional[type[BaseException]]",
        error: "Optional[BaseException]",
        trace: "Optional[TracebackType]",
    ) -> None:
        # The walk tells a broken promise itself, with what was logged.
        self.stack.close()

    # What was done to it

    def break_(self, name: str, mend: "Callable[[], None]") -> None:
        """Note that something stands against the service, and how it is put right."""
        self.broken[name] = mend

    def mend(self, name: str) -> None:
        """Put one thing right."""
        self.broken.pop(name)()

    def forget(self, *kinds: str) -> None:
        """Note that what begins with these words is right again."""
        self.broken = {name: mend for name, mend in self.broken.items() if name.split()[0] not in kinds}

    def is_mounted(self) -> bool:
        """Whether the queue's own file system is where it belongs, and nothing over it."""
        lines = [line.split() for line in self.node.read("/proc/1/mountinfo").splitlines()]
        found = [line[line.index("-") + 1] for line in lines if line[4] == self.node.queue.at]
        return found == ["ext4"]

    @property
    def is_busy(self) -> bool:
        """Whether clients hold all the processes that may serve them."""
        return self.client_count >= self.limit

    # Facts

    def facts(self) -> Facts:
        """One look, when daemons that were just started bear their own names; what was stirred up may settle first."""
        looked = self._look()
        if self.is_stirred:
            until = time.monotonic() + 3
            while time.monotonic() < until:
                time.sleep(0.06)
                before, looked = looked, self._look()
                if _shape(before) == _shape(looked) and len(_masters(looked)) <= 1:
                    break
            self.is_stirred = False
        return looked

    def _look(self) -> Facts:
        # Twice where a fork of master's bears its name still.
        for _ in range(50):
            people = tuple(p for p in self.node.daemons() if self.scene.config_of(p) == "first")
            masters = [p for p in people if p.exe.startswith(DAEMON_DIRECTORY + "master")]
            if len(masters) <= 1:
                break
            time.sleep(0.02)
        return Facts(people, masters[0] if masters else None, self._listens())

    def _listens(self, port: int = 25) -> bool:
        number = "".join(f"{int(part):02X}" for part in reversed(ADDRESS.split(".")))
        wanted = {f"{number}:{port:04X}", f"00000000:{port:04X}"}
        rows = self.node.read("/proc/1/net/tcp").splitlines()[1:]
        return any(row.split()[1] in wanted and row.split()[3] == LISTENING for row in rows)

    def greets(self) -> bool:
        """Whether a client is greeted at each port on which somebody listens for mail, port 25 among them."""
        self.is_stirred = True
        more = [port for port in MORE_PORTS if self._listens(port)]
        return self._listens() and all(
            self.node.greeting(port=port, timeout_s=PATIENCE_S).startswith("220 ") for port in (25, *more)
        )

    def takes(self) -> bool:
        """Whether a client's message is taken."""
        self.is_stirred = True
        if not self._listens() or (any(self._listens(port) for port in MORE_PORTS) and not self.greets()):
            return False
        with contextlib.suppress(OSError), self.node.connection(timeout_s=PATIENCE_S) as connection:
            lines = connection.makefile("rwb", buffering=0)
            words = ("", "HELO client.example.com", "MAIL FROM:<>", "RCPT TO:<nobody@mail.example.com>", "DATA")
            for word in (*words, "Subject: walk\r\n\r\nx\r\n."):
                if word:
                    lines.write(word.encode() + b"\r\n")
                if lines.readline()[:1] not in (b"2", b"3"):
                    return False
            lines.write(b"QUIT\r\n")
            lines.readline()
            return True
        return False

    def all_pids(self) -> "dict[int, NodeProcess]":
        """Every living process of the node."""
        return {process.pid: process for process in self.node.pids() if process.state != "Z"}


def _masters(facts: Facts) -> "list[NodeProcess]":
    return [process for process in facts.people if process.exe.startswith(DAEMON_DIRECTORY + "master")]


def _shape(facts: Facts) -> "set[tuple[int, str]]":
    return {(process.pid, "T" if process.state == "T" else "") for process in facts.people}
