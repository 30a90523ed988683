"""What one node tells of its own logs, as an answer to a request: two values that JSON can hold.

Nothing is changed, nothing asked of the cluster, and all is bounded: time, bytes read, and what is answered.
"""

import os
import re
import time

from postfix_ha.config.interfaces import interface_addresses
from postfix_ha.config.postconf import ask_values, find_postconf
from postfix_ha.history import corosync_log, maillog, pacemaker_log
from postfix_ha.history.journal import COROSYNC, MAIL, PACEMAKER, clock_steps, journal
from postfix_ha.history.log_files import UNREADABLE, Bounds, forerunners, matching, pieces
from postfix_ha.history.seen import SEEN_MAX, Seen
from postfix_ha.history.stamps import Clock
from postfix_ha.instance import DEFAULT_CONFIG_DIR
from postfix_ha.printable import printable
from postfix_ha.system.files import read_regular

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Union

    Reader = Union[pacemaker_log.PacemakerReader, corosync_log.CorosyncReader]

FORMAT = 1
READ_S = 60.0
SPANS_MAX, MISSING_MAX = 100, 20
SETTINGS = ("/etc/default/pacemaker", "/etc/sysconfig/pacemaker")
COROSYNC_CONF = ("/etc/corosync/corosync.conf",)
SETTINGS_MAX = 1024 * 1024
PACEMAKER_LOGS = ("/var/log/pacemaker/pacemaker.log", "/var/log/pacemaker.log")
COROSYNC_LOGS = ("/var/log/corosync/corosync.log", "/var/log/cluster/corosync.log")
MAIL_LOGS = ("/var/log/mail.log", "/var/log/maillog", "/var/log/mail")
_LOGFILE = re.compile(rb"^\s*PCMK_logfile=[\"']?(/[^\s\"']+)", re.M)
_COROSYNC_LOGFILE = re.compile(rb"^\s*logfile:\s*(/\S+)", re.M)


class LogRequest:
    """What is asked: the cluster's events from ``since`` to ``until``, or, with ``spans``, the mail of those."""

    __slots__ = ("config_dir", "node", "since", "spans", "until")

    def __init__(
        self, node: str, since: float, until: float, config_dir: str, spans: "list[list[float]] | None" = None
    ) -> None:
        self.node = node
        self.since = since
        self.until = until
        self.config_dir = config_dir
        self.spans = spans

    def as_object(self) -> "dict[str, object]":
        """As JSON."""
        return {"format": FORMAT, **{name: getattr(self, name) for name in self.__slots__}}


def request_of(found: object) -> "LogRequest | None":
    """The request in a JSON value, None where it is none."""
    if not isinstance(found, dict) or found.get("format") != FORMAT:
        return None
    node, config_dir, spans = found.get("node"), found.get("config_dir"), found.get("spans")
    times = [found.get("since"), found.get("until")]
    if spans is not None:
        if not isinstance(spans, list) or len(spans) > SPANS_MAX:
            return None
        if not all(isinstance(each, list) and len(each) == 3 for each in spans):
            return None
        times += [at for each in spans for at in each]
    if not all(type(at) in (int, float) and 0 <= at < 2.0**34 for at in times):  # type: ignore[operator]
        return None
    if not isinstance(node, str) or not isinstance(config_dir, str):
        return None
    return LogRequest(node[:255], float(times[0]), float(times[1]), config_dir, spans)  # type: ignore[arg-type]


def answer(request: LogRequest, began: float, root: str = "") -> "dict[str, object]":
    """The answer to a request; ``began``: the clock when it came; ``root``: where the node's directories lie."""
    told = _mail(request, root) if request.spans is not None else _cluster(request, root)
    return {"format": FORMAT, "clock": [began, time.time()], **told}


# The cluster's logs


def _cluster(request: LogRequest, root: str) -> "dict[str, object]":
    bounds = Bounds(time.monotonic() + READ_S)
    missing: "list[str]" = []
    found: "list[Seen]" = []
    begins = 0.0
    paths = _there(root, [*_configured(root, SETTINGS, _LOGFILE), *PACEMAKER_LOGS])
    reader = pacemaker_log.PacemakerReader(request.node)
    if paths:
        begins = _read_log(paths[0], reader, pacemaker_log.NEEDLES, request, bounds, missing)
    else:
        missing += _read_journal(PACEMAKER, "Pacemaker's log", reader, request, bounds)
    found += reader.found
    paths = _there(root, [*_configured(root, COROSYNC_CONF, _COROSYNC_LOGFILE), *COROSYNC_LOGS])
    beside = corosync_log.CorosyncReader(request.node)
    if paths:
        _read_log(paths[0], beside, corosync_log.NEEDLES, request, bounds, missing)
    elif not root:  # what it tells is told by Pacemaker as well, but for pauses: its absence is not worth a word
        _read_journal(COROSYNC, "", beside, request, bounds)
    found += beside.found
    found += clock_steps(request.node, request.since, request.until, bounds.deadline) if not root else []
    if bounds.met or len(found) >= SEEN_MAX:
        missing.append("there is more in its logs than is read at once: ask for a shorter time with --since")
    kept = sorted(found, key=lambda seen: seen.at)[-SEEN_MAX:]
    return {"seen": [seen.as_object() for seen in kept], "begins": begins, "missing": missing[:MISSING_MAX]}


