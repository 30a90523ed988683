"""A guard against whatever may hang: work in a child process, an answer before the deadline all the same.

A look at dead storage or a hung resolver cannot be interrupted from inside, so everything that a monitor or start does
beyond reading /proc runs in a child; when that is not done in time, the parent says in which step it hangs.
"""

import os
import select
import signal
import time
from collections.abc import Callable

from postfix_ha import codes
from postfix_ha.request import Request
from postfix_ha.verdict import Finding, Verdict

# What the child ends earlier by, so that its own words arrive rather than ours about it.
HEAD_START_SHARE = 0.05
HEAD_START_MAX_S = 1.0

Step = Callable[[str], None]


def guarded(request: Request, work: "Callable[[Step], Verdict]") -> Verdict:
    """Run work in a child, which reports for itself and gives its code back; past the deadline answer for it."""
    hear_of_children()
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        _work_in_child(request, work, writing)
    os.close(writing)
    step = _last_step(reading, request.deadline)
    os.close(reading)
    if step is None:
        _, status = os.waitpid(child, 0)
        code = os.waitstatus_to_exitcode(status)
        if code >= 0:
            return Verdict(code)
        why = f"the process that did it was ended by signal {-code}"
        return Verdict(codes.ERR_GENERIC, Finding("program_sound", action=request.action, why=why))
    os.kill(child, signal.SIGKILL)  # our own child, not yet waited for: the number is still its
    return Verdict(
        codes.ERR_GENERIC, Finding("check_ended", action=request.action, timeout_s=request.timeout_s, step=step)
    )


def hear_of_children() -> None:
    """Let the kernel tell how our children end, also where the caller left SIGCHLD ignored."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)


def _work_in_child(request: Request, work: "Callable[[Step], Verdict]", writing: int) -> None:
    from postfix_ha.agent import conclude, with_barrier

    remaining_s = request.remaining_s
    request.deadline -= min(remaining_s * HEAD_START_SHARE, HEAD_START_MAX_S)

    def step(text: str) -> None:
        os.write(writing, os.fsencode(text) + b"\n")

    conclude(request, with_barrier(request, lambda: work(step)))


def _last_step(reading: int, deadline: float) -> "str | None":
    """Follow the steps of the child; None when it ended, else the last step that it named before the deadline."""
    poller = select.poll()
    poller.register(reading, select.POLLIN)
    text = b"nothing yet\n"
    while True:
        remaining_ms = int((deadline - time.monotonic()) * 1000)
        if not poller.poll(max(0, remaining_ms)):
            return os.fsdecode(text.splitlines()[-1])
        data = os.read(reading, 65536)
        if not data:
            return None
        text = (text + data)[-4096:]
