"""postfix-ha status: the tree of each hierarchy, node by node, and what clients see of it."""

import argparse
import json
import sys
import time

from postfix_ha.cli.cluster_command import (
    DONE,
    NO_REDUNDANCY,
    NOT_AS_ASKED,
    add_command,
    add_resource,
    cluster_of,
    seconds,
)
from postfix_ha.cli.greetings import GREETING_MAX, QUEUES, greetings, look, queue_counts
from postfix_ha.cli.options import remote_shell
from postfix_ha.cli.output import say_json, say_lines, steer
from postfix_ha.cluster.live.fencing import history
from postfix_ha.cluster.live.pacemaker import Cluster, complaint
from postfix_ha.cluster.model.hierarchy import Hierarchy, find_hierarchy, hierarchies
from postfix_ha.cluster.model.node_attributes import states_of
from postfix_ha.cluster.show.last_incident import remembered
from postfix_ha.cluster.show.status import Overview
from postfix_ha.cluster.show.status_text import lines_of as lines_of
from postfix_ha.cluster.where.essence import essence
from postfix_ha.cluster.where.expiry import expired_moves
from postfix_ha.cluster.where.foreseen import nowhere
from postfix_ha.cluster.where.why_not import judge
from postfix_ha.params import Params
from postfix_ha.peers.ask import PASSED_ON
from postfix_ha.peers.remote import PROGRAM, Remote, without_greeting
from postfix_ha.printable import printable
from postfix_ha.request import caller_environment
from postfix_ha.system.command import run

EXAMPLES = """\
  postfix-ha status
  postfix-ha status --watch
  postfix-ha status --json | python3 -m json.tool
"""
# The longest greeting, and the count of a long queue.
ASK_S = 40.0
# What another node tells is bounded: SMTP's reply line, the kernel's limits, and some.
ENDPOINTS_MAX, NAME_MAX, COUNT_MAX = 200, 80, 10**9
CLEAR = "\033[H\033[J"


