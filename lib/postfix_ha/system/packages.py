"""The package manager of this node's distribution, for commands that people paste."""

import os

MANAGERS = ("apt-get", "dnf", "zypper", "yum")


def installing_command(package: str, *options: str) -> str:
    """The command that installs a package, "" where no package manager is known."""
    for program in MANAGERS:
        if os.access(f"/usr/bin/{program}", os.X_OK):
            return " ".join([program, "install", *(options if program == "apt-get" else ()), package])
    return ""
