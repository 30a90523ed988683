"""Seen: one thing that a node's log tells, as a value; what the sentences of others said in it is kept to be shown.

``kind`` and what a kind fills in (``node`` is whom it concerns, ``by`` whose log tells it):
  begin, end   an action of a resource began, or ended with ``outcome`` ("ok" or Pacemaker's word) and ``text``
  lost, member the cluster lost the node, or has it (again)
  quorum       ``outcome`` "lost" or "acquired", for the partition of the node
  condemned    the scheduler decided to fence the node, because of ``text``
  fenced       fencing of the node ended with ``outcome``; ``who`` did it
  leaving      the node's Pacemaker was told to end; joining: it began
  idle         the cluster is done with all that it wanted
  planned      the scheduler plans ``action`` for ``resource``; ``text`` is where, ``who`` the reason that it gives
  change       somebody changed the configuration: ``resource`` is the first object, ``text`` what it is now, ``who``
               the program, node: on which
  standby      ``outcome`` "on" or "off" for the node, until its reboot
  banned       ``resource`` may not run on the node any more: it reached its migration-threshold
  paused       corosync did not run for a while (``text``): load, or a virtual machine that stood still
  clock        the node's clock was set, by ``text``
"""

from postfix_ha.printable import printable

KINDS = (
    "begin", "end", "lost", "member", "quorum", "condemned", "fenced", "leaving", "joining", "idle", "planned",
    "change", "standby", "banned", "paused", "clock",
)  # fmt: skip
WORD_MAX, TEXT_MAX = 120, 300
FIELDS = ("node", "resource", "action", "outcome", "text", "who")
# No log has a time before this, and none after it.
AT_MAX = 2.0**34
# Of one log no more than the latest so many are kept.
SEEN_MAX = 20_000


class Seen:
    """One thing seen: ``at`` in seconds since the epoch."""

    __slots__ = ("action", "at", "by", "kind", "node", "outcome", "resource", "text", "who")

    def __init__(self, at: float, by: str, kind: str, **words: str) -> None:
        self.at = at
        self.by = by
        self.kind = kind
        self.node = printable(words.get("node", ""), WORD_MAX)
        self.resource = printable(words.get("resource", ""), WORD_MAX)
        self.action = printable(words.get("action", ""), WORD_MAX)
        self.outcome = printable(words.get("outcome", ""), WORD_MAX)
        self.text = printable(words.get("text", ""), TEXT_MAX)
        self.who = printable(words.get("who", ""), TEXT_MAX)

    def __repr__(self) -> str:
        return f"Seen({self.at:.3f}, {self.by}, {self.as_object()})"

    def words(self) -> "dict[str, str]":
        """What it fills in."""
        return {name: getattr(self, name) for name in FIELDS if getattr(self, name)}

    def as_object(self) -> "dict[str, object]":
        """As a JSON object."""
        return {"at": round(self.at, 6), "kind": self.kind, **self.words()}

    @property
    def failed(self) -> bool:
        """Whether it is the end of an action that did not end well."""
        return self.kind == "end" and self.outcome != "ok"


def from_object(found: object, by: str) -> "Seen | None":
    """The thing that another node tells; None where it is none that could be."""
    if not isinstance(found, dict) or found.get("kind") not in KINDS:
        return None
    at = found.get("at")
    if type(at) not in (int, float) or not 0 < at < AT_MAX:  # type: ignore[operator]
        return None
    words = {name: found[name] for name in FIELDS if name in found}
    if not all(isinstance(each, str) for each in words.values()):
        return None
    return Seen(float(at), by, str(found["kind"]), **words)  # type: ignore[arg-type]
