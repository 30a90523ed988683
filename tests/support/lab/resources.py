"""The cluster's resources: built with pcs on a copy of the CIB, constraints from the templates, one atomic change."""

import re
from dataclasses import dataclass, field

from lxml import etree

from tests.support.lab.bmc import PASSWORD, USER
from tests.support.lab.config import NODES, management_address
from tests.support.lab.network import NETWORKS, PREFIX, SERVICE_ADDRESS
from tests.support.lab.node import QUEUE_MOUNT
from tests.support.machine.node import CHECKOUT, Node

TEMPLATES = CHECKOUT / "metadata" / "constraints"
FILESYSTEM = "queue-fs"
ADDRESS = "mail-ip"
MAIL = "mail"
# Above the sum of the preferences: a node that comes back does not take the service away (intelligent switchback).
STICKINESS = 10000
PREFERENCES = {"n1": 300, "n2": 200, "n3": 100}

OUR_AGENT = "ocf:mail:postfix_ha"
SHELL_AGENT = "ocf:heartbeat:postfix"
NOTHING_AGENT = "ocf:pacemaker:Dummy"

_WORD = re.compile(r"(?<![A-Za-z])[A-Z]{4,}(?![A-Za-z])")


@dataclass(frozen=True)
class MailResource:
    """What stands in the mail server's place: agent, parameters, interval of its monitor."""

    agent: str = OUR_AGENT
    parameters: "dict[str, str]" = field(default_factory=dict)
    monitor_s: float = 2
    start_timeout_s: int = 40
    stop_timeout_s: int = 40

    def create_command(self) -> "list[str]":
        """The arguments of pcs that create it."""
        parameters = [f"{name}={value}" for name, value in self.parameters.items()]
        operations = [
            "op",
            "start",
            f"timeout={self.start_timeout_s}s",
            "op",
            "stop",
            f"timeout={self.stop_timeout_s}s",
        ]
        operations += ["op", "monitor", f"interval={self.monitor_s:g}s", "timeout=20s"]
        return ["resource", "create", MAIL, self.agent, *parameters, *operations]


def fill(name: str, **values: str) -> "etree._Element":
    """A template of metadata/constraints with its words in capitals replaced; a word without a value is an error."""
    root = etree.parse(str(TEMPLATES / f"{name}.xml"), etree.XMLParser(remove_comments=True)).getroot()
    words = {**values, "INFINITY": "INFINITY"}
    for element in root.iter():
        for attribute, text in element.attrib.items():
            # One pass over attribute values only: what is put in is never looked at again, nor taken for XML.
            element.set(attribute, _WORD.sub(lambda word: words[word.group()], text))
    return root


def constraints() -> "list[etree._Element]":
    """All constraints of the hierarchy."""
    roots = [
        fill("dependency", RESOURCE=MAIL, NEEDED=FILESYSTEM),
        fill("dependency", RESOURCE=MAIL, NEEDED=ADDRESS),
        fill("address", ADDRESS=ADDRESS, FILESYSTEM=FILESYSTEM),
    ]
    for node, score in PREFERENCES.items():
        roots.append(fill("preference", RESOURCE=FILESYSTEM, NODE=node, SCORE=str(score)))
    return [element for root in roots for element in root]


def pcs_commands(mail: MailResource, disk_uuid: str) -> "list[list[str]]":
    """The pcs commands that make fence devices and resources."""
    commands = []
    for name in NODES:
        commands.append(
            ["stonith", "create", f"fence-{name}", "fence_ipmilan", f"ip={management_address(name)}"]
            + [f"username={USER}", f"password={PASSWORD}", "power_wait=0", f"pcmk_host_list={name}"]
            + ["op", "monitor", "interval=120s", "timeout=20s"]
        )
    commands.append(
        ["resource", "create", FILESYSTEM, "ocf:heartbeat:Filesystem", f"device=/dev/disk/by-uuid/{disk_uuid}"]
        + [f"directory={QUEUE_MOUNT}", "fstype=ext4", "op", "monitor", "interval=20s", "timeout=40s"]
    )
    commands.append(
        ["resource", "create", ADDRESS, "ocf:heartbeat:IPaddr2", f"ip={SERVICE_ADDRESS}", f"cidr_netmask={PREFIX}"]
        + [f"nic={NETWORKS['client'][1]}", "op", "monitor", "interval=10s", "timeout=20s"]
    )
    commands.append(mail.create_command())
    return commands


class Hierarchy:
    """The change that makes the hierarchy: prepared on a node while its cluster starts, then pushed at once."""

    def __init__(self, node: Node, mail: MailResource, disk_uuid: str, cib: str) -> None:
        self._node = node
        node.write("/root/old.xml", cib)
        node.write("/root/new.xml", cib)
        for command in pcs_commands(mail, disk_uuid):
            node.run(["pcs", "-f", "/root/new.xml", *command], check=True)
        document = etree.fromstring(node.read("/root/new.xml").encode())
        section = document.find("configuration/constraints")
        section.extend(constraints())
        for primitive in document.findall("configuration/resources/primitive"):
            if primitive.get("class") != "stonith":
                switchback = fill("switchback", RESOURCE=primitive.get("id"), STICKINESS=str(STICKINESS))
                # Before the operations, where people and tools look for it.
                primitive.insert(list(primitive).index(primitive.find("operations")), switchback)
        node.write("/root/new.xml", etree.tostring(document))

    def verify(self) -> None:
        """Let Pacemaker's own checker look at the result."""
        self._node.run(["crm_verify", "--xml-file", "/root/new.xml"], check=True)

    def push(self) -> None:
        """Make the whole change in the live CIB at once."""
        diff = ["crm_diff", "--original", "/root/old.xml", "--new", "/root/new.xml", "--no-version"]
        # crm_diff answers 1 for "they differ".
        self._node.write("/root/patch.xml", self._node.run(diff).stdout)
        self._node.run(["cibadmin", "--patch", "--xml-file", "/root/patch.xml"], check=True)
