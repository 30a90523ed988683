"""The failures that the cluster has counted for resources, and letting it forget them."""

from postfix_ha.cluster.live.pacemaker import Cluster


def failed_members(cluster: Cluster, members: "list[str]", node: str = "") -> "list[str]":
    """Those of the members of which the cluster has counted failures, on this node or on any."""
    failed = {
        history.get("id", "").split(":")[0]
        for each in cluster.status().iterfind("node_history/node")
        if node in ("", each.get("name"))
        for history in each.iterfind("resource_history")
        if history.get("fail-count", "0") != "0"
    }
    return [member for member in members if member in failed]


def forget_failures(cluster: Cluster, members: "list[str]", node: str = "") -> bool:
    """Clean up the failures of the members in a live cluster (crm_resource --cleanup); whether there were any."""
    if not cluster.is_live:
        return False
    failed = failed_members(cluster, members, node)
    for member in failed:
        cluster.call("crm_resource", "--cleanup", f"--resource={member}", *([f"--node={node}"] if node else []))
    return bool(failed)
