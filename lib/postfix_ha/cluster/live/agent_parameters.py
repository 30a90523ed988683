"""The parameters that a resource agent declares, and whether a value is one of them."""

import difflib

from lxml import etree

from postfix_ha.cluster.live.pacemaker import Cluster
from postfix_ha.cluster.model.hierarchy import OUR_AGENT, UNIT_CLASSES
from postfix_ha.cluster.model.meta_attributes import is_boolean
from postfix_ha.finding import Finding
from postfix_ha.params import DECLARED, Params

METADATA_S = 20.0


def declared(cluster: Cluster, agent: str) -> "dict[str, str] | None":
    """Parameter -> type, as the agent's meta-data has it; None where the agent is not on this node."""
    if agent == OUR_AGENT:
        return {each.name: each.type for each in DECLARED}
    if agent.partition(":")[0] in UNIT_CLASSES:
        return {}  # units and scripts take none
    done = cluster.call("crm_resource", "--show-metadata", agent, timeout_s=METADATA_S)
    try:
        root = etree.fromstring(done.stdout) if done.returncode == 0 else None
    except etree.XMLSyntaxError:
        root = None
    if root is None:
        return None
    types = {each.get("name", ""): each.find("content") for each in root.iter("parameter")}
    return {name: "string" if content is None else content.get("type", "string") for name, content in types.items()}


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
    if agent == OUR_AGENT:
        stood = Params(before).findings
        return [each for each in Params({**before, **wanted}).findings if each not in stood]
    return [
        Finding("parameter_value_valid", name=name, value=value, what=known[name], agent=agent)
        for name, value in given.items()
        if not _is_of(value, known[name])
    ]


def _is_of(value: str, kind: str) -> bool:
    if kind == "integer":
        return value.lstrip("+-").isdecimal()
    return kind != "boolean" or is_boolean(value)


def _hint(name: str, known: "dict[str, str]") -> str:
    close = difflib.get_close_matches(name, known, 1)
    if close:
        return f"did you mean {close[0]}?"
    return f"it has {', '.join(known)}" if known else "it has none"
