"""Attacker: code that runs inside a private node as one of its users, and what is known of the processes it made."""

import contextlib
import subprocess
from collections.abc import Mapping, Sequence
from typing import Any, Optional

from tests.node.judged import CONFIG, JudgedNode
from tests.support.machine.node import PYTHON
from tests.support.machine.process import NodeProcess
from tests.support.machine.waiting import wait_for
from tests.support.mail.node import DAEMON_DIRECTORY, MailNode

OURS = {"MAIL_CONFIG": CONFIG}
GROUPS = {"nobody": "nogroup"}
ENV = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8"}


class Attacker:
    """A user of a node; ``home`` is a directory that this user can write, whose path everybody can walk.

    What it has in the background ends with the ``stack``.
    """

    def __init__(self, node: MailNode, stack: contextlib.ExitStack, user: str) -> None:
        self.node = node
        self.stack = stack
        self.user = user
        self.uid = int(node.run(["id", "-u", user], check=True).stdout)
        self.home = f"/tmp/home-{user}"
        node.run(["install", "-d", "-m", "755", "-o", user, self.home], check=True)

    def command(self, argv: "Sequence[str]", cwd: str = "/") -> "list[str]":
        """The command line that, run by root in the node, runs ``argv`` as this user: all uids, no other groups."""
        group = GROUPS.get(self.user, self.user)
        become = ["setpriv", f"--reuid={self.user}", f"--regid={group}", "--clear-groups", "--"]
        return [*become, "env", "-C", cwd, *argv]

    def run(
        self, argv: "Sequence[str]", *, cwd: str = "/", env: "Optional[Mapping[str, str]]" = None, **more: Any
    ) -> "subprocess.CompletedProcess[str]":
        """Run a command as this user to its end (Node.run)."""
        return self.node.run(self.command(argv, cwd), env={**ENV, **(env or {})}, **more)

    def python(self, code: str, *words: str, **more: Any) -> "subprocess.CompletedProcess[str]":
        """Run Python code as this user to its end; ``words`` are its sys.argv[1:]."""
        return self.run([PYTHON, "-IS", "-c", code, *words], **more)

    def begin(
        self, argv: "Sequence[str]", *, cwd: str = "/", env: "Optional[Mapping[str, str]]" = None, **more: Any
    ) -> "subprocess.Popen[bytes]":
        """Start a command as this user in the background."""
        began = self.node.popen(self.command(argv, cwd), env={**ENV, **(env or {})}, **more)

        def end() -> None:
            # Those that left its process group, too: all of this user's that no test has made otherwise.
            for process in self.new_since(known):
                self.node.signal(process, 9)
            with contextlib.suppress(ProcessLookupError):
                began.kill()
            began.wait(10)
            for stream in (began.stdin, began.stdout, began.stderr):
                if stream:
                    with contextlib.suppress(BrokenPipeError):
                        stream.close()

        known = {process.outside for process in self.node.pids()}
        self.stack.callback(end)
        return began

    def hold(
        self,
        code: str,
        *words: str,
        program: str = PYTHON,
        name: str = "",
        ready: int = 1,
        cwd: str = "/",
        env: "Optional[Mapping[str, str]]" = None,
    ) -> "list[NodeProcess]":
        """Start Python code in the background and wait until it has said "ready" so many times; gives its processes.

        ``program`` may be a copy of the interpreter (interpreter()), ``name`` is its argv[0].
        """
        known = {process.outside for process in self.node.pids()}
        argv = [program, "-IS", "-c", code, *words]
        if name:
            argv = ["bash", "-c", 'exec -a "$0" "$@"', name, *argv]
        began = self.begin(argv, cwd=cwd, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, bufsize=0)
        assert began.stdout
        for _ in range(ready):
            line = began.stdout.readline()
            assert line == b"ready\n", (line, began.stderr and began.stderr.read(4096))
        return self.new_since(known)

    def stand(
        self, argv: "Sequence[str]", *, cwd: str = "/", env: "Optional[Mapping[str, str]]" = None, count: int = 1
    ) -> "list[NodeProcess]":
        """Start a command in the background and wait until ``count`` processes run as this user."""
        known = {process.outside for process in self.node.pids()}
        self.begin(argv, cwd=cwd, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

        def found() -> "list[NodeProcess]":
            new = [p for p in self.new_since(known) if p.name not in ("setpriv", "env", "nsenter")]
            return new if len(new) >= count else []

        return wait_for(found, 15, f"{self.user} runs {argv}", every=0.01)

    def copy(self, program: str, path: str) -> str:
        """Copy a program to a path of this user's, such as ``HOME/usr/lib/postfix/sbin/master``; gives the path."""
        self.run(["sh", "-ec", 'mkdir -p "${1%/*}"; cp "$0" "$1"; chmod 755 "$1"', program, path], check=True)
        return path

    def interpreter(self, path: str) -> str:
        """A copy of Python at a path of this user's: whatever runs there has that program."""
        return self.copy(PYTHON, path)

    def processes(self) -> "list[NodeProcess]":
        """The living processes of this user (real uid) in the node."""
        return [p for p in self.node.pids() if p.state != "Z" and real_uid(p.outside) == self.uid]

    def new_since(self, known: "set[int]") -> "list[NodeProcess]":
        """Those of this user's processes that are none of the known ones (numbers outside)."""
        return [process for process in self.processes() if process.outside not in known]

    def lives(self, process: NodeProcess) -> bool:
        """Whether a process found before still runs."""
        return any(p.outside == process.outside and p.state != "Z" for p in self.node.pids())


def real_uid(outside: int) -> int:
    """The real uid of a process by its number outside of the node; -1 when it is gone."""
    try:
        with open(f"/proc/{outside}/status", "rb") as file:
            return next(int(line.split()[1]) for line in file if line.startswith(b"Uid:"))
    except (OSError, StopIteration):
        return -1


def taken_over(node: JudgedNode, name: str) -> str:
    """A program of the daemon directory that runs what the attacker likes, as a daemon does that was taken over."""
    program = DAEMON_DIRECTORY + name
    node.do("cp", PYTHON, program)
    return program
