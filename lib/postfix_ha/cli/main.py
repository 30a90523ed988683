"""The command line of postfix-ha, on argparse: it is in every Python, and the command has no other need for a library.

Exit codes: 0 done and clean, 1 warnings with --strict, 2 errors or a wrong command line.
"""

import argparse
import os
import sys
from collections.abc import Sequence

from postfix_ha import __version__
from postfix_ha.request import OCF_ROOT


def main(arguments: "Sequence[str] | None" = None) -> int:
    """Run the command line and return the exit code."""
    parser = build_parser()
    options = parser.parse_args(arguments)
    if not hasattr(options, "run"):
        parser.print_help()
        return 2
    try:
        return int(options.run(options))
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 2
    except KeyboardInterrupt:
        return 130


def build_parser() -> argparse.ArgumentParser:
    """The whole command line."""
    parser = argparse.ArgumentParser(
        prog="postfix-ha",
        description="Postfix as a resource of a Pacemaker cluster.",
        epilog=f"The resource agent is {OCF_ROOT}/resource.d/mail/postfix_ha (ocf:mail:postfix_ha).",
    )
    parser.add_argument("--version", action="version", version=f"postfix-ha {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND")
    from postfix_ha.cli.check import add_check

    add_check(commands)
    return parser
