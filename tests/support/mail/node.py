"""MailNode: a private node with a real Postfix, its queue on a file system of its own, and the agent under test.

with MailNode() as node:
    assert node.agent("start").code == 0
    assert node.greeting().startswith("220 ")
"""

import contextlib
import os
import socket
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Optional

from tests.support.machine import linux
from tests.support.machine.disk import FileSystem
from tests.support.machine.node import AGENT, BASE_ENV, PYTHON, Node
from tests.support.machine.process import NodeProcess
from tests.support.machine.waiting import wait_for

ADDRESS = "198.51.100.100"
QUEUE = "/mnt/queue/postfix"
MAIL_LOG = "/var/log/mail.log"
# What an exit reason begins with, and how many bytes of it Pacemaker keeps (EXIT_REASON_MAX_LEN).
REASON, REASON_MAX = "ocf-exit-reason:", 128
CLUSTER_LOG = "/var/log/cluster.log"
DAEMON_DIRECTORY = "/usr/lib/postfix/sbin/"

MAIN_CF = f"""\
compatibility_level = 3.6
myhostname = mail.example.com
mydestination = $myhostname, localhost
inet_interfaces = {ADDRESS}, localhost
inet_protocols = ipv4
mynetworks = 127.0.0.0/8, 198.51.100.0/24
queue_directory = {QUEUE}
alias_maps =
alias_database =
maillog_file = {MAIL_LOG}
"""

# A raw start until a client is greeted: what no start can be quicker than.
GREETED = f"import socket; socket.create_connection(('{ADDRESS}', 25), 20).makefile('rb').readline()"
RAW_START = ["/bin/sh", "-c", f'postfix start && exec {PYTHON} -IS -c "{GREETED}"']

# What `postfix check` would make there (postfix-files), in a twentieth of its time.
MAKE_QUEUE = """\
install -d -m 755 {queue} {queue}/pid
cd {queue}
install -d -m 700 -o postfix active bounce corrupt defer deferred flush hold incoming private saved trace
install -d -m 710 -o postfix -g postdrop public
install -d -m 730 -o postfix -g postdrop maildrop
"""


@dataclass(frozen=True)
class Answer:
    """What one call of an agent gave back: ``reason`` the whole of it, ``kept`` what Pacemaker is told of it."""

    code: int
    reason: str
    kept: str
    reasons: int
    stdout: str
    stderr: str
    seconds: float


