"""postfix-ha check: every problem that this node's Postfix would have under the cluster, all at once."""

import argparse
import sys
import time

from postfix_ha import codes
from postfix_ha.checks.node import check_node
from postfix_ha.checks.node_facts import Survey
from postfix_ha.checks.storage import hangs
from postfix_ha.cli.cluster_query import ClusterQuestion
from postfix_ha.cli.instances import Concern, concerns
from postfix_ha.cli.options import FAILED, TIMEOUT_S, add_instance_options, node_name, remote_shell, wrong
from postfix_ha.cli.output import say_json
from postfix_ha.cli.statements import Printer, ordered
from postfix_ha.messages.statement import Statement, worded
from postfix_ha.params import Params
from postfix_ha.request import caller_environment
from postfix_ha.verdict import Finding
from postfix_ha.whole_number import whole_number

FORMAT = 1
Group = tuple[Concern, list[Statement]]
LEVELS = (codes.LEVEL_STATUS, codes.LEVEL_GREETING, codes.LEVEL_DIALOGUE)
CLEAN, WARNED = 0, 1
EXAMPLES = """examples:
  postfix-ha check                              this node, each instance that the cluster may run here
  postfix-ha check --config-dir /etc/postfix2   another instance
  postfix-ha check --peer n2 n3                 also compare with other nodes, over ssh
  postfix-ha check --peer n2 --rsh 'ssh -p 2222 -l root'
  postfix-ha check --json --strict              for scripts: warnings also fail
  postfix-ha check --trial --nic eth0 --mount /dev/vg/queue:/mnt/queue
                                                start and stop Postfix once, before the cluster runs it

exit codes:
  0 no errors    1 warnings, with --strict    2 errors, or a wrong command line
"""


