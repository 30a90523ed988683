"""postfix-ha depend and undepend: what else Postfix depends on, such as the mail spool's file system."""

import argparse

from postfix_ha.cli.apply import Work, carry_out
from postfix_ha.cli.cluster_command import add_change_options, add_command, add_resource, cluster_of, manner_of
from postfix_ha.cluster.change.modify import depend, undepend
from postfix_ha.cluster.model.hierarchy import find_hierarchy

DEPEND = """\
Make Postfix depend on a resource: Postfix runs on its node, starts after it and stops before it.
With pcs: pcs constraint order RESOURCE then POSTFIX; pcs constraint colocation add POSTFIX with RESOURCE."""
UNDEPEND = """\
Remove the order and colocation constraints between Postfix and a resource. The resource itself stays.
With pcs: pcs constraint order remove RESOURCE; pcs constraint colocation remove POSTFIX RESOURCE."""
DEPEND_EXAMPLES = """\
  postfix-ha depend mail-spool                 the file system with the mailboxes
"""
UNDEPEND_EXAMPLES = """\
  postfix-ha undepend mail-spool
"""


def add_depend(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the two commands to the command line."""
    for name, work, summary, description, examples in (
        ("depend", run_depend, "make Postfix depend on a resource", DEPEND, DEPEND_EXAMPLES),
        ("undepend", run_undepend, "remove a dependency", UNDEPEND, UNDEPEND_EXAMPLES),
    ):
        parser = add_command(commands, name, work, summary, description, examples)
        parser.add_argument("resource", metavar="RESOURCE", help="the id of the other resource")
        add_resource(parser)
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
