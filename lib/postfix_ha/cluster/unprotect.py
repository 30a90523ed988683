"""Letting a running Postfix out of the cluster's hands: its resource goes, its processes do not.

A resource that vanishes from the configuration while it runs is an orphan, which Pacemaker stops. Only the cluster
property stop-orphan-resources keeps it from that, until the node has forgotten the resource.
"""

import time

from postfix_ha.cluster import edit
from postfix_ha.cluster.cib import Cib
from postfix_ha.cluster.errors import ClusterError
from postfix_ha.cluster.push import change
from postfix_ha.cluster.reshape import delete
from postfix_ha.cluster.tools import Cluster, complaint

PROPERTY = "stop-orphan-resources"


def set_property(cib: Cib, name: str, value: str) -> Cib:
    """Set a cluster property; an empty value removes it."""
    options = cib.section("crm_config")
    for pair in list(options.iter("nvpair")):
        if pair.get("name") == name:
            if value:
                pair.set("value", value)
                return cib
            edit.remove(pair)
    if value:
        holder = options.find("cluster_property_set")
        if holder is None:
            holder = options.makeelement("cluster_property_set", {"id": "cib-bootstrap-options"})
            options.append(holder)
        identity = f"{holder.get('id')}-{name}"
        holder.append(holder.makeelement("nvpair", {"id": identity, "name": name, "value": value}))
    return cib


def leave_running(cluster: Cluster, tag: str, nodes: "list[str]", timeout_s: float) -> None:
    """Delete the hierarchy while its Postfix runs on, and put the property back as it was."""
    before = cluster.read().property(PROPERTY)
    change(cluster, lambda cib: set_property(delete(cib, tag), PROPERTY, "false"))
    try:
        deadline = time.monotonic() + max(timeout_s, 30)
        for node in nodes:
            forget(cluster, tag, node, deadline)
    finally:
        change(cluster, lambda cib: set_property(cib, PROPERTY, before))


def forget(cluster: Cluster, tag: str, node: str, deadline: float) -> None:
    """Make a node forget that it ever ran the resource."""
    while True:
        done = cluster.call("crm_resource", "--refresh", "--resource", tag, "--node", node, "--force")
        states = [each for each in cluster.read().root.iterfind("status/node_state") if each.get("uname") == node]
        if not any(each.get("id") == tag for state in states for each in state.iter("lrm_resource")):
            return
        if time.monotonic() > deadline:
            raise ClusterError(f"node {node} does not forget {tag}: {complaint(done)}")
        time.sleep(0.2)
