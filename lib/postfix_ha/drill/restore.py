"""Undoing what a drill leaves in the cluster, in the drill itself or in its guard: the same, and twice is no harm."""

import time
from typing import Callable

from postfix_ha.cluster.change.move import release
from postfix_ha.cluster.live.failures import failed_members, forget_failures
from postfix_ha.cluster.live.pacemaker import Cluster, complaint
from postfix_ha.cluster.live.push import change
from postfix_ha.cluster.live.wait import INTERVAL_S, wait_idle
from postfix_ha.cluster.model import edit
from postfix_ha.cluster.model.cib import Cib
from postfix_ha.drill.guard import Traces

HOLD, STANDBY, FROZEN, FAILED = "hold", "standby", "frozen", "failed"
IDLE_S = 60.0
NOTICE_S = 60.0
# What the controller writes to make everybody look again after a cleanup (controld_execd.c, notify_deleted()).
STAMP, STAMP_S = "last-lrm-refresh", 2.0


def undo(cluster: Cluster, tag: str, traces: Traces, thaw: "Callable[[str, str, str], None]") -> None:
    """Take back a hold, a standby, a frozen master; and, once the cluster has recovered, the failures it counted."""
    if FROZEN in traces:
        node, pid, start = traces[FROZEN]
        thaw(node, pid, start)
    if STANDBY in traces:
        set_standby(cluster, traces[STANDBY][0], False)
    if HOLD in traces:
        change(cluster, lambda cib: release(cib, tag))
    if FAILED in traces:
        node, stamp, *members = traces[FAILED]
        # A frozen master that runs on is no failure any more; of all else the cluster is still to learn.
        until = time.monotonic() + (0 if FROZEN in traces else NOTICE_S)
        while not failed_members(cluster, members, node) and time.monotonic() < until:
            time.sleep(INTERVAL_S)
        wait_idle(cluster, IDLE_S)
        if forget_failures_on(cluster, node, members):
            restamp(cluster, stamp)


def set_standby(cluster: Cluster, node: str, on: bool) -> str:
    """Put a node in standby until its next boot at the latest, or end that; why that failed, "" where it did not."""
    value = ["--update", "on"] if on else ["--delete"]
    done = cluster.call("crm_attribute", f"--node={node}", "--name", "standby", "--lifetime", "reboot", *value)
    return "" if done.returncode == 0 else complaint(done)


def forget_failures_on(cluster: Cluster, node: str, members: "list[str]") -> bool:
    """Let the cluster forget the failures of the members on the node, and wait until it has; whether there were any."""
    if not forget_failures(cluster, members, node):
        return False
    wait_idle(cluster, IDLE_S)
    return True


def restamp(cluster: Cluster, stamp: str) -> None:
    """Take back what the controller may note in the configuration when it was told to forget, some time later."""

    def planner(cib: Cib) -> Cib:
        for pair in list(cib.look("crm_config").iter("nvpair")):
            if pair.get("name") == STAMP and stamp:
                pair.set("value", stamp)
            elif pair.get("name") == STAMP:
                edit.remove(pair)
        return cib

    until = time.monotonic() + STAMP_S
    while time.monotonic() < until:
        if cluster.read().property(STAMP) != stamp:
            change(cluster, planner)
        time.sleep(INTERVAL_S)
