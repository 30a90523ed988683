"""The parameters that a resource agent declares, and what is wrong with some that are to be set."""

import difflib

from lxml import etree

from postfix_ha.cluster.live.pacemaker import Cluster
from postfix_ha.cluster.model.hierarchy import OUR_AGENT, UNIT_CLASSES
from postfix_ha.finding import Finding
from postfix_ha.params import DECLARED, Params

METADATA_S = 20.0


def declared(cluster: Cluster, agent: str) -> "list[str] | None":
    """The parameters, as the agent's meta-data has them; None where the agent is not on this node."""
    if agent == OUR_AGENT:
        return [each.name for each in DECLARED]
    if agent.partition(":")[0] in UNIT_CLASSES:
        return []  # units and scripts take none
    done = cluster.call("crm_resource", "--show-metadata", agent, timeout_s=METADATA_S)
    try:
        root = etree.fromstring(done.stdout) if done.returncode == 0 else None
    except etree.XMLSyntaxError:
        root = None
    return None if root is None else [each.get("name", "") for each in root.iter("parameter")]


def wrong_parameters(
    cluster: Cluster, agent: str, before: "dict[str, str]", wanted: "dict[str, str]"
) -> "list[Finding]":
    """What is wrong with parameters that are to be set, those of the resource given; removing one is always right."""
    known = declared(cluster, agent)
    given = {name: value for name, value in wanted.items() if value}
    if known is None or not given:
        return []
    unknown = [name for name in given if name not in known]
    if unknown:
        return [Finding("parameter_known", name=each, agent=agent, hint=_hint(each, known)) for each in unknown]
    # Those of the other agents that run Postfix are texts, which each node reads in its own way.
    stood = Params(before).findings
    return [each for each in Params({**before, **wanted}).findings if each not in stood] if agent == OUR_AGENT else []


def _hint(name: str, known: "list[str]") -> str:
    close = difflib.get_close_matches(name, known, 1)
    if close:
        return f"did you mean {close[0]}?"
    return f"it has {', '.join(known)}" if known else "it has none"
