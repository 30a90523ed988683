"""postfix-ha manual and completion: print the man pages and the shells' completions.

Those of the command lie beside the templates, where ci/docs has made them from the command line.
"""

import argparse
import os

from postfix_ha.cli.cluster_command import DONE, NO_CLUSTER
from postfix_ha.cli.manual.agent_page import AGENT, agent_manual
from postfix_ha.cli.output import complain, say_page
from postfix_ha.cluster.model.templates import directory
from postfix_ha.messages.statement import worded

PROGRAM = "postfix-ha"


def add_manual(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the two commands to the command line."""
    told = f"postfix-ha manual >/usr/share/man/man8/{PROGRAM}.8"
    parser = commands.add_parser("manual", help="print the man page", description=f"Print the man page: {told}")
    told = f"{PROGRAM}(8), the default, or {AGENT}(7), the agent's"
    parser.add_argument("page", nargs="?", choices=(PROGRAM, AGENT), default=PROGRAM, help=told)
    parser.set_defaults(run=run_manual)
    told = f"postfix-ha completion >/etc/bash_completion.d/{PROGRAM}"
    parser = commands.add_parser("completion", help="print a shell's completion", description=f"For bash: {told}")
    told = "bash, the default, or zsh, whose file is _postfix-ha in a folder of fpath"
    parser.add_argument("shell", nargs="?", choices=("bash", "zsh"), default="bash", help=told)
    parser.set_defaults(run=run_completion)


def run_manual(options: argparse.Namespace) -> int:
    """Print a man page."""
    if options.page != AGENT:
        return print_made(f"{PROGRAM}.8")
    say_page(agent_manual())
    return DONE


def run_completion(options: argparse.Namespace) -> int:
    """Print a completion."""
    return print_made(f"{PROGRAM}.{options.shell}")


def print_made(name: str) -> int:
    """Print a file that ci/docs has made."""
    path = os.path.join(directory(), "command", name)
    try:
        with open(path, encoding="utf-8") as file:
            text = file.read()
    except OSError as error:
        complain(f"{PROGRAM}: {worded('manual_read', path=path, why=error.strerror)}")
        return NO_CLUSTER
    say_page(text)
    return DONE
