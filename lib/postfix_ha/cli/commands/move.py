"""postfix-ha in-service, out-of-service and switchover: start, stop and move the service."""

import argparse

from postfix_ha.cli.apply import Work, carry_out
from postfix_ha.cli.cluster_command import (
    DONE,
    add_change_options,
    add_command,
    add_resource,
    cluster_of,
    manner_of,
    seconds,
)
from postfix_ha.cli.signals import one_step
from postfix_ha.cluster.change.move import (
    HOLD_MARGIN_S,
    check_stays,
    check_target,
    hold,
    in_service,
    out_of_service,
    release_own,
)
from postfix_ha.cluster.change.unfinished import is_bound, mark_of
from postfix_ha.cluster.live.failures import forget_failures
from postfix_ha.cluster.live.nodes import check_online
from postfix_ha.cluster.live.pacemaker import Cluster
from postfix_ha.cluster.live.push import change
from postfix_ha.cluster.live.wait import State
from postfix_ha.cluster.model.cib import Cib, Element
from postfix_ha.cluster.model.hierarchy import Hierarchy, find_hierarchy
from postfix_ha.cluster.where.foreseen import of_start, of_stop, without_redundancy
from postfix_ha.cluster.where.maintained import check_managed
from postfix_ha.cluster.where.why_not import reasons_on
from postfix_ha.finding import Finding
from postfix_ha.messages.errors import Refused, refused
from postfix_ha.messages.statement import stated, worded
from postfix_ha.system.quoting import quote

SWITCHOVER_EXAMPLES = """\
  postfix-ha switchover n2
  postfix-ha switchover n2 --for 3600          n2 is preferred for an hour
"""
IN_EXAMPLES = """\
  postfix-ha in-service
  postfix-ha in-service n2                     on n2
"""
OUT_EXAMPLES = """\
  postfix-ha out-of-service                    file system and address stay active
"""


