"""JudgedNode: a mail node on which every answer of the agent is held against the rules that hold in every state.

A test that uses it asserts what is particular to its state; that a probe never answers "wrongly configured", that a
failure has exactly one reason in one line, or that nobody is told "stopped" while a daemon lives is asserted here.
"""

import contextlib
import os
import re
import signal
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from typing import BinaryIO, Callable, Optional

from tests.support.machine.node import Text
from tests.support.machine.process import NodeProcess
from tests.support.machine.waiting import wait_for
from tests.support.mail.main_cf import with_settings
from tests.support.mail.node import ADDRESS, DAEMON_DIRECTORY, MAIN_CF, Answer, MailNode

CONFIG = "/etc/postfix"
MAIN = CONFIG + "/main.cf"
MASTER = CONFIG + "/master.cf"
SNAPSHOT = "/run/resource-agents/postfix_ha-etc-postfix.snapshot"
SUCCESS, FAILED, NO_PERMISSION, NOT_INSTALLED, NOT_CONFIGURED, NOT_RUNNING, DEGRADED = 0, 1, 4, 5, 6, 7, 190
# What each action may answer: Pacemaker takes 2, 4, 5 and 6 of a monitor for more than a fault of this node.
ALLOWED = {
    "probe": {SUCCESS, FAILED, NOT_RUNNING},
    "monitor": {SUCCESS, FAILED, NOT_RUNNING, DEGRADED},
    "stop": {SUCCESS, FAILED},
}
LOG_LINES_MAX = 4
# What no check of ours may cause in the mail log, for administrators ask what it means.
UNWANTED = ("lost connection", "PREGREET", "HANGUP", "improper command pipelining", "timeout after", "SSL_accept error")


