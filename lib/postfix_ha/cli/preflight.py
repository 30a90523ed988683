"""The checks of postfix-ha check, on every node that a change of the hierarchy concerns."""

import argparse
import time

from postfix_ha.checks.node import check_node
from postfix_ha.checks.node_facts import Survey
from postfix_ha.cli.options import TIMEOUT_S, remote_shell
from postfix_ha.cli.statements import ordered
from postfix_ha.messages.errors import Refused
from postfix_ha.messages.remark import Remark
from postfix_ha.params import Params
from postfix_ha.peers.ask import Peers
from postfix_ha.system.mounts import read_mounts


def add_peer_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that say how other nodes are reached."""
    parser.add_argument(
        "--rsh", type=remote_shell, default=None, metavar="COMMAND",
        help="the remote shell to reach other nodes (default: ssh, by key only)",
    )  # fmt: skip
    parser.add_argument("--no-peer-check", action="store_true", help="do not compare this node with other nodes")


def check_nodes(
    config_dir: str, binary: str, nodes: "list[str]", shell: "list[str] | None", *, and_here: bool = True
) -> "tuple[Survey, list[Remark]]":
    """The facts of this node, and the remarks of ``postfix-ha check`` about it and the other ``nodes``.

    ``shell``: the words of the remote shell, None for ssh. ``and_here``: also check this node itself. Raises Refused
    for wrong parameters.
    """
    params = Params({"config_dir": config_dir, "binary": binary})
    if params.findings:
        raise Refused(*ordered(params.findings, None))
    deadline = time.monotonic() + TIMEOUT_S
    compared, compared_dir = params, config_dir
    if params.config_dir and not read_mounts().place_of(params.config_dir).is_here_alone:
        # A configuration that moves with the service is seen by one node at a time, and cannot differ: what can is
        # the installation, which the default instance tells of.
        compared, compared_dir = Params({"binary": binary}), ""
    peers = Peers(nodes, shell, compared_dir, binary, deadline)
    survey = Survey(params, deadline)
    findings = check_node(survey) if and_here else []
    findings += peers.compare(survey if compared is params else Survey(compared, deadline))
    remarks = [Remark(each) for each in ordered(findings, survey)]
    return survey, remarks
