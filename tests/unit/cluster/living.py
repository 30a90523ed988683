"""A file that passes for a living cluster, Pacemaker's programs of which some fail, and a drill on such a file."""

import shutil
from types import SimpleNamespace

import pytest
from lxml import etree

from postfix_ha.cli.drill import run
from postfix_ha.cli.drill.node_steps import COUNT, Nodes, do_step
from postfix_ha.cluster.create.build import create
from postfix_ha.cluster.live.pacemaker import Cluster
from postfix_ha.cluster.model.hierarchy import find_hierarchy
from postfix_ha.drill.client import Letter
from postfix_ha.drill.mailbox import mark_of
from postfix_ha.endpoint import Endpoint
from postfix_ha.system import command
from tests.support.cibs import FENCING, cib, cib_text, mail, node, wish

PROGRAMS = ("cibadmin", "crm_mon", "crm_diff", "crm_verify", "crm_simulate", "crm_resource", "crm_node", "dot")
SEARCHED = "/usr/sbin:/usr/bin:/sbin:/bin"
MONITOR = '<operations><op id="{name}-m" name="monitor" interval="10s"/></operations>'
STARTED = (
    '<lrm_resource id="{name}" class="ocf" provider="{provider}" type="{kind}"><lrm_rsc_op id="{name}_last_0" '
    'operation_key="{name}_start_0" operation="start" crm-debug-origin="x" crm_feature_set="3.13.0" '
    'transition-key="1:1:0:00000000-0000-0000-0000-000000000000" call-id="9" rc-code="{code}" op-status="{status}" '
    'interval="0" transition-magic="{status}:{code};1:1:0:00000000-0000-0000-0000-000000000000" on_node="n1" '
    'last-rc-change="1700000000" exec-time="1" queue-time="0" op-digest="0"/></lrm_resource>'
)


class Programs:
    """Pacemaker's programs, of which a test takes some away or lets them fail."""

    def __init__(self, directory):
        self.directory = directory
        directory.mkdir()
        for name in PROGRAMS:
            found = shutil.which(name, path=SEARCHED)
            if found:
                (directory / name).symlink_to(found)

    def without(self, *names):
        """Not installed."""
        for name in names:
            (self.directory / name).unlink(missing_ok=True)

    def fail(self, name, script):
        """Another one in its place; ``real`` in the script is the program that it stands for."""
        real = shutil.which(name, path=SEARCHED) or "/bin/false"
        self.without(name)
        (self.directory / name).write_text(f"#!/bin/sh\nreal={real}\nPATH={SEARCHED}\n{script}\n")
        (self.directory / name).chmod(0o755)


@pytest.fixture
def programs(tmp_path, monkeypatch):
    found = Programs(tmp_path / "bin")
    monkeypatch.setitem(command.ENVIRONMENT, "PATH", str(found.directory))
    return found


class Living(Cluster):
    """A file that passes for the live cluster."""

    @property
    def is_live(self):
        return True


def whole(**values):
    return create(cib(), wish(tag="mail", nodes=[("n1", 1), ("n2", 10)], **values), node())


def started(name, agent="ocf:mail:postfix_ha", code=0, status=0):
    """The history of a resource that was started on n1; with -1 of status it is being started."""
    _, provider, kind = agent.split(":")
    return STARTED.format(name=name, provider=provider, kind=kind, code=code, status=status)


def on_file(tmp_path, document, *histories):
    """A file with a configuration and what n1 has of these resources."""
    root = etree.fromstring(document.encode()) if isinstance(document, str) else document.root
    lrm = f'<lrm id="1"><lrm_resources>{"".join(histories)}</lrm_resources></lrm>'
    root.find("status/node_state[@uname='n1']").append(etree.fromstring(lrm))
    file = tmp_path / "cib.xml"
    file.write_bytes(etree.tostring(root))
    return str(file)


def running(tmp_path, *, resources="", constraints="", nodes=("n1", "n2", "n3"), healthy=True, standby=()):
    """A file with a Postfix that runs on n1, and nothing that it depends on but these resources."""
    postfix = mail().replace("</primitive>", MONITOR.format(name="mail") * healthy + "</primitive>")
    document = cib_text(postfix + resources, constraints, nodes=nodes)
    document = document.replace(FENCING, FENCING.replace("/>", "></primitive>"))
    for name in standby:
        pair = f'<nvpair id="{name}-s" name="standby" value="on"/>'
        listed = f'uname="{name}"/>'
        document = document.replace(
            listed, f'{listed[:-2]}><instance_attributes id="{name}-a">{pair}</instance_attributes></node>', 1
        )
    return on_file(tmp_path, document, started("mail"))


def drill_to(tmp_path, port=1, mailbox="", fault=""):
    """A drill on a file, to a port on this machine."""
    cluster = Cluster(running(tmp_path))
    letter = Letter("", "box@example.com", "s", mark_of("d"))
    course = SimpleNamespace(
        cluster=cluster, tag="mail", origin="n1", endpoints=[Endpoint("127.0.0.1", port)], letter=letter, drill="d",
        options=SimpleNamespace(wait=1, rate=20, back=False, mailbox=mailbox), target="n2", fault=fault, victim={},
        keeps_hold=False, nodes=Nodes("n1", None), hierarchy=find_hierarchy(cluster.read(), ""),
    )  # fmt: skip
    course.count = lambda where, since: do_step(
        {"step": COUNT, "drill": "d", "since": since, "queue": "/nonexistent", "mailbox": mailbox}
    )
    return run.Drill(course, lambda _: None)
