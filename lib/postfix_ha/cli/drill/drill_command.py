"""postfix-ha drill: move or break the service on purpose under test mail, and report what clients saw."""

import argparse
import os

from postfix_ha.cli.cluster_command import (
    DONE,
    NOT_AS_ASKED,
    WAIT_S,
    add_change_options,
    add_command,
    add_resource,
    cluster_of,
    manner_of,
    seconds,
)
from postfix_ha.cli.drill.node_steps import run_step
from postfix_ha.cli.drill.preconditions import Course, DrillOptions
from postfix_ha.cli.drill.run import Drill, to_stdout
from postfix_ha.cli.options import wrong
from postfix_ha.cli.output import say_json
from postfix_ha.cli.preflight import add_peer_options
from postfix_ha.cli.prompt import confirm
from postfix_ha.drill import picture
from postfix_ha.drill.faults import KINDS, MEANING
from postfix_ha.drill.recipient import is_address
from postfix_ha.drill.results import DrillFacts, as_object, text_of, write
from postfix_ha.messages.errors import refused
from postfix_ha.messages.statement import worded
from postfix_ha.system.files import open_directory
from postfix_ha.system.packages import installing_command
from postfix_ha.whole_number import whole_number

RATE_MAX = 200
LIBRARY = "python3-matplotlib"
FAULTS = "; ".join(f"{each} {MEANING[each]}" for each in KINDS)
DESCRIPTION = """\
Send test mail through the service while it moves to NODE, or while the cluster recovers from a fault.
Report how long clients could not connect, and whether messages were lost or duplicated.
The drill checks the service first and restores the cluster's configuration however it ends.
It breaks something only if --fault is given."""
EXAMPLES = """\
  postfix-ha drill --back                      to the next node and back
  postfix-ha drill n2 --recipient drill@example.com --mailbox /mnt/spool/drill/
  postfix-ha drill --fault kill-master         how long the cluster takes to recover
  postfix-ha drill --dry-run                   only show what it would do
"""


