"""The stage on which the documentation's command blocks are played: the lab's site, as an administrator finds it.

The pages name nodes n1 to n3, addresses and directories of their own; where the site has others, they are put in.
"""

import contextlib
import os
from pathlib import Path

from ci.lib.docs.blocks import Block
from tests.support.lab.config import MAILBOX_OWNER
from tests.support.lab.network import SERVICE_ADDRESS
from tests.support.lab.site import DISKS, SEND, Site, failures
from tests.support.machine.node import CHECKOUT, PYTHON
from tests.support.machine.remote_shell import COMMAND as SHELL
from tests.support.mail.main_cf import with_settings

# What the pages say -> what the site has.
ADDRESSES = {SERVICE_ADDRESS: "198.51.100.110", "198.51.100.101": "198.51.100.111"}
MOUNTS = {"/mnt/queue": "/mnt/one", "/mnt/spool": "/mnt/two"}
# What ci/install and the packages put there.
PLACES = {"/usr/share/postfix-ha/alerts/": f"{CHECKOUT}/alerts/"}
UUIDS = {
    "0d4b4d8c-3b0e-4c6a-9f0a-2f5d3a3c1b11": "/mnt/one",
    "7a1e6c52-94d3-4c0b-8d57-6b1f0e2a9c34": "/mnt/two",
}
# What Debian's installation asks and answers, and deliveries onto the shared disk, where they can be counted.
DELIVERY = f"""
myhostname = mail.example.com
mynetworks = 127.0.0.0/8 [::1]/128
alias_maps =
alias_database =
virtual_mailbox_domains = example.com
virtual_mailbox_base = $queue_directory/../mail
virtual_mailbox_maps = inline:{{box@example.com=box/, drill@example.com=drill/}}
virtual_uid_maps = static:{MAILBOX_OWNER}
virtual_gid_maps = static:{MAILBOX_OWNER}
smtpd_peername_lookup = no
smtp_dns_support_level = disabled
maillog_file = /var/log/mail.log
"""
SSH = f"""#!/bin/sh
while [ "$1" = -o ]; do shift 2; done
exec {SHELL} "$@"
"""
WORK = "/root/work"
AGENTS = ("postfix_ha", "postfix")


