"""Lab: a real three-node cluster on this machine, with a shared disk, fencing that ends nodes, and a mail client.

    with Lab() as lab:
        lab.client.start()
        lab.move("n2")
        lab.client.stop()
        assert not lab.account().lost

Everything runs in namespaces and ends with the process that made the lab, however that one ends.
"""

import contextlib
import os
import signal
import subprocess
import time
from typing import Callable, Optional, TypeVar

from lxml import etree

from tests.support.lab import config as lab_config
from tests.support.lab.bmc import Controllers
from tests.support.lab.network import Fabric
from tests.support.lab.node import SHARED, ClusterNode, SharedDisk
from tests.support.lab.pacemaker_log import Operation, read_operations
from tests.support.lab.resources import MAIL, Hierarchy, MailResource
from tests.support.lab.watch import Watch
from tests.support.machine.node import Node, NodeProcess
from tests.support.machine.waiting import wait_for
from tests.support.mail.ledger import Account, MailClient, take_account

T = TypeVar("T")

# Queue directories whose files are messages, in the order in which a message passes them.
QUEUES = ("maildrop", "incoming", "active", "deferred", "hold")


class LabError(Exception):
    """Something in the lab did not happen in time; the text ends with what the nodes logged."""


class Lab:
    """The three nodes, their networks, disk, controllers, client and watch."""

    # Whether the nodes are virtual machines, and how many times as long as in name spaces everything may take there.
    is_virtual = False
    slowness = 1.0
    shared_device = f"/dev/{SHARED}"

    def __init__(self, mail: "Optional[MailResource]" = None, say: Callable[[str], None] = lambda _: None) -> None:
        self.mail = mail or MailResource()
        self._say = say
        self.fabric = Fabric()
        self.client_node = Node("client")
        self.watch: Watch = None  # type: ignore[assignment]
        self.client: MailClient = None  # type: ignore[assignment]
        self.nodes: "dict[str, ClusterNode]" = {}
        self.disk: "Optional[SharedDisk]" = None
        self._controllers: "Optional[Controllers]" = None
        self._cut: "set[str]" = set()

    # Life

    def __enter__(self) -> "Lab":
        if os.geteuid():
            raise LabError("the lab makes namespaces, mounts and loop devices: run it as root")
        try:
            self._build()
            self._start_cluster()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _build(self) -> None:
        self._say("switches, shared disk, management controllers")
        self.fabric.boot()
        self.fabric.add_addresses("manage", *(number + 100 for number in lab_config.NODES.values()))
        self.client_node.boot()
        self.fabric.connect(self.client_node, lab_config.CLIENT_NUMBER, ("client",))
        self.client = MailClient(self.client_node)
        self.watch = Watch()
        self.disk = SharedDisk()
        self.disk.furnish()
        for name, number in lab_config.NODES.items():
            self.nodes[name] = ClusterNode(name, number, self.fabric, self.disk, self.watch.node_is)
        addresses = {name: lab_config.management_address(name) for name in self.nodes}
        self._controllers = Controllers(self.fabric, self.nodes, addresses)

    def _start_cluster(self) -> None:
        self._say(f"three nodes boot: {', '.join(self.nodes)}")
        for node in self.nodes.values():
            node.power_on()
        hierarchy = Hierarchy(self.nodes["n1"], self.mail, self.disk.uuid, lab_config.first_cib())
        self.wait_for(self.all_online, 60, "three nodes online and quorate")
        self._say(f"quorate; file system, address and {self.mail.agent} go into the cluster in one change")
        hierarchy.verify()
        hierarchy.push()
        self.wait_for(self.is_idle, 60, "the cluster has started the mail service")
        self.wait_for(self.where, 5, "the mail service runs somewhere")

    def add_node(self, node: ClusterNode, controller: str) -> None:
        """Take a further machine in, with a management controller at this address; it is not powered on."""
        self.nodes[node.name] = node
        self.fabric.add_addresses("manage", node.number + 100)
        self._controllers.add({node.name: controller})

    def remove_node(self, name: str) -> None:
        """Take a further machine's power for good; it is no part of the lab any more."""
        node = self.nodes.pop(name)
        node.power_off()
        node.discard()

    def close(self) -> None:
        """End everything; safe to call at any stage, and goes on when one part of it fails."""
        with contextlib.ExitStack() as ends:
            # Called in reverse order.
            if self.disk:
                ends.callback(self.disk.close)
            if self.watch:
                ends.callback(self.watch.close)
            ends.callback(self.fabric.kill)
            ends.callback(self.client_node.kill)
            for node in self.nodes.values():
                ends.callback(node.discard)
            if self._controllers:
                ends.callback(self._controllers.close)
            if self.client:
                ends.callback(self.client.close)

    # Waiting

    def wait_for(self, predicate: Callable[[], T], timeout: float, what: str) -> T:
        """Wait for a fact; LabError with the nodes' logs when it does not come."""
        try:
            return wait_for(predicate, timeout, what)
        except TimeoutError as error:
            raise LabError(f"{error}\n{self.dump()}") from None

    def dump(self, lines: int = 25) -> str:
        """What is to be known after a failure: the cluster's state and the ends of the logs."""
        parts = [self.crm_mon("--inactive", "--failcounts")]
        for node in self.nodes.values():
            parts.append(node.logs(lines) if node.is_on else f"==> {node.name} is off\n")
        return "\n".join(parts)

    def settle(self, timeout: float = 90) -> None:
        """Wait until all nodes are back, all resources are where they belong, and nothing is under way."""
        self.wait_for(lambda: self.all_online() and self.is_idle() and self.where(), timeout, "the cluster settles")

    # The cluster's own view

    def on(self) -> ClusterNode:
        """A node to ask: powered, its network not cut."""
        for name, node in self.nodes.items():
            if node.is_on and name not in self._cut:
                return node
        raise LabError("no node is left to ask")

    def run(self, *argv: str, timeout: float = 60) -> "subprocess.CompletedProcess[str]":
        """Run a command on a node that is part of the cluster."""
        return self.on().run(argv, timeout=timeout)

    def pcs(self, *arguments: str) -> str:
        """Run pcs; its output, or RuntimeError with its complaint."""
        return self.on().run(["pcs", *arguments], check=True).stdout

    def crm_resource(self, *arguments: str, on: str = "") -> "subprocess.CompletedProcess[str]":
        """Run crm_resource, on a given node or any."""
        node = self.nodes[on] if on else self.on()
        return node.run(["crm_resource", *arguments])

    def crm_mon(self, *arguments: str) -> str:
        """The cluster's status as text."""
        return self.run("crm_mon", "--one-shot", *arguments).stdout

    def status(self) -> "Optional[etree._Element]":
        """The cluster's status as XML, or None while it does not answer."""
        done = self.run("crm_mon", "--output-as=xml")
        return etree.fromstring(done.stdout.encode()) if done.returncode == 0 else None

    def cib(self) -> "etree._Element":
        """The live CIB."""
        return etree.fromstring(self.on().run(["cibadmin", "--query"], check=True).stdout.encode())

    def all_online(self) -> bool:
        """Whether all nodes are online members of one quorate cluster."""
        status = self.status()
        if status is None or status.find("summary/current_dc[@with_quorum='true']") is None:
            return False
        online = status.findall("nodes/node[@online='true'][@pending='false'][@unclean='false']")
        return len(online) == len(self.nodes)

    def is_idle(self) -> bool:
        """Whether the cluster has done all it wants to do."""
        status = self.status()
        dc = None if status is None else status.find("summary/current_dc")
        if dc is None or not dc.get("name"):
            return False
        return "S_IDLE" in self.run("crmadmin", "--status", dc.get("name")).stdout

    def where(self, resource: str = MAIL) -> str:
        """The node on which the cluster runs a resource; empty while it runs nowhere, or on more than one."""
        done = self.crm_resource("--resource", resource, "--locate", "--quiet")
        names = done.stdout.split()
        return names[0] if done.returncode == 0 and len(names) == 1 else ""

    def another_node(self) -> str:
        """The first node on which the service does not run now."""
        here = self.where()
        return next(name for name in self.nodes if name != here)

    def operations(self, resource: str = MAIL) -> "list[Operation]":
        """Every begin and end of an action of a resource on all nodes, in order of time, from Pacemaker's logs."""
        found = []
        for node in self.nodes.values():
            found += read_operations(node.name, node.kept_logs + node.logs(), resource)
        return sorted(found, key=lambda operation: operation.at)

    # Events

    def move(self, to: str, timeout: float = 60) -> None:
        """Move the service on purpose; returns when it runs there."""
        self.on().run(["crm_resource", "--resource", MAIL, "--move", "--node", to], check=True)
        try:
            self.wait_for(lambda: self.where() == to and self.is_idle(), timeout, f"the service has moved to {to}")
        finally:
            # Or the administrator's wish would stand for ever.
            self.on().run(["crm_resource", "--resource", MAIL, "--clear"], check=True)

    def masters(self) -> "list[tuple[ClusterNode, NodeProcess]]":
        """Every live Postfix master of the service's queue, with its node."""
        found = []
        for node in self.nodes.values():
            with contextlib.suppress(OSError, ValueError):
                # Its number in the queue tells it from masters of other instances, and from the parent that
                # "master -w" leaves for a moment; where the queue is not mounted there is no such file.
                pid = int(node.read(f"{lab_config.QUEUE}/pid/master.pid")) if node.is_on else 0
                found += [(node, process) for process in node.named("master") if process.pid == pid]
        return found

    def master(self) -> "tuple[ClusterNode, NodeProcess]":
        """The node and process of the Postfix master that runs now; LabError unless it is exactly one."""
        found = self.masters()
        if len(found) != 1:
            raise LabError(f"one Postfix master was expected, these run: {found}")
        return found[0]

    def kill_master(self) -> None:
        """End the Postfix master as by a bug in it."""
        node, process = self.master()
        node.signal(process, signal.SIGKILL)

    def power_off(self, name: str) -> None:
        """Pull a node's power cord: unsynced data is lost. The cluster's fencing gives it power again."""
        self.nodes[name].power_off()

    def shun(self, name: str, shunned: bool = True) -> None:
        """Ask a node nothing, because it would not answer; or ask it again."""
        if shunned:
            self._cut.add(name)
        else:
            self._cut.discard(name)

    def cut(self, name: str) -> None:
        """Pull all network cables of a node; its management controller keeps its own."""
        self.shun(name)
        self.fabric.set_cables(self.nodes[name], "down")

    def heal(self, name: str) -> None:
        """Put the cables back; a node that was fenced meanwhile has new ones already."""
        self.fabric.set_cables(self.nodes[name], "up")
        self.shun(name, False)

    # Mail

    def account(self, timeout: float = 20) -> Account:
        """Where all acknowledged messages are now; looks again for a while before it calls one lost."""
        ledger = self.client.ledger
        deadline = time.monotonic() + timeout
        while True:
            # A message on its way from the queue to the mailbox must be seen in one of them: first the queue.
            queued = self._files([f"{lab_config.QUEUE}/{name}" for name in QUEUES], complete=True)
            delivered = self._files([f"{lab_config.MAILBOX}/{name}" for name in ("new", "cur")])
            account = take_account(ledger, delivered, queued)
            if not account.lost or time.monotonic() > deadline:
                return account
            time.sleep(0.5)

    def _files(self, directories: "list[str]", complete: bool = False) -> "list[bytes]":
        """The contents of all files there; ``complete`` leaves out queue files still being received."""
        holder = next((node for node in self.nodes.values() if node.is_on and node.mounts_queue()), None)
        if holder is None:
            raise LabError("the shared file system is mounted nowhere, so its mail cannot be counted")
        contents = []
        for directory in directories:
            for where, _, names in os.walk(holder.path(directory)):
                for name in names:
                    try:
                        with open(os.path.join(where, name), "rb") as handle:
                            # Postfix sets the execute bit when a message is complete, before it acknowledges it.
                            if not complete or os.fstat(handle.fileno()).st_mode & 0o100:
                                contents.append(handle.read())
                    except FileNotFoundError:
                        continue
        return contents
