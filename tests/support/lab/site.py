"""A site: the lab's three nodes with nothing in the cluster but fencing, where Postfix is set up in other ways.

    with Site(lab) as site:
        instance = Instance("/etc/postfix", ["198.51.100.110"], "/mnt/one")
        site.install(instance)
        site.start_by_hand(instance, "n1")
        site.tool.ok("create", "--yes", *site.tool.rsh)
        site.assert_serves(instance, "n1")

At its end the lab is as it was before, and its client sends again.
"""

import contextlib
import os
import signal
import uuid
from collections.abc import Sequence
from pathlib import Path

from lxml import etree

from tests.support.lab import config as lab_config
from tests.support.lab.cluster import Lab
from tests.support.lab.network import NETWORKS, PREFIX, PREFIX6, address6
from tests.support.lab.node import ClusterNode, SharedDisk
from tests.support.lab.tool import Tool, same_cluster
from tests.support.lab.watch import Watch
from tests.support.machine.node import PYTHON
from tests.support.mail.node import MAKE_QUEUE

DISKS = {"/mnt/one": "one", "/mnt/two": "two"}
SEND = """\
import smtplib, sys
address, token = sys.argv[1:]
message = f"From: sender@example.com\\r\\nSubject: {token}\\r\\n\\r\\n{token}\\r\\n"
with smtplib.SMTP(address, 25, "client.example.com", timeout=5) as server:
    server.sendmail("sender@example.com", ["box@example.com"], message)
"""


class Instance:
    """A Postfix as an administrator sets it up: its configuration directory, its addresses, where its disk is mounted,
    and what main.cf has otherwise than the lab's."""

    def __init__(self, config_dir: str, addresses: "Sequence[str]", mount: str, **settings: str) -> None:
        self.config_dir = config_dir
        self.addresses = list(addresses)
        self.mount = mount
        self.binary = "/usr/sbin/postfix"
        self.mail = f"{mount}/mail"
        self.settings = {
            "inet_interfaces": ", ".join(addresses),
            "queue_directory": f"{mount}/postfix",
            "data_directory": f"/var/lib/{os.path.basename(config_dir)}",
            "virtual_mailbox_base": self.mail,
            **settings,
        }

    @property
    def queue(self) -> str:
        """The queue directory, as main.cf has it."""
        return self.settings["queue_directory"]

    def command(self, *arguments: str) -> "list[str]":
        """The postfix command for this instance."""
        return [self.binary, "-c", self.config_dir, *arguments]


