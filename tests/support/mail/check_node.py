"""CheckNode: a mail node with the command postfix-ha, configured so that nothing stands against it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Optional

from tests.support.machine.node import CHECKOUT, PYTHON
from tests.support.mail.node import ADDRESS, MAIN_CF, QUEUE, MailNode

PROGRAM = "/usr/sbin/postfix-ha"
NODE_ADDRESS = "198.51.100.11"
SPOOL = "/mnt/queue/mail"
HEALTHY_CF = MAIN_CF + f"mail_spool_directory = {SPOOL}\nsmtp_bind_address = {ADDRESS}\n"
LAUNCHER = f"""#!{PYTHON} -I
import sys

sys.path.insert(0, {str(CHECKOUT / "lib")!r})

from postfix_ha.cli.main import main

sys.exit(main())
"""


@dataclass
class Checked:
    """What one call of ``postfix-ha check --json`` gave back."""

    code: int
    findings: "list[dict[str, Any]]"
    raw: "dict[str, Any]" = field(default_factory=dict)
    stderr: str = ""

    def ids(self, *severities: str) -> "list[str]":
        """The ids of the findings, of these severities or of all."""
        return [found["id"] for found in self.findings if not severities or found["severity"] in severities]

    def named(self, check: str) -> "list[dict[str, Any]]":
        """The findings with this id."""
        return [found for found in self.findings if found["id"] == check]


class CheckNode(MailNode):
    """A node that stands by to serve: queue mounted, address up, Postfix not started, no unit enabled."""

    def __init__(self, *, disk_mb: Optional[int] = 64, main_cf: str = HEALTHY_CF) -> None:
        super().__init__(disk_mb=disk_mb, main_cf=main_cf)
        self.held = -1
        self.usual: "list[str]" = []

    def boot(self) -> None:
        """Boot, and put right what the machine below may have: units, and a network with an address of the node."""
        super().boot()
        self.write(PROGRAM, LAUNCHER, 0o755)
        self.shell(
            f"""
            rm -f /etc/systemd/system/*.wants/postfix*
            for link in /etc/rc?.d/S??postfix; do [ ! -L $link ] || mv $link ${{link%/*}}/K01postfix; done
            ip address flush dev eth0 scope global
            ip address add {NODE_ADDRESS}/24 dev eth0
            ip address add {ADDRESS}/24 dev eth0
            mkdir -p {SPOOL}
            """
        )
        self.usual = self.check().ids()

    def shell(self, script: str) -> str:
        """Run a shell's script that has to succeed; returns what it printed."""
        return self.run(["/bin/sh", "-e", "-c", script], check=True).stdout

    def check(self, *options: str, env: "Optional[Mapping[str, str]]" = None, user: Optional[str] = None) -> Checked:
        """Run postfix-ha check --json."""
        done = self.run([PROGRAM, "check", "--json", *options], env=env, user=user)
        assert "Traceback" not in done.stderr, done.stderr
        raw = json.loads(done.stdout) if done.stdout else {"findings": []}
        return Checked(done.returncode, raw["findings"], raw, done.stderr)

    def set(self, *settings: str, config_dir: str = "/etc/postfix") -> None:
        """Change main.cf as an administrator does."""
        self.run(["postconf", "-c", config_dir, "-e", *settings], check=True)

    def queue_path(self, name: str) -> str:
        """A path in the queue directory."""
        return f"{QUEUE}/{name}"
