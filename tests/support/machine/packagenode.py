"""PackageNode: a private node with the file system that ci/packages made, and the agent that a package put there."""

import os
import subprocess
import threading
from pathlib import Path

from tests.support.machine.process import NodeProcess
from tests.support.machine.waiting import wait_for
from tests.support.mail.node import AGENT, BASE_ENV, MAIN_CF, Answer, MailNode

PACKAGES = "/root/packages"
NAME = "postfix-ha"
# The tests' mail client writes to example.com; what it was acknowledged is enough here.
TAKES_ALL = MAIN_CF + "local_transport = discard:\nlocal_recipient_maps =\n"
TAKES_ALL = TAKES_ALL.replace("mydestination = ", "mydestination = example.com, ")


class PackageNode(MailNode):
    """A node whose agent, command and everything else is what the package manager installed."""

    def __init__(self, root: str) -> None:
        super().__init__(disk_mb=None, main_cf=TAKES_ALL, root=root)

    def install_agent(self) -> str:
        """The agent is there already."""
        return AGENT

    def dpkg(self, *words: str) -> str:
        """Run dpkg, which must succeed; returns all that it says."""
        return self.manage("dpkg", *words)

    def manage(self, *words: str) -> str:
        """Run a package manager's command, which must succeed; returns all that it says."""
        done = self.run(list(words), env={**BASE_ENV, "DEBIAN_FRONTEND": "noninteractive"}, timeout=120)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout + done.stderr

    def package(self, pattern: str) -> str:
        """The path in the node of the one package file with this pattern below the packages' folder."""
        found = self.run(["sh", "-c", f"ls {PACKAGES}/{pattern}"], check=True).stdout.split()
        assert len(found) == 1, found
        return found[0]

    def files(self, *folders: str) -> "set[str]":
        """Everything below these folders of the node that is there."""
        found = self.run(["find", *folders, "-xdev"], timeout=60).stdout
        return set(found.splitlines())

    def master_identity(self) -> "tuple[int, str]":
        """The living master's number and the time of its start, which no other process ever has."""
        master: NodeProcess = self.master()
        with open(f"/proc/{master.outside}/stat", encoding="ascii") as stat:
            return master.pid, stat.read().rpartition(")")[2].split()[19]


class Monitors:
    """Recurring monitors, one after another without a pause, for as long as the block lasts."""

    LEVELS = (0, 0, 10)

    def __init__(self, node: MailNode) -> None:
        self._node = node
        self._over = threading.Event()
        self.answers: "list[Answer]" = []
        self._threads = [threading.Thread(target=self._ask, args=(level,)) for level in self.LEVELS]

    def _ask(self, level: int) -> None:
        while not self._over.is_set():
            self.answers.append(self._node.agent("monitor", level=level))

    def __enter__(self) -> "Monitors":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join(60)

    def further(self, count: int = 12, timeout: float = 60) -> None:
        """Wait until this many more monitors than now have answered."""
        wanted = len(self.answers) + count
        wait_for(lambda: len(self.answers) >= wanted, timeout, f"{count} more monitors answer")

    def failures(self) -> "list[tuple[int, str]]":
        """Code and words of the monitors that did not answer 0."""
        return [(answer.code, answer.stderr) for answer in self.answers if answer.code != 0]


def roots() -> str:
    """The folder in which ci/packages made its file systems."""
    found = os.environ.get("PACKAGES_ROOTS", "")
    if not os.path.isdir(os.path.join(found, "current", "root", "packages")):
        raise RuntimeError("these tests need the file systems that ci/packages makes: run ci/packages as root")
    return found


def what_ci_install_puts(tree: Path, folder: Path) -> "set[str]":
    """The files that ci/install of a checkout puts below a folder."""
    subprocess.run([tree / "ci/install"], env={**BASE_ENV, "DESTDIR": str(folder)}, check=True, capture_output=True)
    found = {"/" + str(path.relative_to(folder)) for path in folder.rglob("*") if not path.is_dir()}
    return {path for path in found if not path.endswith((".pyc", "/manifest"))}
