"""postfix-ha facts: what this node says of its Postfix, for other nodes to compare."""

import argparse
import json
import os
import sys
import time

from postfix_ha.checks.node_facts import Survey
from postfix_ha.cli.instances import concerns
from postfix_ha.cli.options import FAILED, TIMEOUT_S, add_instance_options
from postfix_ha.cli.output import complain, say, say_json
from postfix_ha.cli.statements import Printer, ordered
from postfix_ha.messages.statement import worded
from postfix_ha.peers.facts import facts_of
from postfix_ha.system.child import known_by_child
from postfix_ha.system.files import read_regular

EXAMPLES = """examples:
  postfix-ha facts
  postfix-ha facts --json --config-dir /etc/postfix2
  ssh n2 postfix-ha facts --json      what 'postfix-ha check --peer n2' asks for

metadata/schema/facts.json describes the object. Secret values are hidden. Files are shown as digests; two nodes can
compare them if both got the same --salt.
"""
SALT_MAX = 1024
SHOWN = ("node", "config_dir", "running", "versions", "ids", "endpoints", "addresses", "units", "storage", "missing")


def add_facts(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command to the command line."""
    parser = commands.add_parser(
        "facts",
        help="print the facts about this node's Postfix that other nodes compare",
        description="Print the facts about this node's Postfix. Changes nothing; needs no cluster.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_instance_options(parser)
    parser.add_argument("--json", action="store_true", help="print one JSON object with everything")
    parser.add_argument(
        "--salt", default="", metavar="TEXT", help="salt for the digests, shared by the nodes that are compared"
    )
    parser.add_argument(
        "--salt-file",
        default="",
        metavar="FILE",
        help="read the salt from the first line of this file; - is standard input",
    )
    parser.set_defaults(run=run_facts)


def first_line(path: str) -> str:
    """The first line of a file, "-" for standard input; "" where there is none."""
    try:
        data = sys.stdin.buffer.readline(SALT_MAX) if path == "-" else read_regular(path, SALT_MAX)
    except OSError:
        return ""
    return os.fsdecode(data.partition(b"\n")[0].strip())


def run_facts(options: argparse.Namespace) -> int:
    """Print the facts; 0, or 2 where it is not clear of which instance."""
    meant = concerns(options.config_dir, options.cib_file)
    if len(meant) > 1:
        names = " or ".join(concern.config_dir for concern in meant)
        complain(f"postfix-ha facts: {worded('facts_one_instance', names=names)}")
        return FAILED
    params = meant[0].params(options.config_dir, options.binary)
    if params.findings:
        Printer(sys.stderr, no_color=True).statements(ordered(params.findings, None))
        return FAILED
    salt = options.salt or os.urandom(16).hex()
    if options.salt_file:
        salt = first_line(options.salt_file)
        if not salt:
            complain(f"postfix-ha facts: {worded('facts_salt', file=options.salt_file)}")
            return FAILED
    deadline = time.monotonic() + TIMEOUT_S
    facts = known_by_child(lambda: facts_of(Survey(params, deadline), salt), deadline)
    if not isinstance(facts, dict):
        why = "facts_in_time" if time.monotonic() >= deadline else "facts_read"
        complain(f"postfix-ha facts: {worded(why)}")
        return FAILED
    if options.json:
        say_json(facts, indent=1)
    else:
        for name in SHOWN:
            say(f"{name}: {json.dumps(facts[name])}")
    for why in facts["missing"] if isinstance(facts["missing"], list) else []:
        complain(f"postfix-ha facts: {why}")
    return 0
