"""Waiting for the cluster to do what it was told, and why it does not."""

import time
from typing import Callable
from xml.sax.saxutils import unescape

from postfix_ha.cluster.live.pacemaker import Cluster
from postfix_ha.cluster.live.simulation import simulate
from postfix_ha.cluster.model.cib import Element
from postfix_ha.printable import printable

INTERVAL_S = 0.25
REASON_MAX = 1200
RUNNING = ("Started", "Promoted", "Unpromoted", "Master", "Slave")


class State:
    """The state of one primitive: ``nodes`` where it runs, ``role``, ``reasons`` of its last failures."""

    __slots__ = ("blocked", "failed_stop", "managed", "nodes", "pending", "reasons", "role")

    def __init__(self, status: Element, name: str) -> None:
        self.nodes: "list[str]" = []
        self.role = ""
        self.pending = ""
        self.managed = True
        self.blocked = False
        for resource in status.iterfind("resources//resource"):
            if resource.get("id", "").split(":")[0] != name:
                continue
            if not self.is_active:  # of a clone, what is active on any node counts
                self.role = resource.get("role", "")
            self.pending = self.pending or resource.get("pending", "")
            self.managed = self.managed and resource.get("managed") == "true"
            self.blocked = resource.get("blocked") == "true"
            # While it starts it is active already, in the role Starting.
            if (
                resource.get("role") in RUNNING
                and resource.get("active") == "true"
                and resource.get("failed") != "true"
            ):
                self.nodes += [node.get("name", "") for node in resource.findall("node")]
        self.reasons = failures(status, [name])
        failed = [each.get("op_key", "").rsplit("_", 2) for each in status.iterfind("failures/failure")]
        self.failed_stop = any(each[:2] == [name, "stop"] for each in failed)

    @property
    def is_active(self) -> bool:
        """Whether there is something of it to stop: it runs, or starts, or stops."""
        return self.role not in ("", "Stopped")


def failures(status: Element, members: "list[str]") -> "list[str]":
    """What operations of these primitives failed last, when and why, as the cluster remembers it."""
    found = []
    for failed in status.iterfind("failures/failure"):
        name, operation, _ = (failed.get("op_key", "").rsplit("_", 2) + ["", ""])[:3]
        if name.split(":")[0] in members:
            reason = unescaped(failed.get("exitreason", "")) or failed.get("exitstatus", "")
            when = f" at {failed.get('last-rc-change')}" if failed.get("last-rc-change") else ""
            found.append(printable(f"{operation} of {name} on {failed.get('node')}{when}: {reason}", REASON_MAX))
    return list(dict.fromkeys(found))


def unescaped(text: str) -> str:
    """An exit reason as the agent gave it: crm_mon escapes it for XML, and once more when it writes the XML.

    A text with a bare quote or bracket was not escaped, and stays as it is.
    """
    if set(text) & set("<>'\""):
        return text
    return unescape(text, {"&apos;": "'", "&quot;": '"'})


def wait_until(cluster: Cluster, name: str, is_so: "Callable[[State], bool]", timeout_s: float) -> "tuple[bool, State]":
    """Wait until the condition holds for the primitive, or the cluster is idle, or the time is over.

    Gives (whether the condition holds, the last state).
    """
    deadline = time.monotonic() + timeout_s
    idle = 0
    while True:
        state = State(cluster.status(), name)
        if is_so(state):
            return True, state
        # Several times in a row: a result that is on its way to the CIB cannot be seen yet.
        idle = idle + 1 if is_idle(cluster) else 0
        if time.monotonic() >= deadline or idle >= 3:
            return False, state
        time.sleep(INTERVAL_S)


def wait_stopped(cluster: Cluster, names: "list[str]", timeout_s: float) -> "dict[str, State]":
    """Wait until the primitives have stopped; gives those that have not in time, with their states."""
    deadline = time.monotonic() + timeout_s
    left = {}
    for name in names:
        stopped, state = wait_until(cluster, name, lambda now: not now.is_active, deadline - time.monotonic())
        if not stopped:
            left[name] = state
    return left


def is_idle(cluster: Cluster) -> bool:
    """Whether the cluster has nothing left to start or stop."""
    outcome = simulate(cluster, cluster.read())
    return outcome is not None and not outcome.actions


def wait_idle(cluster: Cluster, timeout_s: float) -> bool:
    """Wait until the cluster has nothing left to do; False where that takes too long."""
    deadline = time.monotonic() + timeout_s
    while not is_idle(cluster):
        if time.monotonic() >= deadline:
            return False
        time.sleep(INTERVAL_S)
    return True
