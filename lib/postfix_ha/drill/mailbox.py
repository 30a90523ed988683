"""Marked mail where it lies: in the queue, and in a mailbox (a maildir or an mbox file)."""

import errno
import os
import re
import stat
import time

from postfix_ha.drill.ledger import Mark
from postfix_ha.system.files import CHUNK, NotRegularError, files_below, open_regular, read_head

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

HEADER = "X-Postfix-HA-Drill"
# In the order in which a message passes them.
QUEUES = ("maildrop", "incoming", "active", "deferred", "hold")
HEAD_MAX = 65536
# Clocks of nodes differ, and the directory of a mailbox may be another machine's.
CLOCK_S = 300.0
COMPLETE = 0o100
# Whoever asks waits a little longer than this; a mailbox of gigabytes is looked through in it.
LOOK_S = 30.0
# No line of a header is longer that we have written.
LINE_MAX = 4096
MARKS_MAX = 1_000_000
# What another thing in the place of a message's file gives: it is none.
NO_MESSAGE = (errno.ENOENT, errno.EINVAL, errno.ELOOP, errno.EAGAIN)


def mark_of(drill: str) -> str:
    """The header that marks the drill's messages, for the client to fill in."""
    return f"{HEADER}: {drill} {{number}} {{attempt}}"


def find_marks(data: bytes, drill: str) -> "list[Mark]":
    """(number, attempt) of every header of the drill's in the bytes."""
    found = re.findall(f"{HEADER}: {re.escape(drill)} (\\d{{1,9}}) (\\d{{1,9}})(?!\\d)".encode(), data)
    return [(int(number), int(attempt)) for number, attempt in found]


def in_queue(queue_directory: str, drill: str, since: float) -> "list[Mark]":
    """What is still in the queue of the mail that came since then; files still being received are not looked at."""
    paths = (path for name in QUEUES for path in files_below(os.path.join(queue_directory, name)))
    # Postfix sets the execute bit when a message is complete, before it acknowledges it.
    return _in_files(paths, drill, since, COMPLETE)


def in_mailbox(path: str, drill: str, since: float) -> "list[Mark]":
    """What has arrived in a maildir, or in an mbox file; OSError where there is neither."""
    if not os.path.isdir(path):
        return _in_mbox(path, drill)
    if not os.path.isdir(os.path.join(path, "new")):
        raise FileNotFoundError(2, "is no maildir: it has no directory 'new'", path)
    entries = (entry.path for name in ("new", "cur") for entry in os.scandir(os.path.join(path, name)))
    return _in_files(entries, drill, since, 0)


def _in_files(paths: "Iterable[str]", drill: str, since: float, mode: int) -> "list[Mark]":
    """The marks of all these files, of each the first; OSError where they are too many for the time there is."""
    deadline = time.monotonic() + LOOK_S
    found: "list[Mark]" = []
    for path in paths:
        if time.monotonic() > deadline or len(found) > MARKS_MAX:
            raise TimeoutError(errno.ETIMEDOUT, "it holds too much to be looked through in time")
        found += _in_file(path, drill, since, mode)
    return found


def _in_file(path: str, drill: str, since: float, mode: int) -> "list[Mark]":
    """The first mark of a message's file; anything else with the name of one is none."""
    try:
        about = os.lstat(path)
        if not stat.S_ISREG(about.st_mode) or about.st_mtime < since - CLOCK_S or about.st_mode & mode != mode:
            return []
        descriptor = open_regular(path, follow=False)
    except OSError as error:
        if error.errno in NO_MESSAGE:
            return []  # it has gone on its way
        raise
    try:
        return find_marks(read_head(descriptor, HEAD_MAX), drill)[:1]
    finally:
        os.close(descriptor)


def _in_mbox(path: str, drill: str) -> "list[Mark]":
    """The marks of an mbox file as long as it is now, read piece by piece: its owner decides how long lines are."""
    try:
        descriptor = open_regular(path)
    except NotRegularError as error:
        raise OSError(error.errno, "is neither a maildir nor a file", path) from None
    deadline = time.monotonic() + LOOK_S
    found: "list[Mark]" = []
    line = b""
    try:
        left = os.fstat(descriptor).st_size
        while left > 0 and len(found) <= MARKS_MAX:
            part = read_head(descriptor, min(CHUNK, left), deadline)
            left = left - len(part) if part else 0
            whole, _, line = (line + part).rpartition(b"\n")
            line = line[:LINE_MAX]
            found += _at_line_starts(whole, drill)
        return found + _at_line_starts(line, drill)
    finally:
        os.close(descriptor)


def _at_line_starts(data: bytes, drill: str) -> "list[Mark]":
    begin = HEADER.encode()
    return [mark for line in data.split(b"\n") if line.startswith(begin) for mark in find_marks(line[:LINE_MAX], drill)]
