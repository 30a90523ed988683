"""postfix-ha depend and undepend: what else a Postfix needs, such as the mail spool's file system."""

import argparse

from postfix_ha.cli.apply import Work, carry_out
from postfix_ha.cli.command import add_change_options, add_command, add_tag, cluster_of, manner_of
from postfix_ha.cluster.change.modify import depend, undepend
from postfix_ha.cluster.model.hierarchy import find_hierarchy

DEPEND_EXAMPLES = """\
  postfix-ha depend mail-spool                 runs where it runs, starts after it, stops before it
"""
UNDEPEND_EXAMPLES = """\
  postfix-ha undepend mail-spool
"""


def add_depend(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the two commands to the command line."""
    for name, work, summary, examples in (
        ("depend", run_depend, "let Postfix need a further resource", DEPEND_EXAMPLES),
        ("undepend", run_undepend, "let Postfix no longer need a resource", UNDEPEND_EXAMPLES),
    ):
        parser = add_command(commands, name, work, summary, f"{summary[0].upper()}{summary[1:]}.", examples)
        parser.add_argument("resource", metavar="RESOURCE")
        add_tag(parser)
        add_change_options(parser)


def run_depend(options: argparse.Namespace) -> int:
    """Add a dependency."""
    cluster = cluster_of(options)
    tag = find_hierarchy(cluster.read(), options.tag).tag
    work = Work(manner_of(options), cluster, lambda cib: depend(cib, tag, options.resource))
    return carry_out(work, [], tag, lambda state: bool(state.nodes) or state.role == "Stopped", "as before")


def run_undepend(options: argparse.Namespace) -> int:
    """Remove a dependency."""
    cluster = cluster_of(options)
    tag = find_hierarchy(cluster.read(), options.tag).tag
    work = Work(manner_of(options), cluster, lambda cib: undepend(cib, tag, options.resource))
    return carry_out(work, [], tag, lambda state: bool(state.nodes) or state.role == "Stopped", "as before")
