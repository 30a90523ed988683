"""A neighbour: a second instance of Postfix in the lab's cluster, with address, disk and clients of its own.

What befalls the first instance it is not to notice, be it on the same node or on another.
"""

import time
from typing import Any

from ci.lib.prove import figures
from tests.support.lab import config as lab_config
from tests.support.lab.cluster import Lab
from tests.support.lab.network import NETWORKS, PREFIX
from tests.support.lab.node import ClusterNode, SharedDisk
from tests.support.lab.resources import OUR_AGENT, STICKINESS
from tests.support.lab.watch import Watch
from tests.support.mail.ledger import Crew, MailClient

CONFIG_DIR = "/etc/postfix2"
ADDRESS = "198.51.100.101"
MOUNT = "/mnt/second"
SETTINGS = {
    "inet_interfaces": ADDRESS,
    "queue_directory": f"{MOUNT}/postfix",
    "data_directory": "/var/lib/postfix2",
    "virtual_mailbox_base": f"{MOUNT}/mail",
    "maillog_file": "/var/log/mail2.log",
}
MAIL, DISK, WIRE = "mail2", "queue2-fs", "mail2-ip"
CREW = Crew("plain", connections=2, rate_per_s=10)
# It has not noticed when none of its clients waited longer than two busy cores make anybody wait.
NOTICED_S = 1.0


