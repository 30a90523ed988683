"""postfix-ha create: put a Postfix that works on one node under the cluster's control."""

import argparse
from typing import Callable

from postfix_ha.cli.apply import Work, carry_out
from postfix_ha.cli.cluster_command import (
    add_change_options,
    add_command,
    add_resource,
    cluster_of,
    is_interactive,
    manner_of,
)
from postfix_ha.cli.preflight import add_peer_options, check_nodes, required
from postfix_ha.cli.prompt import TerminalQuestion, hold_dialogue
from postfix_ha.cluster.create.barred import barred
from postfix_ha.cluster.create.build import create
from postfix_ha.cluster.create.local_node import Here, look_around
from postfix_ha.cluster.create.plan import Draft, Wish, make_draft, parse_address
from postfix_ha.cluster.live.failures import forget_failures
from postfix_ha.cluster.live.pacemaker import Cluster
from postfix_ha.cluster.live.wait import State
from postfix_ha.cluster.model.cib import Cib
from postfix_ha.cluster.model.priority import SWITCHBACKS, parse_priority
from postfix_ha.messages.errors import Refused
from postfix_ha.messages.remark import Remark, errors
from postfix_ha.messages.statement import worded
from postfix_ha.params import BINARY_DEFAULT
from postfix_ha.storage.defects import PLANNED

# What the hierarchy itself brings, or what a running instance has of its own, is no fault before it is made.
WILL_COME = ("address_on_node", "data_directory_own", "queue_directory_own")
# What planning says -> the errors of checks from which it follows.
FOLLOWS_FROM = {"queue_directory_known": ("config_dir_given", "config_files_readable", "main_cf_present")}
# What a check says -> what planning says of the same thing.
SAID_BY = {
    "queue_on_cluster_storage": ("queue_moves",),
    "queue_on_block_storage": ("file_system_local",),
    "queue_mounted_once": ("file_system_single",),
    "network_served": ("address_moves",),
}
OF_EACH_NODE = ("queue_on_cluster_storage", "spool_on_cluster_storage")
EXAMPLES = """\
  postfix-ha create                                   asks what the configuration does not say
  postfix-ha create --yes --node n1 --node n2:10
  postfix-ha create --yes --alert --alert-mail admin@example.com --alert-relay relay.example.net
  postfix-ha create --config-dir /etc/postfix2 --switchback automatic --dry-run
"""


