"""The command's man page and shell completions, made from its command line by argparse-manpage and shtab.

They are made by ci/docs and committed, not made where the command is installed: administrators need neither tool then.
"""

import argparse
import contextlib
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import shtab
from argparse_manpage.manpage import Manpage

from postfix_ha import __version__
from postfix_ha.cli.main import Parser, build_parser

METADATA = Path(__file__).resolve().parents[3] / "metadata"
PAGE, BASH, ZSH = (METADATA / "command" / f"postfix-ha.{kind}" for kind in ("8", "bash", "zsh"))
SEE_ALSO = "ocf_mail_postfix_ha(7), cibadmin(8), crm_simulate(8), pcs(8), crm(8), postfix(1)"
# What the value of an argument is, by the word that stands for it in the help -> how it is completed.
NODES = {"bash": "_postfix_ha_nodes", "zsh": "_postfix_ha_nodes"}
COMPLETED = {"NODE": NODES, "NODE[:PRIORITY]": NODES, "FILE": shtab.FILE, "DIR": shtab.DIRECTORY}
PREAMBLE = {
    "bash": """\
_postfix_ha_nodes() {
  compgen -W "$(crm_node --list 2>/dev/null | awk '{ print $2 }')" -- "$1"
}
""",
    "zsh": """\
_postfix_ha_nodes() {
  local -a nodes
  nodes=(${(f)"$(crm_node --list 2>/dev/null | awk '{ print $2 }')"})
  compadd -a nodes
}
""",
}


class Described(Parser):
    """The command line as the two tools are to see it."""

    def __init__(self, **options: Any) -> None:
        if options.get("epilog") and " " in options["prog"]:
            # argparse-manpage shows the epilog of the whole command alone; the examples are those of the commands.
            options["description"] = f"{options['description']}\n\n.nf\n{options.pop('epilog').rstrip()}\n.fi"
        super().__init__(**options)

    def add_argument(self, *names: str, **options: Any) -> argparse.Action:
        action = super().add_argument(*names, **options)
        if options.get("metavar") in COMPLETED:
            action.complete = COMPLETED[options["metavar"]]
        return action


@contextlib.contextmanager
def wide_lines() -> "Iterator[None]":
    """argparse breaks its lines for the terminal at hand; groff breaks those of the page."""
    before = os.environ.get("COLUMNS")
    os.environ["COLUMNS"] = "10000"
    try:
        yield
    finally:
        del os.environ["COLUMNS"]
        if before is not None:
            os.environ["COLUMNS"] = before


def manual_page() -> str:
    """The man page of the command."""
    with wide_lines():
        page = Manpage(build_parser(make=Described), format="single-commands-section")
        page.section, page.date, page.manual = "8", "", "Postfix on Pacemaker"
        page.source = f"postfix-ha {__version__}"
        page.description = "Postfix as a resource of a Pacemaker cluster"
        page.add_section("see also", "=", SEE_ALSO)
        text = str(page)
    # A command's section is called by what follows the program's name.
    return re.sub(r"^\.SS \\fBpostfix\\-ha (\S+)\\fR$", lambda found: f".SS {plain(found[1])}", text, flags=re.M)


def plain(word: str) -> str:
    """A word of the page without troff's escapes."""
    return word.replace("\\-", "-")


def completion(shell: str) -> str:
    """A shell's completion of the command."""
    text = shtab.complete(build_parser(make=Described), shell=shell, preamble=PREAMBLE)
    return "".join(line.rstrip() + "\n" for line in text.splitlines())


def made_files() -> "dict[Path, str]":
    """Path -> text of each."""
    return {PAGE: manual_page(), BASH: completion("bash"), ZSH: completion("zsh")}