def add_service(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the three commands to the command line."""
    parser = add_command(
        commands, "switchover", run_switchover, "move the service to another node",
        "Move the service to a node, wait until it runs there, and remove the temporary location constraint.\n"
        "If the command is interrupted, the constraint expires by itself.\n"
        "With pcs: pcs resource move.",
        SWITCHOVER_EXAMPLES,
    )  # fmt: skip
    parser.add_argument("node", metavar="NODE", help="the node to move to")
    told = "keep the location constraint for S seconds; afterwards the usual preferences apply"
    parser.add_argument("--for", dest="hold_s", type=seconds, default=0, metavar="S", help=told)
    add_resource(parser)
    add_change_options(parser)
    parser = add_command(
        commands, "in-service", run_in_service, "start the service",
        "Clear earlier failures and start the service, on NODE if one is given.\n"
        "With pcs: pcs resource cleanup; pcs resource enable.",
        IN_EXAMPLES,
    )  # fmt: skip
    parser.add_argument(
        "node", nargs="?", default="", metavar="NODE", help="where to start it (default: the cluster decides)"
    )
    parser.set_defaults(hold_s=0)
    add_resource(parser)
    add_change_options(parser)
    parser = add_command(
        commands, "out-of-service", run_out_of_service, "stop the service",
        "Stop Postfix on all nodes. The resources that it depends on keep running.\n"
        "With pcs: pcs resource disable.",
        OUT_EXAMPLES,
    )  # fmt: skip
    add_resource(parser)
    add_change_options(parser)


def run_out_of_service(options: argparse.Namespace) -> int:
    """Stop Postfix."""
    cluster = cluster_of(options)
    hierarchy = find_hierarchy(cluster.read(), options.tag)
    tag = hierarchy.tag
    status = cluster.status()
    check_hands_on(hierarchy, status, [tag], forgets=False)
    work = Work(manner_of(options), cluster, lambda cib: out_of_service(cib, tag))
    remarks = [] if work.plan.is_empty else of_stop(hierarchy, State(status, tag).nodes)
    return carry_out(work, remarks, tag, lambda state: state.role == "Stopped", "out of service")


def check_hands_on(hierarchy: Hierarchy, status: Element, members: "list[str]", *, forgets: bool) -> None:
    """check_managed(), unless a change has begun that needs the maintenance itself and has a refusal of its own."""
    if not is_bound(hierarchy):
        check_managed(hierarchy, status, members, forgets=forgets)


def run_in_service(options: argparse.Namespace) -> int:
    """Start Postfix."""
    cluster = cluster_of(options)
    hierarchy = find_hierarchy(cluster.read(), options.tag)
    if options.node:
        return move(options, cluster, hierarchy.tag, starts=True)
    status = cluster.status()
    check_hands_on(hierarchy, status, [hierarchy.tag], forgets=True)
    if not options.dry_run:
        forget_failures(cluster, hierarchy.members)
    work = Work(manner_of(options), cluster, lambda cib: in_service(cib, hierarchy.tag))
    is_off = not State(status, hierarchy.tag).nodes
    remarks = of_start(cluster, work.plan.new, hierarchy.tag, status) if is_off else []
    return carry_out(work, remarks, hierarchy.tag, lambda state: bool(state.nodes), "in service")


def run_switchover(options: argparse.Namespace) -> int:
    """Move Postfix with all that it needs."""
    cluster = cluster_of(options)
    hierarchy = find_hierarchy(
        cluster.read(), options.tag, lambda each: options.node in each.nodes and not (each.is_disabled or each.is_clone)
    )
    if hierarchy.is_disabled:
        raise refused("switchover_in_service", tag=hierarchy.tag, name=quote(options.node))
    return move(options, cluster, hierarchy.tag, starts=False)


def move(options: argparse.Namespace, cluster: Cluster, tag: str, *, starts: bool) -> int:
    """Move the service to the node by a temporary location constraint, wait, and remove the constraint.

    With --for the constraint stays until it expires. Raises Refused if the cluster would not run the service there.
    """
    node = options.node
    hierarchy = find_hierarchy(cluster.read(), tag)
    check_target(hierarchy, node)
    check_stays(hierarchy, node, options.hold_s)
    status = cluster.status()
    check_online(status, node)
    begun = hierarchy.moves or mark_of(hierarchy)
    if not options.hold_s and not starts and State(status, tag).nodes == [node] and not begun:
        work = Work(manner_of(options), cluster, lambda now: now)
        work.say(worded("in_service_there", tag=tag, node=node))
        return work.end(DONE)
    check_hands_on(hierarchy, status, hierarchy.members, forgets=True)
    if not options.dry_run:
        forget_failures(cluster, hierarchy.members)
    hold_s = options.hold_s or options.wait + HOLD_MARGIN_S
    command = "" if options.hold_s else f"{'in-service' if starts else 'switchover'} {node}"

    def planner(now: Cib) -> Cib:
        return hold(in_service(now, tag) if starts else now, tag, node, hold_s, command)

    work = Work(manner_of(options), cluster, planner, command, node)
    if work.outcome is not None and work.outcome.places.get(tag) != [node]:
        reasons = [*reasons_on(cluster, work.plan.new, tag, node, status), *State(status, tag).reasons]
        why = [Finding("reason", why=reason) for reason in reasons]
        raise Refused(Finding("target_can_run", tag=tag, node=node), *why)
    if command:
        work.when_made = stated("move_called_off", tag=tag)
    remarks = [] if work.plan.is_empty else without_redundancy(cluster, work.plan.new, tag, node, status)
    try:
        return carry_out(work, remarks, tag, lambda state: state.nodes == [node], "in service")
    finally:
        # Also when we are told to stop: the constraint does not stay.
        if command and (work.report.get("changed") or work.plan.is_empty):
            with one_step():
                change(cluster, lambda now: release_own(now, tag, command))