def add_drill(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command to the command line."""
    parser = add_command(
        commands, "drill", run_drill, "test a move or a fault, with test mail", DESCRIPTION, EXAMPLES
    )  # fmt: skip
    told = "the node to move to (default: the next one)"
    parser.add_argument("node", nargs="?", default="", metavar="NODE", help=told)
    parser.add_argument("--back", action="store_true", help="move back at the end")
    told = f"cause this fault where the service runs: {FAULTS}. Without NODE the service is not moved first"
    parser.add_argument("--fault", choices=KINDS, default="", metavar="KIND", help=told)
    parser.add_argument(
        "--recipient", type=address, default="", metavar="ADDRESS",
        help="the recipient (default: an address that the transport or alias tables discard)",
    )  # fmt: skip
    told = "the sender (default: empty, so that nothing bounces)"
    parser.add_argument("--sender", type=address, default="", metavar="ADDRESS", help=told)
    told = "the recipient's maildir or mbox, to find lost and duplicated messages"
    parser.add_argument("--mailbox", default="", metavar="PATH", help=told)
    parser.add_argument("--rate", type=rate, default=20, metavar="N", help="messages per second (default 20)")
    told = "write drill.txt, .json, .svg and .png there (default drill-ID)"
    parser.add_argument("--report", default="", metavar="DIR", help=told)
    told = f"wait at most S seconds for a move or recovery (default {WAIT_S})"
    parser.add_argument("--wait", type=seconds, default=WAIT_S, metavar="S", help=told)
    add_peer_options(parser)
    add_resource(parser)
    add_change_options(parser, waits=False)
    parser.add_argument("--step", default="", help=argparse.SUPPRESS)


def address(text: str) -> str:
    """A mail address, or none, for argparse."""
    if not text or is_address(text):
        return text
    raise wrong("option_recipient", text=repr(text))


def rate(text: str) -> int:
    """Messages a second, for argparse."""
    number = whole_number(text) or 0
    if 1 <= number <= RATE_MAX:
        return number
    raise wrong("option_rate", text=text, most=RATE_MAX)


def run_drill(options: argparse.Namespace) -> int:
    """Check, show, ask, and do it."""
    if os.geteuid() != 0 and not options.cib_file:
        raise refused("drill_by_root")
    if options.step:
        say_json(run_step(options.step))
        return DONE
    if options.cib_file and not options.dry_run:
        raise refused("drill_on_cluster")
    if not options.wait:
        raise refused("drill_waits")
    course = Course(wanted_of(options), cluster_of(options), manner_of(options))
    directory = options.report or f"drill-{course.drill}"
    if course.cluster.is_live:
        check_writable(directory)
        course.look_at_nodes()
        course.look_where_it_runs()
    if options.dry_run:
        return show(course)
    if not agreed(course, says_yes=options.yes):
        return course.work.declined()
    drill = Drill(course, (lambda _: None) if options.json else to_stdout)
    drill.run()
    return finish(drill, directory)


def wanted_of(options: argparse.Namespace) -> DrillOptions:
    """What the command line asks for."""
    return DrillOptions(
        node=options.node, fault=options.fault, back=options.back, sender=options.sender, recipient=options.recipient,
        mailbox=options.mailbox, rate=options.rate, wait=options.wait, tag=options.tag, rsh=options.rsh,
        no_peer_check=options.no_peer_check,
    )  # fmt: skip


def plan_of(course: Course) -> "list[str]":
    """What the drill would do, in words."""
    lines = []
    if course.target:
        lines.append(worded("drill_moves", tag=course.tag, origin=course.origin, target=course.target))
    if course.fault:
        fault, node = course.fault, course.fault_node
        lines.append(worded("drill_breaks", fault=fault, node=node, meaning=MEANING[fault]))
    if course.options.back:
        lines.append(worded("drill_moves_back", origin=course.origin))
    return lines


def show(course: Course) -> int:
    """What the drill would do, and what the cluster would do on the move."""
    work = course.work
    for line in plan_of(course):
        work.say(line)
    if course.endpoints:
        endpoints = ", ".join(map(str, course.endpoints))
        recipient = course.letter.recipient
        work.say(worded("drill_with", rate=course.options.rate, recipient=recipient, endpoints=endpoints))
    if course.target:
        work.show(course.remarks)
    work.report.update(drill=plan_of(course), recipient=course.letter.recipient, changed=False, dry_run=True)
    return work.end(DONE)


def agreed(course: Course, *, says_yes: bool) -> bool:
    """Whether it may be done; a fault needs a yes from somebody (``says_yes``: --yes)."""
    manner = course.work.manner
    if course.remarks:
        course.work.say(worded("drill_warned", count=len(course.remarks)))
    if manner.asks:
        for line in plan_of(course):
            course.work.say(f"  {line}")
        return confirm(worded("drill_wanted"))
    if course.fault and not says_yes:
        raise refused("drill_agreed", fault=course.fault, meaning=MEANING[course.fault])
    return course.work.confirm("")


def check_writable(directory: str) -> None:
    """Refuse a place where the report cannot be left; before the drill, not after it."""
    at = os.path.abspath(directory)
    while not os.path.lexists(at):
        at = os.path.dirname(at)
    why = "no directory to write in"
    try:
        os.close(open_directory(at))
    except NotADirectoryError:
        pass
    except OSError as error:
        why = f"no place to write in ({error.strerror})"
    else:
        if os.access(at, os.W_OK | os.X_OK):
            return
    raise refused("drill_report_possible", directory=directory, at=at, why=why)


def leave(facts: DrillFacts, found: "dict[str, object]", directory: str) -> "tuple[list[str], list[str]]":
    """(lines of the report, paths) of what was left in the directory, with a picture where one can be drawn."""
    paths: "list[str]" = []
    try:
        os.close(open_directory(directory, make=True))
        paths = picture.draw(found, directory)
    except picture.NoLibrary:
        command = installing_command(LIBRARY) or f"install {LIBRARY}"
        facts.remarks.append(worded("drill_picture_drawn", library=LIBRARY, command=command))
    except OSError as error:
        facts.remarks.append(worded("drill_report_left", directory=directory, why=error.strerror))
        return text_of(facts), []
    lines = text_of(facts)
    try:
        return lines, write(directory, found, lines) + paths
    except OSError as error:
        return [*lines, worded("drill_report_left", directory=directory, why=error.strerror)], paths


def finish(drill: Drill, directory: str) -> int:
    """Print the report and leave it in the directory; the exit code."""
    facts = drill.facts()
    found = as_object(facts)
    code = 128 + drill.signal if drill.interrupted else NOT_AS_ASKED if found["errors"] else DONE
    found.update(changed=drill.has_changed, exit_code=code)
    lines, paths = leave(facts, found, directory)
    found["files"] = paths
    if drill.course.work.manner.json:
        say_json(found)
    else:
        for line in lines:
            to_stdout(line)
        to_stdout(f"report: {', '.join(paths) or 'none could be left'}")
    for error in facts.errors:
        drill.course.work.say_failure(error)
    return code
