"""The command line of postfix-ha, on argparse: it is in every Python, and the command has no other need for a library.

Exit codes: 0 done and clean, 1 warnings with --strict, 2 errors or a wrong command line.
"""

import argparse
import io
import os
import sys
from collections.abc import Sequence

from postfix_ha import __version__
from postfix_ha.agent import open_streams
from postfix_ha.barrier import with_barrier
from postfix_ha.cli.output import Screens, complain
from postfix_ha.printable import LENGTH_MAX, printable
from postfix_ha.request import OCF_ROOT, Request
from postfix_ha.verdict import Verdict

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn

FAILED = 2
INTERRUPTED = 130
# The commands that are to be quick, so that nothing is loaded for the others.
QUICK = ("check", "facts")
# That which is run again and again as well, although it needs the libraries.
ALONE = (*QUICK, "status")
# Library -> package; Debian, Red Hat and SUSE name them alike.
NEEDED = {"lxml": "python3-lxml", "psutil": "python3-psutil"}


class Parser(argparse.ArgumentParser):
    """A parser that refuses in one line."""

    def error(self, message: str) -> "NoReturn":
        """Say what is wrong and where the help is, and end with 2."""
        self.exit(FAILED, f"{self.prog}: {printable(' '.join(message.split()), LENGTH_MAX)}; see {self.prog} --help\n")


def main(arguments: "Sequence[str] | None" = None) -> int:
    """Run the command line and return the exit code."""
    if None in (sys.stdin, sys.stdout, sys.stderr):
        open_streams()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a letter that the locale has not is no reason to end
    with Screens():
        return _main(list(sys.argv[1:] if arguments is None else arguments))


def _main(words: "list[str]") -> int:
    try:
        verdict = with_barrier(Request(["postfix-ha", *words[:1]], {}), lambda: Verdict(_run(words)))
    except KeyboardInterrupt:
        return INTERRUPTED
    if verdict.reason is None:
        return verdict.code
    from postfix_ha.report import line_of

    complain(f"postfix-ha: {line_of(verdict.reason)}")
    return FAILED


def _run(words: "list[str]") -> int:
    """Do what the command does, or say what to install for it."""
    command = words[0] if words and words[0] in ALONE else ""
    missing = [] if command in QUICK else _missing()
    if missing:
        return _refuse(missing, "it has no library of that name")
    try:
        return _do(words, command)
    except ImportError as error:
        name = (error.name or "").partition(".")[0]
        if name not in NEEDED:
            raise
        return _refuse([name], " ".join(str(error).split()))


def _missing() -> "list[str]":
    """The libraries that are not there; none is loaded."""
    from importlib.util import find_spec

    return [name for name in NEEDED if find_spec(name) is None]


def _refuse(missing: "list[str]", why: str) -> int:
    from postfix_ha.system.packages import installing_command

    python = sys.executable or "this Python"
    if sys.prefix != sys.base_prefix:  # a virtual environment, which need not see the distribution's packages
        command = f"{python} -m pip install {' '.join(missing)}"
    else:
        packages = " ".join(NEEDED[name] for name in missing)
        command = installing_command(packages) or f"install {packages}"
    complain(f"postfix-ha: {python} cannot load {' and '.join(missing)} ({why}): {command}")
    return FAILED


def _do(words: "list[str]", command: str) -> int:
    """Do what the command does; a reader that is gone, such as head(1), is no failure of ours."""
    parser = build_parser(command)
    options = parser.parse_args(words)
    if not hasattr(options, "run"):
        parser.print_help()
        return FAILED
    try:
        code = int(options.run(options))
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED
    return code


def build_parser(command: str = "", make: "type[argparse.ArgumentParser]" = Parser) -> argparse.ArgumentParser:
    """The command line with this command, or with all of them; ``make`` is the class of all its parsers."""
    parser = make(
        prog="postfix-ha",
        description="Run Postfix as a resource of a Pacemaker cluster.",
        epilog=f"The resource agent is {OCF_ROOT}/resource.d/mail/postfix_ha (ocf:mail:postfix_ha).",
    )
    parser.add_argument("--version", action="version", version=f"postfix-ha {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND")
    if command in ("", "check"):
        from postfix_ha.cli.commands.check import add_check

        add_check(commands)
    if command in ("", "facts"):
        from postfix_ha.cli.commands.facts import add_facts

        add_facts(commands)
    if command == "status":
        from postfix_ha.cli.commands.status import add_status

        add_status(commands)
    if not command:
        from postfix_ha.cli.commands.on_cluster import add_cluster_commands

        add_cluster_commands(commands)
    return parser
