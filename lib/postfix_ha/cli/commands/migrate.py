"""postfix-ha migrate: from ocf:heartbeat:postfix or systemd:postfix to our agent, and back, while mail flows."""

import argparse
import os
import time

from postfix_ha.cli.apply import Work, causes
from postfix_ha.cli.cluster_command import (
    DONE,
    NOT_AS_ASKED,
    WAIT_S,
    add_change_options,
    add_command,
    add_resource,
    cluster_of,
    manner_of,
)
from postfix_ha.cli.signals import one_step, when_interrupted
from postfix_ha.cluster.change.replace_agent import end, exchange, exchanged, is_in_maintenance, wait_known, why_not
from postfix_ha.cluster.change.unfinished import EXCHANGING, MIGRATE, advice, begun_with
from postfix_ha.cluster.live.pacemaker import Cluster
from postfix_ha.cluster.live.wait import State
from postfix_ha.cluster.model.cib import Cib
from postfix_ha.cluster.model.hierarchy import OUR_AGENT, Hierarchy, find_hierarchy, is_mail_agent
from postfix_ha.config.unit_files import unit_config_dir
from postfix_ha.finding import Finding
from postfix_ha.messages.errors import Refused, refused
from postfix_ha.messages.remark import Remark
from postfix_ha.messages.statement import stated, worded
from postfix_ha.system.quoting import quote

EXAMPLES = """\
  postfix-ha migrate                           to ocf:mail:postfix_ha
  postfix-ha migrate --to ocf:heartbeat:postfix
  postfix-ha migrate --to systemd:postfix
"""


def add_migrate(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command to the command line."""
    parser = add_command(
        commands, "migrate", run_migrate, "replace the resource agent while Postfix runs",
        "Replace the resource agent while Postfix keeps running. Only the agent, its parameters and its operations\n"
        "change. The resource id and all constraints stay.",
        EXAMPLES,
    )  # fmt: skip
    parser.add_argument("--to", default=OUR_AGENT, metavar="AGENT", help=f"the new agent (default {OUR_AGENT})")
    add_resource(parser)
    add_change_options(parser)


def run_migrate(options: argparse.Namespace) -> int:
    """Exchange the agent."""
    cluster = cluster_of(options)
    agent = options.to
    hierarchy = find_hierarchy(cluster.read(), options.tag)
    tag, former = hierarchy.tag, hierarchy.agent
    begun = begun_with(hierarchy) == EXCHANGING
    check(cluster, hierarchy, agent, begun)

    def planner(cib: Cib) -> Cib:
        cib = exchanged(cib, tag, agent)
        return end(cib, tag) if begun else cib

    work = Work(manner_of(options), cluster, planner, f"{MIGRATE} --to {agent}")
    if cluster.is_live:
        work.outcome = None  # exchanged in maintenance, so the restart that a simulation shows does not happen
    note = Remark(Finding("operations_replaced"))
    work.show([] if former == agent else [note])
    if options.dry_run or work.plan.is_empty:
        return work.end(DONE)
    if not work.confirm(worded("change_wanted")):
        return work.declined()
    if begun and cluster.is_live:
        wait_known(cluster, tag, time.monotonic() + (options.wait or WAIT_S))
    nodes = State(cluster.status(), tag).nodes
    with when_interrupted(stated("agent_runs", agent=agent, tag=tag), changed=True):
        if nodes and cluster.is_live:
            half = stated("command_finishes", command=work.command)
            with one_step(), when_interrupted(half, changed=True):
                return exchange_or_go_back(work, hierarchy, agent, nodes)
        work.push()
        return work.end(DONE)


def check(cluster: Cluster, hierarchy: Hierarchy, agent: str, begun: bool) -> None:
    """Refuse what cannot be exchanged, or not now."""
    if not is_mail_agent(agent):
        raise refused("agent_for_postfix", agent=agent or "''")
    against = why_not(hierarchy, agent)
    if against:
        raise Refused(*against)
    if not cluster.is_live:
        return
    if cluster.call("crm_resource", f"--show-metadata={agent}").returncode != 0:
        raise refused("agent_installed", agent=agent)
    class_, _, unit = agent.partition(":")
    directory = unit_config_dir(unit) if class_ == "systemd" else ""
    if directory and os.path.realpath(directory) != os.path.realpath(hierarchy.config_dir):
        raise refused("unit_of_instance", agent=agent, directory=directory, config_dir=hierarchy.config_dir)
    if is_in_maintenance(hierarchy) and not begun:
        raise refused("maintenance_ended", tag=hierarchy.tag, name=quote(hierarchy.tag))
    state = State(cluster.status(), hierarchy.tag)
    if not state.nodes and state.is_active:
        raise refused("resource_settled", tag=hierarchy.tag, role=state.role.lower())


def exchange_or_go_back(work: Work, hierarchy: Hierarchy, agent: str, nodes: "list[str]") -> int:
    """Replace the agent; if the new one does not find the running Postfix, put the former one back."""
    tag, former, timeout_s = hierarchy.tag, hierarchy.agent, work.manner.wait or WAIT_S
    if exchange(work.cluster, tag, agent, nodes, timeout_s):
        work.report["changed"] = True
        work.say(worded("agent_replaced", agent=agent, tag=tag, nodes=", ".join(nodes)))
        return work.end(DONE)
    reasons = causes(State(work.cluster.status(), tag).reasons)
    if former != agent and exchange(work.cluster, tag, former, nodes, timeout_s):
        work.say_failure(stated("agent_finds_postfix", agent=agent, former=former), *reasons)
    else:
        left = advice(find_hierarchy(work.cluster.read(), tag))
        work.say_failure(stated("agent_put_back", agent=agent, left=left), *reasons)
    return work.end(NOT_AS_ASKED)