class JudgedNode(MailNode):
    """A mail node (queue on a tmpfs unless ``disk_mb`` is given) that judges each answer of its agent.

    ``tolerated`` are words of UNWANTED that a test's own clients cause, ``is_foreign`` tells the processes of a
    container's Postfix, which only look like ours.
    """

    def __init__(self, more_main_cf: str = "", *, disk_mb: Optional[int] = None, main_cf: str = MAIN_CF) -> None:
        super().__init__(disk_mb=disk_mb, main_cf=with_settings(main_cf, more_main_cf))
        self.tolerated: "set[str]" = set()
        self.is_foreign: "Callable[[NodeProcess], bool]" = lambda process: False

    def __exit__(self, *failure: object) -> None:
        try:
            if self.alive and failure[0] is not None:
                print(self.mail_log(), self.cluster_log(), *self.pids(), sep="\n")  # pytest shows it with the failure
            elif self.alive:
                log = self.mail_log()
                assert not [word for word in UNWANTED if word in log and word not in self.tolerated], log
        finally:
            super().__exit__(*failure)

    # The agent

    def agent(self, action: str, **more: object) -> Answer:  # type: ignore[override]
        """Run an action and judge its answer."""
        logged = len(self.cluster_log().splitlines())
        answer = super().agent(action, **more)  # type: ignore[arg-type]
        lines = self.cluster_log().splitlines()[logged:]
        kind = "probe" if action == "monitor" and more.get("interval_s", 10) == 0 else action
        seen = f"{kind} {more}: {answer}\n" + "\n".join(lines)
        assert answer.code in ALLOWED.get(kind, {answer.code}), seen
        assert "Traceback" not in answer.stderr, seen
        assert len(lines) <= LOG_LINES_MAX, seen
        assert answer.seconds < float(more.get("timeout_s", 20)), seen  # type: ignore[arg-type]
        is_silent = answer.code == SUCCESS or (kind == "probe" and answer.code == NOT_RUNNING)
        assert answer.reasons == (0 if is_silent else 1), seen
        assert not answer.reason or ("; " in answer.reason and answer.reason.isprintable()), seen
        if answer.code == NOT_RUNNING or (kind, answer.code) == ("stop", SUCCESS):
            params = dict(more.get("params") or {})  # type: ignore[call-overload]
            assert self.ours(params.get("config_dir") or CONFIG) == [], seen
        return answer

    def monitor(self, level: int = 0, **more: object) -> Answer:
        """A recurring monitor."""
        return self.agent("monitor", level=level, **more)

    def logged_by(self, call: "Callable[[], Answer]") -> "list[str]":
        """The lines that a call of the agent leaves in the cluster's log."""
        before = len(self.cluster_log().splitlines())
        call()
        return self.cluster_log().splitlines()[before:]

    def started_again(self) -> Answer:
        """A start that must succeed."""
        answer = self.agent("start")
        assert answer.code == SUCCESS, f"{answer}\n{self.mail_log()}"
        return answer

    def stopped(self, **more: object) -> None:
        """Stop, and see that nothing lives or listens any more and that the queue's file system unmounts."""
        answer = self.agent("stop", **more)
        assert answer.code == SUCCESS, answer
        self.unmounts()

    def stopped_only(self) -> None:
        """Stop; the queue's file system stays."""
        answer = self.agent("stop")
        assert answer.code == SUCCESS, answer
        assert self.ours() == []

    def unmounts(self) -> None:
        """The queue's file system can be unmounted, which nothing but the end of all its users allows."""
        done = self.queue.umount()
        assert done.returncode == 0, done.stderr + self.run(["fuser", "-vm", self.queue.at]).stderr

    # Its configuration

    def configure(self, text: str) -> None:
        """Set parameters in main.cf as if that was done some time ago."""
        self.rewrite(with_settings(self.read(MAIN), text))

    def rewrite(self, main_cf: str) -> None:
        """Write another main.cf as if that was done some time ago."""
        self.write(MAIN, main_cf)
        self.age(MAIN)

    def change(self, path: str, old: str, new: str) -> None:
        """Replace a text in a file that holds it."""
        text = self.read(path)
        assert re.search(old, text, re.M), text
        self.write(path, re.sub(old, new, text, flags=re.M))

    def hosts(self, *lines: str) -> None:
        """Write /etc/hosts."""
        self.write("/etc/hosts", "".join(line + "\n" for line in lines))

    def write(self, path: str, text: Text, mode: Optional[int] = None, *, append: bool = False) -> None:
        """As Node.write(); refuses /proc, whose settings of the network are those of the process that writes."""
        assert not path.startswith("/proc/"), "this would change the machine below: use do('sysctl', ...)"
        super().write(path, text, mode, append=append)

    def do(self, *argv: str) -> str:
        """Run a command that must work; returns what it printed."""
        return self.run(argv, check=True).stdout

    def copy_config(self, directory: str, main_cf: str) -> None:
        """Make another configuration directory with this main.cf and our master.cf."""
        self.write(f"{directory}/main.cf", main_cf)
        self.age(f"{directory}/main.cf")
        self.do("sh", "-c", f"cd {CONFIG} && cp -a master.cf dynamicmaps.cf* postfix-files* {directory}/")

    # Its processes and clients

    def ours(self, config_dir: str = CONFIG) -> "list[NodeProcess]":
        """The living Postfix daemons whose environment names this configuration."""
        return [p for p in self.daemons() if environment(p).get("MAIL_CONFIG") == config_dir]

    def daemons(self) -> "list[NodeProcess]":
        """The node's living Postfix daemons, without foreign ones."""
        return [process for process in super().daemons() if not self.is_foreign(process)]

    def master(self) -> NodeProcess:
        """The one master process; a child of its that is about to become a daemon still looks like another one."""

        def alone() -> "list[NodeProcess]":
            masters = self._masters()
            return masters if len(masters) == 1 else []

        return self.wait(alone, "one master lives")[0]  # type: ignore[index]

    def _masters(self) -> "list[NodeProcess]":
        return [process for process in self.daemons() if process.exe == DAEMON_DIRECTORY + "master"]

    def end(self, *processes: NodeProcess) -> None:
        """Kill processes at once and wait until they are gone."""
        for process in processes:
            self.signal(process, 9)
        self.wait(lambda: not any(self.lives(process) for process in processes), f"{processes} are gone")

    def wait(self, predicate: "Callable[[], object]", what: str, timeout: float = 15) -> object:
        """Wait for a fact of the node."""
        return wait_for(predicate, timeout, what, every=0.01)

    def greeting(self, address: str = ADDRESS, port: int = 25, timeout_s: float = 5) -> str:
        """The first line that an orderly client is greeted with, "" where none comes in time or nobody listens."""
        greeting = ""
        with contextlib.suppress(OSError), self.connection(address, port, timeout_s) as connection:
            lines = connection.makefile("rwb", buffering=0)
            greeting = lines.readline().decode().strip()
            lines.write(b"QUIT\r\n")
            lines.readline()
        return greeting

    def serves(self, *endpoints: "tuple[str, int]") -> None:
        """A client is greeted at each endpoint."""
        for address, port in endpoints or ((ADDRESS, 25),):
            with self.client(address, port):
                pass

    @contextlib.contextmanager
    def client(self, address: str = ADDRESS, port: int = 25) -> "Iterator[BinaryIO]":
        """A client that was greeted, and that says QUIT in the end."""
        with self.connection(address, port) as connection, connection.makefile("rwb") as lines:
            greeting = lines.readline()
            assert greeting.startswith(b"220"), (greeting, self.mail_log())
            yield lines
            with contextlib.suppress(OSError):
                lines.write(b"QUIT\r\n")
                lines.flush()
                lines.readline()

    def background(
        self,
        stack: contextlib.ExitStack,
        argv: "Sequence[str]",
        env: "Optional[Mapping[str, str]]" = None,
        **more: object,
    ) -> NodeProcess:
        """Start a process that lives until the test ends (or somebody ends it)."""
        known = {process.pid for process in self.pids()}
        self.begin(stack, argv, env=env, **more)

        def found() -> "Optional[NodeProcess]":
            new = [p for p in self.pids() if p.pid not in known and p.argv == tuple(argv) and p.state != "Z"]
            return new[0] if new else None

        return self.wait(found, " ".join(argv))  # type: ignore[return-value]

    def begin(self, stack: contextlib.ExitStack, argv: "Sequence[str]", **more: object) -> "subprocess.Popen[bytes]":
        """Start a command that is killed with its children when the test ends."""
        began = self.popen(argv, **more)  # type: ignore[arg-type]

        def end() -> None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(began.pid, signal.SIGKILL)
            began.wait(10)
            for stream in (began.stdin, began.stdout, began.stderr):
                if stream:
                    with contextlib.suppress(BrokenPipeError):
                        stream.close()

        stack.callback(end)
        return began

    def lives(self, process: NodeProcess) -> bool:
        """Whether a process found before still runs."""
        return any(p.outside == process.outside and p.state != "Z" for p in self.pids())

    def blackhole(self, address: str) -> None:
        """Let everything that is sent to an address vanish, as a firewall does that drops."""
        self.do("ip", "neighbour", "replace", address, "lladdr", "02:00:5e:10:00:01", "nud", "permanent", "dev", "eth0")


def environment(process: NodeProcess) -> "dict[str, str]":
    """The environment that a process was started with."""
    try:
        with open(f"/proc/{process.outside}/environ", "rb") as file:
            pairs = [entry.partition(b"=") for entry in file.read().split(b"\0") if entry]
    except OSError:
        return {}
    return {os.fsdecode(name): os.fsdecode(value) for name, _, value in pairs}
