"""postfix-ha create: from a Postfix that works on one node to a hierarchy that the cluster protects."""

import argparse
import time

from postfix_ha.checks.setup import Setup, check_addresses, check_setup
from postfix_ha.checks.statement import Statement
from postfix_ha.cli.carry_out import Work, carry_out
from postfix_ha.cli.frame import add_change_options, add_command, cluster_of
from postfix_ha.cluster.cib import Cib
from postfix_ha.cluster.creation import create
from postfix_ha.cluster.draft import Wish, make_draft
from postfix_ha.cluster.errors import Refused
from postfix_ha.cluster.here import Here, look_around
from postfix_ha.cluster.priority import SWITCHBACKS, parse_priority
from postfix_ha.cluster.remarks import Remark, errors
from postfix_ha.cluster.tools import Cluster
from postfix_ha.config.discover import discover
from postfix_ha.params import BINARY_DEFAULT, Params

LOOK_S = 20.0
# What the hierarchy itself brings, or what a running instance has of its own, is no fault before it is made.
WILL_COME = ("address_on_node", "data_directory_own", "queue_directory_own")
EXAMPLES = """\
  postfix-ha create                                   asks what it cannot know
  postfix-ha create --yes --node n1 --node n2:10
  postfix-ha create --config-dir /etc/postfix2 --switchback automatic --dry-run
"""


def add_create(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command to the command line."""
    parser = add_command(
        commands,
        "create",
        run_create,
        "make the hierarchy of this node's Postfix",
        "Read this node's Postfix configuration and make the hierarchy that protects it: file systems, addresses and\n"
        "Postfix with their constraints, in one change. What is there already is used as it is.",
        EXAMPLES,
    )
    parser.add_argument("--config-dir", default="", metavar="DIR", help="the instance's configuration directory")
    parser.add_argument("--binary", default=BINARY_DEFAULT, metavar="FILE", help="the postfix command")
    parser.add_argument("--tag", default="", metavar="ID", help="resource id (default postfix-on-QUEUE_DIRECTORY)")
    parser.add_argument(
        "--switchback", default="", choices=("", *SWITCHBACKS), metavar="KIND",
        help="intelligent: stay after a failover (default); automatic: go home when the node returns",
    )  # fmt: skip
    parser.add_argument(
        "--node", action="append", default=[], metavar="NODE[:PRIORITY]", type=node_and_priority, dest="nodes",
        help="a node that takes part, the most preferred first (default: all, this one first); priority 1..999",
    )  # fmt: skip
    parser.add_argument(
        "--address", action="append", default=[], metavar="ADDR[/PREFIX][@IF]", dest="addresses",
        help="an address of the service; needed only for what the configuration does not tell",
    )  # fmt: skip
    parser.add_argument("--clone", action="store_true", help="a Postfix on every node, each with a queue of its own")
    parser.add_argument("--keep", action="store_true", help="keep the change even when the service does not come up")
    add_change_options(parser)


def node_and_priority(text: str) -> "tuple[str, int | None]":
    """(node, priority or None) of NODE[:PRIORITY], for argparse."""
    node, colon, number = text.partition(":")
    try:
        return node, parse_priority(number) if colon else None
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def run_create(options: argparse.Namespace) -> int:
    """Make the hierarchy."""
    cluster = cluster_of(options)
    cib = cluster.read()
    wish = wish_of(options)
    here, found = look_here(options, cluster, cib)
    draft = make_draft(cib, wish, here)
    remarks = [*found, *draft.remarks]
    refused = errors(remarks)
    if refused:
        raise Refused(*refused)
    work = Work(options, cluster, lambda now: create(now, wish, here))
    return carry_out(
        work, remarks, draft.tag, lambda state: bool(state.nodes), "in service", take_back=not options.keep
    )


def wish_of(options: argparse.Namespace) -> Wish:
    """What the command line asks for."""
    wish = Wish()
    wish.config_dir = options.config_dir
    wish.binary = options.binary
    wish.tag = options.tag
    wish.switchback = options.switchback
    wish.nodes = options.nodes
    wish.addresses = options.addresses
    wish.is_clone = options.clone
    return wish


def look_here(options: argparse.Namespace, cluster: Cluster, cib: Cib) -> "tuple[Here, list[Remark]]":
    """This node's facts, and what the checks of ``postfix-ha check`` have to say of it."""
    params = Params({"config_dir": options.config_dir, "binary": options.binary})
    if params.findings:
        raise Refused(*(Statement(finding).reason for finding in params.findings))
    deadline = time.monotonic() + LOOK_S
    instance = discover(params.config_dir, deadline, binary=params.binary)
    setup = Setup(instance, params, deadline)
    found = check_setup(setup) + check_addresses(setup)
    here = look_around(cluster.node_name(), instance, cib.nodes(), params.binary)
    statements = sorted(map(Statement, found), key=lambda statement: statement.rank)
    remarks = [Remark(each.severity, each.check, each.reason) for each in statements if each.check not in WILL_COME]
    return here, remarks
