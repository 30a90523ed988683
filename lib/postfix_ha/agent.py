"""The agent's entry: from the action's name to the module that does it."""

import os
import sys

from postfix_ha import codes
from postfix_ha.barrier import conclude, with_barrier
from postfix_ha.request import ACTIONS, Request, current_request
from postfix_ha.verdict import Verdict

TYPE_CHECKING = False  # typing costs more than the rest of a monitor together
if TYPE_CHECKING:
    from collections.abc import Callable

# Action -> (module, function), loaded on demand: a monitor pays for no other action.
MODULES = {
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
    """Do the requested action and end the process with its OCF exit code."""
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


def answer(request: Request) -> Verdict:
    """The verdict on a request."""
    if request.action not in MODULES:
        return unimplemented(request)
    return with_barrier(request, lambda: load(*MODULES[request.action])(request))


def load(module_name: str, function_name: str) -> "Callable[[Request], Verdict]":
    """A function of a module that is imported only now."""
    __import__(module_name)
    function: "Callable[[Request], Verdict]" = getattr(sys.modules[module_name], function_name)
    return function


def unimplemented(request: Request) -> Verdict:
    """The answer to an action that we do not have, or to a call without exactly one action."""
    known = "|".join(ACTIONS)
    if request.action:
        from postfix_ha.printable import printable

        sys.stderr.write(f"postfix_ha: no action '{printable(request.action, 80)}'; there are {known}\n")
        return Verdict(codes.ERR_UNIMPLEMENTED)
    sys.stderr.write(f"usage: postfix_ha {{{known}}}\n")
    return Verdict(codes.ERR_ARGS)
