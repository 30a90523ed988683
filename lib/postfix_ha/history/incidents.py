"""Incidents: the events that belong together, from what began it until the cluster is done and the service runs."""

from postfix_ha.history.seen import Seen
from postfix_ha.history.timeline import mark_cut_off, timeline, without_quorum

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection

# An incident is over when the cluster is done with it. Where no log tells that (its leader's is missing), it is over
# once the service runs, on a node that tells nothing perhaps, and nothing has happened for so long.
CALM_S, SILENT_CALM_S, LONG_CALM_S = 3.0, 10.0, 60.0
# A command that the cluster has not begun to follow after so long a time is not why it does something: the shorter one
# where nobody tells whether the cluster was done meanwhile.
COMMAND_S, UNHEARD_COMMAND_S, IDLE_S = 60.0, 10.0, 120.0
# A node that is back this shortly before is why the service goes there.
RETURN_S = 120.0
# What still happens to a node that was lost or left belongs to that; after this it is another matter.
NODE_S = 900.0
ACTIONS = ("start", "stop", "monitor")
ABOUT_NODE = ("lost", "condemned", "fenced", "quorum", "leaving")


class Incident:
    """``events`` in order of time; ``cause`` the one that began it; ``before``, ``after``: where the service ran;
    ``down`` and ``up`` when, by the cluster's logs, it ceased and began to serve, 0 for never; ``ended`` 0 while it
    lasts; ``away`` the nodes that were lost, or left, and are not back."""

    def __init__(self, first: Seen, before: "Collection[str]") -> None:
        self.events: "list[Seen]" = []
        self.cause = first
        self.commands: "list[Seen]" = []
        self.before = sorted(before)
        self.after: "list[str]" = []
        self.down = self.up = self.ended = 0.0
        self.away: "set[str]" = set()
        self.condemned: "set[str]" = set()

    @property
    def began(self) -> float:
        """When the first of its events was."""
        return min(seen.at for seen in self.events)

    @property
    def last(self) -> float:
        """When the last of its events was, but for nodes that came back."""
        return max((seen.at for seen in self.events if seen.kind not in ("member", "joining")), default=self.began)

    @property
    def touched(self) -> bool:
        """Whether the service was stopped, started or failed in it."""
        return bool(self.down or self.up)

    def add(self, seen: Seen) -> None:
        """Add an event, which need not be the latest."""
        self.events.append(seen)


