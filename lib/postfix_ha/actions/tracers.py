"""Who holds back what was killed: a traced process waits at its exit for as long as its tracer likes.

With PTRACE_O_TRACEEXIT (ptrace(2)) it stops there with its directory and files still open, and no signal moves it any
more. When its tracer ends, it goes on and is gone.
"""

import os
import time

from postfix_ha.procfs import process_program, process_stat, read_bytes, real_uid
from postfix_ha.system.processes import Member

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

STATUS_MAX = 4096
HELD = b"\nState:\tt"


def tracers_of(pids: "Iterable[int]", deadline: float) -> "list[Member]":
    """The tracers of those of the processes that a tracer holds, and the users' tracers of these in turn."""
    found: "dict[int, Member]" = {}
    todo = [(pid, True) for pid in pids]
    while todo and time.monotonic() < deadline:
        pid, is_held = todo.pop()
        for thread in _threads(pid):
            number = _tracer(pid, thread, is_held)
            if number in found or (not is_held and real_uid(number) == 0):
                continue
            stat = process_stat(number)
            # Asked again: had it ended meanwhile, its number would be another's.
            if stat is not None and number not in (1, os.getpid()) and _tracer(pid, thread, is_held) == number:
                found[number] = Member(stat, process_program(number))
                todo.append((number, False))
    return list(found.values())


def _threads(pid: int) -> "list[str]":
    try:
        return os.listdir(f"/proc/{pid}/task")
    except OSError:
        return []


def _tracer(pid: int, thread: str, is_held: bool) -> int:
    """The tracer of a thread (of one that it holds, where that is asked), 0 for none."""
    status = read_bytes(f"/proc/{pid}/task/{thread}/status", STATUS_MAX) or b""
    words = status.partition(b"\nTracerPid:")[2].split(None, 1)
    return int(words[0]) if words and (HELD in status or not is_held) else 0
