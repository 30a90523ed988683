"""What Postfix says of its own failures: the telling line that it has logged since an action began.

It comes from Postfix's own log file (maillog_file), else from the journal, else from the files that syslog daemons
usually write. Anybody may write to a log: a line is shown, cut and cleaned, and decides nothing.
"""

import os
import time

from postfix_ha.actions.serving.listener import Listener
from postfix_ha.instance import Instance
from postfix_ha.system.command import run
from postfix_ha.system.complaints import without_values
from postfix_ha.system.files import open_regular, read_head
from postfix_ha.verdict import Finding, grade

TAIL = 131072
LINE_MAX = 300
USUAL_LOGS = ("/var/log/mail.log", "/var/log/maillog", "/var/log/mail", "/var/log/mail.err", "/var/log/mail/mail.log",
              "/var/log/syslog", "/var/log/messages")  # fmt: skip
JOURNALCTL = ("/usr/bin/journalctl", "/bin/journalctl")
JOURNAL_LINES, JOURNAL_S = 2000, 3.0
# A daemon that cannot start is tried again by master after so long (service_throttle_time): its words may be as old.
THROTTLE_S = 75.0
SEVERITIES = ("panic", "fatal", "error", "warning")
# What only sums up, or follows from, what was said before: master's lines about its children, and what clients of a
# dead service say.
FOLLOWING = ("-- throttling", "exit status", "killed by signal", "problem talking to", "TLS library problem",
             "premature end-of-input", "mail system startup failed", "lookup error for", "message not accepted",
             "timeout on", "lost connection", "see logs for details")  # fmt: skip
LINE = (
    r"(?P<process>(?P<tag>[\w.+-]+(?:/[\w.+-]+)*)\[\d+\]): (?:[0-9A-Za-z]+: )?"
    r"(?P<severity>panic|fatal|error|warning): (?P<text>.*)"
)
ASKED = ("/postmap", "/postconf")
EXPLAINED = ("endpoint_answers", "mail_taken", "queue_service_alive")


class MailLog:
    """Where Postfix's words of an action will be found: each log's size and inode when the action began."""

    __slots__ = ("began", "heard", "instance", "listener", "places")

    def __init__(self, instance: Instance) -> None:
        self.instance = instance
        self.heard: "list[str]" = []
        is_silent = instance.settings.get("maillog_file") == ""
        self.listener = Listener({instance.mail_owner_uid}) if is_silent else None
        self.began = time.time()
        self.places = {path: _size(path) for path in self._files()}

    def _files(self) -> "list[str]":
        own = self.instance.settings.get("maillog_file", "")
        return [own] if own.startswith("/") else list(USUAL_LOGS)

    def complaint(self, deadline: float, before_s: float = 0.0) -> str:
        """The telling line since the action began, or since ``before_s`` seconds before; "" for none."""
        self.close()
        lines = list(self.heard)
        for path in self._files():
            lines += self._since(path, before_s)
        if not self.instance.settings.get("maillog_file", ""):
            lines += journal_lines(self.began - before_s, deadline)
        return telling(lines, self.instance.settings.get("syslog_name", "") or "postfix", with_sequels=not before_s)

    def close(self) -> None:
        """End what listens; to be called whatever happens."""
        if self.listener is not None:
            self.heard += self.listener.end()
            self.listener = None

    def _since(self, path: str, before_s: float) -> "list[str]":
        """The lines of a log file since the action began; those before only where they bear the time that they were
        written at."""
        inode, size = self.places.get(path, (0, 0))
        try:
            log = open_regular(path)
        except OSError:
            return []
        try:
            about = os.fstat(log)
            since = size if about.st_ino == inode and about.st_size >= size else 0
            start = max(0, about.st_size - TAIL) if before_s else max(since, about.st_size - TAIL)
            os.lseek(log, start, os.SEEK_SET)
            data = read_head(log, TAIL)
        except OSError:
            return []
        finally:
            os.close(log)
        new_from = max(0, since - start)
        new = data[new_from:].decode("utf-8", "replace").splitlines()
        old = data[:new_from].decode("utf-8", "replace").splitlines() if before_s else []
        return [line for line in old if is_younger(line, self.began - before_s)] + new


def explained(findings: "list[Finding]", log: MailLog, deadline: float) -> "list[Finding]":
    """The findings, the first failure with what Postfix says of it."""
    if not any(finding.check in EXPLAINED and grade(finding) for finding in findings):
        return findings
    said = log.complaint(deadline) or log.complaint(deadline, THROTTLE_S)
    if not said:
        return findings
    return [with_cause(each, said) if each.check in EXPLAINED else each for each in findings]


