"""Which action of which resource ran when: read from Pacemaker's detail log, which has milliseconds."""

import re
from dataclasses import dataclass
from datetime import datetime

_LINE = re.compile(
    r"^(?P<at>\w{3} \d\d \d\d:\d\d:\d\d\.\d+) \S+ pacemaker-execd\s*\[\d+\] "
    r"(?:\(log_execute\)\s+info: executing - rsc:(?P<begun>\S+) action:(?P<begins>\S+) call_id:"
    r"|\(log_finished\)\s+info: (?P<ended>\S+) (?P<ends>\S+) \(call \d+(?:, PID \d+)?\) "
    r"exited with status (?P<code>\d+))",
    re.MULTILINE,
)


@dataclass(frozen=True)
class Operation:
    """The begin or the end (with its exit code) of an action of a resource on a node; ``at`` in seconds."""

    at: float
    node: str
    action: str
    code: "int | None"  # None: this is its begin


def read_operations(node: str, log: str, resource: str) -> "list[Operation]":
    """The starts, stops and other one-time actions of a resource that a node's log tells of."""
    found = []
    for match in _LINE.finditer(log):
        if resource in (match["begun"], match["ended"]):
            # The log leaves out the year; a run over New Year would be odd by a year, not wrong in its spans.
            at = datetime.strptime(f"2000 {match['at']}", "%Y %b %d %H:%M:%S.%f").timestamp()
            code = None if match["code"] is None else int(match["code"])
            found.append(Operation(at, node, match["begins"] or match["ends"], code))
    return found