def add_check(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command to the command line."""
    parser = commands.add_parser(
        "check",
        help="check this node's Postfix, and compare it with other nodes",
        description="Check whether this node's Postfix is ready for the cluster. Changes nothing; needs no cluster.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_instance_options(parser)
    parser.add_argument(
        "--level",
        type=int,
        choices=LEVELS,
        default=codes.LEVEL_GREETING,
        help="0: only the parameters; 10: this node (default); 20: also the running Postfix, like a monitor",
    )
    parser.add_argument(
        "--peer", nargs="+", type=node_name, default=[], metavar="NODE", help="compare this node with these nodes"
    )
    parser.add_argument(
        "--rsh",
        type=remote_shell,
        default=[],
        metavar="COMMAND",
        help="the remote shell to reach other nodes (default: ssh, by key only)",
    )
    add_trial_options(parser)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--strict", action="store_true", help="exit with 1 if there are only warnings")
    parser.set_defaults(run=run_check)


def add_trial_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of a trial."""
    group = parser.add_argument_group("trial", "start and stop Postfix once, before the cluster runs it")
    group.add_argument(
        "--trial",
        action="store_true",
        help="add the addresses, mount, check, start, monitor, stop, and undo everything",
    )
    group.add_argument("--nic", "--device", default="", metavar="NIC", help="the network interface for the addresses")
    group.add_argument(
        "--prefix", type=prefix_option, default=0, metavar="LENGTH", help="the prefix length of the addresses"
    )
    told = "mount this file system (can be repeated)"
    group.add_argument("--mount", type=mount_option, action="append", default=[], metavar="DEVICE:DIR", help=told)


def mount_option(text: str) -> "tuple[str, str]":
    """(device, directory) of DEVICE:DIRECTORY; the device may hold colons, the directory is an absolute path."""
    device, colon, directory = text.rpartition(":")
    if not colon or not device or not directory.startswith("/"):
        raise wrong("option_mount", text=repr(text))
    return device, directory.rstrip("/") or "/"


def prefix_option(text: str) -> int:
    """A prefix length."""
    length = whole_number(text) or 0
    if not 0 < length <= 128:
        raise wrong("option_prefix", text=repr(text))
    return length


def run_check(options: argparse.Namespace) -> int:
    """Check and print; 0 clean, 1 warnings with --strict, 2 errors."""
    groups = look_at_all(options)
    report(options, groups)
    severities = {statement.severity for _, statements in groups for statement in statements}
    if "error" in severities:
        return FAILED
    return WARNED if "warning" in severities and options.strict else CLEAN


def look_at_all(options: argparse.Namespace) -> "list[Group]":
    """The statements on each instance meant; what is told of one is not repeated for the next."""
    meant = concerns(options.config_dir, options.cib_file)
    if options.trial and len(meant) > 1:
        names = " or ".join(concern.config_dir for concern in meant)
        why = worded("trial_one_instance", names=names)
        return [(meant[0], ordered([Finding("trial_passed", step=worded("trial_looks_before"), why=why)], None))]
    groups: "list[Group]" = []
    told: "set[tuple[str, str]]" = set()
    for concern in meant:
        params = concern.params(options.config_dir, options.binary)
        statements = [each for each in look(options, params) if (each.text, each.where) not in told]
        told.update((each.text, each.where) for each in statements)
        groups.append((concern, statements))
    return groups


def look(options: argparse.Namespace, params: Params) -> "list[Statement]":
    """The statements of all checks asked for on one instance, the gravest first."""
    if params.findings or options.level < codes.LEVEL_GREETING:
        return ordered(params.findings, None)
    if options.trial:
        from postfix_ha.cli.trial.trial import Trial

        trial = Trial(
            params,
            options.mount,
            nic=options.nic,
            prefix=options.prefix,
            cib_file=options.cib_file,
            progress=sys.stderr if options.json else None,
        )
        return ordered(trial.run(), trial.checked)
    deadline = time.monotonic() + TIMEOUT_S
    peers = None
    if options.peer:
        from postfix_ha.peers.ask import Peers

        peers = Peers(options.peer, options.rsh, params.config_dir, params.binary, deadline)
    question = ClusterQuestion(deadline, options.cib_file)
    survey = Survey(params, deadline)
    findings = check_node(survey, question.answer)
    question.close()
    if peers and not hangs(findings):
        findings += peers.compare(survey)
        peers.give_numbers(survey, findings)
        if peers.reach_device:  # which is what this node alone could not see
            findings = [finding for finding in findings if finding.check != "queue_storage_shared"]
    if options.level >= codes.LEVEL_DIALOGUE and survey.is_running:
        findings += look_deeper(params, survey)
    return ordered(findings, survey)


def look_deeper(params: Params, survey: Survey) -> "list[Finding]":
    """service_healthy: what the agent's own monitor says at level 20 of the Postfix that runs here."""
    from postfix_ha.cli.trial.agent_call import Call

    code, reason = Call(params.config_dir, params.binary).do("monitor", level=codes.LEVEL_DIALOGUE)
    if code == codes.SUCCESS:
        return []
    values = {"instance": survey.config_dir, "why": reason or f"exit code {code}"}
    return [Finding("service_healthy", severity="warning" if code == codes.DEGRADED else "error", **values)]


def report(options: argparse.Namespace, groups: "list[Group]") -> None:
    """Print the statements as asked."""
    statements = [statement for _, found in groups for statement in found]
    if not options.json:
        environment = caller_environment("NO_COLOR", "TERM")
        no_color = "NO_COLOR" in environment or environment.get("TERM", "dumb") == "dumb"
        printer = Printer(sys.stdout, no_color)
        for concern, found in groups:
            if concern.resource:
                printer.line(concern.heading)
            printer.statements(found)
        return
    counts = {f"{severity}s": 0 for severity in ("error", "warning", "note")}
    for statement in statements:
        counts[f"{statement.severity}s"] += 1
    findings = [
        {**statement.as_object(), "resource": concern.resource or None}
        for concern, found in groups
        for statement in found
    ]
    say_json({"format": FORMAT, **counts, "findings": findings})