def add_create(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command to the command line."""
    parser = add_command(
        commands,
        "create",
        run_create,
        "create the cluster resources for this node's Postfix",
        "Read this node's Postfix configuration and create the service's resources in one change: Filesystem,\n"
        "IPaddr2 and Postfix, with order, colocation and location constraints. Existing resources are reused.\n"
        "With pcs: pcs resource create, pcs constraint order, colocation and location.",
        EXAMPLES,
    )
    parser.add_argument("--config-dir", default="", metavar="DIR", help="the instance's configuration directory")
    parser.add_argument("--binary", default=BINARY_DEFAULT, metavar="FILE", help="the postfix command")
    add_resource(parser, "id of the new Postfix resource (default: postfix-on-QUEUE_DIRECTORY)")
    parser.add_argument(
        "--switchback", default="", choices=("", *SWITCHBACKS), metavar="KIND",
        help="intelligent: no failback, by resource-stickiness (default); automatic: fail back to the preferred node",
    )  # fmt: skip
    parser.add_argument(
        "--node", action="append", default=[], metavar="NODE[:PRIORITY]", type=node_and_priority, dest="nodes",
        help="a node that may run the service, preferred node first (default: all, this one first); "
        "priority 1 to 999, lower is preferred",
    )  # fmt: skip
    parser.add_argument(
        "--address", action="append", default=[], metavar="ADDR[/PREFIX][@IF]", dest="addresses",
        help="an address of the service, if the configuration does not name it",
    )  # fmt: skip
    add_alert_options(parser)
    add_peer_options(parser)
    parser.add_argument("--clone", action="store_true", help="run a Postfix on every node, each with its own queue")
    parser.add_argument("--keep", action="store_true", help="keep the change even if the service does not start")
    add_change_options(parser)


def add_alert_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that say who is told of failures."""
    parser.add_argument("--alert", action="store_true", help="write one line to syslog for each failure of the service")
    parser.add_argument(
        "--alert-mail", action="append", default=[], metavar="ADDRESS",
        help="send it to this address as well, through --alert-relay",
    )  # fmt: skip
    parser.add_argument(
        "--alert-relay", default="", metavar="HOST[:PORT]",
        help="the mail server for that: one outside of this cluster, since the service may be away",
    )  # fmt: skip


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
    if not (wish.is_clone or errors(draft.remarks)):
        wish.barred = barred(cluster, cib, draft)
        draft = make_draft(cib, wish, here)
    if (
        is_interactive(options)
        and draft.existing is None
        and not wish.is_clone
        and not errors([*found, *draft.remarks])
    ):
        consult(wish, draft)
        draft = make_draft(cib, wish, here)
    remarks = [*once(found, draft.remarks), *without_consequences(draft.remarks, found)]
    refused = errors(remarks)
    if refused:
        raise Refused(*refused)
    if draft.existing and cluster.is_live and not (options.dry_run or State(cluster.status(), draft.tag).is_active):
        forget_failures(cluster, draft.existing.members)  # one that could not come up is to try again
    work = Work(manner_of(options, only_yes=True), cluster, lambda now: create(now, wish, here))
    return carry_out(
        work, remarks, draft.tag, lambda state: bool(state.nodes), "in service", take_back=not options.keep
    )


def once(found: "list[Remark]", planned: "list[Remark]") -> "list[Remark]":
    """What the checks found, without what planning says of the same thing."""
    said = {remark.check for remark in planned}
    return [remark for remark in found if not said & set(SAID_BY.get(remark.check, ()))]


def without_consequences(planned: "list[Remark]", found: "list[Remark]") -> "list[Remark]":
    """What planning says, without what follows from an error that the checks found."""
    wrong = {remark.check for remark in errors(found)}
    return [remark for remark in planned if not wrong & set(FOLLOWS_FROM.get(remark.check, ()))]


def consult(wish: Wish, draft: Draft) -> None:
    """Ask on the terminal what the command line has left open."""
    questions = []
    if any(remark.check == "address_moves" for remark in draft.remarks):
        text = "An address that moves with the service, such as 198.51.100.100/24. Clients connect to it."
        questions.append(TerminalQuestion("address", "Address of the service", "none", taken_address, text))
    if not wish.switchback:
        text = "intelligent: after a failover the service stays. automatic: it fails back when its node returns."
        questions.append(TerminalQuestion("switchback", "Switchback", draft.switchback, taken_switchback, text))
    if not wish.nodes:
        default = " ".join(f"{node}:{priority}" for node, priority in draft.priorities.items())
        text = "The nodes that may run the service, each with a priority from 1 to 999. Lower is preferred."
        questions.append(TerminalQuestion("nodes", "Nodes, preferred node first", default, taken_nodes(draft), text))
    answers = hold_dialogue(questions)
    wish.addresses = [str(answers["address"])] if answers.get("address") else wish.addresses
    wish.switchback = str(answers.get("switchback", wish.switchback))
    nodes = answers.get("nodes")
    wish.nodes = nodes if isinstance(nodes, list) else wish.nodes


def taken_address(text: str) -> str:
    """The address in an answer, "" for none."""
    return "" if text == "none" else text if parse_address(text) else ""


def taken_switchback(text: str) -> str:
    """The switchback that an answer begins to spell."""
    found = [kind for kind in SWITCHBACKS if kind.startswith(text.lower())]
    if len(found) != 1:
        raise ValueError(f"{' or '.join(SWITCHBACKS)}?")
    return found[0]


def taken_nodes(draft: Draft) -> "Callable[[str], object]":
    """A function that makes nodes and priorities of an answer."""
    known = [*draft.priorities, *draft.excluded]

    def take(text: str) -> object:
        found: "list[tuple[str, int | None]]" = []
        for word in text.replace(",", " ").split():
            try:
                node, priority = node_and_priority(word)
            except argparse.ArgumentTypeError as error:
                raise ValueError(str(error)) from None
            if node not in known:
                raise ValueError(worded("answer_node", node=node, known=", ".join(known)))
            if node in [each for each, _ in found]:
                raise ValueError(worded("answer_node_once", node=node))
            if priority is not None and priority in [each for _, each in found]:
                raise ValueError(worded("answer_priority_free", priority=priority))
            found.append((node, priority))
        return found

    return take


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
    wish.forced = options.forced
    wish.has_alert = options.alert or bool(options.alert_mail or options.alert_relay)
    wish.alert_mail = options.alert_mail
    wish.alert_relay = options.alert_relay
    return wish


def look_here(options: argparse.Namespace, cluster: Cluster, cib: Cib) -> "tuple[Here, list[Remark]]":
    """This node's facts, and what the checks of ``postfix-ha check`` say of it and of the other nodes concerned."""
    name = cluster.node_name()
    chosen = [node for node, _ in options.nodes] or cib.nodes()
    peers = [node for node in chosen if node != name and node in cib.nodes()]
    asked = peers if cluster.is_live and not options.clone and not options.no_peer_check else []
    survey, remarks = check_nodes(options.config_dir, options.binary, asked, options.rsh)
    here = look_around(name, survey.instance, cib.hosts())
    if options.clone:  # each node has a queue of its own, and starts it as it likes
        return here, [remark for remark in remarks if remark.check not in (*WILL_COME, *OF_EACH_NODE)]
    left_out = (*WILL_COME, *PLANNED)
    return here, required([remark for remark in remarks if remark.check not in left_out], options.forced)
