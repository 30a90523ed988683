"""The laboratory of the matrix: one lab after another, the agent exchanged in it, its mail and the account of it."""

import contextlib
import os
import subprocess
import time
from collections.abc import Iterator
from typing import Callable, Optional

from ci.lib.prove.faults import DEEP_MONITOR_S, GREETING_MONITOR_S, MONITOR_S, OPERATION_S
from ci.lib.prove.neighbour import Neighbour
from postfix_ha.drill.senders import senders
from tests.support.lab import config as lab_config
from tests.support.lab.cluster import QUEUES, Lab
from tests.support.lab.node import LOGS, ClusterNode
from tests.support.lab.resources import MAIL, OUR_AGENT, SHELL_AGENT, MailResource
from tests.support.lab.senders import use_agent
from tests.support.mail.ledger import Account, Crew, Ledger, MailClient, take_account

AGENTS = {"ours": OUR_AGENT, "peer": SHELL_AGENT}
# More than 50 messages a second in all; some clients talk for seconds, some messages are large, and some clients wait
# long for a connection, as mail servers do.
CREWS = (
    Crew("plain", connections=8, rate_per_s=56),
    Crew("slow", connections=4, rate_per_s=1, hold_s=3),
    Crew("large", connections=2, rate_per_s=2, size=200_000),
    senders(connections=12, rate_per_s=12),
)
# Enough of a file to find its numbers.
HEAD_BYTES = 4096
# A fence device has this long from power off to power on.
FENCING_S = 10


class Laboratory:
    """Gives out a lab that is whole and runs an agent; builds a new one when the last was left broken."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say
        self._lab: "Optional[Lab]" = None
        self._agent = ""
        self._next_number = 1
        # The second instance, in a lab that has one.
        self.neighbour: "Optional[Neighbour]" = None
        # (when, node) of every power cut that the cluster's fencing made, as the management controllers saw it.
        self.fenced: "list[tuple[float, str]]" = []

    @property
    def lab(self) -> Lab:
        """The lab that is in use."""
        assert self._lab is not None, "use() comes first"
        return self._lab

    def use(self, agent: str, is_beside: bool = False) -> Lab:
        """The lab, with this agent ("ours" or "peer") in the mail server's place, and with a second instance or not."""
        if self.neighbour is not None and not is_beside:
            self.discard()
        if self._lab is None:
            self._build(agent)
        elif self._agent != agent:
            self._exchange(agent)
        if is_beside and self.neighbour is None:
            self._say("a second instance comes into the cluster")
            self.neighbour = Neighbour(self.lab)
            self.neighbour.install()
        return self.lab

    def _build(self, agent: str) -> None:
        mail = MailResource(
            agent=AGENTS[agent], monitor_s=MONITOR_S, start_timeout_s=OPERATION_S, stop_timeout_s=OPERATION_S
        )
        lab = Lab(mail, self._say)
        # A lab that does not come up, or is interrupted at that, has taken itself down.
        lab.__enter__()
        self._lab = lab
        self._agent = agent
        for interval_s, level in ((GREETING_MONITOR_S, 10), (DEEP_MONITOR_S, 20)):
            operation = ["monitor", f"interval={interval_s}s", "timeout=20s", f"OCF_CHECK_LEVEL={level}"]
            self._lab.pcs("resource", "op", "add", MAIL, *operation)
        for node in self._lab.nodes.values():
            self._listen_to_fencing(node)
        self._lab.settle()

    def _listen_to_fencing(self, node: ClusterNode) -> None:
        def power_off() -> None:
            self.fenced.append((time.monotonic(), node.name))
            ClusterNode.power_off(node)

        def power_on() -> None:
            # A node that has no power is fenced by power alone; else this is the second half of a fencing.
            if not node.is_on and not self._was_fenced(node.name, time.monotonic() - FENCING_S):
                self.fenced.append((time.monotonic(), node.name))
            ClusterNode.power_on(node)

        # The controllers call the node's own attributes, the laboratory's acts the class's methods.
        node.power_off = power_off  # type: ignore[method-assign]
        node.power_on = power_on  # type: ignore[method-assign]

    def _was_fenced(self, name: str, since: float) -> bool:
        return any(at > since and fenced == name for at, fenced in self.fenced)

    def _exchange(self, agent: str) -> None:
        use_agent(self.lab, AGENTS[agent])
        self._agent = agent
        self.lab.settle()

    @contextlib.contextmanager
    def mail(self) -> "Iterator[MailClient]":
        """A client that sends for as long as the block lasts, its numbers different from all before."""
        lab = self.lab
        client = MailClient(lab.client_node, *CREWS)
        before, lab.client = lab.client, client
        self.first_number = self._next_number
        client.start(self._next_number)
        try:
            yield client
        finally:
            client.stop()
            self._next_number = max((event.number for event in client.ledger.events), default=self._next_number) + 1
            client.close()
            lab.client = before

    def begin(self) -> None:
        """Forget what the nodes logged so far, which nobody will ask for."""
        for node in self.lab.nodes.values():
            node.kept_logs = ""
            for path in LOGS:
                with contextlib.suppress(OSError, RuntimeError):
                    node.write(path, "")

    def logs(self) -> str:
        """What all nodes logged since the run began, in lives that have ended as well."""
        return "\n".join(node.kept_logs + node.logs() for node in self.lab.nodes.values())

    def clean(self) -> None:
        """Make the cluster forget failures, and empty the mailbox."""
        lab = self.lab
        lab.settle()
        lab.on().run(["crm_resource", "--cleanup"])
        lab.settle()
        holder = lab.nodes[lab.where()]
        for name in ("new", "cur"):
            directory = holder.path(f"{lab_config.MAILBOX}/{name}")
            for entry in os.listdir(directory):
                os.unlink(f"{directory}/{entry}")

    def discard(self) -> None:
        """Take the lab down; the next use builds a new one."""
        if self._lab is not None:
            self._lab.close()
            watch = self._lab.watch
            if watch:
                longest_ms = watch.longest_s * 1000
                self._say(f"nodes were looked at {watch.looks} times, at most {longest_ms:.0f} ms apart")
        if self.neighbour is not None:
            self.neighbour.close()
        self._lab = self.neighbour = None


