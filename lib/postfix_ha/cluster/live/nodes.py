"""Nodes as the cluster's status has them: whether one can run anything now."""

from postfix_ha.cluster.model.cib import Element
from postfix_ha.messages.errors import Refused
from postfix_ha.system.quoting import quote


def check_online(status: Element, node: str) -> None:
    """Refuse a node that cannot run anything now."""
    for each in status.iterfind("nodes/node"):
        if each.get("name") == node:
            for attribute, why in (("standby", "in standby"), ("maintenance", "in maintenance")):
                if each.get(attribute) == "true":
                    raise Refused(f"node {node} is {why}: end that first ('pcs node un{attribute} {quote(node)}')")
            if each.get("online") != "true":
                raise Refused(f"node {node} is offline")
