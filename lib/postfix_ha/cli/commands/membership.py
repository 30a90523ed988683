"""postfix-ha extend and unextend: the nodes that may run the service."""

import argparse

from postfix_ha.cli.apply import Work, carry_out
from postfix_ha.cli.cluster_command import add_change_options, add_command, add_resource, cluster_of, manner_of
from postfix_ha.cli.preflight import add_peer_options, check_nodes, required
from postfix_ha.cluster.change.modify import extend, unextend
from postfix_ha.cluster.live.pacemaker import Cluster
from postfix_ha.cluster.live.wait import State
from postfix_ha.cluster.model.hierarchy import Hierarchy, find_hierarchy
from postfix_ha.cluster.model.priority import parse_priority
from postfix_ha.cluster.where.foreseen import of_fewer_nodes
from postfix_ha.cluster.where.why_not import reasons_on
from postfix_ha.finding import Finding
from postfix_ha.messages.errors import Refused, refused
from postfix_ha.messages.remark import Remark, errors
from postfix_ha.params import Params

EXTEND_EXAMPLES = """\
  postfix-ha extend n3
  postfix-ha extend n3 --priority 30
"""
UNEXTEND_EXAMPLES = """\
  postfix-ha unextend n3
"""


def add_nodes(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the two commands to the command line."""
    parser = add_command(
        commands, "extend", run_extend, "allow the service to run on another node",
        "Allow the service to run on another node, after checking that node.\n"
        "With pcs: pcs constraint location POSTFIX prefers NODE=SCORE.",
        EXTEND_EXAMPLES,
    )  # fmt: skip
    parser.add_argument("node", metavar="NODE", help="the node to add")
    parser.add_argument(
        "--priority", type=priority, default=None, metavar="P", help="1 to 999, lower is preferred (default: the last)"
    )
    add_peer_options(parser)
    add_resource(parser)
    add_change_options(parser, waits=False)
    parser = add_command(
        commands, "unextend", run_unextend, "forbid the service to run on a node",
        "Forbid the service to run on a node. Refused while it runs there.\n"
        "With pcs: pcs constraint location POSTFIX avoids NODE.",
        UNEXTEND_EXAMPLES,
    )  # fmt: skip
    parser.add_argument("node", metavar="NODE", help="the node to remove")
    add_resource(parser)
    add_change_options(parser, waits=False)


def priority(text: str) -> int:
    """A priority, for argparse."""
    try:
        return parse_priority(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def run_extend(options: argparse.Namespace) -> int:
    """Add a node."""
    cluster = cluster_of(options)
    hierarchy = find_hierarchy(cluster.read(), options.tag, lambda each: options.node not in each.nodes)
    tag = hierarchy.tag
    work = Work(manner_of(options), cluster, lambda cib: extend(cib, tag, options.node, options.priority))
    if not work.plan.is_empty:
        # What extend does not take away, as a rule: it would leave a preference that has no effect.
        left = reasons_on(cluster, work.plan.new, tag, options.node, cluster.status(), only=("excluded",))
        if left:
            why = [Finding("reason", why=reason) for reason in left]
            raise Refused(Finding("target_can_run_still", tag=tag, node=options.node), *why)
    remarks = [] if work.plan.is_empty else required(compare(options, cluster, hierarchy), options.forced)
    against = errors(remarks)
    if against:
        raise Refused(*against)
    return carry_out(work, remarks, tag, lambda _: True, "extended")


def compare(options: argparse.Namespace, cluster: Cluster, hierarchy: Hierarchy) -> "list[Remark]":
    """What the comparison of this node with the new one says; of this node itself, what keeps Postfix from starting."""
    if not cluster.is_live or options.no_peer_check:
        return []
    params = Params(hierarchy.cib.parameters(hierarchy.mail))
    is_here = options.node == cluster.node_name()
    peers = [] if is_here else [options.node]
    found = check_nodes(params.config_dir, params.binary, peers, options.rsh, and_here=is_here)[1]
    return errors(found) if is_here else found


def run_unextend(options: argparse.Namespace) -> int:
    """Take a node out."""
    cluster = cluster_of(options)
    hierarchy = find_hierarchy(cluster.read(), options.tag, lambda each: options.node in each.nodes)
    status = cluster.status()
    for member in hierarchy.members if options.node in hierarchy.nodes else ():
        if options.node in State(status, member).nodes and member in hierarchy.own:
            raise refused("node_without_service", resource=member, node=options.node)
    work = Work(manner_of(options), cluster, lambda cib: unextend(cib, hierarchy.tag, options.node))
    remarks = [] if work.plan.is_empty else of_fewer_nodes(hierarchy, options.node)
    return carry_out(work, remarks, hierarchy.tag, lambda _: True, "reshaped")
