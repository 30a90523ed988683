"""The scene of one fault: the lab in which it happens, who is struck, and what is put right afterwards."""

import contextlib
import os
import random
import signal
import subprocess
import time
from typing import Callable

from tests.support.lab.cluster import Lab, LabError
from tests.support.lab.config import QUEUE
from tests.support.lab.node import ClusterNode
from tests.support.lab.resources import MAIL
from tests.support.machine.node import NodeProcess

# Clients count as served while a message was acknowledged this short a time ago; and as served again when one was that
# cannot have been on its way when the fault happened.
SERVED_S = 1.0
ON_ITS_WAY_S = 0.3


class Scene:
    """The service's node is the victim; whatever an act breaks for good it hands over to ``undo``."""

    def __init__(self, lab: Lab, moments: random.Random, chaos_s: float) -> None:
        self.lab = lab
        self.random = moments
        # How long a fault that is a time of many lasts.
        self.chaos_s = chaos_s
        self.victim = lab.where()
        self.target = ""
        # When the act began, and when it was done.
        self.began = self.struck = 0.0
        # Which master ran before the fault, by its number outside.
        self.old_master = 0
        # What the act of a fault that goes on for a while has done so far, for the report.
        self.did: "list[tuple[float, str]]" = []
        self._undo: "list[Callable[[], object]]" = []

    @property
    def node(self) -> ClusterNode:
        """The victim."""
        return self.lab.nodes[self.victim]

    @property
    def idle(self) -> "list[str]":
        """The nodes that do not run the service, in order."""
        return [name for name in self.lab.nodes if name != self.victim]

    def undo(self, step: "Callable[[], object]") -> None:
        """Have ``step`` done when the fault is over; the latest first."""
        self._undo.append(step)

    def put_right(self) -> None:
        """Undo everything, going on when one step fails; a node that was fenced has nothing of it any more."""
        while self._undo:
            with contextlib.suppress(RuntimeError, OSError, LabError, subprocess.TimeoutExpired):
                self._undo.pop()()

    def tell(self, what: str) -> None:
        """Keep for the report what was done just now."""
        self.did.append((time.monotonic(), what))

    # Facts

    def is_served(self) -> bool:
        """Whether clients get messages acknowledged now, and got one after the fault."""
        return self.last_acknowledgement() > max(self.struck + ON_ITS_WAY_S, time.monotonic() - SERVED_S)

    def last_acknowledgement(self) -> float:
        """When an ordinary client had its latest message acknowledged; 0 for never."""
        for event in reversed(self.lab.client.ledger.events):
            if event.kind == "ack" and event.crew == "plain":
                return event.t
        return 0.0

    def is_away(self) -> bool:
        """Whether the service runs on another node."""
        return self.lab.where() not in ("", self.victim)

    def has_new_master(self) -> bool:
        """Whether a master runs that is not the one from before."""
        return [process.outside for _, process in self.lab.masters()] not in ([], [self.old_master])

    def daemons(self) -> "list[NodeProcess]":
        """The processes of the service's Postfix on its node, told by their queue directory from another instance's."""
        found = []
        for process in self.node.pids():
            with contextlib.suppress(OSError):
                links = [os.readlink(f"/proc/{process.outside}/{name}") for name in ("cwd", "root")]
                if QUEUE in links:
                    found.append(process)
        return found

    def resource(self, *arguments: str) -> None:
        """Run crm_resource; RuntimeError when it refuses."""
        self.lab.on().run(["crm_resource", *arguments], check=True)

    def place(self, name: str) -> None:
        """Have the service on this node before anything happens."""
        if self.lab.where() != name:
            self.lab.move(name)
            self.lab.settle()
        self.victim = name

    # Deeds

    def shut_down(self, name: str) -> None:
        """Take a node down in order, as its administrator does: the cluster's daemons end, then the power."""
        node = self.lab.nodes[name]
        self.lab.shun(name)
        for daemon in ("pacemakerd", "corosync"):
            for process in node.named(daemon):
                node.signal(process, signal.SIGTERM)
            self.lab.wait_for(lambda daemon=daemon: not node.named(daemon), 60, f"{daemon} of {name} has ended")
        ClusterNode.power_off(node)

    def boot(self, name: str) -> None:
        """Give a node power again, and ask it again."""
        ClusterNode.power_on(self.lab.nodes[name])
        self.lab.shun(name, False)

    def freeze(self, name: str) -> None:
        """Stop every process of a node, as a hypervisor that pauses it does."""
        node = self.lab.nodes[name]
        self.lab.shun(name)
        self.undo(lambda: self.lab.shun(name, False))
        self.undo(lambda: [node.signal(process, signal.SIGCONT) for process in node.pids()])
        # Twice: one may have been forked while the others were stopped.
        for _ in range(2):
            for process in node.pids():
                node.signal(process, signal.SIGSTOP)

    def hide(self, node: ClusterNode, path: str) -> None:
        """Take a program away; it is back at the end, if the node still is the same."""
        node.run(["mv", path, f"{path}.away"], check=True)
        self.undo(lambda: node.run(["sh", "-c", f"! test -e {path}.away || mv -f {path}.away {path}"]))

    def standby(self, name: str) -> None:
        """Put a node on standby until the end."""
        self.lab.pcs("node", "standby", name)
        self.undo(lambda: self.lab.pcs("node", "unstandby", name))

    def move(self, name: str) -> None:
        """Ask for a move, without waiting for it; the wish is taken back at the end."""
        self.undo(lambda: self.resource("--resource", MAIL, "--clear"))
        self.resource("--resource", MAIL, "--move", "--node", name)
