"""create --dry-run --json on descriptions of nodes: the chain that an experienced administrator would write."""

import json

import pytest

from postfix_ha.cli.commands import create as command
from postfix_ha.cli.main import main
from postfix_ha.cluster.create.build import create
from postfix_ha.cluster.create.local_node import Here
from postfix_ha.cluster.create.plan import Wish
from postfix_ha.system.mounts import Mounts
from tests.support.cibs import cib, cib_text, node, starts
from tests.support.stacks import show, with_scores
from tests.unit.cluster.storage_nodes import KERNEL, LOGINS, NODES, ROOT, SESSIONS

CLONED = ("drbd-mail",)


@pytest.fixture(scope="module")
def sysfs(tmp_path_factory):
    """What the kernel of these nodes shows."""
    return show(tmp_path_factory.mktemp("sysfs"), KERNEL, LOGINS)


def here_of(told, sysfs):
    """The facts of a node as the row has them."""
    plain = node(queue=told.queue)
    found = Here("n1", plain.instance, Mounts(ROOT + told.mounted, sysfs), plain.networks, plain.words)
    settings = {**plain.instance.settings, "mail_spool_directory": "", **told.settings}
    found.instance = plain.instance.with_facts(settings=settings)
    found.entries, found.fstab = told.fstab, [each.mount_point for each in told.fstab if each.is_at_boot]
    found.groups, found.drbd, found.has_drbd_agent, found.lvm = told.groups, told.drbd, True, told.lvm
    found.iscsi_sessions, found.iscsi_startups = SESSIONS, told.startups
    found.names, found.dovecot, found.root_on_queue = told.names, told.dovecot, told.root_on
    return found


def in_words(document, primitive):
    """A resource as the table has it; "" for what is no storage."""
    values, kind = document.parameters(primitive), primitive.get("type")
    words = {
        "Filesystem": ["device", "directory", "fstype", "options"],
        "LVM-activate": ["vgname", "vg_access_mode"],
        "iscsi": ["target", "portal"],
        "drbd": ["drbd_resource"],
    }.get(kind, [])
    said = " ".join(values[name] for name in words if values.get(name))
    if kind == "drbd":
        kept_off = {each.get("node") for each in document.constraints() if each.get("rsc") == "drbd-mail-clone"}
        said += " on " + " ".join(each for each in document.nodes() if each not in kept_off)
    return f"{primitive.get('id')}: {kind} {said}" if words else ""


@pytest.mark.parametrize("name", NODES)
def test_the_chain_is_what_an_administrator_would_write(name, sysfs, tmp_path, monkeypatch, capsys):
    told = NODES[name]
    place = here_of(told, sysfs)
    file = tmp_path / "cib.xml"
    file.write_text(cib_text(told.there))
    before = file.read_bytes()
    # Only what the node tells is given: this machine has no such disks.
    monkeypatch.setattr(command, "look_here", lambda *_: (place, []))
    code = main(["create", "--cib-file", str(file), "--dry-run", "--json"])
    answer = json.loads(capsys.readouterr().out)
    assert file.read_bytes() == before
    if told.refused:
        assert code == 2
        assert {each["id"] for each in answer["findings"]} == told.refused
        for line in answer["errors"]:
            assert "\n" not in line
            assert told.says in line
        return
    assert code == 0
    said = [(each["severity"], each["id"]) for each in answer["remarks"]]
    assert {check for severity, check in said if severity == "warning"} - {"nodes_enough"} == told.warned
    assert {check for severity, check in said if severity == "note"} - {"node_left_out"} == told.noted
    old = cib(told.there)
    made = create(old.copy(), Wish(), place)
    new = [each for each in made.primitives() if each.get("id") not in old.ids()]
    assert {in_words(made, each) for each in new} - {""} == told.made
    # The plan that was shown makes each of them.
    for each in new:
        assert any(each.get("id") in line for line in answer["pcs"]), each.get("id")
    begun = starts(with_scores(made, CLONED)) if told.order else set()
    (mail,) = (each.get("id") for each in made.primitives() if each.get("type") == "postfix_ha")
    for later, earlier in told.order:
        assert (later, earlier) in begun
        assert (mail, later) in begun
