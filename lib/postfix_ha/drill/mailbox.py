"""Marked mail where it lies: in the queue, and in a mailbox (a maildir or an mbox file)."""

import os
import re

from postfix_ha.drill.ledger import Mark

HEADER = "X-Postfix-HA-Drill"
# In the order in which a message passes them.
QUEUES = ("maildrop", "incoming", "active", "deferred", "hold")
HEAD_MAX = 65536
# Clocks of nodes differ, and the directory of a mailbox may be another machine's.
CLOCK_S = 300.0
COMPLETE = 0o100


def mark_of(drill: str) -> str:
    """The header that marks the drill's messages, for the client to fill in."""
    return f"{HEADER}: {drill} {{number}} {{attempt}}"


def find_marks(data: bytes, drill: str) -> "list[Mark]":
    """(number, attempt) of every header of the drill's in the bytes."""
    found = re.findall(f"{HEADER}: {re.escape(drill)} (\\d{{1,9}}) (\\d{{1,9}})(?!\\d)".encode(), data)
    return [(int(number), int(attempt)) for number, attempt in found]


def in_queue(queue_directory: str, drill: str, since: float) -> "list[Mark]":
    """What is still in the queue of the mail that came since then; files still being received are not looked at."""
    found: "list[Mark]" = []
    for name in QUEUES:
        for where, _, names in os.walk(os.path.join(queue_directory, name)):
            # Postfix sets the execute bit when a message is complete, before it acknowledges it.
            found += [mark for each in names for mark in _in_file(os.path.join(where, each), drill, since, COMPLETE)]
    return found


def in_mailbox(path: str, drill: str, since: float) -> "list[Mark]":
    """What has arrived in a maildir, or in an mbox file; OSError where there is neither."""
    if not os.path.isdir(path):
        return _in_mbox(path, drill)
    if not os.path.isdir(os.path.join(path, "new")):
        raise FileNotFoundError(2, "is no maildir: it has no directory 'new'", path)
    found: "list[Mark]" = []
    for name in ("new", "cur"):
        for each in os.listdir(os.path.join(path, name)):
            found += _in_file(os.path.join(path, name, each), drill, since)[:1]
    return found


def _in_file(path: str, drill: str, since: float, mode: int = 0) -> "list[Mark]":
    try:
        with open(path, "rb") as file:
            about = os.fstat(file.fileno())
            if about.st_mtime < since - CLOCK_S or about.st_mode & mode != mode:
                return []
            return find_marks(file.read(HEAD_MAX), drill)[:1]
    except FileNotFoundError:
        return []  # it has gone on its way


def _in_mbox(path: str, drill: str) -> "list[Mark]":
    found: "list[Mark]" = []
    with open(path, "rb") as file:
        for line in file:
            if line.startswith(HEADER.encode()):
                found += find_marks(line, drill)
    return found
