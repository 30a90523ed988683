"""Tool: the command postfix-ha on the nodes of a lab."""

import json
import subprocess

from lxml import etree

from tests.support.lab.cluster import Lab
from tests.support.machine.node import CHECKOUT, PYTHON
from tests.support.machine.remote_shell import SOCKET, RemoteShell

COMMAND = "/usr/sbin/postfix-ha"
LAUNCHER = f"""#!{PYTHON} -I
import sys

sys.path.insert(0, "{CHECKOUT}/lib")

from postfix_ha.cli.main import main

sys.exit(main())
"""


class Tool:
    """postfix-ha on a lab; ``saved`` is the configuration that the lab had before, which restore() brings back;
    ``rsh`` the option by which one node reaches another."""

    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        self.saved = self.configuration()
        self._shells: "dict[str, RemoteShell]" = {}
        self.rsh: "tuple[str, ...]" = ()
        if lab.is_virtual:
            return  # the command is installed there, and its nodes reach each other by ssh
        for name in lab.nodes:
            self._furnish(name)
        self.rsh = ("--rsh", self._shells["n1"].command)

    def furnish_again(self) -> None:
        """Give the command to the nodes that were booted since: they have nothing of what they had."""
        for name, node in self.lab.nodes.items():
            if name in self._shells and not node.exists(COMMAND):
                self._shells[name].close()
                self._furnish(name)

    def _furnish(self, name: str) -> None:
        node = self.lab.nodes[name]
        node.write(COMMAND, LAUNCHER, 0o755)
        node.run(["rm", "-f", SOCKET], check=True)
        self._shells[name] = RemoteShell(node, self.lab.nodes)

    def close(self) -> None:
        """Hang up the remote shells."""
        for shell in self._shells.values():
            shell.close()

    def run(
        self, *arguments: str, on: str = "n1", user: "str | None" = None, timeout: float = 120
    ) -> "subprocess.CompletedProcess[str]":
        """Run the command on a node."""
        return self.lab.nodes[on].run([COMMAND, *arguments], user=user, timeout=timeout * self.lab.slowness)

    def ok(self, *arguments: str, on: str = "n1") -> str:
        """Run the command, which must succeed; its output."""
        done = self.run(*arguments, on=on)
        assert done.returncode == 0, (
            f"{arguments}: exit {done.returncode}\n{done.stdout}{done.stderr}\n{self.lab.dump()}"
        )
        return done.stdout

    def json(self, *arguments: str, on: str = "n1") -> "dict[str, object]":
        """Run the command with --json, which must succeed; the object."""
        return json.loads(self.ok(*arguments, "--json", on=on))

    def refused(self, *arguments: str, on: str = "n1") -> str:
        """Run the command, which must refuse with exit 2 and change nothing; what it says."""
        before = self.configuration()
        done = self.run(*arguments, on=on)
        assert done.returncode == 2, f"{arguments}: exit {done.returncode}\n{done.stdout}{done.stderr}"
        assert "Traceback" not in done.stderr
        assert self.configuration() == before
        return done.stderr

    def configuration(self) -> str:
        """The configuration section of the live CIB in one canonical form."""
        clean = etree.XMLParser(remove_blank_text=True)
        configuration = etree.fromstring(etree.tostring(self.lab.cib().find("configuration")), clean)
        # When crm_resource last made the cluster look again is noted there too, and no configuration.
        for pair in configuration.findall("crm_config//nvpair[@name='last-lrm-refresh']"):
            pair.getparent().remove(pair)
        return etree.tostring(configuration, method="c14n").decode()

    def restore(self) -> None:
        """Bring the lab's own resources and constraints back, in one change."""
        saved = etree.fromstring(self.saved)
        node = self.lab.on()
        # An operation that is taken away while it is under way is waited for in vain, and counts as failed.
        self.lab.wait_for(self.lab.is_idle, 60, "the cluster is idle")
        if ids(etree.fromstring(self.configuration())) - ids(saved):
            # Two Filesystem resources for one mount, even for a moment: the one would unmount it under the other.
            self.ok("delete", "--stop", "--with-parts", on=node.name)
            self.lab.wait_for(self.lab.is_idle, 30, "what a test made is gone")
        now = self.lab.cib()
        # The executor of a node keeps the agent that a resource had, until the cluster looks for it anew.
        look = "--cleanup" if agents(now) == agents(saved) else "--refresh"
        node.write("/root/restore-old.xml", etree.tostring(now))
        configuration = now.find("configuration")
        for section in ("crm_config", "resources", "constraints", "rsc_defaults"):
            present, wanted = configuration.find(section), saved.find(section)
            if present is not None and wanted is not None:
                configuration.replace(present, wanted)
            elif present is not None:
                configuration.remove(present)
        node.write("/root/restore-new.xml", etree.tostring(now))
        diff = ["crm_diff", "--original", "/root/restore-old.xml", "--new", "/root/restore-new.xml", "--no-version"]
        patch = node.run(diff).stdout
        if patch.strip():
            node.write("/root/restore.xml", patch)
            node.run(["cibadmin", "--patch", "--xml-file", "/root/restore.xml"], check=True)
        self.lab.run("crm_resource", look)


def ids(configuration: "etree._Element") -> "set[str]":
    """The ids of all primitives."""
    return {each.get("id") for each in configuration.iter("primitive")}


def same_cluster(text: str) -> "set[tuple[object, ...]]":
    """What a CIB's resources, constraints and alerts mean: defaults filled in, without ids that name an attribute."""
    found: "set[tuple[object, ...]]" = set()
    configuration = etree.fromstring(text.encode()).find("configuration")
    for resource in configuration.iterfind("resources//*[@id]"):
        if resource.tag in ("primitive", "clone", "group"):
            found.add((resource.tag, *(resource.get(key) for key in ("id", "class", "provider", "type"))))
            for kind in ("instance_attributes", "meta_attributes"):
                for pair in resource.iterfind(f"{kind}/nvpair"):
                    found.add((resource.get("id"), kind, pair.get("name"), pair.get("value")))
            for operation in resource.iterfind("operations/op"):
                depths = [pair.get("value") for pair in operation.iter("nvpair")]
                words = (operation.get("name"), operation.get("interval"), operation.get("timeout"))
                found.add((resource.get("id"), *words, *depths))
    ignored = ("first-action", "then-action")  # pcs writes them out; start is what they are without
    for constraint in configuration.iterfind("constraints/*"):
        values = {"kind": "Mandatory"} if constraint.tag == "rsc_order" else {}
        values.update((key, value) for key, value in constraint.attrib.items() if key not in ignored)
        found.add((constraint.tag, *sorted(values.items())))
    for alert in configuration.iterfind("alerts/alert"):
        found.add(("alert", alert.get("id"), alert.get("path")))
        pairs = [(pair.get("name"), pair.get("value")) for pair in alert.iter("nvpair")]
        to = [("to", each.get("value")) for each in alert.iterfind("recipient")]
        found.update((alert.get("id"), *pair) for pair in pairs + to)
    return found


def agents(configuration: "etree._Element") -> "dict[str, str]":
    """Primitive -> the agent that it has."""
    return {
        each.get("id"): ":".join(each.get(key, "") for key in ("class", "provider", "type"))
        for each in configuration.iter("primitive")
    }
