"""Simulation: what the cluster would do on a change, by crm_simulate."""

from typing import Optional

from lxml import etree

from postfix_ha.cluster.live.pacemaker import Cluster, Scratch
from postfix_ha.cluster.model.cib import Cib


class Outcome:
    """``actions`` in words, in the cluster's order; ``places``: primitive -> nodes where it would run in the end."""

    __slots__ = ("actions", "places")

    def __init__(self, actions: "list[str]", places: "dict[str, list[str]]") -> None:
        self.actions = actions
        self.places = places


def simulate(cluster: Cluster, cib: Cib) -> "Optional[Outcome]":
    """What the cluster would do with this configuration; None where crm_simulate cannot tell."""
    with Scratch() as scratch:
        path = scratch.write("simulated.xml", cib)
        done = cluster.call("crm_simulate", "--xml-file", path, "--simulate", "--output-as=xml")
    try:
        root = etree.fromstring(done.stdout)
    except etree.XMLSyntaxError:
        return None
    # A plan with actions that are never due ends with exit code 1 ("An invalid transition was produced") and a whole
    # answer: the cluster does what can be done, and leaves the rest, as pcmk__execute_graph() does in both.
    if root.find("revised_cluster_status") is None:
        return None
    actions = [_action(element) for element in root.iterfind("transition/rsc_action")]
    places: "dict[str, list[str]]" = {}
    for resource in root.iterfind("revised_cluster_status/resources//resource"):
        name = resource.get("id", "").split(":")[0]
        nodes = [node.get("name", "") for node in resource.findall("node")]
        places.setdefault(name, []).extend(nodes if resource.get("active") == "true" else [])
    return Outcome([words for words in actions if words], places)


def _action(element: "etree._Element") -> str:
    task, resource, node = (element.get(key, "") for key in ("op", "resource", "node"))
    if task in ("start", "stop", "promote", "demote"):
        return f"{task} {resource} on {node}"
    return ""  # probes and recurring monitors tell an administrator nothing
