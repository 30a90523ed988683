"""The agent's entry: from the action's name to the module that does it. The only crash barrier and the only exit."""

import os
import sys

from postfix_ha import codes
from postfix_ha.request import Request, current_request
from postfix_ha.verdict import Finding, Verdict

TYPE_CHECKING = False  # typing costs more than the rest of a monitor together
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import NoReturn

# Action -> (module, function), loaded on demand: a monitor pays for no other action.
ACTIONS = {
    "start": ("postfix_ha.actions.start", "start"),
    "stop": ("postfix_ha.actions.stop", "stop"),
    "monitor": ("postfix_ha.monitor", "monitor"),
    "validate-all": ("postfix_ha.actions.validate", "validate"),
    "meta-data": ("postfix_ha.actions.metadata", "print_metadata"),
    "reload-agent": ("postfix_ha.actions.reload", "reload_agent"),
    "reload": ("postfix_ha.actions.reload", "reload_service"),
    "usage": ("postfix_ha.actions.metadata", "print_usage"),
    "help": ("postfix_ha.actions.metadata", "print_usage"),
    "methods": ("postfix_ha.actions.metadata", "print_methods"),
}


def run() -> None:
    """Do what this process was asked for and end it with the OCF exit code."""
    if None in (sys.stdin, sys.stdout, sys.stderr):
        open_streams()
    request = current_request(sys.argv)
    conclude(request, answer(request))


def open_streams() -> None:
    """Put /dev/null where the caller closed a standard stream: else our next file would be taken for it."""
    for descriptor, name in enumerate(("stdin", "stdout", "stderr")):
        if getattr(sys, name) is None:
            opened = os.open(os.devnull, os.O_RDWR)
            if opened != descriptor:
                os.dup2(opened, descriptor)
                os.close(opened)
            os.set_inheritable(descriptor, True)
            stream = open(descriptor, "w" if descriptor else "r", closefd=False)  # noqa: SIM115 - for good
            setattr(sys, name, stream)


def conclude(request: Request, verdict: Verdict) -> "NoReturn":
    """Say what there is to say and end this process with the verdict's code."""
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
    """Log and print the verdict; an error of our own on the way costs its words, not the code that was decided."""
    try:
        from postfix_ha.report import report

        report(request, verdict)
    except Exception as error:
        if verdict.reason:
            why = " ".join(f"{verdict.reason!r} cannot be put into words ({type(error).__name__}: {error})".split())
            sys.stderr.write(f"ocf-exit-reason:{why}; report this with the log of this node\n")


def answer(request: Request) -> Verdict:
    """The verdict on a request."""
    if request.action not in ACTIONS:
        return unimplemented(request)
    return with_barrier(request, lambda: load(*ACTIONS[request.action])(request))


def load(module_name: str, function_name: str) -> "Callable[[Request], Verdict]":
    """A function of a module that is imported only now."""
    __import__(module_name)
    function: "Callable[[Request], Verdict]" = getattr(sys.modules[module_name], function_name)
    return function


def with_barrier(request: Request, work: "Callable[[], Verdict]") -> Verdict:
    """The verdict of work; an error of our own is a verdict too, and no traceback ever stands for an answer."""
    try:
        return work()
    except Exception as error:
        from postfix_ha.report import log_traceback

        log_traceback(request, error)
        why = f"{type(error).__name__}: {error}"
        return Verdict(codes.ERR_GENERIC, Finding("program_sound", action=request.action, why=why))


def unimplemented(request: Request) -> Verdict:
    """The answer to an action that we do not have, or to a call without exactly one action."""
    known = "|".join(ACTIONS)
    if request.action:
        from postfix_ha.printable import printable

        sys.stderr.write(f"postfix_ha: no action '{printable(request.action, 80)}'; there are {known}\n")
        return Verdict(codes.ERR_UNIMPLEMENTED)
    sys.stderr.write(f"usage: postfix_ha {{{known}}}\n")
    return Verdict(codes.ERR_ARGS)
