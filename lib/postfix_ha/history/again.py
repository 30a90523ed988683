"""Will it happen again? Known patterns in what happened, each with what to do and where that is written."""

from postfix_ha.history.incidents import Incident
from postfix_ha.history.pacemaker_log import ran_out_of_time
from postfix_ha.history.seen import Seen
from postfix_ha.verdict import Finding

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection

BOUNCING, BOUNCING_S = 3, 3600.0
# One name without an answer is that name's fault; so many different ones are the name servers'.
NAMES = 5
# What an agent or the kernel says of a disk without room (errno(3): ENOSPC, EDQUOT).
FULL = ("No space left on device", "Disk quota exceeded", "queue_minfree")


class Trouble:
    """What the logs of a node tell beside the incidents: how often its clock was set (``clocks``), and around them how
    many names could not be looked up and how often there was no room."""

    __slots__ = ("clocks", "full", "names", "node")

    def __init__(self, node: str) -> None:
        self.node = node
        self.clocks: "list[Seen]" = []
        self.names = self.full = 0


def advice(
    incidents: "list[Incident]", tag: str, no_timeout: "Collection[str]", troubles: "Collection[Trouble]" = ()
) -> "list[Finding]":
    """Each pattern once; ``no_timeout``: the resources whose failures never expire."""
    found = [*_on_incidents(incidents, tag, no_timeout), *(each for one in troubles for each in _on_node(one))]
    unique = {(each.check, str(each.values.get("resource")), str(each.values.get("node"))): each for each in found}
    return list(unique.values())


def _on_node(trouble: Trouble) -> "list[Finding]":
    found = []
    if trouble.clocks:
        last = trouble.clocks[-1]
        found.append(Finding("again_clock_steady", node=trouble.node, count=len(trouble.clocks), by=last.text))
    if trouble.names >= NAMES:
        found.append(Finding("again_names_answered", node=trouble.node, count=trouble.names))
    if trouble.full:
        found.append(Finding("again_room_in_queue", node=trouble.node))
    return found


def _on_incidents(incidents: "list[Incident]", tag: str, no_timeout: "Collection[str]") -> "list[Finding]":
    events = [seen for incident in incidents for seen in incident.events]
    found = []
    failures = [seen for seen in events if seen.failed and seen.action in ("start", "stop", "monitor")]
    late = [seen for seen in failures if seen.action == "monitor" and ran_out_of_time(seen.outcome)]
    for resource in dict.fromkeys(seen.resource for seen in late):
        count = sum(seen.resource == resource for seen in late)
        found.append(Finding("again_monitor_timely", count=count, resource=resource))
    for seen in _each_once(events, "banned"):
        found.append(Finding("again_threshold_kept", resource=seen.resource, node=seen.node))
    for resource in dict.fromkeys(seen.resource for seen in failures):
        if resource in no_timeout:
            found.append(Finding("again_failures_expire", resource=resource))
    for seen in failures:
        if seen.action == "stop":
            found.append(Finding("again_stop_ends", resource=seen.resource, node=seen.node))
        if any(word in seen.text for word in FULL):
            found.append(Finding("again_room_in_queue", node=seen.node))
    count = _moves_within_an_hour(incidents)
    if count >= BOUNCING:
        found.append(Finding("again_no_bouncing", resource=tag, count=count))
    fenced = [seen.node for seen in events if seen.kind == "fenced" and seen.outcome == "ok"]
    for node in dict.fromkeys(fenced):
        if fenced.count(node) > 1:
            found.append(Finding("again_no_repeated_fencing", node=node, count=fenced.count(node)))
    for seen in _each_once(events, "paused"):
        found.append(Finding("again_no_pause", node=seen.node, text=seen.text))
    return found


def _each_once(events: "list[Seen]", kind: str) -> "list[Seen]":
    return list({(seen.resource, seen.node): seen for seen in events if seen.kind == kind}.values())


def _moves_within_an_hour(incidents: "list[Incident]") -> int:
    """The most moves of the service, without a command for them, within an hour."""
    at = [
        each.up
        for each in incidents
        if each.up and each.before and each.after != each.before and each.cause.kind not in ("change", "standby")
    ]
    return max((sum(one <= other < one + BOUNCING_S for other in at) for one in at), default=0)