def _there(root: str, paths: "Iterable[str]") -> "list[str]":
    return [root + path for path in paths if os.path.exists(root + path)]


def _configured(root: str, files: "tuple[str, ...]", pattern: "re.Pattern[bytes]") -> "list[str]":
    for file in files:
        try:
            found = pattern.search(read_regular(root + file, SETTINGS_MAX))
        except OSError:
            continue
        if found is not None:
            return [os.fsdecode(found[1])]
    return []


def _read_log(
    path: str, reader: "Reader", needles: "tuple[bytes, ...]", request: LogRequest, bounds: Bounds, missing: "list[str]"
) -> float:
    """Let the reader read a log with its forerunners; when the oldest of them begins, 0 where older ones are there."""
    all_of_them = forerunners(path, 0.0)
    files = forerunners(path, request.since)
    begins = 0.0
    for number, (written, name) in enumerate(reversed(files)):
        clock = Clock(written)
        try:
            if number == 0 and len(files) == len(all_of_them):
                begins = _first_stamp(name, clock, bounds)
            for piece in pieces(name, clock, request.since, request.until, bounds):
                for line in matching(piece, needles):
                    stamp = clock.read(line)
                    if stamp is not None and request.since <= stamp[0] <= request.until:
                        reader.read(stamp[0], line[stamp[1] :].decode("utf-8", "replace"))
        except UNREADABLE as error:
            missing.append(printable(f"{name}: {getattr(error, 'strerror', None) or error}", 300))
    return begins


def _first_stamp(path: str, clock: Clock, bounds: Bounds) -> float:
    for piece in pieces(path, clock, 0.0, 2.0**34, bounds):
        for line in piece[: 64 * 1024].split(b"\n"):
            stamp = clock.read(line)
            if stamp is not None:
                return stamp[0]
        break
    return 0.0


def _read_journal(
    matches: "tuple[str, ...]", what: str, reader: "Reader", request: LogRequest, bounds: Bounds
) -> "list[str]":
    text, why = journal(matches, request.since, request.until, bounds.deadline)
    clock = Clock(time.time())
    for line in matching(text, pacemaker_log.NEEDLES if matches == PACEMAKER else corosync_log.NEEDLES):
        stamp = clock.read(line)
        if stamp is not None:
            reader.read(stamp[0], line[stamp[1] :].decode("utf-8", "replace"))
    return [f"{what}: {why}"] if why else []


# The mail log


def _mail(request: LogRequest, root: str) -> "dict[str, object]":
    bounds = Bounds(time.monotonic() + READ_S)
    spans = [maillog.Span(*each) for each in request.spans or []]
    config_dir = request.config_dir or DEFAULT_CONFIG_DIR
    asked = ask_values(find_postconf(), config_dir, ["syslog_name", "maillog_file"], time.monotonic() + 10.0)
    tag = asked.values.get("syslog_name") or "postfix"
    file = asked.values.get("maillog_file", "")
    own = {each.address for each in interface_addresses()}
    paths = _there(root, [file] if file[:1] == "/" else MAIL_LOGS)
    missing: "list[str]" = []
    if paths:
        missing += maillog.read_spans(paths[:1], spans, tag, own, bounds)
    elif spans:
        missing += _mail_of_journal(spans, tag, own, bounds)
    if bounds.met:
        missing.append("there is more in its mail log than is read at once")
    return {"spans": [span.as_object() for span in spans], "missing": missing[:MISSING_MAX]}


def _mail_of_journal(spans: "list[maillog.Span]", tag: str, own: "set[str]", bounds: Bounds) -> "list[str]":
    missing = []
    clock = Clock(time.time())
    for span in spans:
        text, why = journal(MAIL, span.begin, span.end, bounds.deadline)
        for line in matching(text, maillog.NEEDLES):
            stamp = clock.read(line)
            if stamp is not None:
                maillog.take(span, stamp[0], line[stamp[1] :], tag.encode(), own)
        missing += [f"mail log: {why}"] if why else []
    return list(dict.fromkeys(missing))