class Stage:
    """Three nodes on which Postfix is as the distribution installs it, two empty shared disks, and a cluster that has
    nothing but fencing."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.lab = site.lab
        for node in site.nodes.values():
            node.write("/usr/local/sbin/ssh", SSH, 0o755)
            main_cf = with_settings(node.read("/usr/share/postfix/main.cf.debian"), DELIVERY)
            node.write("/etc/postfix/main.cf", main_cf)
            script = f"""rm -rf {WORK} /etc/postfix2 && mkdir -p {WORK} /var/log/crmsh
                touch -d '1 minute ago' /etc/postfix/main.cf"""
            node.run(["sh", "-ec", script], check=True)
        for mount in MOUNTS.values():
            self._empty(mount)

    def _empty(self, mount: str) -> None:
        """Make a shared disk's file system anew, with the maildirs of two users that have had mail."""
        device, uuid = f"/dev/{DISKS[mount]}", self.site.disks[mount].uuid
        # Blocks of 4 kB: with smaller ones a node that mounts it again still has its old first page of the device.
        folders = " ".join(f"{user}{each}" for user in ("box", "drill") for each in ("", "/new", "/cur", "/tmp"))
        script = f"""mkfs.ext4 -q -F -b 4096 -U {uuid} {device}
            mount {device} {mount}; install -d -m 1777 {mount}/mail; cd {mount}/mail
            install -d -o {MAILBOX_OWNER} -g {MAILBOX_OWNER} {folders}; cd /; umount {mount}"""
        self.site.nodes["n1"].run(["sh", "-ec", script], check=True)
        for node in self.site.nodes.values():
            node.run(["blockdev", "--flushbufs", device], check=True)

    def play(self, block: Block, **exchanged: str) -> None:
        """Do what a block says, and see that its fact comes true; ``exchanged`` words are put in other words' place."""
        if block.anew:
            self.take_down()
        text = self._here(block.text)
        for old, new in exchanged.items():
            text = text.replace(old, new)
        names = list(self.site.nodes) if block.place == "every node" else [block.place or "n1"]
        for name in names:
            done = self.site.nodes[name].run(["sh", "-ec", f"cd {WORK}\n{text}"], timeout=120)
            said = f"{block} on {name}: exit {done.returncode}\n{text}\n{done.stdout}{done.stderr}"
            assert done.returncode == 0, f"{said}\n{self.lab.dump()}"
        if block.fact:
            self.assert_fact(self._here(block.fact))

    def _here(self, text: str) -> str:
        for uuid, mount in UUIDS.items():
            text = text.replace(uuid, self.site.disks[mount].uuid)
        for there, here in [*ADDRESSES.items(), *MOUNTS.items(), *PLACES.items()]:
            text = text.replace(there, here)
        return text

    def take_down(self) -> None:
        """End all that the pages made: hierarchies with their parts, and what was brought up by hand."""
        for resource in self._mail_resources():
            self.site.tool.ok("delete", "--tag", resource, "--stop", "--with-parts")
        self.site.clear()
        for resource in self._resources():
            self.lab.pcs("resource", "delete", resource, "--force")
        for name, node in self.site.nodes.items():
            for address in self._addresses(name):
                node.run(["ip", "address", "del", f"{address}/24", "dev", "eth0"], check=True)
        self.site.assert_bare()

    def _addresses(self, name: str) -> "list[str]":
        """The pages' addresses that a node has."""
        shown = self.site.nodes[name].run(["ip", "-o", "address"], check=True).stdout
        return [address for address in ADDRESSES.values() if f" {address}/" in shown]

    # Facts

    def assert_fact(self, fact: str) -> None:
        """See that a fact comes true: the sentence of a comment."""
        self.lab.wait_for(self.lab.is_idle, 60, f"the cluster is idle; then: {fact}")
        what, _, node = fact.partition(" on ")
        if what.endswith("serves"):
            self._assert_serves(what.partition(" ")[0] if " " in what else ADDRESSES[SERVICE_ADDRESS], node)
        elif what in ("tells", "tells nobody"):
            found = [each.get("path") for each in self.lab.cib().iterfind("configuration/alerts/alert")]
            assert found == ([f"{CHECKOUT}/alerts/postfix-ha-alert"] if what == "tells" else [])
        elif what == "stopped":
            assert self._masters() == []
            assert len(self._mail_resources()) == 1
        elif what == "unwatched":
            assert self._masters() == [node]
            assert self._mail_resources() == []
        else:
            raise AssertionError(f"nobody knows what this means: then {fact}")

    def _assert_serves(self, address: str, node: str) -> None:
        lab = self.lab
        primitives = lab.cib().iterfind(".//primitive[@type='IPaddr2']")
        pairs = {each.get("id"): each.find(f".//nvpair[@name='ip'][@value='{address}']") for each in primitives}
        (resource,) = [name for name, pair in pairs.items() if pair is not None]
        needing = {each.get("first"): each.get("then") for each in lab.cib().iter("rsc_order")}
        mail = needing.get(resource) or self._mail_resources()[0]
        lab.wait_for(lambda: lab.where(mail) == lab.where(resource) == node, 40, f"{mail} and {resource} run on {node}")
        assert failures(lab) == [], failures(lab)
        assert [name for name in self.site.nodes if address in self._addresses(name)] == [node]
        token = os.urandom(8).hex()
        # Of an address that was moved by hand nobody tells the client: it asks again when what it knew has aged
        # (base_reachable_time, up to three quarters of a minute).
        send = [PYTHON, "-IS", "-c", SEND, address, token]
        lab.wait_for(lambda: lab.client_node.run(send).returncode == 0, 60, f"{address} takes a message")
        lab.wait_for(lambda: self._is_delivered(token), 20, f"a message sent to {address} is delivered")

    def _is_delivered(self, token: str) -> bool:
        places = [f"{mount}/mail" for mount in MOUNTS.values()]
        nodes = self.site.nodes.values()
        return any(node.run(["grep", "-rqs", token, *places]).returncode == 0 for node in nodes)

    def _resources(self) -> "list[str]":
        """The cluster's resources, fencing left out."""
        found = self.lab.cib().iterfind(".//primitive")
        return [each.get("id") for each in found if each.get("class") != "stonith"]

    def _mail_resources(self) -> "list[str]":
        found = self.lab.cib().iterfind(".//primitive")
        return [each.get("id") for each in found if each.get("type") in AGENTS]

    def _masters(self) -> "list[str]":
        """The nodes of all live Postfix masters."""
        found = []
        for name, node in self.site.nodes.items():
            for process in node.named("master"):
                with contextlib.suppress(OSError):
                    if b"MAIL_CONFIG=" in Path(f"/proc/{process.outside}/environ").read_bytes():
                        found.append(name)
        return found
