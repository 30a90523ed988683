"""Letting a running Postfix out of the cluster's hands: its resource goes, its processes do not.

A resource that vanishes from the configuration while a node knows that it runs is an orphan, which Pacemaker stops. So
it is set aside first: alone, in maintenance, and with no node on which the cluster would look for it. Then the nodes
are made to forget it, and what nobody knows to run can be deleted. Interrupted between any two steps, Postfix runs on,
the resource notes what was begun, and the same command
resumes where the interrupted one stopped.
"""

import copy
import time

from postfix_ha.cluster.change.modify import delete
from postfix_ha.cluster.change.replace_agent import MAINTENANCE, online_states, wait_unwatched
from postfix_ha.cluster.change.unfinished import LEAVE_RUNNING, mark
from postfix_ha.cluster.live.pacemaker import Cluster
from postfix_ha.cluster.live.push import change
from postfix_ha.cluster.model import edit
from postfix_ha.cluster.model.cib import Cib
from postfix_ha.cluster.model.hierarchy import find_hierarchy
from postfix_ha.messages.errors import failed

POLL_S, ASK_AGAIN_S = 0.2, 5.0


def set_aside(cib: Cib, tag: str) -> Cib:
    """Take Postfix out of its group and constraints, put it into maintenance, and disable its probes on all nodes."""
    mark(cib, tag, LEAVE_RUNNING)
    hierarchy = find_hierarchy(cib, tag)
    # A clone stays one: of a plain resource that runs on several nodes Pacemaker would stop all.
    kept = cib.resource(hierarchy.top) if hierarchy.is_clone else hierarchy.mail
    assert kept is not None
    alone, name = copy.deepcopy(kept), kept.get("id", "")
    edit.remove_resource(cib, tag)
    cib.section("resources").append(alone)
    edit.set_pair(cib, find_hierarchy(cib, tag).mail, "meta_attributes", MAINTENANCE, "true")
    for node in cib.nodes():
        edit.exclude(cib, name, node)
    return cib


def leave_running(cluster: Cluster, tag: str, timeout_s: float) -> None:
    """Delete the Postfix resource while its Postfix keeps running, unmanaged.

    Raises ClusterError if the nodes do not forget the resource in time; the same command then finishes the work.
    """
    deadline = time.monotonic() + max(timeout_s, 30)
    change(cluster, lambda cib: set_aside(cib, tag))
    wait_unwatched(cluster, tag, deadline)
    while not is_forgotten(cluster, tag):
        if time.monotonic() > deadline:
            nodes = ", ".join(known_on(cluster, tag))
            raise failed("resource_forgotten", nodes=nodes, tag=tag, command=LEAVE_RUNNING)
    change(cluster, lambda cib: delete(cib, tag))


def is_forgotten(cluster: Cluster, tag: str) -> bool:
    """Delete the resource's history on the nodes; True if it is gone within a few seconds."""
    until = time.monotonic() + ASK_AGAIN_S
    cluster.call("crm_resource", "--refresh", f"--resource={tag}", "--force")
    while known_on(cluster, tag):
        if time.monotonic() > until:
            return False
        time.sleep(POLL_S)
    return True


def known_on(cluster: Cluster, tag: str) -> "list[str]":
    """The online nodes that have a history of the resource."""
    return [
        state.get("uname", "")
        for state in online_states(cluster.read())
        if any(each.get("id") == tag for each in state.iter("lrm_resource"))
    ]
