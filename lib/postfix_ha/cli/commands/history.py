"""postfix-ha history: what happened to the service, when, why, and whether mail suffered, from all nodes' logs."""

import argparse
import json
import sys
import time
from typing import Any

from postfix_ha.cli.command import DONE, REFUSED, add_command, add_resource, cluster_of, seconds
from postfix_ha.cli.options import remote_shell
from postfix_ha.cli.output import complain, say_json, say_lines
from postfix_ha.cluster.live.pacemaker import Cluster
from postfix_ha.cluster.model.hierarchy import Hierarchy, find_hierarchy
from postfix_ha.history.account import FORMAT, as_object, lines_of, stamp
from postfix_ha.history.again import advice
from postfix_ha.history.away import away
from postfix_ha.history.causes import text_of
from postfix_ha.history.gather import Told, ask_all
from postfix_ha.history.harm import harm
from postfix_ha.history.incidents import Assembly, Incident
from postfix_ha.history.moments import moment
from postfix_ha.history.observe import SPANS_MAX, Request, answer, request_of
from postfix_ha.messages.errors import refused
from postfix_ha.messages.statement import Statement
from postfix_ha.peers.remote import DEFAULT_SHELL
from postfix_ha.verdict import Finding

EXAMPLES = """\
  postfix-ha history
  postfix-ha history --since 03:00 --last 1
  postfix-ha history --since '2026-11-29 03:00' --until '2026-11-29 04:00' --json
"""
SINCE = "7d"
REQUEST_MAX = 64 * 1024
# Mail is looked at from so long before an incident until so long after it.
BEFORE_S, AFTER_S = 90.0, 600.0


