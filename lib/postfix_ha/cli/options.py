"""Options that several commands have, and what their values may be."""

import argparse
import os

from postfix_ha.messages.statement import worded
from postfix_ha.params import BINARY_DEFAULT

# Seconds for one look at a node, and the exit code of a wrong command line or of errors found.
TIMEOUT_S = 30.0
FAILED = 2


def wrong(check: str, **values: object) -> argparse.ArgumentTypeError:
    """What argparse is to say of an option's value: a row of the catalogue."""
    return argparse.ArgumentTypeError(worded(check, **values))


def add_instance_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that say which Postfix is meant."""
    parser.add_argument("--config-dir", default="", metavar="DIR", help="the instance's configuration directory")
    parser.add_argument(
        "--cib-file",
        type=existing_file,
        default="",
        metavar="FILE",
        help="read this CIB file, not the live cluster",
    )
    parser.add_argument("--binary", default=BINARY_DEFAULT, metavar="FILE", help="the postfix command")


def existing_file(text: str) -> str:
    """The absolute path of a file that is there; "" for none."""
    if text and not os.path.isfile(text):
        raise wrong("option_file", text=repr(text))
    return os.path.abspath(text) if text else ""


def node_name(text: str) -> str:
    """A node's name, which no remote shell could take for an option."""
    from postfix_ha.peers.remote import HOST

    if not HOST.fullmatch(text):
        raise wrong("option_node", text=repr(text))
    return text


def remote_shell(text: str) -> "list[str]":
    """The words of the remote shell's command line."""
    import shlex

    try:
        words = shlex.split(text)
    except ValueError as error:
        raise wrong("option_shell", text=repr(text), why=str(error).lower()) from None
    if not words:
        raise wrong("option_shell_named")
    return words