class Assembly:
    """Takes the timeline event by event; ``incidents`` is what it makes of it, ``changes`` the commands that led to
    none; ``silent``: the nodes whose logs are missing, or begin late: -> when they begin."""

    def __init__(self, tag: str, members: "Collection[str]", silent: "dict[str, float]") -> None:
        self.tag = tag
        self._begins = silent
        self._at = 0.0
        self.members = set(members) | {tag}
        self.incidents: "list[Incident]" = []
        self.changes: "list[Seen]" = []
        self._open: "Incident | None" = None
        self._commands: "list[Seen]" = []
        self._returned: "Seen | None" = None
        self._running: "set[str]" = set()
        self._ill: "set[str]" = set()
        self._idles: "list[float]" = []
        self._spans: "dict[str, list[tuple[float, float]]]" = {}

    @property
    def silent(self) -> "set[str]":
        """The nodes that tell nothing of the moment that has been reached."""
        return {node for node, begins in self._begins.items() if self._at < begins}

    def run(self, found: "list[Seen]") -> None:
        """Take all of it, in any order."""
        mark_cut_off(found)
        self._spans = without_quorum(found)
        ordered = timeline(found)
        self._idles = [seen.at for seen in ordered if seen.kind == "idle"]
        self._running = self._at_first(ordered)
        for seen in ordered:
            self._at = seen.at
            self._take(seen)
        self._drop_commands(float("inf"))
        if self._open is not None:
            self._end(self._open, self._open.last if self._is_settled(self._open) else 0.0)
        for each in self.incidents:
            each.events.sort(key=lambda seen: seen.at)

    def _at_first(self, ordered: "list[Seen]") -> "set[str]":
        """Where the service must have run before the first event of it."""
        for seen in ordered:
            if seen.resource == self.tag and seen.kind in ("begin", "end") and seen.node:
                return {seen.node} if seen.action in ("stop", "monitor") else set()
        return set()

    def _take(self, seen: Seen) -> None:
        if seen.kind == "change" or (seen.kind == "standby"):
            self._command(seen)
        elif seen.kind == "idle":
            self._idle(seen)
        elif seen.kind in ("member", "joining"):
            self._back(seen)
        elif self._is_trouble(seen):
            self._trouble(seen)
        elif self._open is not None and self._is_of_service(seen):
            self._open.add(seen)
        self._follow(seen)

    def _is_of_service(self, seen: Seen) -> bool:
        return not seen.resource or seen.resource in self.members

    def _is_trouble(self, seen: Seen) -> bool:
        """Whether an event is one that begins an incident."""
        if seen.kind in ABOUT_NODE:
            return seen.action != "cut" and not (seen.kind == "quorum" and seen.outcome != "lost")
        if seen.resource not in self.members:
            return False
        if seen.failed:
            return seen.action in ACTIONS
        return seen.kind == "begin" and seen.action in ("start", "stop")

    def _command(self, seen: Seen) -> None:
        incident = self._open
        # Whatever comes now, comes of the command; but where the service runs must be known, or guessed after a time.
        is_known = bool(self._running - self._ill) or (incident and seen.at - incident.last > SILENT_CALM_S)
        if incident is not None and is_known and self._is_settled(incident):
            self._close(incident.last)
        if self._open is not None:
            self._open.add(seen)
        else:
            self._drop_commands(seen.at - COMMAND_S)
            self._commands.append(seen)

    def _drop_commands(self, before: float) -> None:
        self.changes += [seen for seen in self._commands if seen.at < before]
        self._commands = [seen for seen in self._commands if seen.at >= before]

    def _idle(self, seen: Seen) -> None:
        if any(begin <= seen.at < end for begin, end in self._spans.get(seen.by, [])):
            return  # alone, without quorum: it does not know
        self._drop_commands(seen.at - 2.0)
        if self._open is not None and self._is_settled(self._open):
            self._close(max(self._open.last, seen.at))

    def _is_settled(self, incident: Incident) -> bool:
        """Whether nothing is left to come of it: the service runs, or it never was about the service."""
        if incident.condemned:
            return False
        if not incident.touched and not (set(incident.before) & incident.away):
            return True
        return bool(self._running - self._ill or self.silent - incident.away)

    def _close(self, at: float) -> None:
        assert self._open is not None
        unheard = self.silent - self._open.away
        if not self._running - self._ill and len(unheard) == 1:
            # The service runs; no log of those that are there has its start.
            self._running, self._ill = set(unheard), set()
        self._end(self._open, at)
        self._open = None

    def _end(self, incident: Incident, at: float) -> None:
        incident.after = sorted(self._running)
        incident.ended = at
        back = self._returned
        if back is None or incident.cause.kind != "begin" or back.node in self.silent:
            return
        is_soon = 0 <= incident.cause.at - back.at < RETURN_S
        if is_soon and incident.after == [back.node] and incident.after != incident.before:
            incident.cause = back  # the service went to the node that came back

    def _back(self, seen: Seen) -> None:
        self._returned = seen if seen.kind == "member" else self._returned
        for incident in reversed(self.incidents):
            if seen.node in incident.away:
                if seen.kind == "member":
                    incident.away.discard(seen.node)
                    incident.add(seen)
                return

    def _trouble(self, seen: Seen) -> None:
        if seen.kind in ABOUT_NODE:
            for incident in reversed(self.incidents[-3:]):
                if seen.node in incident.away and seen.at - incident.last < NODE_S:
                    self._note(incident, seen)
                    return
        if self._open is not None and self._is_settled(self._open) and self._is_calm(self._open, seen.at):
            self._close(self._open.last)
        if self._open is None:
            self._open = Incident(self._begun_by(seen), self._running)
            self.incidents.append(self._open)
            self._drop_commands(self._open.cause.at)
            for each in self._commands:
                self._open.add(each)
            self._commands = []
        self._note(self._open, seen)

    def _is_calm(self, incident: Incident, at: float) -> bool:
        """Whether an event at this time is another matter, though no log told that the cluster was done: the leader's
        own log has its plans as well."""
        if not self._running - self._ill:
            return at - incident.last > SILENT_CALM_S
        is_leader_heard = any(seen.kind == "planned" for seen in incident.events)
        return at - incident.last > (LONG_CALM_S if is_leader_heard else CALM_S)

    def _begun_by(self, seen: Seen) -> Seen:
        """The latest command, which the cluster follows at once, where nothing had failed; else the event itself."""
        is_leader_heard = not self.silent and any(seen.at < at < seen.at + IDLE_S for at in self._idles)
        self._drop_commands(seen.at - (COMMAND_S if is_leader_heard else UNHEARD_COMMAND_S))
        return self._commands[-1] if self._commands and seen.kind == "begin" else seen

    def _note(self, incident: Incident, seen: Seen) -> None:
        incident.add(seen)
        if incident.cause.kind == "quorum" and seen.kind == "lost" and seen.node == incident.cause.node:
            incident.cause = seen  # it lost quorum since the others lost it
        if seen.kind in ("lost", "condemned", "leaving") or (seen.kind == "quorum" and seen.node):
            incident.away.add(seen.node)
        if seen.kind == "condemned":
            incident.condemned.add(seen.node)
        if seen.kind == "fenced" and seen.outcome == "ok":
            incident.condemned.discard(seen.node)

    def _follow(self, seen: Seen) -> None:
        """Keep where the service runs, and whether it does."""
        is_tag, incident = seen.resource == self.tag, self._open
        if seen.kind in ("lost", "fenced") and seen.action != "cut" and seen.node in self._running:
            self._running.discard(seen.node)
            self._went_down(seen.at)
        elif is_tag and seen.kind == "begin" and seen.action == "stop":
            self._went_down(seen.at)
        elif is_tag and seen.kind == "end" and seen.action == "stop" and not seen.failed:
            self._running.discard(seen.node)
            self._ill.discard(seen.node)
        elif is_tag and seen.kind == "end" and seen.action == "start" and not seen.failed:
            self._running = (self._running - self.silent) | {seen.node}
            self._ill.discard(seen.node)
            if incident is not None:
                incident.up = seen.at
        elif seen.failed and seen.resource in self.members and seen.action in ACTIONS:
            self._ill.add(seen.node)
            self._went_down(seen.at)

    def _went_down(self, at: float) -> None:
        if self._open is not None and not self._open.down:
            self._open.down = at
