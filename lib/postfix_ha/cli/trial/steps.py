"""The steps of a trial: each is done once, and undone whatever happened to it."""

import os
import re
import shutil
import stat
import time

from postfix_ha.cli.trial.agent_call import Call
from postfix_ha.endpoint import missing_addresses
from postfix_ha.messages.statement import worded
from postfix_ha.system.command import run
from postfix_ha.system.complaints import telling_line
from postfix_ha.system.files import clear
from postfix_ha.system.mounts import read_mounts
from postfix_ha.system.quoting import quote, quote_words

TYPE_CHECKING = False
if TYPE_CHECKING:
    from postfix_ha.system.command import Completed

# A data directory has a dozen files. Where somebody has put so many, those of a trial are not told from them.
NAMES_MAX = 1000
# What find(1) would take for a pattern.
GLOB = re.compile(r"[*?\[\]\\]")
STEP_S = 60.0
PING_S = 1


class StepFailed(Exception):
    """A step could not be done, or not be undone; the text says why."""


class TrialStep:
    """One step: ``name`` says what it does, do() does it, undo() takes it back, note() is a shell's line for that."""

    name = ""

    def do(self, watch: int) -> None:
        """Do it, or raise StepFailed; what may take long is broken off when ``watch`` becomes readable."""

    def undo(self) -> None:
        """Take it back, also where it was done by half or not at all; StepFailed where that cannot be done."""

    def note(self) -> str:
        """What undoes it by hand, "" for nothing."""
        return ""


def call(argv: "list[str]", watch: int = -1) -> "Completed":
    """Run a program for a step."""
    return run(argv, deadline=time.monotonic() + STEP_S, watch=watch)


def insist(argv: "list[str]", watch: int = -1) -> None:
    """Run a program that has to succeed."""
    done = call(argv, watch)
    if done.returncode != 0:
        raise StepFailed(worded("trial_program", command=quote_words(argv), why=telling_line(done) or done.returncode))


class Folder(TrialStep):
    """A directory that is made where there is none, and removed again with what was put there."""

    def __init__(self, path: str, *, is_ours: bool = False) -> None:
        self.name = worded("trial_makes", path=path)
        self.path = path
        self.is_ours = is_ours
        self.made: "list[str]" = []
        top = path
        while not os.path.lexists(top):
            self.made.append(top)
            top = os.path.dirname(top)

    def do(self, watch: int) -> None:
        os.makedirs(self.path, mode=0o700 if self.is_ours else 0o755, exist_ok=True)
        about = os.lstat(self.path)
        if self.is_ours and (about.st_uid != 0 or not stat.S_ISDIR(about.st_mode)):
            raise StepFailed(worded("trial_directory", path=self.path))

    def undo(self) -> None:
        if self.is_ours and self.made:
            shutil.rmtree(self.path, ignore_errors=True)
        for path in self.made:
            if os.path.isdir(path):
                os.rmdir(path)

    def note(self) -> str:
        made = [quote(path) for path in self.made]
        if not made:
            return ""
        return f"rm -rf {made[0]}" if self.is_ours else f"rmdir {' '.join(made)} 2>/dev/null || :"


class Address(TrialStep):
    """An address that is brought up on an interface, and taken off it again."""

    def __init__(self, address: str, prefix: int, nic: str) -> None:
        self.name = worded("trial_brings_up", address=address, prefix=prefix, nic=nic)
        self.address = address
        self.words = [f"{address}/{prefix}", "dev", nic]

    def do(self, watch: int) -> None:
        if call(["ping", "-n", "-c", "1", "-w", str(PING_S), self.address], watch).returncode == 0:
            raise StepFailed(worded("trial_address_free", address=self.address))
        extra = ["nodad"] if ":" in self.address else []
        insist(["ip", "address", "add", *self.words, *extra], watch)

    def undo(self) -> None:
        if self.address not in missing_addresses([self.address]):
            insist(["ip", "address", "del", *self.words])

    def note(self) -> str:
        return quote_words(["ip", "address", "del", *self.words]) + " 2>/dev/null || :"


class Mounting(TrialStep):
    """A file system that is mounted, and unmounted again."""

    def __init__(self, device: str, directory: str) -> None:
        self.name = worded("trial_mounts", device=device, directory=directory)
        self.device = device
        self.directory = directory

    def do(self, watch: int) -> None:
        insist(["mount", self.device, self.directory], watch)

    def undo(self) -> None:
        if is_mounted(self.directory):
            insist(["umount", self.directory])

    def note(self) -> str:
        at = quote(self.directory)
        return f"if mountpoint -q {at}; then umount {at}; fi"


class DataDirectory(TrialStep):
    """What Postfix makes of its own in the data directory is taken away again."""

    def __init__(self, path: str) -> None:
        self.name = worded("trial_notes", path=path)
        self.path = path
        self.was_there = os.path.isdir(path)
        self.names = self._names()

    def _names(self) -> "set[str]":
        """The names in it: Postfix keeps locks, seeds and caches there, and the mail owner what he likes."""
        try:
            with os.scandir(self.path) as entries:
                return {entry.name for _, entry in zip(range(NAMES_MAX), entries)}
        except OSError:
            return set()

    def undo(self) -> None:
        if len(self.names) >= NAMES_MAX or not os.path.isdir(self.path):
            return
        directory = os.open(self.path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            clear(directory, lambda name: name not in self.names)
        finally:
            os.close(directory)
        if not self.was_there:
            os.rmdir(self.path)

    def note(self) -> str:
        if not self.was_there:
            return f"rm -rf {quote(self.path)}"
        if len(self.names) >= NAMES_MAX:
            return ""
        kept = [word for name in sorted(self.names) for word in ("!", "-name", GLOB.sub(r"\\\g<0>", name))]
        return quote_words(["find", self.path, "-maxdepth", "1", "-type", "f", *kept, "-delete"])


class StartedService(TrialStep):
    """Postfix, started and stopped by the agent's own actions."""

    def __init__(self, agent: Call) -> None:
        self.name = worded("trial_starts")
        self.agent = agent

    def do(self, watch: int) -> None:
        code, reason = self.agent.do("start", watch=watch)
        if code != 0:
            raise StepFailed(reason or worded("trial_agent", action="start", code=code))

    def undo(self) -> None:
        code, reason = self.agent.do("stop")
        if code != 0:
            raise StepFailed(reason or worded("trial_agent", action="stop", code=code))

    def note(self) -> str:
        environment = [f"{name}={value}" for name, value in self.agent.environment(STEP_S).items()]
        stop = quote_words(["env", *environment, *self.agent.argv("stop")])
        # An action that was under way goes on to its own end when the trial is killed.
        # Only root's: any user may call a process so, and would keep the service on this node.
        return (
            f"while pgrep -u 0 -U 0 -f 'postfix_ha.agent import run; run[(][)] ' >/dev/null; do sleep 0.2; done\n{stop}"
        )


def is_mounted(directory: str) -> bool:
    """Whether something is mounted exactly there."""
    path = os.path.realpath(directory)
    return any(mount.mount_point == path for mount in read_mounts().mounts)