def add_history(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command to the command line."""
    parser = add_command(
        commands, "history", run_history, "show what happened to the service, and why",
        "Show each incident of a Postfix service: what caused it, on which node, how long clients had no server,\n"
        "how it ended, and what became of the mail in the queue. Reads the logs of all nodes: Pacemaker's and\n"
        "corosync's, and the mail log, with their rotated files, or the journal. Changes nothing.\n"
        "Without --rsh other nodes are asked by ssh, as by 'check --peer'. A node that does not answer is named.",
        EXAMPLES,
    )  # fmt: skip
    add_resource(parser)
    parser.add_argument(
        "--since", default=SINCE, metavar="TIME", help=f"from this time on: a date, an hour, or 2h, 7d ({SINCE})"
    )
    parser.add_argument("--until", default="0s", metavar="TIME", help="up to this time (default: now)")
    parser.add_argument("--last", type=seconds, default=0, metavar="N", help="only the last N incidents")
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
    since, until = moment(options.since, now), min(moment(options.until, now), now)
    if since >= until:
        raise refused("span_of_time")
    cluster = cluster_of(options)
    hierarchy = find_hierarchy(cluster.read(), options.tag)
    shell = None if options.this_node else options.rsh or DEFAULT_SHELL
    found = gather(cluster, hierarchy, shell, since, until, options.last)
    if options.json:
        say_json(found)
    else:
        say_lines(table(found))
    return DONE


def observe() -> int:
    """Answer, as a node that is asked by another, the request on standard input."""
    began = time.time()
    try:
        request = request_of(json.loads(sys.stdin.buffer.readline(REQUEST_MAX)))
    except (ValueError, RecursionError):
        request = None
    if request is None:
        complain("postfix-ha history: what came is no request: install the same version of postfix-ha on all nodes")
        return REFUSED
    json.dump(answer(request, began), sys.stdout)
    return DONE


def gather(
    cluster: Cluster, hierarchy: Hierarchy, shell: "list[str] | None", since: float, until: float, last: int
) -> "dict[str, Any]":
    """All that there is to say."""
    nodes, here = hierarchy.cib.members(), cluster.node_name()
    here = here or (nodes[0] if nodes else "")
    told = ask_all(nodes, here, shell, lambda node: Request(node, since, until, hierarchy.config_dir))
    assembly = Assembly(hierarchy.tag, hierarchy.members)
    assembly.run([seen for each in told for seen in each.seen])
    incidents = assembly.incidents[-last:] if last else assembly.incidents
    mails = _mails(incidents, [each.node for each in told if not each.why], here, shell, hierarchy, until)
    notes = notes_on(told, since)
    again = [Statement(each) for each in advice(assembly.incidents, hierarchy.tag, _never_expire(hierarchy))]
    first = len(assembly.incidents) - len(incidents) + 1
    return {
        "format": FORMAT,
        "resource": hierarchy.tag,
        "since": stamp(since),
        "until": stamp(until),
        "nodes": [
            {"node": each.node, "told": not each.why, "why": each.why or None, "ahead_s": each.ahead} for each in told
        ],
        "incidents": [
            as_object(number, incident, *mails.get(number - first, (None, None)), [])
            for number, incident in enumerate(incidents, first)
        ],
        "changes": [{"at": stamp(seen.at), "text": text_of(seen), **seen.words()} for seen in assembly.changes],
        "advice": [each.as_object() for each in again],
        "notes": [each.as_object() for each in notes],
    }


def _mails(
    incidents: "list[Incident]", nodes: "list[str]", here: str, shell: "list[str] | None", hierarchy: Hierarchy,
    until: float,
) -> "dict[int, tuple[Any, Any]]":  # fmt: skip
    """Number of an incident -> how long the service was away in it, and what became of mail."""
    touched = [number for number, each in enumerate(incidents) if each.touched and each.down][-SPANS_MAX:]
    spans = []
    for number in touched:
        each = incidents[number]
        spans.append([each.began - BEFORE_S, each.down, (each.up or until) + AFTER_S])
    if not spans:
        return {}
    asked = ask_all(nodes, here, shell, lambda node: Request(node, 0.0, until, hierarchy.config_dir, spans))
    answers = [each for each in asked if not each.why and len(each.spans) == len(spans)]
    found = {}
    for at, number in enumerate(touched):
        told = [(each.node, each.spans[at]) for each in answers]
        found[number] = (
            away(incidents[number], [span for _, span in told], until),
            harm(told, incidents[number].down),
        )
    return found


def _never_expire(hierarchy: Hierarchy) -> "list[str]":
    """The members that have no failure-timeout."""
    cib = hierarchy.cib
    pairs = [(member, cib.resource(member)) for member in hierarchy.members]
    return [
        member
        for member, resource in pairs
        if resource is not None and cib.effective_meta(resource, "failure-timeout") in ("", "0", "0s")
    ]


def notes_on(told: "list[Told]", since: float) -> "list[Statement]":
    """What is missing, or was corrected, in what the nodes told."""
    found = []
    for each in told:
        if each.why:
            found.append(Finding("history_node_told", node=each.node, why=each.why))
        found += [Finding("history_log_whole", node=each.node, why=why) for why in each.missing]
        if each.begins > since:
            when = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(each.begins))
            found.append(Finding("history_log_begins", node=each.node, when=when))
        if each.ahead:
            way = "ahead of" if each.ahead > 0 else "behind"
            found.append(Finding("history_clock_agrees", node=each.node, s=abs(each.ahead), way=way))
    if not any(each.seen for each in told) and not any(each.begins for each in told):
        found.append(Finding("history_log_there"))
    return [Statement(each) for each in found]


def table(found: "dict[str, Any]") -> "list[str]":
    """The lines for people."""
    lines = [f"{found['resource']}: {len(found['incidents'])} incidents from {found['since']} to {found['until']}"]
    for each in found["incidents"]:
        lines += ["", *lines_of(each, found["resource"])]
    if found["changes"]:
        lines += ["", "commands that did not touch the service:"]
        lines += [f"     {each['at'][:19].replace('T', ' ')}  {each['text']}" for each in found["changes"]]
    for title, key in (("will it happen again?", "advice"), ("what to know of this account:", "notes")):
        if found[key]:
            lines += ["", title]
            lines += [f"  - {each['text']}" + (f": {each['remedy']}" if each["remedy"] else "") for each in found[key]]
    return lines
