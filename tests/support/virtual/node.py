"""A node that is a virtual machine, reached by ssh: the same calls as a node of the name-space lab."""

import base64
import json
import os
import shlex
import signal
import subprocess
from collections.abc import Mapping, Sequence
from typing import Any, Optional, Union

from tests.support.lab.node import LOGS, QUEUE_MOUNT
from tests.support.machine.node import BASE_ENV, PYTHON, Text
from tests.support.machine.process import NodeProcess, describe

# Run in the machine: every process as [pid, name, state, exe, argv].
LIST_PROCESSES = """\
import json, os
found = []
for entry in filter(str.isdigit, os.listdir("/proc")):
    try:
        status = dict(line.rstrip("\\n").split(":\\t", 1) for line in open(f"/proc/{entry}/status") if ":\\t" in line)
        argv = open(f"/proc/{entry}/cmdline", "rb").read().split(b"\\0")[:-1]
        try:
            exe = os.readlink(f"/proc/{entry}/exe")
        except OSError:
            exe = ""
        found.append([int(entry), status["Name"], status["State"][0], exe, [os.fsdecode(word) for word in argv]])
    except OSError:
        continue
print(json.dumps(found))
"""
# How ssh ends when it, and not the command, failed.
SSH_FAILED = 255


class VirtualNode:
    """One machine: ``name`` in the cluster, ``machine`` in Vagrant and in what ``vagrant ssh-config`` wrote."""

    kept_logs = ""  # its disk keeps them all

    def __init__(self, name: str, number: int, machine: str, domain: str, ssh_config: str, control: str) -> None:
        self.name = name
        self.number = number
        self.machine = machine
        self._domain = domain
        # One connection for all commands; a machine that has died is noticed in seconds.
        self._ssh = ["ssh", "-F", ssh_config, "-o", "ControlMaster=auto", "-o", f"ControlPath={control}/{machine}"]
        self._ssh += ["-o", "ControlPersist=yes", "-o", "ConnectTimeout=10", "-o", "BatchMode=yes"]
        self._ssh += ["-o", "ServerAliveInterval=5", "-o", "ServerAliveCountMax=4", "-o", "LogLevel=ERROR"]
        self._ssh += [machine, "--"]

    # Power

    def _virsh(self, *words: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(["virsh", *words], capture_output=True, text=True, timeout=120, stdin=subprocess.DEVNULL)

    @property
    def is_on(self) -> bool:
        """Whether the machine has power."""
        return self._virsh("domstate", self._domain).stdout.strip() == "running"

    @property
    def is_reachable(self) -> bool:
        """Whether it answers by ssh."""
        return self.is_on and (self._has_line or self.run(["true"], timeout=30).returncode == 0)

    @property
    def _has_line(self) -> bool:
        """Whether the connection that all commands share is there; asks nothing of the machine."""
        return subprocess.run([*self._ssh[:-2], "-O", "check", self.machine], capture_output=True).returncode == 0

    @property
    def pid(self) -> str:
        """What tells this life of the machine from the ones before: the kernel's boot id."""
        return self.read("/proc/sys/kernel/random/boot_id").strip()

    def power_off(self) -> None:
        """Cut the power: what was not synced is lost."""
        done = self._virsh("destroy", self._domain)
        if done.returncode and self.is_on:
            raise RuntimeError(f"{self.name}: {done.stderr.strip()}")

    def power_on(self) -> None:
        """Switch it on; it boots in the background."""
        done = self._virsh("start", self._domain)
        if done.returncode and not self.is_on:
            raise RuntimeError(f"{self.name}: {done.stderr.strip()}")

    def set_cables(self, networks: "Sequence[str]", state: str) -> None:
        """Pull (``down``) or put back (``up``) its cables in these networks."""
        for line in self._virsh("domiflist", self._domain).stdout.splitlines():
            words = line.split()
            if len(words) == 5 and words[2] in networks:
                self._virsh("domif-setlink", self._domain, words[4], state)

    # Commands

    def command(self, argv: Sequence[str], env: "Optional[Mapping[str, str]]" = None) -> "list[str]":
        """The command line that runs ``argv`` in the machine as root when it is executed here."""
        pairs = [f"{name}={value}" for name, value in (BASE_ENV if env is None else env).items()]
        return [*self._ssh, shlex.join(["sudo", "-n", "env", "-i", "-C", "/", *pairs, *argv])]

    def popen(self, argv: Sequence[str], **more: Any) -> "subprocess.Popen[Any]":
        """Start a command in the machine; ``more`` goes to subprocess.Popen."""
        more.setdefault("stdin", subprocess.DEVNULL)
        more.setdefault("start_new_session", True)
        return subprocess.Popen(self.command(argv), **more)

    def run(
        self,
        argv: Sequence[str],
        *,
        env: "Optional[Mapping[str, str]]" = None,
        timeout: float = 300,
        input: Optional[Text] = None,
        user: Optional[str] = None,
        check: bool = False,
    ) -> "subprocess.CompletedProcess[str]":
        """Run a command in the machine; exit code 255 also where the machine does not answer in time."""
        wanted = [] if user is None else ["setpriv", f"--reuid={user}", f"--regid={user}", "--init-groups"]
        data = input.encode() if isinstance(input, str) else input or b""
        try:
            done = subprocess.run(self.command([*wanted, *argv], env), input=data, capture_output=True, timeout=timeout)
            code, out, err = done.returncode, done.stdout, done.stderr
        except subprocess.TimeoutExpired as error:
            code, out, err = SSH_FAILED, error.stdout or b"", f"no answer within {timeout:g} s".encode()
        texts = [text.decode("utf-8", "surrogateescape") for text in (out, err)]
        if check and code:
            raise RuntimeError(f"{self.name}: {' '.join(argv)} failed with {code}: {''.join(texts[::-1]).strip()}")
        return subprocess.CompletedProcess(list(argv), code, *texts)

    def ask(self, script: str, *words: str) -> Any:
        """What a Python script printed in the machine as JSON."""
        return json.loads(self.run([PYTHON, "-IS", "-c", script, *words], check=True).stdout)

    # Files

    def read(self, path: str) -> str:
        """The text of a file of the machine."""
        done = self.run(["cat", path])
        if done.returncode:
            raise FileNotFoundError(f"{self.name}: {done.stderr.strip()}")
        return done.stdout

    def write(self, path: str, text: Text, mode: Optional[int] = None, *, append: bool = False) -> None:
        """Write a file of the machine, making missing directories; ``mode`` None keeps an existing file's mode."""
        data = text.encode("utf-8", "surrogateescape") if isinstance(text, str) else text
        where = shlex.quote(path)
        script = f'mkdir -p "$(dirname {where})" && base64 -d {">>" if append else ">"}{where}'
        if mode is not None:
            script += f" && chmod {mode:o} {where}"
        self.run(["sh", "-c", script], input=base64.b64encode(data), check=True)

    def append(self, path: str, text: Text) -> None:
        """Add to the end of a file of the machine."""
        self.write(path, text, append=True)

    def exists(self, path: str) -> bool:
        """Whether the machine has something at ``path``."""
        return self.run(["test", "-e", path]).returncode == 0

    def mounts(self, directory: str) -> bool:
        """Whether a file system is mounted at this directory."""
        return self.run(["findmnt", "--noheadings", directory]).returncode == 0

    def mounts_queue(self) -> bool:
        """Whether the shared file system is mounted in this machine."""
        return self.mounts(QUEUE_MOUNT)

    def logs(self, lines: int = 0) -> str:
        """What the machine has logged, or the last ``lines`` of each file."""
        found = []
        for path in LOGS:
            done = self.run(["tail", "-n", str(lines) if lines else "+1", path])
            if done.returncode == 0:
                found += [f"==> {self.name}:{path}", done.stdout]
        return "\n".join(found) + "\n"

    # Processes

    def pids(self) -> "list[NodeProcess]":
        """All processes of the machine; ``outside`` tells them from those of the others."""
        return [
            NodeProcess(pid, self.number * 10**8 + pid, name, exe, state, tuple(argv))
            for pid, name, state, exe, argv in self.ask(LIST_PROCESSES)
        ]

    def named(self, name: str) -> "list[NodeProcess]":
        """The processes with this command name, zombies left out."""
        return [process for process in self.pids() if process.name == name[:15] and process.state != "Z"]

    def signal(self, process: Union[NodeProcess, int], number: int) -> None:
        """Send a signal to one process; gone is no error."""
        pid = process if isinstance(process, int) else process.pid
        self.run(["kill", "-s", signal.Signals(number).name.removeprefix("SIG"), str(pid)])

    def close(self) -> None:
        """Hang up."""
        subprocess.run([*self._ssh[:-2], "-O", "exit", self.machine], capture_output=True, timeout=20)


class Here:
    """This machine, where the mail client runs: it has a leg in the clients' network."""

    def __init__(self) -> None:
        self._started: "list[subprocess.Popen[Any]]" = []

    def popen(self, argv: Sequence[str], **more: Any) -> "subprocess.Popen[Any]":
        """Start a command here."""
        more.setdefault("start_new_session", True)
        process = subprocess.Popen(list(argv), stdin=subprocess.DEVNULL, env=BASE_ENV, cwd="/", **more)
        self._started.append(process)
        return process

    def pids(self) -> "list[NodeProcess]":
        """What was started here and lives."""
        return [describe(process.pid) for process in self._started if process.poll() is None]

    def signal(self, process: NodeProcess, number: int) -> None:
        """Send it a signal."""
        os.kill(process.outside, number)
