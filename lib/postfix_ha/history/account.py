"""Account: the service's life as the logs of its nodes tell it, as one object and as lines for people."""

from datetime import datetime

from postfix_ha.history.away import CLUSTER_LOG, MAIL_LOG, Away
from postfix_ha.history.incidents import Incident
from postfix_ha.history.kinds import end_of, kind_of, sentence, text_of
from postfix_ha.history.seen import Seen

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

FORMAT = 1
LOGS = {MAIL_LOG: "mail log", CLUSTER_LOG: "cluster's log"}
EVENTS_MAX = 200
# Events that a reader of the table does without: the parts' own starts and stops, and what is told by another line.
LEFT_OUT = ("planned", "idle")
MAIL = {
    "delivered_after": "delivered afterwards",
    "delivered_twice": "delivered twice, on two nodes",
    "bounced": "returned to their senders",
    "deferred": "deferred",
    "not_seen_since": "not seen again until the log's end, look for them with 'postqueue -p'",
}


def stamp(at: float) -> "str | None":
    """A time with its zone, for JSON; None for none."""
    return datetime.fromtimestamp(at).astimezone().isoformat(timespec="milliseconds") if at else None


def as_object(
    number: int, incident: Incident, away: "Away | None", harm: "dict[str, object] | None"
) -> "dict[str, Any]":
    """One incident."""
    kind, node = kind_of(incident)
    return {
        "number": number,
        "began": stamp(incident.began),
        "ended": stamp(incident.ended),
        "cause": {"kind": kind, "node": node, "text": sentence(incident, kind)},
        "end": end_of(incident),
        "before": incident.before,
        "after": incident.after,
        "fenced": sorted({seen.node for seen in incident.events if seen.kind == "fenced" and seen.outcome == "ok"}),
        "away": _away_object(away),
        "mail": harm,
        "events": [event(seen) for seen in incident.events[:EVENTS_MAX]],
    }


def _away_object(away: "Away | None") -> "dict[str, object] | None":
    if away is None:
        return None
    return {
        "s": round(away.length_s, 3),
        "from": stamp(away.begin),
        "to": stamp(away.end),
        "source": away.source,
        "last_client": stamp(away.last),
        "first_client": stamp(away.first),
    }


def event(seen: Seen) -> "dict[str, object]":
    """One event: its sentence, and its values."""
    words = seen.words()
    said = words.pop("text", None)
    return {"at": stamp(seen.at), "log_of": seen.by, "kind": seen.kind, **words, "said": said, "text": text_of(seen)}


def table(found: "dict[str, Any]") -> "list[str]":
    """The lines for people."""
    count = len(found["incidents"])
    since, until = (found[key][:19].replace("T", " ") for key in ("since", "until"))
    lines = [f"{found['resource']}: {count} incident{'' if count == 1 else 's'} from {since} to {until}"]
    for each in found["incidents"]:
        lines += ["", *_lines_of(each, found["resource"])]
    if found["changes"]:
        lines += ["", "commands that did not touch the service:"]
        lines += [f"     {each['at'][:19].replace('T', ' ')}  {each['text']}" for each in found["changes"]]
    for title, key in (("will it happen again?", "advice"), ("what to know of this account:", "notes")):
        if found[key]:
            lines += ["", title]
            lines += [f"  - {each['text']}" + (f": {each['remedy']}" if each["remedy"] else "") for each in found[key]]
    return lines


def _lines_of(found: "dict[str, Any]", tag: str) -> "list[str]":
    """One incident as lines: its cause, how long clients waited, what became of mail, then event by event."""
    began = datetime.fromisoformat(found["began"])
    cause = found["cause"]
    where = "" if cause["node"] in cause["text"] else f"{cause['node']}: "
    lines = [f"{found['number']}. {began:%a %Y-%m-%d %H:%M:%S}  {where}{cause['text']}"]
    lines.append(f"   {_away_words(found['away'])}; {found['end']}")
    if found["mail"]:
        lines += [f"   {line}" for line in _mail_words(found["mail"])]
    for each in found["events"]:
        if each["kind"] in LEFT_OUT or (each["kind"] in ("begin", "end") and _is_plain(each, tag)):
            continue
        at = datetime.fromisoformat(each["at"])
        lines.append(f"     {at:%H:%M:%S}.{at.microsecond // 1000:03d}  {each['text']}")
    return lines


def _is_plain(each: "dict[str, Any]", tag: str) -> bool:
    """Whether an event is a part's that went well."""
    is_good = each["kind"] == "begin" or each.get("outcome") == "ok"
    return is_good and (each.get("resource") != tag or each.get("action") == "monitor")


def _away_words(away: "dict[str, Any] | None") -> str:
    if away is None or not away["source"]:
        return "clients did not notice"
    begin, end = (datetime.fromisoformat(away[key]) for key in ("from", "to"))
    text = (
        f"clients had no server for {away['s']:.1f} s, {begin:%H:%M:%S} to {end:%H:%M:%S} by the {LOGS[away['source']]}"
    )
    if away["source"] == CLUSTER_LOG:
        last, first = away["last_client"], away["first_client"]
        if last and first:
            last, first = (datetime.fromisoformat(each) for each in (last, first))
            return f"{text} (too little mail to tell: last client {last:%H:%M:%S}, next {first:%H:%M:%S})"
        return f"{text} (no mail log tells of clients then)"
    return text


def _mail_words(mail: "dict[str, Any]") -> "list[str]":
    """What became of mail; nothing where nothing was in the queue."""
    lines = []
    if mail["queued"]["count"]:
        lines.append(f"mail: {mail['queued']['count']} in the queue when the service went away")
    for name, text in MAIL.items():
        group = mail[name]
        if group["count"]:
            ids = ", ".join(group["ids"]) + (", ..." if group["count"] > len(group["ids"]) else "")
            lines.append(f"mail: {text}: {group['count']} ({ids})")
    return lines
