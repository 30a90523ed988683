"""postfix-ha print: a hierarchy as what makes it again: pcs commands, lines for crm configure, or XML."""

import argparse

from postfix_ha.cli.frame import DONE, add_command, add_tag, cluster_of, print_json
from postfix_ha.cluster import changes as kinds
from postfix_ha.cluster.changes import Change, changes
from postfix_ha.cluster.cib import to_text
from postfix_ha.cluster.crm_lines import crm_lines
from postfix_ha.cluster.hierarchy import find_hierarchy
from postfix_ha.cluster.pcs_lines import pcs_lines
from postfix_ha.cluster.reshape import delete

EXAMPLES = """\
  postfix-ha print
  postfix-ha print --format crm >mail.crm
"""
FORMATS = ("pcs", "crm", "xml")


def add_print(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command to the command line."""
    parser = add_command(
        commands, "print", run_print, "print what makes the hierarchy again",
        "Print a hierarchy, whoever made it, as what makes it again. What other services need too is left out.",
        EXAMPLES,
    )  # fmt: skip
    parser.add_argument("--format", choices=FORMATS, default="pcs", help="default pcs")
    add_tag(parser)


def run_print(options: argparse.Namespace) -> int:
    """Print."""
    cib = cluster_of(options).read()
    tag = find_hierarchy(cib, options.tag).tag
    made = changes(delete(cib.copy(), tag, with_parts=True), cib)
    # A part that another service needs stays; a constraint that was pruned of the parts is not one that was made.
    made = [change for change in made if change.kind in (kinds.ADD_RESOURCE, kinds.ADD_CONSTRAINT)]
    printed = {"pcs": pcs_lines(made), "crm": crm_lines(made), "xml": xml_lines(made)}
    if options.json:
        print_json(printed)
    else:
        print("\n".join(printed[options.format]))
    return DONE


def xml_lines(made: "list[Change]") -> "list[str]":
    """The elements, resources before constraints."""
    return [line for change in made for line in to_text(change.element).splitlines()]
