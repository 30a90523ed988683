"""meta-data, usage and methods: what the agent says of itself. They need no root, no Postfix and no environment."""

import os
import sys

from postfix_ha import codes
from postfix_ha.request import ACTIONS, Request
from postfix_ha.verdict import Finding, Verdict

METADATA = os.path.join("metadata", "postfix_ha.xml")


def metadata_path() -> str:
    """Where the meta-data lies: beside the library, in a checkout as when installed."""
    library = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    return os.path.join(os.path.dirname(library), METADATA)


def print_metadata(request: Request) -> Verdict:
    """Print the committed meta-data as it is: plain ASCII, so the same in every locale."""
    path = metadata_path()
    try:
        with open(path, encoding="ascii") as file:
            sys.stdout.write(file.read())
    except OSError as error:
        return Verdict(
            codes.ERR_INSTALLED, Finding("program_sound", action="meta-data", why=f"{path}: {error.strerror}")
        )
    return Verdict(codes.SUCCESS)


def print_usage(request: Request) -> Verdict:
    """Print how the agent is called."""
    sys.stdout.write("usage: postfix_ha {" + "|".join(ACTIONS) + "}\n")
    return Verdict(codes.SUCCESS)


def print_methods(request: Request) -> Verdict:
    """Print the actions, one a line."""
    sys.stdout.write("\n".join(ACTIONS) + "\n")
    return Verdict(codes.SUCCESS)
