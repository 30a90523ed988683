"""What the cluster's fencer remembers: which node was fenced, when, who asked for it, and whether it worked."""

from lxml import etree

from postfix_ha.cluster.live.pacemaker import Cluster
from postfix_ha.cluster.model.cib import Element
from postfix_ha.cluster.model.moments import age_s
from postfix_ha.printable import printable
from postfix_ha.system.quoting import quote

HISTORY_S = 10.0
# What takes a node's power, or gives it back; the others only ask.
ACTS = {"reboot": "rebooted", "off": "powered off", "on": "powered on"}
PENDING, FAILED = "pending", "failed"
# A success of which nobody has to know any longer. crm_mon shows it for ever, once it is asked for it.
RECENT_S = 7 * 86400.0
REASON_MAX, EVENTS_MAX = 300, 200


class FencingEvent:
    """One act on a node: ``status`` success, failed or pending; ``completed`` in crm_mon's words, "" while pending."""

    __slots__ = ("act", "asked_by", "completed", "done_by", "reason", "status", "target")

    def __init__(self, element: Element) -> None:
        self.target = element.get("target", "")
        self.act = element.get("action", "")
        self.status = element.get("status", "")
        self.completed = element.get("completed", "")
        client, origin = element.get("client", "").partition(".")[0], element.get("origin", "")
        self.asked_by = f"{client} on {origin}" if client and origin else client or origin
        self.done_by = element.get("delegate", "")
        words = [element.get("exit-reason", ""), element.get("extended-status", "")]
        self.reason = printable(": ".join(filter(None, words)), REASON_MAX)

    def as_object(self) -> "dict[str, str]":
        """The event for JSON."""
        return {name: getattr(self, name) for name in self.__slots__}

    @property
    def text(self) -> str:
        """The event as one line."""
        asked = f", asked for by {self.asked_by}" if self.asked_by else ""
        what, when = ACTS.get(self.act, self.act), f" at {self.completed}" if self.completed else ""
        if self.status == PENDING:
            return f"{self.target} is being fenced ({self.act}){asked}: the cluster waits for it"
        if self.status == FAILED:
            why = f": {self.reason}" if self.reason else ""
            history = f"stonith_admin --history {quote(self.target)} --verbose"
            return f"fencing of {self.target} ({self.act}) FAILED{when}{asked}{why} ('{history}' shows all of it)"
        by = f", done by {self.done_by}" if self.done_by else ""
        return f"{self.target} was fenced ({what}){when}{asked}{by}: it worked"


def history(cluster: Cluster) -> "list[FencingEvent]":
    """All that the fencer of a live cluster remembers, the newest first; nothing where it does not answer."""
    if not cluster.is_live:
        return []
    argv = ("stonith_admin", "--history", "*", "--verbose", "--output-as=xml")
    done = cluster.call(*argv, timeout_s=HISTORY_S)
    try:
        root = etree.fromstring(done.stdout)
    except etree.XMLSyntaxError:
        return []
    return events_of(root)


def events_of(answer: Element) -> "list[FencingEvent]":
    """The events in an answer of stonith_admin or crm_mon, the newest first."""
    found = [FencingEvent(each) for each in answer.iter("fence_event") if each.get("action") in ACTS]
    found.sort(key=lambda each: 0.0 if each.status == PENDING else age_s(each.completed))
    return found[:EVENTS_MAX]


def worth_telling(events: "list[FencingEvent]") -> "list[FencingEvent]":
    """The last event of each node and what did not work since it last did; no success that is long ago."""
    told: "list[FencingEvent]" = []
    settled: "set[str]" = set()
    for each in events:
        if each.target in settled:
            continue
        if each.status not in (PENDING, FAILED):
            settled.add(each.target)
            if age_s(each.completed) > RECENT_S:
                continue
        elif any((other.target, other.status) == (each.target, each.status) for other in told):
            continue
        told.append(each)
    return told
