"""postfix-ha graph: a hierarchy as a drawing, for a ticket or a runbook."""

import argparse
import time

from postfix_ha.cli.cluster_command import DONE, add_command, add_resource, cluster_of, tell_unfinished
from postfix_ha.cli.output import say_json, say_page
from postfix_ha.cluster.model.hierarchy import find_hierarchy, hierarchies
from postfix_ha.cluster.show.graph import dot_of, graph_object
from postfix_ha.cluster.show.status import Overview
from postfix_ha.messages.errors import failed
from postfix_ha.system.command import NOT_FOUND, run

EXAMPLES = """\
  postfix-ha graph >mail.svg
  postfix-ha graph --dot                       without Graphviz
"""


def add_graph(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command to the command line."""
    parser = add_command(
        commands, "graph", run_graph, "draw the service's resources and where they run",
        "Draw what status shows: the service's resources, their dependencies and where they run.\n"
        "The result is SVG, made by Graphviz (package graphviz); --dot prints Graphviz's input instead, --json the\n"
        "resources and their dependencies.",
        EXAMPLES,
    )  # fmt: skip
    add_resource(parser, "show only this Postfix resource (default: all)")
    parser.add_argument("--dot", action="store_true", help="print Graphviz's input (DOT) instead of SVG")


def run_graph(options: argparse.Namespace) -> int:
    """Draw."""
    cluster = cluster_of(options)
    cib = cluster.read()
    tell_unfinished(cib)
    chosen = [find_hierarchy(cib, options.tag)] if options.tag else hierarchies(cib) or [find_hierarchy(cib, "")]
    status = cluster.status()
    overviews = [Overview(each, status) for each in chosen]
    if options.json:
        say_json(graph_object(overviews))
        return DONE
    text = dot_of(overviews)
    if options.dot:
        say_page(text)
        return DONE
    done = run(["dot", "-Tsvg"], deadline=time.monotonic() + 30, input=text.encode("utf-8", "replace"))
    if done.returncode == NOT_FOUND:
        raise failed("graphviz_installed")
    if done.returncode != 0:
        raise failed("drawing_made", why=done.stderr.decode("utf-8", "replace").strip())
    say_page(done.stdout.decode("utf-8", "replace"))
    return DONE
