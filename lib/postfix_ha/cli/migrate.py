"""postfix-ha migrate: from ocf:heartbeat:postfix or systemd:postfix to our agent, and back, while mail flows."""

import argparse
import time

from postfix_ha.cli.carry_out import Work
from postfix_ha.cli.frame import DONE, NOT_AS_ASKED, add_change_options, add_command, add_tag, cluster_of
from postfix_ha.cluster.errors import Refused
from postfix_ha.cluster.hierarchy import OUR_AGENT, find_hierarchy, is_mail_agent
from postfix_ha.cluster.migration import (
    exchanged,
    in_maintenance,
    is_in_maintenance,
    look_again,
    wait_unwatched,
    why_not,
)
from postfix_ha.cluster.push import change
from postfix_ha.cluster.remarks import NOTE, Remark
from postfix_ha.cluster.tools import Cluster
from postfix_ha.cluster.waiting import State

EXAMPLES = """\
  postfix-ha migrate                           to ocf:mail:postfix_ha
  postfix-ha migrate --to ocf:heartbeat:postfix
  postfix-ha migrate --to systemd:postfix
"""


def add_migrate(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command to the command line."""
    parser = add_command(
        commands, "migrate", run_migrate, "exchange the agent while Postfix runs",
        "Let another agent take over a running Postfix, without a gap in service. Only the agent, its parameters and\n"
        "its operations change; id, constraints and everything else stay.",
        EXAMPLES,
    )  # fmt: skip
    parser.add_argument("--to", default=OUR_AGENT, metavar="AGENT", help=f"the new agent (default {OUR_AGENT})")
    add_tag(parser)
    add_change_options(parser)


def run_migrate(options: argparse.Namespace) -> int:
    """Exchange the agent."""
    cluster = cluster_of(options)
    agent = options.to
    hierarchy = find_hierarchy(cluster.read(), options.tag)
    tag, former = hierarchy.tag, hierarchy.agent
    if not is_mail_agent(agent):
        raise Refused(f"{agent} does not run Postfix: ocf:mail:postfix_ha, ocf:heartbeat:postfix or systemd:postfix do")
    refused = why_not(hierarchy, agent)
    if refused:
        raise Refused(refused)
    if cluster.is_live and cluster.call("crm_resource", "--show-metadata", agent).returncode != 0:
        raise Refused(f"{agent} is not installed on this node: install it on every node first")
    work = Work(options, cluster, lambda cib: exchanged(cib, tag, agent))
    if cluster.is_live:
        work.outcome = None  # exchanged in maintenance, so the restart that a simulation shows does not happen
    note = Remark(NOTE, "operations_replaced", "the operations of the resource are replaced by those of the new agent")
    work.show([] if work.plan.is_empty else [note])
    goes_on = work.plan.is_empty and is_in_maintenance(hierarchy)
    if options.dry_run or (work.plan.is_empty and not goes_on):
        return work.end(DONE)
    if not work.confirm("Make it so?"):
        work.say("nothing was changed")
        return work.end(DONE)
    nodes = State(cluster.status(), tag).nodes
    if not nodes or not cluster.is_live:
        work.push()
        return work.end(DONE)
    if exchange(cluster, tag, agent, nodes, options.wait or 60):
        work.report["changed"] = True
        work.say(f"{agent} runs {tag} on {', '.join(nodes)}; Postfix was not touched")
        return work.end(DONE)
    exchange(cluster, tag, former, nodes, options.wait or 60)
    reasons = State(cluster.status(), tag).reasons
    work.say_failure(f"{agent} did not find the running Postfix, so {former} has it again", reasons)
    return work.end(NOT_AS_ASKED)


def exchange(cluster: Cluster, tag: str, agent: str, nodes: "list[str]", timeout_s: float) -> bool:
    """Exchange the agent under a running Postfix; False, and still in maintenance, where it was not found again."""
    deadline = time.monotonic() + timeout_s
    change(cluster, lambda cib: in_maintenance(cib, tag, True))
    wait_unwatched(cluster, tag, deadline)
    change(cluster, lambda cib: exchanged(cib, tag, agent))
    if not look_again(cluster, tag, agent, nodes, deadline):
        return False
    change(cluster, lambda cib: in_maintenance(cib, tag, False))
    return True
