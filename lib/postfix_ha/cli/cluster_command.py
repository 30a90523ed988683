"""What all commands on the cluster share: their options, how they end, and how they print.

Exit codes: 0 done, or nothing to do; 1 changed, but the service did not reach the requested state; 2 refused or a
wrong command line, nothing was changed; 3 (status) in service, but no other node could run it; 4 the cluster or one of
its tools does not answer; 128 and the signal's number
when SIGINT, SIGTERM or SIGHUP ended it, between two steps.
"""

import argparse
import signal
import sys
from typing import Callable

from postfix_ha.cli.options import wrong
from postfix_ha.cli.output import complain, say_json
from postfix_ha.cli.prompt import holds_answer
from postfix_ha.cli.signals import Interrupted, listening
from postfix_ha.cluster.change.unfinished import unfinished
from postfix_ha.cluster.live.pacemaker import Cluster
from postfix_ha.cluster.model.cib import Cib
from postfix_ha.messages.errors import ClusterError, Refused, Told, refused
from postfix_ha.messages.row import NO_CLUSTER as NO_CLUSTER
from postfix_ha.messages.row import NOT_AS_ASKED as NOT_AS_ASKED
from postfix_ha.messages.row import REFUSED as REFUSED
from postfix_ha.messages.statement import stated
from postfix_ha.whole_number import whole_number

DONE, NO_REDUNDANCY = 0, 3
WAIT_S, SECONDS_MAX, COUNT_MAX = 90, 86400, 100_000
EXIT_CODES = """exit codes:
  0 done, or nothing to do
  1 changed, but the service did not reach the requested state
  2 refused, nothing changed
  4 the cluster or one of its tools does not answer
  130, 143, 129 ended by SIGINT, SIGTERM, SIGHUP; prints one line with the state of the change
"""
Commands = "argparse._SubParsersAction[argparse.ArgumentParser]"


def add_command(
    commands: "argparse._SubParsersAction[argparse.ArgumentParser]",
    name: str,
    work: "Callable[[argparse.Namespace], int]",
    summary: str,
    description: str,
    examples: str,
) -> argparse.ArgumentParser:
    """Add a command with the options that all have."""
    parser = commands.add_parser(
        name,
        help=summary,
        description=description,
        epilog=f"examples:\n{examples}\n{EXIT_CODES}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--cib-file", default="", metavar="FILE", help="use this CIB file instead of the live cluster")
    parser.set_defaults(run=guarded(work))
    return parser


def add_change_options(parser: argparse.ArgumentParser, *, waits: bool = True) -> None:
    """Add the options of a command that changes the cluster."""
    parser.add_argument("--dry-run", action="store_true", help="only show the change and what the cluster would do")
    parser.add_argument("--yes", "-y", action="store_true", help="do not ask for confirmation")
    if waits:
        parser.add_argument(
            "--wait",
            type=seconds,
            default=WAIT_S,
            metavar="S",
            help=f"wait at most S seconds for the service (default {WAIT_S})",
        )
        parser.add_argument("--no-wait", dest="wait", action="store_const", const=0, help="do not wait for the service")


def add_resource(
    parser: argparse.ArgumentParser, told: str = "the Postfix resource; needed if the cluster has several"
) -> None:
    """Add --resource, the id of a Postfix resource (``options.tag``), and its older name --tag; ``told``: the help."""
    parser.add_argument("--resource", dest="tag", default="", metavar="ID", help=told)
    parser.add_argument("--tag", dest="tag", default=argparse.SUPPRESS, metavar="ID", help=argparse.SUPPRESS)


def seconds(text: str) -> int:
    """A whole number of seconds, for argparse."""
    number = whole_number(text)
    if number is not None and number <= SECONDS_MAX:
        return number
    raise wrong("option_seconds", text=text, most=SECONDS_MAX)


def count(text: str) -> int:
    """A whole number that is not 0, for argparse."""
    number = whole_number(text)
    if number and number <= COUNT_MAX:
        return number
    raise wrong("option_count", text=text, most=COUNT_MAX)


