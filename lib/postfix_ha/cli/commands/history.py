"""postfix-ha history: what happened to the service, when, why, and whether mail suffered, from all nodes' logs."""

import argparse
import json
import os
import stat
import sys
import time
from typing import Any

from postfix_ha.cli.cluster_command import DONE, REFUSED, add_command, add_resource, cluster_of, count
from postfix_ha.cli.options import remote_shell
from postfix_ha.cli.output import complain, say_json, say_lines
from postfix_ha.cluster.live.pacemaker import Cluster
from postfix_ha.cluster.model.hierarchy import Hierarchy, find_hierarchy
from postfix_ha.history.account import table
from postfix_ha.history.gather import ask_all
from postfix_ha.history.given_times import time_of
from postfix_ha.history.observe import answer, request_of
from postfix_ha.history.svg import draw
from postfix_ha.history.whole import HistoryQuestion, whole
from postfix_ha.messages.errors import refused
from postfix_ha.messages.statement import worded
from postfix_ha.peers.remote import DEFAULT_SHELL
from postfix_ha.system.files import open_directory, replace_file

EXAMPLES = """\
  postfix-ha history
  postfix-ha history --since 03:00 --last 1
  postfix-ha history --since 12h --svg night.svg
  postfix-ha history --since '2026-11-29 03:00' --until '2026-11-29 04:00' --json
"""
SINCE = "7d"
REQUEST_MAX = 64 * 1024


def add_history(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command to the command line."""
    parser = add_command(
        commands, "history", run_history, "show what happened to the service, and why",
        "Show each incident of a Postfix service: what caused it, on which node, how long clients had no server,\n"
        "how it ended, and what became of the mail in the queue. Reads the logs of all nodes: Pacemaker's and\n"
        "corosync's, and the mail log, with their rotated files, or the journal. Changes nothing.\n"
        "Without --rsh other nodes are asked by ssh, as 'check' asks its peers. A node that does not answer is named.",
        EXAMPLES,
    )  # fmt: skip
    add_resource(parser)
    parser.add_argument(
        "--since", default=SINCE, metavar="TIME", help=f"from this time on: a date, an hour, or 2h, 7d ({SINCE})"
    )
    parser.add_argument("--until", default="0s", metavar="TIME", help="up to this time (default: now)")
    parser.add_argument("--last", type=count, default=0, metavar="N", help="only the last N incidents")
    parser.add_argument("--svg", default="", metavar="FILE", help="draw a picture of it as well, into this file")
    parser.add_argument(
        "--rsh", type=remote_shell, default=None, metavar="COMMAND", help="ask other nodes by this remote shell"
    )
    parser.add_argument("--this-node", action="store_true", help="read only this node's logs, ask no other")
    parser.add_argument("--observe", action="store_true", help=argparse.SUPPRESS)


def run_history(options: argparse.Namespace) -> int:
    """Show the history; 0, whatever it holds."""
    if options.observe:
        return observe()
    now = time.time()
    since, until = time_of(options.since, now), min(time_of(options.until, now), now)
    if since >= until:
        raise refused("span_of_time")
    if options.svg:
        check_picture(options.svg)
    cluster = cluster_of(options)
    hierarchy = find_hierarchy(cluster.read(), options.tag)
    shell = None if options.this_node else options.rsh or DEFAULT_SHELL
    found = gather(cluster, hierarchy, shell, since, until, options.last)
    if options.json:
        say_json(found)
    else:
        say_lines(table(found))
    if options.svg:
        leave_picture(options.svg, draw(found))
    return DONE


def check_picture(path: str) -> None:
    """Raise Refused where no picture can be left at this path: before all nodes are asked."""
    try:
        directory = open_directory(os.path.dirname(os.path.abspath(path)))
        try:
            if not os.access(f"/proc/self/fd/{directory}", os.W_OK | os.X_OK):
                raise refused("picture_left", path=path, why="no file can be made in its directory")
        finally:
            os.close(directory)
        # A file is replaced; a device, a pipe or a link would be as well.
        if os.path.lexists(path) and not stat.S_ISREG(os.lstat(path).st_mode):
            raise refused("picture_left", path=path, why="there is something else than a file")
    except (OSError, ValueError) as error:
        raise refused("picture_left", path=path, why=getattr(error, "strerror", None) or error) from None


def leave_picture(path: str, text: str) -> None:
    """Put the picture in place at once."""
    try:
        replace_file(path, text.encode("utf-8", "replace"))
    except OSError as error:
        raise refused("picture_left", path=path, why=error.strerror or error) from None


def observe() -> int:
    """Answer, as a node that is asked by another, the request on standard input."""
    began = time.time()
    try:
        request = request_of(json.loads(sys.stdin.buffer.readline(REQUEST_MAX)))
    except (ValueError, RecursionError):
        request = None
    if request is None:
        complain(f"postfix-ha history: {worded('history_request')}")
        return REFUSED
    json.dump(answer(request, began), sys.stdout)
    return DONE


def gather(
    cluster: Cluster, hierarchy: Hierarchy, shell: "list[str] | None", since: float, until: float, last: int
) -> "dict[str, Any]":
    """All that there is to say."""
    nodes, here = hierarchy.cib.members(), cluster.node_name()
    here = here or (nodes[0] if nodes else "")
    question = HistoryQuestion(
        hierarchy.tag, hierarchy.members, hierarchy.config_dir, since, until,
        lambda request_for: ask_all(nodes, here, shell, request_for),
        last=last, no_timeout=_never_expire(hierarchy),
    )  # fmt: skip
    return whole(question)


def _never_expire(hierarchy: Hierarchy) -> "list[str]":
    """The members that have no failure-timeout."""
    cib = hierarchy.cib
    pairs = [(member, cib.resource(member)) for member in hierarchy.members]
    return [
        member
        for member, resource in pairs
        if resource is not None and cib.effective_meta(resource, "failure-timeout") in ("", "0", "0s")
    ]
