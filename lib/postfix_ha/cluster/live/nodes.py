"""Nodes as the cluster's status has them: whether one can run anything now."""

from postfix_ha.cluster.model.cib import Element
from postfix_ha.messages.errors import refused
from postfix_ha.system.quoting import quote


def check_online(status: Element, node: str) -> None:
    """Refuse a node that cannot run anything now."""
    for each in status.iterfind("nodes/node"):
        if each.get("name") == node:
            if each.get("unclean") == "true":
                raise refused("node_clean", node=node, name=quote(node))
            for attribute, why in (("standby", "in standby"), ("maintenance", "in maintenance")):
                if each.get(attribute) == "true":
                    raise refused("node_runs_resources", node=node, state=why, attribute=attribute, name=quote(node))
            if each.get("online") != "true":
                raise refused("node_online", node=node, name=quote(node))
            if each.get("pending") == "true":
                raise refused("node_joined", node=node)
