"""Options that several commands have, and what their values may be."""

import argparse
import os

from postfix_ha.params import BINARY_DEFAULT

# Seconds for one look at a node, and the exit code of a wrong command line or of errors found.
TIMEOUT_S = 30.0
FAILED = 2


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
        raise argparse.ArgumentTypeError(f"{text!r}: no such file")
    return os.path.abspath(text) if text else ""


def node_name(text: str) -> str:
    """A node's name, which no remote shell could take for an option."""
    from postfix_ha.peers.remote import HOST

    if not HOST.fullmatch(text):
        raise argparse.ArgumentTypeError(f"{text!r} is not the name of a node")
    return text


def remote_shell(text: str) -> "list[str]":
    """The words of the remote shell's command line."""
    import shlex

    try:
        words = shlex.split(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r}: {error}".lower()) from None
    if not words:
        raise argparse.ArgumentTypeError("it names no command")
    return words
