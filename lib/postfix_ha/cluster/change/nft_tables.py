"""The nftables tables that the agent has on each node (system/hold.py), taken away with the service.

Each node's own agent removes its table, asked by a probe with drain_timeout=0. That stands in a set of attributes of
its own, so that the parameter itself is as it was when a command is taken back. It goes into the change that stops the
service: Pacemaker stops it with the parameters of its start, not with new ones (controld_execd.c), so it is drained.
"""

import time

from postfix_ha.cluster.change.replace_agent import online_states
from postfix_ha.cluster.live.pacemaker import Cluster
from postfix_ha.cluster.model.cib import Cib, Element
from postfix_ha.cluster.model.hierarchy import OUR_AGENT, Hierarchy

SUFFIX = "-drain-off"
POLL_S, PROBES_S = 0.2, 15.0
# Pacemaker's code of an operation that has no result yet (PCMK_EXEC_PENDING).
PENDING = "-1"


def turn_drain_off(hierarchy: Hierarchy) -> None:
    """Have each agent that is asked remove its table, instead of holding connections."""
    mail = hierarchy.mail
    if hierarchy.agent != OUR_AGENT or _own_set(mail) is not None:
        return
    name = f"{mail.get('id')}{SUFFIX}"
    made = mail.makeelement("instance_attributes", {"id": name, "score": "INFINITY"})
    made.append(mail.makeelement("nvpair", {"id": f"{name}-drain_timeout", "name": "drain_timeout", "value": "0"}))
    # After its own set, which is the first and which our other edits take.
    own = mail.find("instance_attributes")
    mail.insert(0 if own is None else list(mail).index(own) + 1, made)


def turn_drain_on(mail: Element) -> None:
    """Take that back."""
    made = _own_set(mail)
    if made is not None:
        mail.remove(made)


def remove_tables(cluster: Cluster, tag: str) -> None:
    """Let all nodes be probed where the service is known, and wait for it a while; a node that is down has no table."""
    before = _results(cluster.read(), tag)
    cluster.call("crm_resource", "--refresh", f"--resource={tag}", "--force")
    until = time.monotonic() + PROBES_S
    while time.monotonic() < until:
        now = _results(cluster.read(), tag)
        if all(now.get(node, keys) != keys for node, keys in before.items()):
            return
        time.sleep(POLL_S)


def _own_set(mail: Element) -> "Element | None":
    name = f"{mail.get('id')}{SUFFIX}"
    return next((each for each in mail.findall("instance_attributes") if each.get("id") == name), None)


def _results(cib: Cib, tag: str) -> "dict[str, set[str]]":
    """Online node -> the keys of the results that the cluster has of the service there."""
    found = {}
    for state in online_states(cib):
        for resource in state.iter("lrm_resource"):
            if resource.get("id", "").partition(":")[0] == tag:
                done = [each for each in resource.iter("lrm_rsc_op") if each.get("op-status") != PENDING]
                if done:
                    found[state.get("uname", "")] = {each.get("transition-key", "") for each in done}
    return found
