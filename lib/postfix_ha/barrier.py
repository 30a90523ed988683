"""The one crash barrier and the one exit of the agent, for the process itself and for the children that it guards."""

import os
import sys

from postfix_ha import codes
from postfix_ha.finding import Finding
from postfix_ha.request import Request
from postfix_ha.verdict import Verdict

TYPE_CHECKING = False  # typing costs more than the rest of a monitor together
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import NoReturn


def with_barrier(request: Request, work: "Callable[[], Verdict]") -> Verdict:
    """The verdict of work; an exception becomes program_sound, is logged, and is never shown as a traceback."""
    try:
        return work()
    except Exception as error:
        from postfix_ha.report import log_traceback

        log_traceback(request, error)
        why = f"{type(error).__name__}: {error}"
        return Verdict(codes.ERR_GENERIC, Finding("program_sound", action=request.action, why=why))


def conclude(request: Request, verdict: Verdict) -> "NoReturn":
    """Log and print the verdict, and end this process with its code."""
    if verdict.reason or verdict.notes:
        say(request, verdict)
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError, AttributeError):
            continue  # the reader has gone; the exit code is what counts
    # Nothing is left to tear down, and the interpreter's own tear-down costs a tenth of a monitor.
    os._exit(verdict.code)


def say(request: Request, verdict: Verdict) -> None:
    """Log and print the verdict; an exception meanwhile loses the words, never the code."""
    try:
        from postfix_ha.report import report

        report(request, verdict)
    except Exception as error:
        if verdict.reason:
            told = f"{type(error).__name__}: {error}"
            whole = " ".join(f"{verdict.reason!r} cannot be put into words ({told})".split())
            # What Pacemaker keeps of it; nothing here is certain to work but these lines.
            kept = " ".join(f"{verdict.reason.check} cannot be put into words ({told}".split())[:87]
            advice = "report this with the log of this node"
            sys.stderr.write(f"{whole}; {advice}\nocf-exit-reason:{kept}); {advice}\n")