def add_status(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command to the command line."""
    parser = add_command(
        commands, "status", run_status, "show where the service runs, or why it does not",
        "Show each Postfix service: where it runs and since when, which nodes can take it over, and what failed.\n"
        "Also show which endpoints answer and how many messages are queued.\n"
        "Exit code 0: every service is in the configured state and could move to another node.\n"
        "1: at least one is not, or does not greet its clients. 3: all are, but one of them could not move.\n"
        "With pcs: pcs status resources; pcs resource failcount.",
        EXAMPLES,
    )  # fmt: skip
    add_resource(parser, "show only this Postfix resource (default: all)")
    parser.add_argument("--watch", action="store_true", help="refresh until interrupted")
    parser.add_argument(
        "--every", type=seconds, default=2, metavar="S", help="with --watch: refresh every S seconds (default 2)"
    )
    parser.add_argument(
        "--rsh", type=remote_shell, default=None, metavar="COMMAND",
        help="use this remote shell to ask the node that runs the service for its queues and endpoints",
    )  # fmt: skip
    parser.add_argument(
        "--cluster-only", action="store_true", help="show only the cluster's view: no endpoints, no queues"
    )


def run_status(options: argparse.Namespace) -> int:
    """Show the status, once or again and again."""
    cluster = cluster_of(options)
    while True:
        found = [gather(options, cluster, each) for each in chosen(cluster, options.tag)]
        if options.json:
            say_json({"hierarchies": found})
        else:
            if options.watch and sys.stdout.isatty():
                steer(CLEAR, sys.stdout)
            say_lines(lines_of_all(found))
        sys.stdout.flush()
        if not options.watch:
            return code_of(found)
        time.sleep(max(options.every, 1))


def code_of(found: "list[dict[str, object]]") -> int:
    """The exit code for what was found."""
    if not found or not all(each["as_asked"] for each in found):
        return NOT_AS_ASKED
    return NO_REDUNDANCY if any(each["could_move_to"] == [] for each in found) else DONE


def chosen(cluster: Cluster, tag: str) -> "list[Hierarchy]":
    """The hierarchies asked for."""
    cib = cluster.read()
    return [find_hierarchy(cib, tag)] if tag else hierarchies(cib) or [find_hierarchy(cib, "")]


def gather(options: argparse.Namespace, cluster: Cluster, hierarchy: Hierarchy) -> "dict[str, object]":
    """All that there is to say of one hierarchy."""
    small = essence(hierarchy.cib, hierarchy.members)
    is_whole = small is hierarchy.cib
    if not is_whole:  # a large one: what cannot matter is left out
        hierarchy = find_hierarchy(small, hierarchy.tag)
    status = cluster.status(None if is_whole else small)
    verdict = judge(cluster, hierarchy, states_of(hierarchy.cib, status))
    overview = Overview(hierarchy, status, verdict, expired_moves(cluster, hierarchy), history(cluster))
    if verdict is not None and not overview.members[hierarchy.tag].is_active:
        overview.reasons += nowhere(cluster, hierarchy, verdict.can)
    here = cluster.node_name()
    seen: "dict[str, object]" = {}
    if cluster.is_live and overview.running_on and not options.cluster_only:
        there = [] if here in overview.running_on or not options.rsh else overview.running_on
        seen = ask_there(options.rsh, there[0], hierarchy.tag) if there else look_here(hierarchy, overview, here)
        greets = seen.get("greets")
        overview.greets = greets if isinstance(greets, dict) else {}
    found = {**overview.as_object(), **seen, "as_asked": overview.is_as_asked}
    found["asked_on"] = here
    found["text"] = lines_of(overview, found)
    remembered(found, hierarchy, status, overview.running_on)
    return found


def look_here(hierarchy: Hierarchy, overview: Overview, here: str) -> "dict[str, object]":
    """What this node can tell of endpoints and queues."""
    params = Params(hierarchy.cib.parameters(hierarchy.mail))
    instance = look(hierarchy.config_dir, params.binary)
    is_here = here in overview.running_on
    queues = queue_counts(instance.queue_directory) if is_here else {}
    endpoints, greets = greetings(instance, is_here, params.greeting_timeout_s)
    return {"endpoints": endpoints, "greets": greets, "queues": queues}


def ask_there(shell: "list[str]", node: str, tag: str) -> "dict[str, object]":
    """What the node that runs the service tells of endpoints and queues; a remark where it does not."""
    # By its older name: the other node may still have an earlier version.
    words = [PROGRAM, "status", "--json", "--tag", tag]
    env = caller_environment(*PASSED_ON)
    done = run(Remote(node, shell).argv(words), deadline=time.monotonic() + ASK_S, env=env)
    try:
        (told,) = json.loads(without_greeting(done.stdout))["hierarchies"]
        endpoints, queues = _greetings_told(told["endpoints"]), _counts_told(told["queues"])
        # A node with an earlier version does not tell whether that is a greeting.
        return {"endpoints": endpoints, "greets": _greets_told(told.get("greets", {})), "queues": queues}
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return {"endpoints": {node: f"not asked: {complaint(done)}"}, "greets": {}, "queues": {}}


def _greetings_told(told: "dict[str, object]") -> "dict[str, str]":
    """Endpoint -> greeting, as much of it as a node of ours would tell."""
    pairs = list(told.items())[:ENDPOINTS_MAX]
    return {printable(name, NAME_MAX): printable(str(said), GREETING_MAX) for name, said in pairs}


def _greets_told(told: "dict[str, object]") -> "dict[str, bool]":
    """Endpoint -> whether it greets, where that is told."""
    pairs = list(told.items())[:ENDPOINTS_MAX]
    return {printable(name, NAME_MAX): does for name, does in pairs if isinstance(does, bool)}


def _counts_told(told: "dict[str, object]") -> "dict[str, int]":
    """Queue -> messages in it, where the number can be one."""
    return {
        name: count
        for name, count in ((name, told.get(name)) for name in QUEUES)
        if type(count) is int and 0 <= count <= COUNT_MAX
    }


def lines_of_all(found: "list[dict[str, object]]") -> "list[str]":
    """The text of all of them, a blank line between."""
    lines: "list[str]" = []
    for each in found:
        assert isinstance(each["text"], list)
        lines += ["", *each["text"]] if lines else each["text"]
    return lines
