"""A guard against whatever may hang: work in a child process, an answer before the deadline all the same.

A look at dead storage or a hung resolver cannot be interrupted from inside, so everything that a monitor or start does
beyond reading /proc runs in a child; when that is not done in time, the parent says in which step it hangs.
"""

import os
import signal
from collections.abc import Callable

from postfix_ha import codes
from postfix_ha.barrier import conclude, with_barrier
from postfix_ha.request import Request
from postfix_ha.system.child import begin, hear_of_children, read_until
from postfix_ha.verdict import Finding, Verdict

# What the child ends earlier by, so that its own words arrive rather than ours about it.
HEAD_START_SHARE = 0.05
HEAD_START_MAX_S = 1.0

Step = Callable[[str], None]


def guarded(request: Request, work: "Callable[[Step], Verdict]") -> Verdict:
    """Run work in a child, which reports for itself and gives its code back; past the deadline answer for it."""
    hear_of_children()
    child, reading = begin(lambda writing: _work_in_child(request, work, writing))
    told, has_ended = read_until(reading, request.deadline)
    os.close(reading)
    if has_ended:
        _, status = os.waitpid(child, 0)
        code = os.waitstatus_to_exitcode(status)
        if code >= 0:
            return Verdict(code)
        why = f"the process that did it was ended by signal {-code}"
        return Verdict(codes.ERR_GENERIC, Finding("program_sound", action=request.action, why=why))
    os.kill(child, signal.SIGKILL)  # our own child, not yet waited for: the number is still its
    step = os.fsdecode(told.splitlines()[-1]) if told else "nothing yet"
    return Verdict(
        codes.ERR_GENERIC, Finding("check_ended", action=request.action, timeout_s=request.timeout_s, step=step)
    )


def _work_in_child(request: Request, work: "Callable[[Step], Verdict]", writing: int) -> None:
    remaining_s = request.remaining_s
    request.deadline -= min(remaining_s * HEAD_START_SHARE, HEAD_START_MAX_S)

    def step(text: str) -> None:
        os.write(writing, os.fsencode(text) + b"\n")

    conclude(request, with_barrier(request, lambda: work(step)))