class Neighbour:
    """The second instance; it comes into the cluster with ``install`` and stays as long as the lab."""

    def __init__(self, lab: Lab) -> None:
        self._lab = lab
        self._watch = Watch()
        self._disk = SharedDisk(64, "second", self._watch.node_is)
        self._client = MailClient(lab.client_node, CREW, address=ADDRESS)
        self._next_number = 1

    def install(self) -> None:
        """Bring it into the cluster, as one change."""
        for node in self._lab.nodes.values():
            self._furnish(node)
            node.plug_in(self._disk)
            self._furnish_at_boot(node)
        self._make_queue(self._lab.on())
        self._push()
        self._lab.wait_for(lambda: self._lab.is_idle() and self._lab.where(MAIL), 60, "the second instance runs")

    def _furnish(self, node: ClusterNode) -> None:
        node.write(f"{CONFIG_DIR}/main.cf", lab_config.main_cf(**SETTINGS))
        node.write(f"{CONFIG_DIR}/master.cf", node.read("/usr/share/postfix/master.cf.dist"))
        # postconf waits until main.cf was left alone for a while.
        script = f"""mkdir -p {MOUNT}; touch -d '1 minute ago' {CONFIG_DIR}/main.cf
            install -d -o postfix -g postfix -m 755 {SETTINGS["data_directory"]}"""
        node.run(["sh", "-ec", script], check=True)

    def _furnish_at_boot(self, node: ClusterNode) -> None:
        install_agent = node.install_agent

        def furnish() -> str:
            self._furnish(node)
            return install_agent()

        node.install_agent = furnish  # type: ignore[method-assign]

    def _make_queue(self, node: ClusterNode) -> None:
        box, owner = f"{MOUNT}/mail/box", lab_config.MAILBOX_OWNER
        script = f"""
            mount -t ext4 /dev/{self._disk.name} {MOUNT}; mkdir {MOUNT}/postfix
            mkdir -p {box}/new {box}/cur {box}/tmp; chown -R {owner}:{owner} {box}
            ip address add {ADDRESS}/32 dev lo; postfix -c {CONFIG_DIR} check
            ip address del {ADDRESS}/32 dev lo; umount {MOUNT}"""
        node.run(["sh", "-ec", script], check=True)

    def _push(self) -> None:
        node = self._lab.on()
        stay = ["meta", f"resource-stickiness={STICKINESS}"]
        disk = [f"device=/dev/disk/by-uuid/{self._disk.uuid}", f"directory={MOUNT}", "fstype=ext4"]
        address = [f"ip={ADDRESS}", f"cidr_netmask={PREFIX}", f"nic={NETWORKS['client'][1]}"]
        commands = [
            ["resource", "create", DISK, "ocf:heartbeat:Filesystem", *disk, *stay],
            ["resource", "create", WIRE, "ocf:heartbeat:IPaddr2", *address, *stay],
            ["resource", "create", MAIL, OUR_AGENT, f"config_dir={CONFIG_DIR}", "op", "monitor", "interval=2s"]
            + ["timeout=20s", *stay],
        ]
        commands += [["constraint", "colocation", "add", *pair] for pair in
                     ([WIRE, "with", DISK], [MAIL, "with", DISK], [MAIL, "with", WIRE])]  # fmt: skip
        commands += [["constraint", "order", each, "then", MAIL] for each in (DISK, WIRE)]
        # At home where the first instance prefers not to be.
        commands.append(["constraint", "location", DISK, "prefers", "n3=300"])
        node.run(["pcs", "cluster", "cib", "/root/second.xml"], check=True)
        for command in commands:
            node.run(["pcs", "-f", "/root/second.xml", *command], check=True)
        node.run(["pcs", "cluster", "cib-push", "/root/second.xml"], check=True)

    def place(self, name: str) -> None:
        """Have it on this node."""
        if self._lab.where(MAIL) != name:
            move = ["crm_resource", "--resource", MAIL, "--move", "--node", name]
            self._lab.on().run(move, check=True)
            self._lab.wait_for(lambda: self._lab.where(MAIL) == name and self._lab.is_idle(), 60, f"{MAIL} on {name}")
            self._lab.on().run(["crm_resource", "--resource", MAIL, "--clear"], check=True)

    def start(self) -> None:
        """Its clients begin to send."""
        self._client.start(self._next_number)

    def is_served(self, since: float) -> bool:
        """Whether one of its clients had a message acknowledged after this time."""
        return figures.last_plain(self._client.ledger) > since

    def seen(self, start: float, end: float) -> "dict[str, Any]":
        """What its clients and the onlooker saw from the fault until the cluster was whole again."""
        ledger = self._client.stop()
        self._next_number = max(event.number for event in ledger.events) + 1
        silent_from, silent_to = figures.gap(ledger, start, end)
        mounts, masters = self._watch.worst(start, end)
        return {
            "gap_s": round(silent_to - silent_from, 3),
            "acknowledged": ledger.acknowledged_between(start, end),
            "lost": len(ledger.acknowledged - self._present(ledger.acknowledged)),
            "most_masters": masters,
            "most_mounts": mounts,
        }

    def _present(self, wanted: "set[int]", timeout_s: float = 20) -> "set[int]":
        """The numbers of all messages in its mailbox; looks again for a while for those that are wanted."""
        node = self._lab.nodes[self._lab.where(MAIL)]
        deadline = time.monotonic() + timeout_s
        while True:
            lines = node.run(["grep", "-rhoa", "^X-Number: [0-9]*", f"{MOUNT}/mail/box/new"]).stdout.splitlines()
            present = {int(line.split()[1]) for line in lines}
            if wanted <= present or time.monotonic() > deadline:
                return present
            time.sleep(0.5)

    def close(self) -> None:
        """Let go of client, disk and watch, when the lab is gone."""
        self._client.close()
        self._watch.close()
        self._disk.close()


def judge(seen: "dict[str, Any]") -> "list[str]":
    """Every way in which it did notice."""
    wrong = []
    if seen["gap_s"] > NOTICED_S:
        wrong.append(f"the second instance's clients waited {seen['gap_s']:.1f} s")
    if seen["lost"]:
        wrong.append(f"{seen['lost']} messages of the second instance are lost")
    for what in ("masters", "mounts"):
        if seen[f"most_{what}"] > 1:
            wrong.append(f"{seen[f'most_{what}']} {what} of the second instance at once")
    return wrong
