"""The checks of postfix-ha check, on every node that a change of the hierarchy concerns."""

import argparse
import time

from postfix_ha.checks.node import check_node
from postfix_ha.checks.node_facts import Survey
from postfix_ha.checks.storage import hangs
from postfix_ha.cli.options import TIMEOUT_S, remote_shell, wrong
from postfix_ha.cli.statements import ordered
from postfix_ha.finding import Finding
from postfix_ha.messages.errors import Refused
from postfix_ha.messages.remark import ERROR, WARNING, Remark, may_be_overruled, overruled
from postfix_ha.params import Params
from postfix_ha.peers.ask import Peers
from postfix_ha.system.mounts import read_mounts

# What LifeKeeper's kit asks of the nodes (docs/from-lifekeeper.md); the other conditions are errors anyway.
REQUIRED = ("version_agrees", "unit_disabled_at_boot")
# Two versions of our own work together: the nodes are upgraded one after the other.
OURS = ("postfix-ha",)


def add_peer_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that say how other nodes are reached."""
    parser.add_argument(
        "--rsh", type=remote_shell, default=None, metavar="COMMAND",
        help="the remote shell to reach other nodes (default: ssh, by key only)",
    )  # fmt: skip
    parser.add_argument(
        "--force", action="append", default=[], type=check_name, metavar="CHECK", dest="forced",
        help="go on although this check refuses (its id, as the refusal shows it; can be repeated)",
    )  # fmt: skip
    parser.add_argument("--no-peer-check", action="store_true", help="do not compare this node with other nodes")


def check_name(text: str) -> str:
    """The id of a check that may be overruled, for argparse."""
    if not may_be_overruled(text):
        raise wrong("option_forced", text=repr(text))
    return text


def required(remarks: "list[Remark]", forced: "list[str]") -> "list[Remark]":
    """The remarks as they count before the cluster may run the service on these nodes.

    What leads to two masters, to lost mail or to a queue that the other version does not know is an error, unless it is
    overruled by its id.
    """
    for remark in remarks:
        if remark.check in REQUIRED and remark.severity == WARNING and remark.statement.subject not in OURS:
            remark.statement.severity = ERROR
    for remark in overruled(remarks, forced):
        if remark.severity == ERROR and may_be_overruled(remark.check):
            remark.statement.remedy += f" ('--force {remark.check}' overrules this)"
    return remarks


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
    if hangs(findings):
        raise Refused(*ordered(findings, survey))
    differences = peers.compare(survey if compared is params else Survey(compared, deadline))
    findings += [each for each in differences if not _comes_with_service(each, params, compared is not params)]
    peers.give_numbers(survey, findings)
    if peers.reach_device:  # what this node alone could not see is answered
        findings = [each for each in findings if each.check != "queue_storage_shared"]
    remarks = [Remark(each) for each in ordered(findings, survey)]
    return survey, remarks


def _comes_with_service(finding: Finding, params: Params, moves: bool) -> bool:
    """Whether a peer lacks only what moves with the service: the programs, or with ``moves`` the configuration."""
    if finding.check != "peer_runs_postfix":
        return False
    lacks_programs = bool(finding.values.get("cure"))
    return not read_mounts().place_of(params.binary).is_here_alone or (moves and not lacks_programs)
