"""Whether mail was harmed by an incident: counts with queue ids to look at, from the mail logs of all nodes."""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

SHOWN_MAX = 10


def harm(told: "list[tuple[str, dict[str, Any]]]", down: float) -> "dict[str, object]":
    """What became of the messages that were in the queue when the service went away (``down``).

    ``told``: (node, span) of each node's mail log. A message counts as there when a node had accepted it before and had
    not removed it. ``twice``: a node delivered it before, and another after, whose log has the same queue id.
    """
    there: "set[str]" = set()
    sent: "dict[str, dict[str, list[float]]]" = {}
    ends: "dict[str, set[str]]" = {}
    for node, span in told:
        for name, (accepted, removed, deliveries) in span["mails"].items():
            if accepted and accepted <= down and not (removed and removed <= down):
                there.add(name)
            for at, status in deliveries:
                if status == "sent":
                    sent.setdefault(name, {}).setdefault(node, []).append(at)
                if at > down:
                    ends.setdefault(name, set()).add(status)
    # A whole second is all that most logs tell.
    twice = {
        name
        for name, nodes in sent.items()
        if len(nodes) > 1 and min(map(min, nodes.values())) <= down + 1 and max(map(max, nodes.values())) > down
    }
    delivered = {name for name in there if "sent" in ends.get(name, ())}
    bounced = {name for name in there if {"bounced", "expired"} & ends.get(name, set())}
    deferred = {name for name in there - delivered - bounced if "deferred" in ends.get(name, ())}
    unseen = there - delivered - bounced - deferred
    groups = {
        "queued": there, "delivered_after": delivered, "delivered_twice": twice, "bounced": bounced,
        "deferred": deferred, "not_seen_since": unseen,
    }  # fmt: skip
    return {name: {"count": len(ids), "ids": sorted(ids)[:SHOWN_MAX]} for name, ids in groups.items()}
