"""Scene: a private mail node, the innocent processes on it, and the facts that a test asks it for."""

import contextlib
import os
import signal
from collections.abc import Iterator
from typing import Callable

from tests.support.machine.process import NodeProcess
from tests.support.machine.waiting import wait_for
from tests.support.mail.node import ADDRESS, MAIN_CF, QUEUE, Answer, MailNode

SNAPSHOT = "/run/resource-agents/postfix_ha-etc-postfix.snapshot"
PID_FILE = QUEUE + "/pid/master.pid"
SECOND_CONFIG = "/etc/postfix2"
SECOND_QUEUE = "/mnt/queue2/postfix"
SECOND_ADDRESS = "198.51.100.102"
SECOND_CF = f"""\
compatibility_level = 3.6
myhostname = second.example.com
inet_interfaces = {SECOND_ADDRESS}
inet_protocols = ipv4
queue_directory = {SECOND_QUEUE}
data_directory = /var/lib/postfix2
alias_maps =
alias_database =
maillog_file = /var/log/mail2.log
"""
INNOCENTS = """\
cp /bin/sleep /run/master
/run/master 1001 &
MAIL_CONFIG=/etc/postfix sleep 1002 &
setpriv --reuid=postfix --clear-groups sleep 1003 &
wait
"""
# What a check of ours must never cause in the mail log.
UNWANTED = ("lost connection", "PREGREET", "improper command pipelining", "timeout after", "SSL_accept error")