def settle_account(lab: Lab, ledger: Ledger, first: int, timeout_s: float = 20) -> "tuple[Account, int]":
    """Where all messages from number ``first`` on are after the queue was flushed; how many were queued before."""
    deadline = time.monotonic() + timeout_s
    queued_before = -1
    while True:
        queued = [text for text in _heads(lab, [f"{lab_config.QUEUE}/{name}" for name in QUEUES]) if text]
        delivered = _heads(lab, [f"{lab_config.MAILBOX}/{name}" for name in ("new", "cur")])
        account = take_account(ledger, delivered, queued)
        if queued_before < 0 and (not queued or time.monotonic() > deadline - timeout_s / 2):
            # What has not gone by itself until now waits for a second try, which the flush brings on.
            queued_before = len(queued)
        if (not queued and not account.lost) or time.monotonic() > deadline:
            return own_numbers(account, first), max(queued_before, 0)
        if queued_before >= 0:
            with contextlib.suppress(subprocess.TimeoutExpired):
                lab.nodes[lab.where()].run(["postqueue", "-f"])
        time.sleep(0.5)


def own_numbers(account: Account, first: int) -> Account:
    """The account without the messages of earlier clients that were delivered late."""
    return Account(
        acknowledged=account.acknowledged,
        delivered=account.delivered,
        queued=account.queued,
        lost=account.lost,
        duplicated=tuple(number for number in account.duplicated if number >= first),
        delivered_twice=tuple(number for number in account.delivered_twice if number >= first),
    )


def _heads(lab: Lab, directories: "list[str]") -> "list[bytes]":
    """The beginnings of all files there."""
    holder = lab.nodes[lab.where()]
    heads = []
    for directory in directories:
        for where, _, names in os.walk(holder.path(directory)):
            for name in names:
                with contextlib.suppress(FileNotFoundError), open(os.path.join(where, name), "rb") as handle:
                    # In the queue a file without the execute bit is still being received.
                    if "/mail/" in directory or os.fstat(handle.fileno()).st_mode & 0o100:
                        heads.append(handle.read(HEAD_BYTES))
    return heads