class Site:
    """The lab without its own hierarchy, with two further disks and IPv6 in the clients' network."""

    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        self.nodes = lab.nodes
        self.tool = Tool(lab)
        self.disks: "dict[str, SharedDisk]" = {}
        self.watches: "dict[str, Watch]" = {}
        self._by_hand: "set[str]" = set()
        self._lives = {name: node.pid for name, node in lab.nodes.items()}

    def __enter__(self) -> "Site":
        try:
            self._clear_the_ground()
        except BaseException:
            self.__exit__()
            raise
        return self

    def _clear_the_ground(self) -> None:
        self.lab.client.stop()
        self.tool.ok("delete", "--stop", "--with-parts")
        self.lab.wait_for(self.lab.is_idle, 30, "the lab's own hierarchy is gone")
        for mount, name in DISKS.items():
            watch = self.watches[mount] = Watch()
            disk = self.disks[mount] = SharedDisk(64, name, watch.node_is)
            for node in self.nodes.values():
                node.run(["mkdir", "-p", mount], check=True)
                node.plug_in(disk)
        for node, number in [(each, each.number) for each in self.nodes.values()] + [
            (self.lab.client_node, lab_config.CLIENT_NUMBER)
        ]:
            node.run(["ip", "address", "replace", f"{address6(number)}/{PREFIX6}", "dev", interface()], check=True)

    def __exit__(self, *_: object) -> None:
        with contextlib.ExitStack() as ends:
            ends.callback(self._resume)
            for mount, disk in self.disks.items():
                ends.callback(disk.close)
                ends.callback(self.watches[mount].close)
                for node in self.nodes.values():
                    ends.callback(node.unplug, disk)
            ends.callback(self.clear)

    def _resume(self) -> None:
        for node in self.nodes.values():
            lab_config.write_postfix(node)
        self.tool.restore()
        self.tool.close()
        self.lab.settle()
        self.lab.client.start()

    def install(self, instance: Instance, nodes: "Sequence[str]" = ()) -> None:
        """Write the instance's configuration on all nodes, or on those named."""
        for name in nodes or self.nodes:
            self.write_configuration(instance, self.nodes[name])

    def write_configuration(self, instance: Instance, node: ClusterNode) -> None:
        """Write the instance's configuration on one node, and make its data directory."""
        node.write(f"{instance.config_dir}/main.cf", lab_config.main_cf(**instance.settings))
        if not node.exists(f"{instance.config_dir}/master.cf"):
            node.write(f"{instance.config_dir}/master.cf", node.read("/etc/postfix/master.cf"))
        # postconf waits until main.cf was left alone for a while.
        script = f"""touch -d '1 minute ago' {instance.config_dir}/main.cf
            install -d -o postfix -g postfix -m 755 {instance.settings["data_directory"]}"""
        node.run(["sh", "-ec", script], check=True)

    def mount(self, mount: str, name: str, options: str = "defaults") -> None:
        """Mount a disk on a node by hand."""
        self.nodes[name].run(["mount", "-t", "ext4", "-o", options, f"/dev/{DISKS[mount]}", mount], check=True)

    def start_by_hand(self, instance: Instance, name: str) -> None:
        """Bring the instance's addresses up and start it on a node where its disk is mounted."""
        self.prepare(instance, name)
        commands = [" ".join(instance.command(word)) for word in ("check", "start")]
        self.nodes[name].run(["sh", "-ec", "\n".join(commands)], check=True)
        self.lab.wait_for(lambda: self.masters(instance), 10, "the master has begun")

    def prepare(self, instance: Instance, name: str) -> None:
        """Bring the instance's addresses up and make its queue and mailbox on a node where its disk is mounted."""
        owner, mailbox, lines = lab_config.MAILBOX_OWNER, f"{instance.settings['virtual_mailbox_base']}/box", []
        for address in instance.addresses:
            lines.append(f"ip address add {address}/{prefix(address)} dev {interface()}")
            self._by_hand.add(address)
        script = (
            "\n".join(lines)
            + f"""
            {MAKE_QUEUE.format(queue=instance.queue)}
            install -d -m 1777 {instance.mail}
            install -d -o {owner} -g {owner} {mailbox} {mailbox}/new {mailbox}/cur {mailbox}/tmp"""
        )
        self.nodes[name].run(["sh", "-ec", script], check=True)
        # Nobody has told the client that the address is here now, as IPaddr2 does; it knows the node of a test before.
        self.lab.client_node.run(["ip", "neighbour", "flush", "all"], check=True)

    def masters(self, instance: Instance) -> "list[tuple[str, int]]":
        """(node, its number outside) of every live master of the instance."""
        found = []
        for name, node in self.nodes.items():
            recorded = 0
            with contextlib.suppress(OSError, ValueError):
                recorded = int(node.read(f"{instance.queue}/pid/master.pid"))
            for process in node.named("master"):
                with contextlib.suppress(OSError):
                    environment = Path(f"/proc/{process.outside}/environ").read_bytes().split(b"\0")
                    # Its number in the queue tells it from the parent that "master -w" has for a moment, and from a
                    # daemon that has not begun to run its own program; where there is no queue, each is one too many.
                    if f"MAIL_CONFIG={instance.config_dir}".encode() in environment and recorded in (0, process.pid):
                        found.append((name, process.outside))
        return found

    def deliver(self, address: str, instance: Instance) -> None:
        """Send a message to an address as a client, and wait until it lies in the instance's mailbox."""
        token = uuid.uuid4().hex
        self.lab.client_node.run([PYTHON, "-IS", "-c", SEND, address, token], check=True)

        def is_there() -> bool:
            return any(node.run(["grep", "-rqs", token, instance.mail]).returncode == 0 for node in self.nodes.values())

        self.lab.wait_for(is_there, 20, f"a message sent to {address} is delivered")

    def assert_serves(self, instance: Instance, tag: str, name: str) -> None:
        """The cluster says that the hierarchy runs on this node; only there its disks are mounted, one master lives and
        mail sent to each of its addresses arrives."""
        lab = self.lab
        needs = self.tool.json("properties", "--tag", tag)["needs"]
        assert {part: lab.where(part) for part in [tag, *needs]} == dict.fromkeys([tag, *needs], name)
        assert [node for node, _ in self.masters(instance)] == [name]
        assert [node.name for node in self.nodes.values() if node.mounts(instance.mount)] == [name]
        for address in instance.addresses:
            self.deliver(address, instance)
        assert failures(lab) == []

    def switchover(self, instance: Instance, tag: str, name: str) -> None:
        """Move the hierarchy by the command, and look at it there."""
        self.tool.ok("switchover", name, "--tag", tag)
        self.assert_serves(instance, tag, name)

    def delete(self, instance: Instance, tag: str) -> None:
        """Delete the hierarchy with its parts; nothing of it is left anywhere."""
        self.tool.ok("delete", "--tag", tag, "--stop", "--with-parts")
        assert self.masters(instance) == []
        assert not any(node.mounts(instance.mount) for node in self.nodes.values())

    def meaning(self) -> "set[tuple[object, ...]]":
        """What the cluster's configuration says, however it says it."""
        return same_cluster(etree.tostring(self.lab.cib()).decode())

    def probes(self, resource: str) -> "dict[str, int]":
        """Node -> exit code of the last probe of a resource there, or of what followed on it where it runs."""
        found = {}
        for state in self.lab.cib().iterfind("status/node_state"):
            for entry in state.iterfind(f".//lrm_resource[@id='{resource}']/lrm_rsc_op[@operation='monitor']"):
                if entry.get("interval") == "0":
                    found[state.get("uname")] = int(entry.get("rc-code"))
        return found

    def kill(self, outside: int) -> None:
        """End a process of a node as by a bug in it."""
        os.kill(outside, signal.SIGKILL)

    def assert_bare(self) -> None:
        """Nothing but fencing is in the cluster, and no disk had two users at any time."""
        cib = self.lab.cib()
        assert [each.get("id") for each in cib.iterfind(".//primitive") if each.get("class") != "stonith"] == []
        assert list(cib.find("configuration/constraints")) == []
        assert {name: node.pid for name, node in self.nodes.items()} == self._lives, "a node was fenced"
        for mount, watch in self.watches.items():
            mounts, masters = watch.worst()
            assert mounts <= 1, f"two nodes had {mount} mounted at once"
            assert masters <= 1, f"two masters had a queue on {mount} at once"

    def clear(self) -> None:
        """Whatever a test has left behind is gone: resources, processes, mounts, addresses."""
        for primitive in self.lab.cib().iterfind(".//primitive[@type='postfix_ha']"):
            self.tool.ok("delete", "--tag", primitive.get("id"), "--stop", "--with-parts")
        self.lab.wait_for(self.lab.is_idle, 60, "the cluster is idle")
        for node in self.nodes.values():
            for process in node.named("master"):
                node.signal(process, signal.SIGKILL)
            mounts = " ".join(DISKS)
            script = f"""for mount in {mounts}; do ! mountpoint -q $mount || umount -l $mount; done
                {"".join(f"ip address del {each}/{prefix(each)} dev {interface()};" for each in self._by_hand)}"""
            node.run(["sh", "-c", script])


def interface() -> str:
    """The nodes' interface in the clients' network."""
    return NETWORKS["client"][1]


def prefix(address: str) -> int:
    """The length of the prefix of a service address."""
    return PREFIX6 if ":" in address else PREFIX


def failures(lab: Lab) -> "list[str]":
    """What the cluster remembers of failed actions, probes included."""
    status = lab.status()
    return [] if status is None else [each.get("op_key", "") for each in status.findall("failures/failure")]
