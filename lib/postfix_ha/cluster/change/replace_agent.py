"""Migration: another agent for a Postfix that runs, without a gap in service.

The resource is put into maintenance, so that nothing is started, stopped or watched; its agent is exchanged; the
cluster forgets what it knew of it and looks again, with the new agent, which finds the running master; maintenance
ends. Interrupted between any two steps, the service runs on in maintenance, the resource says what was begun, and the
same command resumes there.
"""

import time

from postfix_ha.cluster.change.unfinished import MIGRATE, mark, unmark
from postfix_ha.cluster.live.pacemaker import Cluster, complaint
from postfix_ha.cluster.live.push import change
from postfix_ha.cluster.live.wait import State
from postfix_ha.cluster.model import edit
from postfix_ha.cluster.model.cib import TRUE_WORDS, Cib, Element, pairs
from postfix_ha.cluster.model.hierarchy import OUR_AGENT, SHELL_AGENT, Hierarchy, find_hierarchy
from postfix_ha.finding import Finding
from postfix_ha.instance import DEFAULT_CONFIG_DIR
from postfix_ha.messages.errors import failed

# What both agents understand; the unit understands nothing.
SHARED_PARAMETERS = ("binary", "config_dir", "parameters")
MAINTENANCE = "maintenance"
POLL_S = 0.2
# How long one look of the cluster at all nodes may take: a probe's own time-out, and some more.
LOOK_S = 25.0


def exchanged(cib: Cib, tag: str, agent: str) -> Cib:
    """The configuration with the other agent, its operations, and the parameters that it understands."""
    hierarchy = find_hierarchy(cib, tag)
    if hierarchy.agent != agent:
        edit.replace_agent(cib, hierarchy.mail, agent, parameters_for(hierarchy, agent))
    return cib


def parameters_for(hierarchy: Hierarchy, agent: str) -> "dict[str, str]":
    """The parameters of the hierarchy's Postfix for another agent."""
    if agent not in (OUR_AGENT, SHELL_AGENT):
        return {}
    known = hierarchy.cib.parameters(hierarchy.mail)
    found = {name: known[name] for name in SHARED_PARAMETERS if known.get(name)}
    if agent == OUR_AGENT:
        found.setdefault("config_dir", hierarchy.config_dir)
    return found


def why_not(hierarchy: Hierarchy, agent: str) -> "list[Finding]":
    """Why the hierarchy cannot have this agent; nothing where it can."""
    if hierarchy.mail.get("template"):
        return [Finding("agent_in_resource", tag=hierarchy.tag)]
    if agent.startswith("systemd:") and hierarchy.config_dir != DEFAULT_CONFIG_DIR and "@" not in agent:
        return [Finding("unit_named", agent=agent, config_dir=hierarchy.config_dir)]
    return []


def begin(cib: Cib, tag: str, agent: str) -> Cib:
    """Put only the Postfix resource into maintenance, and note why in the resource."""
    mark(cib, tag, f"{MIGRATE} --to {agent}")
    edit.set_pair(cib, find_hierarchy(cib, tag).mail, "meta_attributes", MAINTENANCE, "true")
    return cib


def end(cib: Cib, tag: str) -> Cib:
    """End the maintenance."""
    unmark(cib, tag)
    edit.set_pair(cib, find_hierarchy(cib, tag).mail, "meta_attributes", MAINTENANCE, "")
    return cib


def is_in_maintenance(hierarchy: Hierarchy) -> bool:
    """Whether the mail server itself is in maintenance."""
    return pairs(hierarchy.mail, "meta_attributes").get(MAINTENANCE, "").lower() in TRUE_WORDS


def is_forgotten(cluster: Cluster, tag: str, agent: str) -> bool:
    """Whether no node's history of the resource is of another agent."""
    type_ = agent.split(":")[-1]
    histories = cluster.read().root.iterfind("status//lrm_resource")
    return all(each.get("type") == type_ for each in histories if each.get("id") == tag)


def online_states(cib: Cib) -> "list[Element]":
    """What the cluster knows of the nodes that are in it now."""
    states = cib.root.iterfind("status/node_state")
    # Pacemaker writes online and offline, from 3.0 on a time, which is 0 for a node that is not there.
    return [state for state in states if state.get("crmd", "0") not in ("offline", "0")]


def wait_known(cluster: Cluster, tag: str, deadline: float) -> None:
    """Wait until every online node that takes part has probed the resource; raises ClusterError if one is late."""
    while True:
        cib = cluster.read()
        nodes = find_hierarchy(cib, tag).nodes
        states = [state for state in online_states(cib) if state.get("uname") in nodes]
        known = [any(each.get("id") == tag for each in state.iter("lrm_resource")) for state in states]
        if all(known):
            return
        if time.monotonic() > deadline:
            raise failed("looked_everywhere", tag=tag)
        time.sleep(POLL_S)


def wait_unwatched(cluster: Cluster, tag: str, deadline: float) -> None:
    """Wait until the cluster has put the resource into maintenance; raises ClusterError if it does not in time."""
    while State(cluster.status(), tag).managed:
        if time.monotonic() > deadline:
            raise failed("maintenance_begun", tag=tag)
        time.sleep(POLL_S)


def look_again(cluster: Cluster, tag: str, agent: str, nodes: "list[str]", deadline: float) -> bool:
    """Delete the resource's history and probe it with the new agent; True if it is found on the same nodes.

    Raises ClusterError if the cluster does not probe.
    """
    while time.monotonic() < deadline:
        done = cluster.call("crm_resource", "--refresh", f"--resource={tag}", "--force")
        if done.returncode != 0:
            raise failed("looked_again", tag=tag, why=complaint(done))
        until = min(deadline, time.monotonic() + LOOK_S)
        while time.monotonic() < until:
            if is_forgotten(cluster, tag, agent) and State(cluster.status(), tag).nodes == nodes:
                return True
            time.sleep(POLL_S)
    return False


def exchange(cluster: Cluster, tag: str, agent: str, nodes: "list[str]", timeout_s: float) -> bool:
    """Replace the agent while Postfix runs.

    False if the new agent does not find the running Postfix; the resource is then still in maintenance.
    """
    deadline = time.monotonic() + timeout_s
    change(cluster, lambda cib: begin(cib, tag, agent))
    wait_unwatched(cluster, tag, deadline)
    change(cluster, lambda cib: exchanged(cib, tag, agent))
    if not look_again(cluster, tag, agent, nodes, deadline):
        return False
    change(cluster, lambda cib: end(cib, tag))
    return True