def with_cause(finding: Finding, said: str) -> Finding:
    """The finding with Postfix's own words. They come first, as a long reason loses its end, unless what we have seen
    ourselves (``is_told``) is the cause."""
    is_told = bool(finding.values.get("is_told")) or finding.check == "queue_service_alive"
    why = joined(str(finding.values["why"]), said, is_told)
    return Finding(finding.check, **{**finding.values, "why": why})


def joined(why: str, said: str, is_told: bool) -> str:
    """A reason and Postfix's words about it, the more telling first."""
    return f"{why} ({said})" if is_told else f"{said} ({why})"


def telling(lines: "list[str]", syslog_name: str, *, with_sequels: bool = True) -> str:
    """The line that says most about a failure: the gravest, and no mere sequel of another; the last of those.

    What the same process warned of just before it belongs to it: often that is the cause.
    """
    import re

    pattern = re.compile(LINE)
    found: "dict[tuple[bool, int], str]" = {}
    warned: "dict[str, str]" = {}
    for line in lines:
        match = pattern.search(line)
        if match is None or not _is_of(match["tag"], syslog_name):
            continue
        follows = any(phrase in match["text"] for phrase in FOLLOWING)
        if follows and not with_sequels:
            continue
        process, severity, said = match["process"], match["severity"], without_values(match["text"])
        rank = (follows, SEVERITIES.index(severity))
        before = warned.get(process, "") if severity != "warning" else ""
        # Of warnings the first is the cause, and what comes after it follows from it.
        if rank not in found or severity != "warning":
            program = match["tag"].rpartition("/")[2]
            found[rank] = f"{program}: {before}{severity}: {said}"
        if not follows:
            warned[process] = f"{severity}: {said}; "
    best = found[min(found)] if found else ""
    return best if len(best) <= LINE_MAX else best[: LINE_MAX - 3] + "..."


def _is_of(tag: str, syslog_name: str) -> bool:
    """Whether a log line's tag is one of an instance's with this syslog_name (``postfix/smtpd``, by master.cf's -o also
    ``postfix/submission/smtpd``), or of the commands that start it; not of those that we have run to ask."""
    return tag.startswith((syslog_name + "/", "postfix/")) and not tag.endswith(ASKED)


def is_younger(line: str, since: float) -> bool:
    """Whether a log line bears a time, in one of the two usual forms, that is not before this one."""
    word = line.partition(" ")[0]
    try:
        if word[4:5] == "-":
            from datetime import datetime

            return datetime.fromisoformat(word.replace("Z", "+00:00")).timestamp() >= since - 1
        year = time.localtime(since).tm_year
        written = time.strptime(f"{year} {line[:15]}", "%Y %b %d %H:%M:%S")
        return time.mktime((*written[:8], -1)) >= since - 1
    except (ValueError, OverflowError):
        return False


def journal_lines(since: float, deadline: float) -> "list[str]":
    """What root's and Postfix's processes have told the journal since then, as lines of a log."""
    program = next((path for path in JOURNALCTL if os.access(path, os.X_OK)), "")
    if not program:
        return []
    import json

    fields = "--output-fields=MESSAGE,SYSLOG_IDENTIFIER,SYSLOG_PID,_PID"
    argv = [program, "-q", "--no-pager", "-o", "json", fields, f"--since=@{since:.0f}", "-p", "warning",
            "-n", str(JOURNAL_LINES)]  # fmt: skip
    done = run(argv, deadline=min(deadline, time.monotonic() + JOURNAL_S))
    lines = []
    for text in done.stdout.decode("utf-8", "replace").splitlines():
        try:
            entry = json.loads(text)
            tag, said = entry.get("SYSLOG_IDENTIFIER"), entry.get("MESSAGE")
        except (ValueError, AttributeError):
            continue
        if isinstance(tag, str) and isinstance(said, str):
            lines.append(f"{tag}[{entry.get('_PID', 0)}]: {' '.join(said.split())}")
    return lines


def _size(path: str) -> "tuple[int, int]":
    """(inode, size) of a log, zeros where there is none."""
    try:
        about = os.stat(path)
    except OSError:
        return 0, 0
    return about.st_ino, about.st_size


def sentence_of(finding: Finding) -> str:
    """What the catalogue says of a finding, for the reason of another one."""
    from postfix_ha.messages.catalogue import CATALOGUE

    return CATALOGUE[finding.check].sentence.format_map(finding.values)
