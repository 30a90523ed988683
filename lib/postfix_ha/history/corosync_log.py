"""What corosync logs: its own file, syslog's files and the journal."""

import re
from collections import deque

from postfix_ha.history.seen import SEEN_MAX, Seen

NEEDLES = (b"primary component and will", b"Process pause detected", b"was not scheduled ")
# "[23] n1 corosync notice  [QUORUM] ..." in its file, "n1 corosync[23]:   [QUORUM] ..." in syslog's.
_HEAD = re.compile(r"(?:\[\d+\] )?\S+ corosync(?:\[\d+\]:)?\s+(?:\w+\s+)?\[(?P<part>\w+)\s*\] ")
# exec/quorum.c, exec/totemsrp.c, exec/main.c, which since 3.1.7 tells the time as well.
_QUORUM = re.compile(r"This node is within the (?P<non>non-)?primary component and will")
_PAUSED = re.compile(r"(?:Process pause detected for|.*was not scheduled(?: \(@\d+\))? for) (?P<text>[\d.]+ ms)")


class CorosyncReader:
    """Reads lines of one node's log in their order; ``found`` is what it has seen in them."""

    def __init__(self, node: str) -> None:
        self.node = node
        self.found: "deque[Seen]" = deque(maxlen=SEEN_MAX)

    def read(self, at: float, line: str) -> None:
        """Take the rest of a line after its stamp."""
        head = _HEAD.match(line)
        if head is None:
            return
        message = line[head.end() :]
        quorum, paused = _QUORUM.match(message), _PAUSED.match(message)
        if head["part"] == "QUORUM" and quorum is not None:
            outcome = "lost" if quorum["non"] else "acquired"
            self.found.append(Seen(at, self.node, "quorum", node=self.node, outcome=outcome))
        elif head["part"] in ("TOTEM", "MAIN") and paused is not None:
            self.found.append(Seen(at, self.node, "paused", node=self.node, text=paused["text"]))
