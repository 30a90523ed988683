"""Lifting: what takes an obstacle out of a copy of the configuration, to ask what the cluster would do without it."""

from typing import Callable

from postfix_ha.cluster.model.cib import Cib
from postfix_ha.cluster.model.node_attributes import node_states

Lift = Callable[[Cib], None]


def with_property(name: str, value: str) -> Lift:
    """Set a cluster property."""

    def lift(cib: Cib) -> None:
        section = cib.section("crm_config")
        for pair in section.iter("nvpair"):
            if pair.get("name") == name:
                pair.set("value", value)
                return
        properties = section.find("cluster_property_set")
        if properties is None:
            properties = section.makeelement("cluster_property_set", {"id": "postfix-ha-asks"})
            section.append(properties)
        made = {"id": f"postfix-ha-asks-{name}", "name": name, "value": value}
        properties.append(properties.makeelement("nvpair", made))

    return lift


def without_id(name: str) -> Lift:
    """Take a constraint or a pair away."""

    def lift(cib: Cib) -> None:
        for element in cib.root.iter("rsc_location", "rsc_colocation", "rsc_order", "rsc_ticket", "nvpair"):
            parent = element.getparent()
            if element.get("id") == name and parent is not None:
                parent.remove(element)
                return

    return lift


def without_exclusive(name: str) -> Lift:
    """Let a constraint no longer exclude the nodes that it does not name."""

    def lift(cib: Cib) -> None:
        for constraint in cib.constraints():
            if constraint.get("id") == name:
                del constraint.attrib["resource-discovery"]

    return lift


def without_attribute(node: str, name: str) -> Lift:
    """Take an attribute away from a node."""

    def lift(cib: Cib) -> None:
        for holder in node_states(cib, node):
            for pair in list(holder.iter("nvpair")):
                parent = pair.getparent()
                if pair.get("name") == name and parent is not None:
                    parent.remove(pair)

    return lift
