"""postfix-ha properties: show and set the properties of the service."""

import argparse
import os

from postfix_ha.cli.apply import Work, carry_out
from postfix_ha.cli.cluster_command import (
    DONE,
    add_change_options,
    add_command,
    add_resource,
    cluster_of,
    manner_of,
    tell_unfinished,
)
from postfix_ha.cli.options import wrong
from postfix_ha.cli.output import say, say_json
from postfix_ha.cluster.change.modify import priorities, set_priorities, set_switchback
from postfix_ha.cluster.live.agent_parameters import wrong_parameters
from postfix_ha.cluster.live.pacemaker import Cluster
from postfix_ha.cluster.model import edit
from postfix_ha.cluster.model.cib import Cib, pairs
from postfix_ha.cluster.model.hierarchy import Hierarchy, find_hierarchy
from postfix_ha.cluster.model.meta_attributes import KNOWN, wrong_meta
from postfix_ha.cluster.model.operations import operations, parse_operation, set_operation
from postfix_ha.cluster.model.priority import SWITCHBACKS, parse_priority
from postfix_ha.finding import Finding
from postfix_ha.messages.errors import Refused, refused
from postfix_ha.messages.remark import Remark

EXAMPLES = """\
  postfix-ha properties
  postfix-ha properties --switchback automatic
  postfix-ha properties --priority n1=10 --priority n2=1
  postfix-ha properties --parameter greeting_timeout=20 --operation 'monitor interval=10s timeout=40s'
"""


def add_properties(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command to the command line."""
    parser = add_command(
        commands, "properties", run_properties, "show or set the service's properties",
        "Show the properties of the service and its resource, or set some. An empty value removes a parameter or\n"
        "meta attribute.\n"
        "With pcs: pcs resource config; pcs resource update; pcs resource meta; pcs resource op add.",
        EXAMPLES,
    )  # fmt: skip
    parser.add_argument(
        "--switchback", default="", choices=SWITCHBACKS,
        help="intelligent: no failback, by resource-stickiness; automatic: fail back to the preferred node",
    )  # fmt: skip
    parser.add_argument(
        "--priority", action="append", default=[], type=node_priority, metavar="NODE=P",
        help="the node's priority, 1 to 999, lower is preferred",
    )  # fmt: skip
    told = "a parameter of the agent, such as greeting_timeout=20"
    parser.add_argument("--parameter", action="append", default=[], type=assignment, metavar="NAME=VALUE", help=told)
    told = "a meta attribute of the resource, such as migration-threshold=3"
    parser.add_argument("--meta", action="append", default=[], type=assignment, metavar="NAME=VALUE", help=told)
    parser.add_argument(
        "--operation", action="append", default=[], type=operation, metavar="'NAME KEY=VALUE...'",
        help="an operation; its name and interval say which one",
    )  # fmt: skip
    add_resource(parser)
    add_change_options(parser)


def assignment(text: str) -> "tuple[str, str]":
    """(name, value) of NAME=VALUE, for argparse."""
    name, equals, value = text.partition("=")
    if not equals or not name.replace("_", "").replace("-", "").isalnum():
        raise wrong("option_assignment", text=text)
    return name, value


def node_priority(text: str) -> "tuple[str, int]":
    """(node, priority) of NODE=P, for argparse."""
    node, equals, number = text.partition("=")
    if not node or not equals:
        raise wrong("option_node_priority", text=text)
    try:
        return node, parse_priority(number)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def operation(text: str) -> "tuple[str, dict[str, str]]":
    """An operation's name and attributes, for argparse."""
    try:
        return parse_operation(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def run_properties(options: argparse.Namespace) -> int:
    """Show or set."""
    cluster = cluster_of(options)
    hierarchy = find_hierarchy(cluster.read(), options.tag)
    tag = hierarchy.tag
    if not (options.switchback or options.priority or options.parameter or options.meta or options.operation):
        return show(options, hierarchy)
    nodes = [node for node, _ in options.priority]
    if len(set(nodes)) < len(nodes):
        raise refused("priorities_named_once")

    check_values(options, cluster, hierarchy)

    def planner(cib: Cib) -> Cib:
        if options.switchback:
            cib = set_switchback(cib, tag, options.switchback)
        if options.priority:
            cib = set_priorities(cib, tag, dict(options.priority))
        mail = find_hierarchy(cib, tag).mail
        for pair_tag, wanted in (("instance_attributes", options.parameter), ("meta_attributes", options.meta)):
            for name, value in wanted:
                edit.set_pair(cib, mail, pair_tag, name, value)
        for name, attributes in options.operation:
            set_operation(cib, mail, name, attributes)
        return cib

    work = Work(manner_of(options), cluster, planner)
    remarks = absent_here(dict(options.parameter))
    return carry_out(work, remarks, tag, lambda state: bool(state.nodes) or hierarchy.is_disabled, "in service")


def check_values(options: argparse.Namespace, cluster: Cluster, hierarchy: Hierarchy) -> None:
    """Raise Refused for parameters that the agent does not have or take, and the same of meta attributes.

    One by its name alone that is there already, whoever uses it, may be changed.
    """
    meta = pairs(hierarchy.mail, "meta_attributes")
    before = hierarchy.cib.parameters(hierarchy.mail)
    wrong = wrong_parameters(cluster, hierarchy.agent, before, dict(options.parameter))
    wrong += [found for name, value in options.meta if name in KNOWN or name not in meta
              for found in [wrong_meta(name, value)] if found is not None]  # fmt: skip
    if wrong:
        raise Refused(*wrong)


def absent_here(wanted: "dict[str, str]") -> "list[Remark]":
    """parameter_value_here for each path that is to be set and that this node lacks; on another it may be right."""
    paths = {name: wanted[name] for name in ("binary", "config_dir") if wanted.get(name)}
    lacking = {name: path for name, path in paths.items() if not os.path.exists(path)}
    return [Remark(Finding("parameter_value_here", name=name, value=path)) for name, path in lacking.items()]


def show(options: argparse.Namespace, hierarchy: Hierarchy) -> int:
    """Print the properties."""
    tell_unfinished(hierarchy.cib)
    found: "dict[str, object]" = {
        "tag": hierarchy.tag,
        "agent": hierarchy.agent,
        "config_dir": hierarchy.config_dir,
        "switchback": hierarchy.switchback(),
        "priorities": priorities(hierarchy),
        "excluded": hierarchy.excluded,
        "needs": hierarchy.needs,
        "addresses": hierarchy.addresses,
        "file_systems": hierarchy.file_systems,
        "parameters": hierarchy.cib.parameters(hierarchy.mail),
        "meta": pairs(hierarchy.mail, "meta_attributes"),
        "operations": operations(hierarchy.mail),
        "moves": hierarchy.moves,
    }
    if options.json:
        say_json(found)
        return DONE
    for name, value in found.items():
        if isinstance(value, dict):
            lines = [f"{key}={'none' if each is None else each}" for key, each in value.items()]
        else:
            lines = [str(each) for each in value] if isinstance(value, list) else [str(value)]
        for at, line in enumerate(lines):
            say(f"{name if not at else '':14}{line}")
    return DONE
