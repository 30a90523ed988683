"""How long clients had no server: as the mail logs of all nodes show it where mail flows, else as the cluster's do."""

from postfix_ha.history.incidents import Incident

# What the times are from, as JSON has it.
MAIL_LOG, CLUSTER_LOG = "mail_log", "cluster_log"
# Where clients were served for so much of the last seconds before a pause, mail flows, and the pause is the incident's.
DENSE_S, OF_S = 2.0, 5.0
# A pause no longer than this is none.
PAUSE_S = 1.5
# Most logs have whole seconds.
SECOND_S = 1.0


class Away:
    """``begin`` to ``end``, of which ``source`` tells: MAIL_LOG, CLUSTER_LOG, or "" where it was never away;
    ``last`` and ``first``: the last client before and the first after, by the mail logs, 0 where there was none."""

    __slots__ = ("begin", "end", "first", "last", "source")

    def __init__(self, begin: float, end: float, source: str, last: float = 0.0, first: float = 0.0) -> None:
        self.begin = begin
        self.end = end
        self.source = source
        self.last = last
        self.first = first

    @property
    def length_s(self) -> float:
        """How long it was."""
        return max(0.0, self.end - self.begin)


def away(incident: Incident, spans: "list[dict[str, object]]", now: float, is_whole: bool = True) -> Away:
    """How long an incident kept clients without a server; ``spans`` are those of its time from all mail logs, which
    are ``is_whole`` where no node's is missing that may have served."""
    if not incident.touched or not incident.down:
        return Away(0.0, 0.0, "")
    down, up = incident.down, incident.up if incident.up > incident.down else incident.ended or now
    served = _merged([pair for span in spans for pair in span.get("served", ())])  # type: ignore[attr-defined]
    pauses = [(one[1], two[0]) for one, two in zip(served, served[1:])]
    near = [each for each in pauses if each[0] < up and each[1] + SECOND_S > down]
    if not near:
        last = max((end for _, end in served if end <= up), default=0.0)
        return Away(down, up, CLUSTER_LOG, last)
    begin, end = max(near, key=lambda pair: pair[1] - pair[0])
    if not is_whole:
        return Away(down, up, CLUSTER_LOG)
    dense_s = sum(max(0.0, min(two, begin) - max(one, begin - OF_S)) for one, two in served)
    if dense_s < DENSE_S:
        return Away(down, up, CLUSTER_LOG, begin, end)
    if end - begin <= PAUSE_S:
        return Away(0.0, 0.0, "")
    begin = _within_second(begin, down)
    end = _within_second(end, up)
    return Away(begin, end, MAIL_LOG, begin, end)


def _merged(found: "list[list[float]]") -> "list[list[float]]":
    """Spans of all nodes in order, those that touch made one."""
    merged: "list[list[float]]" = []
    for begin, end in sorted(map(list, found)):
        if merged and begin <= merged[-1][1]:
            merged[-1][1] = max(end, merged[-1][1])
        else:
            merged.append([begin, end])
    return merged


def _within_second(at: float, told: float) -> float:
    """A moment of which the log has only the second: the one that the cluster tells, where it is in it, else its
    middle."""
    if at != int(at):
        return at
    return told if at <= told < at + 1 else at + 0.5