def guarded(work: "Callable[[argparse.Namespace], int]") -> "Callable[[argparse.Namespace], int]":
    """The work with its expected failures told in one line each."""

    def run(options: argparse.Namespace) -> int:
        try:
            with listening():
                return work(options)
        except Interrupted as interrupted:
            return end_interrupted(options, interrupted)
        except Refused as refusal:
            return end_with(options, refusal, REFUSED)
        except ClusterError as error:
            return end_with(options, error, NO_CLUSTER)
        except ValueError as error:
            if not isinstance(error, UnicodeEncodeError) and "XML compatible" not in str(error):
                raise
            return end_with(options, refused("text_for_xml"), REFUSED)
        except BrokenPipeError:
            raise
        except OSError as error:
            where = f"{error.filename}: " if error.filename else ""
            return fail(options, [f"{where}{error.strerror or error}"], NO_CLUSTER)

    return run


def end_interrupted(options: argparse.Namespace, interrupted: Interrupted) -> int:
    """Print one line with the state of the change and return 128 + the signal; read-only commands print nothing."""
    code = 128 + interrupted.number
    if not hasattr(options, "dry_run"):
        return code
    state = interrupted.told or stated("change_declined")
    told = stated("interrupted", signal=signal.Signals(interrupted.number).name, state=state.reason)
    findings = [told.as_object(), state.as_object()]
    return fail(options, [told.reason], code, changed=interrupted.changed, findings=findings)


def tell_unfinished(cib: Cib) -> None:
    """Print a warning for each change that an earlier command began and did not finish."""
    for text in unfinished(cib).values():
        complain(f"postfix-ha: warning: {text}")


def end_with(options: argparse.Namespace, told: Told, code: int) -> int:
    """Say why the command ends, one line each and in JSON with the ids as well, and return the code."""
    return fail(options, told.reasons, code, findings=[each.as_object() for each in told.statements])


def fail(
    options: argparse.Namespace, reasons: "list[str]", code: int, *, changed: bool = False, findings: object = ()
) -> int:
    """Say why, one line each, and return the code."""
    if options.json:
        say_json({"changed": changed, "exit_code": code, "errors": reasons, "findings": findings})
    for line in reasons:
        # A name that was given may have lines of its own.
        complain(f"postfix-ha: {' '.join(line.split())}")
    return code


def cluster_of(options: argparse.Namespace) -> Cluster:
    """The cluster, or the file, that the command works on."""
    return Cluster(options.cib_file)


class Manner:
    """How a change is made: ``dry_run`` only shows it, ``asks`` whether there is somebody to ask, ``agreed`` whether it
    is made without that, ``json`` prints one object, ``wait`` seconds for the service (0: do not), ``cib_file`` the
    file that is changed ("" is the cluster)."""

    __slots__ = ("agreed", "asks", "cib_file", "dry_run", "json", "wait")

    def __init__(self, *, asks: bool, agreed: bool, cib_file: str, dry_run: bool, json: bool, wait: int) -> None:
        self.asks = asks
        self.agreed = agreed
        self.cib_file = cib_file
        self.dry_run = dry_run
        self.json = json
        self.wait = wait


def manner_of(options: argparse.Namespace, *, only_yes: bool = False) -> Manner:
    """The manner that the options of a changing command ask for; ``only_yes``: nothing but --yes is a yes.

    Where nobody can be asked, what the command line says in full is done; an answer that waits there is no yes.
    """
    return Manner(
        asks=is_interactive(options),
        agreed=options.yes or not (only_yes or holds_answer()),
        cib_file=options.cib_file,
        dry_run=options.dry_run,
        json=options.json,
        wait=getattr(options, "wait", 0),
    )


def is_interactive(options: argparse.Namespace) -> bool:
    """Whether there is somebody to ask."""
    return not (options.yes or options.dry_run or options.json) and sys.stdin.isatty() and sys.stdout.isatty()