class Scene:
    """One node in one state; ``params`` go to the agent, ``stack`` undoes what outlives the node otherwise."""

    def __init__(self, node: MailNode, stack: contextlib.ExitStack, greeting_s: int) -> None:
        self.node = node
        self.stack = stack
        self.params = {"greeting_timeout": str(greeting_s)}
        self.spared: "list[NodeProcess]" = []
        self.has_second = False
        # Seconds that stop and a monitor are given; a state in which something must time out gives less.
        self.timeout_s = 20.0
        self.snapshot = SNAPSHOT
        self.thaw: "Callable[[], None]" = lambda: None
        self._disks: "list[int]" = []
        self._spare_innocents()

    # What an administrator does

    def start(self) -> None:
        """Start by the agent."""
        answer = self.act("start", timeout_s=30)
        assert answer.code == 0, f"{answer.stderr}\n{self.node.mail_log()}"
        # Whoever has something to log waits for postlogd, which a configuration broken next would keep from starting.
        self.wait(lambda: "disconnect from" in self.node.mail_log(), "postlogd writes what start's own client did")

    def act(self, action: str, **more: object) -> Answer:
        """Run an action of the agent with the parameters of this scene."""
        more.setdefault("timeout_s", self.timeout_s)
        return self.node.agent(action, params=self.params, **more)  # type: ignore[arg-type]

    def run(self, *argv: str) -> str:
        """Run a command that must work; returns what it printed."""
        return self.node.run(argv, check=True).stdout

    def kill(self, process: NodeProcess, number: "signal.Signals" = signal.SIGKILL) -> None:
        """Send a signal, and wait until a killed process is gone."""
        self.node.signal(process, number)
        if number == signal.SIGKILL:
            self.wait(lambda: process.pid not in self.pids(), f"{process.name} is gone")

    def wait(self, predicate: "Callable[[], object]", what: str) -> None:
        """Wait for a fact of the scene."""
        wait_for(predicate, 15, what, every=0.01)

    def daemon(self, name: str) -> NodeProcess:
        """One of our daemons with this name; one that was just started bears master's name for a moment."""
        self.wait(lambda: [process for process in self.mine() if process.name == name], f"{name} runs")
        return next(process for process in self.mine() if process.name == name)

    def greet_once(self) -> None:
        """Be a client once, so that an idle smtpd is left behind."""
        with self.client():
            pass
        self.wait(lambda: [p for p in self.mine() if p.name == "smtpd"], "an smtpd is idle")

    @contextlib.contextmanager
    def client(self, address: str = ADDRESS) -> "Iterator[None]":
        """A client that has been greeted and says QUIT in the end."""
        with self.node.connection(address) as connection, connection.makefile("rwb") as lines:
            assert lines.readline().startswith(b"220 ")
            yield
            connection.settimeout(1)
            with contextlib.suppress(OSError):
                lines.write(b"QUIT\r\n")
                lines.flush()
                lines.readline()

    def start_second(self, main_cf: str = SECOND_CF) -> None:
        """Start a second instance with everything of its own, by hand."""
        self.node.write(f"{SECOND_CONFIG}/main.cf", main_cf)
        self.node.age(f"{SECOND_CONFIG}/main.cf")
        self.run("sh", "-c", f"cd /etc/postfix && cp -a master.cf dynamicmaps.cf* postfix-files* {SECOND_CONFIG}/")
        self.run("ip", "address", "add", f"{SECOND_ADDRESS}/24", "dev", "eth0")
        self.node.mount_tmpfs("/mnt/queue2", size_mb=32)
        self.run("mkdir", "-p", SECOND_QUEUE)
        self.run("postfix", "-c", SECOND_CONFIG, "start")
        self.has_second = True
        wanted = {"master", "qmgr", "pickup"}
        self.wait(lambda: wanted <= {process.name for process in self.second()}, "the second instance has its daemons")
        self.spared += [process for process in self.second() if process.exe.rpartition("/")[2] in wanted]

    def second(self) -> "list[NodeProcess]":
        """The daemons of the second instance."""
        return [process for process in self.node.daemons() if self.config_of(process) == "second"]

    def spare(self, *argv: str) -> NodeProcess:
        """Start an innocent process, which no action may end."""
        self.leave_running(argv)
        self.wait(lambda: self._running(argv), " ".join(argv))
        self.spared += self._running(argv)
        return self.spared[-1]

    def leave_running(self, argv: "tuple[str, ...]") -> None:
        """Start a command that goes on until the scene ends."""
        began = self.node.popen(argv)
        self.stack.callback(began.wait)
        self.stack.callback(began.kill)

    def _running(self, argv: "tuple[str, ...]") -> "list[NodeProcess]":
        return [process for process in self.node.pids() if process.argv == argv and process.state != "Z"]

    def _spare_innocents(self) -> None:
        """A stranger that is called master, one with our configuration in its environment, one of the mail owner."""
        self.leave_running(("/bin/sh", "-c", INNOCENTS))
        names = ("1001", "1002", "1003")

        def found() -> "list[NodeProcess]":
            return [p for p in self.node.pids() if p.argv[1:] in [(name,) for name in names] and p.state != "Z"]

        self.wait(lambda: len(found()) == len(names), "the innocent processes run")
        self.spared += found()
        self.innocent = next(process for process in self.spared if process.name == "master")

    # Facts

    def pids(self) -> "set[int]":
        """The ids of all living processes of the node."""
        return {process.pid for process in self.node.pids() if process.state != "Z"}

    def config_of(self, process: NodeProcess) -> str:
        """Whether a process names the second instance's configuration ("second") or not ("first")."""
        environment = _read(f"/proc/{process.outside}/environ").split("\0")
        return "second" if f"MAIL_CONFIG={SECOND_CONFIG}" in environment else "first"

    def mine(self) -> "list[NodeProcess]":
        """The living Postfix daemons that are not the second instance's, and whoever else stands in the queue."""
        found = []
        for process in self.node.pids():
            if process.state == "Z" or self.config_of(process) == "second":
                continue
            places = [_link(f"/proc/{process.outside}/{name}") for name in ("cwd", "root")]
            if "/usr/lib/postfix/sbin/" in process.exe or any(place.endswith("/postfix") for place in places):
                found.append(process)
        return found

    def masters(self) -> "set[int]":
        """The number of our one master, or nothing; a new daemon bears its name until it runs its own program."""
        found: "set[int]" = set()

        def is_settled() -> bool:
            found.clear()
            found.update(p.pid for p in self.mine() if p.name == "master" and p.argv[0].endswith("/master"))
            return len(found) <= 1

        self.wait(is_settled, "there is one master")
        return found

    def hold_disk(self) -> None:
        """Keep the queue's device, so that is_disk_released() can tell after its mount point has gone."""
        descriptor = os.open(self.node.path(self.node.queue.device), os.O_RDONLY | os.O_CLOEXEC)
        self.stack.callback(os.close, descriptor)
        self._disks.append(descriptor)

    def is_disk_released(self) -> bool:
        """Whether no file system uses the queue's device any more."""
        for descriptor in self._disks:
            try:
                os.close(os.open(f"/proc/self/fd/{descriptor}", os.O_RDONLY | os.O_EXCL | os.O_CLOEXEC))
            except OSError:
                return False
        return True


@contextlib.contextmanager
def scene_of(disk_mb: "int | None" = None, main_cf: str = "") -> "Iterator[Scene]":
    """A scene in which nothing was started yet."""
    with contextlib.ExitStack() as stack:
        node = stack.enter_context(MailNode(disk_mb=disk_mb, main_cf=MAIN_CF + main_cf + "\n"))
        yield Scene(node, stack, 2)


def _read(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read()
    except OSError:
        return ""


def _link(path: str) -> str:
    try:
        return os.readlink(path).removesuffix(" (deleted)")
    except OSError:
        return ""