class MailNode(Node):
    """A node with Postfix configured and not started; ``disk`` None gives the queue a tmpfs instead of ext4."""

    def __init__(self, *, disk_mb: Optional[int] = 64, main_cf: str = MAIN_CF, root: str = "/") -> None:
        super().__init__("mail.example.com", root=root)
        self._disk_mb = disk_mb
        self._main_cf = main_cf
        self.queue: FileSystem

    def boot(self) -> None:
        """Boot, mount the queue, bring the address up, write the configuration and make the queue's directories."""
        super().boot()
        self.install_agent()
        self.add_interface("eth0", f"{ADDRESS}/24")
        self.write("/etc/hosts", f"127.0.0.1 localhost\n{ADDRESS} mail.example.com mail\n")
        self.queue = self.mount_disk(size_mb=self._disk_mb) if self._disk_mb else self.mount_tmpfs()
        self.write("/etc/postfix/main.cf", self._main_cf)
        self.age("/etc/postfix/main.cf")
        self.make_queue()

    def make_queue(self, directory: str = QUEUE) -> None:
        """Make a queue there, as `postfix check` does."""
        self.run(["sh", "-ec", MAKE_QUEUE.format(queue=directory)], check=True)

    def age(self, path: str, seconds: float = 60) -> None:
        """Let a file look as if it was last changed some time ago: Postfix waits until main.cf is two seconds old."""
        descriptor = self.open(path)
        then = os.fstat(descriptor).st_mtime - seconds
        os.utime(descriptor, (then, then))
        os.close(descriptor)

    def agent(
        self,
        action: str,
        *,
        level: Optional[int] = None,
        interval_s: Optional[int] = 10,
        timeout_s: float = 20,
        params: "Optional[Mapping[str, str]]" = None,
        env: "Optional[Mapping[str, str]]" = None,
        agent: str = AGENT,
    ) -> Answer:
        """Run an action of the agent as Pacemaker does; ``interval_s`` 0 makes a monitor a probe."""
        import time

        environment = {
            **BASE_ENV,
            "OCF_RA_VERSION_MAJOR": "1",
            "OCF_RA_VERSION_MINOR": "1",
            "OCF_RESOURCE_INSTANCE": "postfix",
            "OCF_RESOURCE_TYPE": "postfix_ha",
            "OCF_RESOURCE_PROVIDER": "mail",
            "OCF_RESKEY_CRM_meta_timeout": str(int(timeout_s * 1000)),
            "HA_LOGFILE": CLUSTER_LOG,
            "HA_debug": "0",
        }
        if interval_s is not None:
            environment["OCF_RESKEY_CRM_meta_interval"] = str(interval_s * 1000)
        if level is not None:
            environment["OCF_CHECK_LEVEL"] = str(level)
        environment.update({f"OCF_RESKEY_{name}": value for name, value in (params or {}).items()})
        environment.update(env or {})
        begin = time.monotonic()
        done = self.run([agent, action], env=environment, timeout=timeout_s + 20)
        lines = done.stderr.splitlines()
        told = [at for at, line in enumerate(lines) if line.startswith(REASON)]
        kept = lines[told[-1]][len(REASON) :] if told else ""
        assert len(kept.encode()) <= REASON_MAX, f"Pacemaker would cut it: {kept}"
        # One that would be too long stands in the line before, whole.
        before = lines[told[-1] - 1] if told and told[-1] else ""
        reason = before if before[:20] == kept[:20] and len(before.encode()) > REASON_MAX else kept
        seconds = time.monotonic() - begin
        return Answer(done.returncode, reason, kept, len(told), done.stdout, done.stderr, seconds)

    def probe(self, **more: "object") -> Answer:
        """A monitor without an interval."""
        return self.agent("monitor", interval_s=0, **more)  # type: ignore[arg-type]

    def started(self) -> "MailNode":
        """Start by the agent, or fail with what it said."""
        answer = self.agent("start", timeout_s=60)
        assert answer.code == 0, f"start gave {answer.code}: {answer.stderr}\n{self.mail_log()}"
        return self

    def daemons(self) -> "list[NodeProcess]":
        """The node's living processes that run a Postfix daemon."""
        return [p for p in self.pids() if p.exe.startswith(DAEMON_DIRECTORY) and p.state != "Z"]

    def master(self) -> NodeProcess:
        """The one living master process; a daemon is like it for a moment, until it runs its own program."""
        found: "list[NodeProcess]" = []

        def is_settled() -> bool:
            found[:] = [process for process in self.daemons() if process.exe == DAEMON_DIRECTORY + "master"]
            return len(found) <= 1

        wait_for(is_settled, 5, "there is one master")
        assert len(found) == 1, found
        return found[0]

    def daemon(self, name: str) -> NodeProcess:
        """One living daemon of this name."""
        return next(process for process in self.daemons() if process.name == name)

    def greeting(self, address: str = ADDRESS, port: int = 25, timeout_s: float = 5) -> str:
        """The first line that a client is greeted with, "" where none comes in time or nobody listens."""
        with contextlib.suppress(OSError), self.connection(address, port, timeout_s) as client:
            return client.makefile("rb").readline().decode().strip()
        return ""

    @contextlib.contextmanager
    def connection(self, address: str = ADDRESS, port: int = 25, timeout_s: float = 5) -> "Iterator[socket.socket]":
        """A client's connection from inside the node's network."""
        client = self.socket(socket.AF_INET6 if ":" in address else socket.AF_INET)
        try:
            client.settimeout(timeout_s)
            client.connect((address, port))
            yield client
        finally:
            client.close()

    def socket(self, family: int = socket.AF_INET, kind: int = socket.SOCK_STREAM) -> socket.socket:
        """A socket in the node's network, for TCP if nothing else is said."""
        made: "list[socket.socket]" = []

        def make() -> None:  # a thread of its own: setns changes the calling thread alone
            with open(f"/proc/{self.pid}/ns/net", "rb") as network:
                linux.setns(network.fileno(), linux.CLONE_NEWNET)
            made.append(socket.socket(family, kind))

        maker = threading.Thread(target=make)
        maker.start()
        maker.join()
        return made[0]

    def mail_log(self) -> str:
        """What Postfix has logged."""
        return self.read(MAIL_LOG) if self.exists(MAIL_LOG) else ""

    def cluster_log(self) -> str:
        """What the agent has logged."""
        return self.read(CLUSTER_LOG) if self.exists(CLUSTER_LOG) else ""
