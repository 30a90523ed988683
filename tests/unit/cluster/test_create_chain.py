"""create and what is below a file system: LVM, DRBD, RAID, encryption and ZFS, on descriptions of nodes."""

import os
import shlex
import subprocess

import pytest
from lxml import etree

from ci.lib.docs.blocks import CHECKOUT, blocks_of
from postfix_ha.cli.main import main
from postfix_ha.cluster.change import modify as reshape
from postfix_ha.cluster.create.build import create
from postfix_ha.cluster.create.local_node import Here
from postfix_ha.cluster.create.plan import Wish, make_draft
from postfix_ha.cluster.model.cib import parse
from postfix_ha.storage.drbd import DrbdResource, read_drbd
from postfix_ha.storage.iscsi import IscsiSession
from postfix_ha.storage.layers import Layer, layers_below
from postfix_ha.storage.lvm import VolumeGroup, read_groups
from postfix_ha.system.mounts import Mounts
from tests.support.cibs import cib, cib_text, file_system, node, primitive, starts, text
from tests.support.stacks import Block, Login, show, with_scores

TARGET = "iqn.2026-11.example:mail"
ROOT = "20 1 8:1 / / rw - ext4 /dev/sda1 rw\n"
QUEUE = "30 20 {number} / /srv/mail rw - ext4 {source} rw\n"
SPOOL = "31 20 {number} / /srv/spool rw - ext4 {source} rw\n"
SHARED = VolumeGroup("n1")
FENCED = DrbdResource("mail", ["n1", "n2"], is_fenced=True)
FS, VG, DRBD = "fs-srv-mail", "vg-san", "drbd-mail-clone"
# Number -> (name in sysfs, what is written in files below it, the numbers of what it is made of).
DISKS = {
    "8:1": ("sda1", {}, []),
    "8:16": ("sdb", {}, []),
    "8:32": ("sdc", {}, []),
    "8:48": ("sdd", {}, [], "platform/host5/session1/target5"),
    "147:0": ("drbd0", {}, ["8:16"]),
    "253:0": ("dm-0", {"dm/uuid": "mpath-3600a", "dm/name": "mpatha"}, ["8:16", "8:32"]),
    "253:1": ("dm-1", {"dm/uuid": "LVM-a", "dm/name": "san-queue"}, ["253:0"]),
    "253:2": ("dm-2", {"dm/uuid": "LVM-b", "dm/name": "san-spool"}, ["253:0"]),
    "253:3": ("dm-3", {"dm/uuid": "LVM-c", "dm/name": "my--san-a--queue"}, ["8:16"]),
    "253:4": ("dm-4", {"dm/uuid": "LVM-d", "dm/name": "san-queue"}, ["147:0"]),
    "253:5": ("dm-5", {"dm/uuid": "CRYPT-LUKS2-e", "dm/name": "secret"}, ["8:16"]),
    "253:6": ("dm-6", {"dm/uuid": "LVM-f", "dm/name": "san-queue"}, ["9:0"]),
    "9:0": ("md0", {"md/level": "raid1"}, ["8:16", "8:32"]),
    # DRBD on a logical volume of each node's own.
    "147:1": ("drbd1", {}, ["253:3"]),
}


@pytest.fixture(scope="module")
def sysfs(tmp_path_factory):
    """What the kernel shows of these devices."""
    blocks = {number: Block(*about) for number, about in DISKS.items()}
    return show(tmp_path_factory.mktemp("sysfs"), blocks, [Login(1, TARGET, "203.0.113.40")])


def here(sysfs, table, groups=None, drbd=None, agent=True, **settings):
    """A node that has these mounts, and knows these volume groups and DRBD resources."""
    plain = node(queue="/srv/mail/postfix")
    found = Here("n1", plain.instance, Mounts(ROOT + table, sysfs), plain.networks, plain.words)
    given = {**plain.instance.settings, "mail_spool_directory": "", **settings}
    found.instance = plain.instance.with_facts(settings=given)
    found.groups, found.drbd, found.has_drbd_agent = groups or {}, drbd or {}, agent
    return found


def said(document, place, severity):
    return {each.check: each.text for each in make_draft(document, Wish(), place).remarks if each.severity == severity}


@pytest.mark.parametrize(
    ("number", "layers"),
    [
        ("8:16", []),
        ("253:0", []),
        ("253:1", [("lvm", "san")]),
        ("253:3", [("lvm", "my-san")]),
        ("147:0", [("drbd", "0")]),
        ("253:4", [("lvm", "san"), ("drbd", "0")]),
        ("253:5", [("crypt", "secret")]),
        ("253:6", [("lvm", "san"), ("raid", "raid1")]),
        ("9:0", [("raid", "raid1")]),
        ("147:1", [("drbd", "1")]),
    ],
)
def test_the_layers_below(sysfs, number, layers):
    mounts = Mounts(ROOT + QUEUE.format(number=number, source="/dev/x"), sysfs)
    assert layers_below(mounts, mounts.mounts[-1]) == [Layer(*each) for each in layers]


LVM = QUEUE.format(number="253:1", source="/dev/mapper/san-queue")
ON_DRBD = QUEUE.format(number="147:0", source="/dev/drbd0")
LVM_ON_DRBD = QUEUE.format(number="253:4", source="/dev/mapper/san-queue")
TWO = LVM + SPOOL.format(number="253:2", source="/dev/mapper/san-spool")
GROUP = primitive("group", "ocf:heartbeat:LVM-activate", vgname="san", vg_access_mode="system_id")
OLD_GROUP = primitive("group", "ocf:heartbeat:LVM", volgrpname="san")
COPY = primitive("copy", "ocf:linbit:drbd", drbd_resource="mail")
PROMOTABLE = f"""<clone id="copies"><meta_attributes id="m"><nvpair id="p" name="promotable" value="true"/>
<nvpair id="x" name="clone-max" value="2"/></meta_attributes>{COPY}</clone>"""
BY_HAND = PROMOTABLE + file_system("by-hand", "/srv/mail")
TIED = """<rsc_colocation id="c" rsc="by-hand" with-rsc="copies" with-rsc-role="Promoted" score="INFINITY"/>
<rsc_order id="o" first="copies" first-action="promote" then="by-hand" then-action="start"/>"""
TIED_TO_ANY = '<rsc_colocation id="c" rsc="by-hand" with-rsc="copies" score="INFINITY"/>'
CHAINS = {
    # What is mounted, the groups, the DRBD resources, what is in the cluster -> what starts before what.
    "lvm": (LVM, {"san": SHARED}, {}, "", "", [(FS, VG)]),
    "lvm with lvmlockd": (LVM, {"san": VolumeGroup("", "sanlock")}, {}, "", "", [(FS, VG)]),
    "lvm that is there": (LVM, {}, {}, GROUP, "", [(FS, "group")]),
    "lvm by the old agent": (LVM, {}, {}, OLD_GROUP, "", [(FS, "group")]),
    "two volumes of one group": (TWO, {"san": SHARED}, {}, "", "", [(FS, VG), ("fs-srv-spool", VG)]),
    "drbd": (ON_DRBD, {}, {"0": FENCED}, "", "", [(FS, DRBD)]),
    "drbd that is there": (ON_DRBD, {}, {"0": FENCED}, PROMOTABLE, "", [(FS, "copies")]),
    "drbd with a file system": (ON_DRBD, {}, {"0": FENCED}, BY_HAND, "", [("by-hand", "copies")]),
    "drbd, tied": (ON_DRBD, {}, {"0": FENCED}, BY_HAND, TIED, [("by-hand", "copies")]),
    "drbd, tied to either role": (ON_DRBD, {}, {"0": FENCED}, BY_HAND, TIED_TO_ANY, [("by-hand", "copies")]),
    "lvm on drbd": (LVM_ON_DRBD, {"san": SHARED}, {"0": FENCED}, "", "", [(FS, VG), (VG, DRBD)]),
}


@pytest.mark.parametrize(("table", "groups", "drbd", "resources", "constraints", "chain"), CHAINS.values(), ids=CHAINS)
def test_the_chain_is_made_or_used_and_in_order(sysfs, table, groups, drbd, resources, constraints, chain):
    place = here(sysfs, table, groups, drbd, virtual_mailbox_base="/srv/spool")
    before = cib(resources, constraints)
    made = create(before.copy(), Wish(), place)
    needs = {(each.get("then"), each.get("first"), each.get("first-action")) for each in made.constraints()}
    together = {(each.get("rsc"), each.get("with-rsc"), each.get("with-rsc-role")) for each in made.constraints()}
    for later, earlier in chain:
        promoted = earlier in (DRBD, "copies")
        assert (later, earlier, "promote" if promoted else None) in needs
        assert (later, earlier, "Promoted" if promoted else None) in together
    # The second time there is nothing left to add.
    assert text(create(made.copy(), Wish(), place)) == text(made)
    pairs = [(each.get("rsc"), each.get("with-rsc"), each.get("with-rsc-role")) for each in made.constraints()
             if each.tag == "rsc_colocation"]  # fmt: skip
    assert len(pairs) == len(set(pairs))
    (mail,) = (each.get("id") for each in made.primitives() if each.get("type") == "postfix_ha")
    inner = {"copies": "copy", DRBD: "drbd-mail"}
    started = starts(with_scores(made, inner.values()))
    for later, earlier in chain:
        assert (mail, later) in started
        assert (later, inner.get(earlier, earlier)) in started


def test_what_is_made_of_a_group(sysfs):
    made = create(cib(), Wish(), here(sysfs, LVM, {"san": SHARED}))
    assert made.parameters(made.resource(VG)) == {"vgname": "san", "vg_access_mode": "system_id"}
    # A snapshot has the same UUID; the volume's path is the same on every node.
    assert made.parameters(made.resource(FS))["device"] == "/dev/san/queue"
    locked = create(cib(), Wish(), here(sysfs, LVM, {"san": VolumeGroup("", "dlm")}))
    assert locked.parameters(locked.resource(VG))["vg_access_mode"] == "lvmlockd"


@pytest.mark.parametrize(("schema", "roles"), [("pacemaker-3.7", "Promoted"), ("pacemaker-3.2", "Master")])
def test_what_is_made_of_drbd(sysfs, schema, roles, tmp_path):
    document = parse(cib_text().replace("pacemaker-3.7", schema).encode())
    made = create(document.copy(), Wish(), here(sysfs, ON_DRBD, {}, {"0": FENCED}))
    clone = made.resource(DRBD)
    meta = {each.get("name"): each.get("value") for each in clone.iterfind("meta_attributes/nvpair")}
    assert (meta["promotable"], meta["clone-max"], meta["promoted-max"], meta["notify"]) == ("true", "2", "1", "true")
    assert next(each.get("role") for each in clone.iter("op") if each.get("name") == "monitor") == roles
    assert roles in [each.get("with-rsc-role") for each in made.constraints()]
    # n3 has no copy: neither the clone nor the service goes there.
    kept_off = {each.get("rsc") for each in made.constraints() if each.get("score") == "-INFINITY"}
    assert {DRBD, FS} <= kept_off
    # A newer Pacemaker warns of an old schema's roles; an error it may not find.
    file = tmp_path / "cib.xml"
    file.write_bytes(etree.tostring(made.root))
    verified = subprocess.run(["crm_verify", "-V", "--xml-file", file], capture_output=True, text=True, check=False)
    assert "error:" not in verified.stderr
    assert verified.returncode == 0 or "Support for the Master role is deprecated" in verified.stderr


REFUSED = {
    "no system id": (LVM, {"san": VolumeGroup()}, {}, "", "volume_group_owned"),
    "vgs says nothing": (LVM, {}, {}, "", "volume_group_known"),
    "drbd unknown": (ON_DRBD, {}, {}, "", "drbd_promoted"),
    "two primaries": (ON_DRBD, {}, {"0": DrbdResource("mail", ["n1", "n2"], is_dual_primary=True, is_fenced=True)}, "",
                      "drbd_single_primary"),
    "a copy in no clone": (ON_DRBD, {}, {"0": FENCED}, COPY, "drbd_clone_promotable"),
    "encrypted": (QUEUE.format(number="253:5", source="/dev/mapper/secret"), {}, {}, "", "layer_managed"),
    "raid": (QUEUE.format(number="9:0", source="/dev/md0"), {}, {}, "", "layer_managed"),
    "a pool": ("30 20 0:40 / /srv/mail rw - zfs tank/mail rw\n", {}, {}, "", "pool_imported"),
}  # fmt: skip


@pytest.mark.parametrize(("table", "groups", "drbd", "resources", "check"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_tied_is_refused_in_one_line(sysfs, table, groups, drbd, resources, check):
    found = said(cib(resources), here(sysfs, table, groups, drbd), "error")
    assert list(found) == [check]
    assert "/srv/mail" in found[check]
    assert "\n" not in found[check]


def test_the_agent_of_drbd_must_be_there(sysfs):
    place = here(sysfs, ON_DRBD, {}, {"0": FENCED}, agent=False)
    assert list(said(cib(), place, "error")) == ["drbd_agent_installed"]
    assert said(cib(PROMOTABLE), place, "error") == {}


def test_what_an_administrator_has_tied_himself_is_not_judged(sysfs):
    raid = QUEUE.format(number="9:0", source="/dev/md0")
    assert said(cib(file_system("by-hand", "/srv/mail")), here(sysfs, raid), "error") == {}
    pool = primitive("tank", "ocf:heartbeat:ZFS", pool="tank")
    made = create(cib(pool), Wish(), here(sysfs, "30 20 0:40 / /srv/mail rw - zfs tank/mail rw\n"))
    assert "tank" in [each.get("first") for each in made.constraints()]


def test_what_may_harm_is_a_warning(sysfs):
    boot = here(sysfs, LVM, {"san": VolumeGroup("n1", is_autoactivated=True)})
    assert "vgchange --setautoactivation n san" in said(cib(), boot, "warning")["volume_group_not_at_boot"]
    open_ended = here(sysfs, ON_DRBD, {}, {"0": DrbdResource("mail", ["n1", "n2"])})
    assert "fence-peer" in said(cib(), open_ended, "warning")["drbd_peer_fenced"]


def test_what_vgs_says():
    answer = b"""{"report": [{"vg": [
        {"vg_name": "san", "vg_systemid": "n1", "vg_lock_type": "", "vg_autoactivation": "enabled"},
        {"vg_name": "locked", "vg_systemid": "", "vg_lock_type": "sanlock", "vg_autoactivation": ""}]}]}"""
    found = read_groups(answer)
    assert (found["san"].system_id, found["san"].lock_type, found["san"].is_autoactivated) == ("n1", "none", True)
    locked = found["locked"]
    assert (locked.system_id, locked.lock_type, locked.is_autoactivated) == ("", "sanlock", False)
    for hostile in (b"", b"[]", b'{"report": 3}', b'{"report": [{"vg": [[]]}]}', b'{"report": [{"vg": [{}]}]}'):
        assert read_groups(hostile) == {}


def test_what_drbdadm_says():
    answer = b"""<config file="/etc/drbd.conf">
      <common><section name="net"><option name="fencing" value="resource-and-stonith"/></section></common>
      <resource name="mail" conf-file-line="/etc/drbd.d/mail.res:1">
        <host name="n1"><volume vnr="0"><device minor="0">/dev/drbd0</device></volume>
          <volume vnr="1"><device minor="1">/dev/drbd1</device></volume></host>
        <host name="n2"><volume vnr="0"><device minor="0">/dev/drbd0</device></volume></host>
        <section name="handlers"><option name="fence-peer" value="/usr/lib/drbd/crm-fence-peer.9.sh"/></section>
      </resource>
      <resource name="two"><host name="n1"><device minor="7">/dev/drbd7</device></host>
        <section name="net"><option name="allow-two-primaries" value="yes"/></section></resource></config>"""
    found = read_drbd(answer)
    assert {minor: (each.name, each.hosts, each.is_dual_primary, each.is_fenced) for minor, each in found.items()} == {
        "0": ("mail", ["n1", "n2"], False, True),
        "1": ("mail", ["n1", "n2"], False, True),
        "7": ("two", ["n1"], True, False),
    }
    assert read_drbd(b"not xml") == {}


NFS = "30 20 0:40 / /srv/mail rw - nfs4 filer:/export/mail rw,vers=4.2,hard,local_lock=none\n"
ISCSI = QUEUE.format(number="8:48", source="/dev/sdd")
BY_HAND_PAGE = {"lvm": LVM, "drbd": ON_DRBD, "iscsi": ISCSI, "nfs": NFS}


@pytest.mark.parametrize("shell", ["pcs", "crm"])
@pytest.mark.parametrize("kind", BY_HAND_PAGE)
def test_the_page_makes_the_same_by_hand(sysfs, tmp_path, kind, shell):
    block = blocks_of(CHECKOUT / "docs/storage.md")[2 * list(BY_HAND_PAGE).index(kind) + (shell == "crm")]
    file = tmp_path / "cib.xml"
    file.write_text(cib_text("" if kind == "nfs" else file_system("fs-mnt-queue", "/srv/mail")))
    for line in block.text.splitlines():
        assert line.startswith(shell)
        # By force: an agent that is not installed here has no meta-data to hold the parameters against.
        forced = ["--force"] if shell == "pcs" and "resource create" in line else []
        words = [shell, *(["-f", str(file)] if shell == "pcs" else ["-F"]), *shlex.split(line)[1:], *forced]
        env = {**os.environ, "CIB_file": str(file)} if shell == "crm" else None
        done = subprocess.run(words, capture_output=True, text=True, check=False, env=env)
        assert done.returncode == 0, done.stderr + done.stdout
    by_hand = parse(file.read_bytes())
    chain = here(sysfs, BY_HAND_PAGE[kind], {"san": SHARED}, {"0": FENCED})
    chain.iscsi_sessions, chain.iscsi_startups = [IscsiSession(TARGET, "203.0.113.40:3260")], {TARGET: "manual"}
    made = create(by_hand.copy(), Wish(), chain)
    # What was made by hand is all that create wants below the file system.
    new = {each.get("id") for each in made.primitives()} - {each.get("id") for each in by_hand.primitives()}
    assert not any(name.startswith(("vg-", "drbd-", "fs-", "iscsi-")) for name in new)
    added = [each for each in made.constraints() if each.get("id") not in by_hand.ids()]
    assert not [each for each in added if "fs-mnt-queue" in (each.get("rsc"), each.get("then"))]


def on_everything(sysfs):
    """A hierarchy whose file system is on a group on DRBD, with mailboxes on a disk that the cluster logs in to."""
    table = LVM_ON_DRBD + "31 20 8:48 / /srv/spool rw - ext4 /dev/sdd rw\n"
    place = here(sysfs, table, {"san": SHARED}, {"0": FENCED}, virtual_mailbox_base="/srv/spool")
    place.iscsi_sessions, place.iscsi_startups = [IscsiSession(TARGET, "203.0.113.40:3260")], {TARGET: "manual"}
    return create(cib(), Wish(), place)


LINKS = {VG: "LVM-activate", "drbd-mail": "drbd", "iscsi-mail": "iscsi", FS: "Filesystem", "fs-srv-spool": "Filesystem"}


def test_the_chain_is_shown(sysfs, tmp_path, capsys):
    file = tmp_path / "cib.xml"
    file.write_bytes(text(on_everything(sysfs)))
    for words in (["print", "--format", "pcs"], ["print", "--format", "crm"], ["graph"], ["status"]):
        main([words[0], "--cib-file", str(file), *words[1:]])
        said = capsys.readouterr().out.replace("&#45;", "-")  # as a drawing has it
        for name in LINKS:
            assert name in said, (words, name)


def test_what_create_made_delete_takes_away(sysfs):
    made = on_everything(sysfs)
    (mail,) = (each.get("id") for each in made.primitives() if each.get("type") == "postfix_ha")
    assert set(LINKS) <= made.ids()
    gone = reshape.delete(made.copy(), mail, with_parts=True)
    assert {each.get("id") for each in gone.primitives()} == {"fence"}
    assert list(gone.constraints()) == []


def test_a_group_that_others_need_stays(sysfs):
    made = on_everything(sysfs)
    (mail,) = (each.get("id") for each in made.primitives() if each.get("type") == "postfix_ha")
    made.section("resources").append(etree.fromstring(file_system("theirs", "/srv/theirs")))
    made.section("constraints").append(etree.fromstring(f'<rsc_order id="o9" first="{VG}" then="theirs"/>'))
    made.section("constraints").append(
        etree.fromstring(f'<rsc_colocation id="c9" rsc="theirs" with-rsc="{VG}" score="INFINITY"/>')
    )
    kept = {each.get("id") for each in reshape.delete(made, mail, with_parts=True).primitives()}
    assert {VG, "drbd-mail", "theirs"} <= kept
    assert not {FS, "iscsi-mail", "fs-srv-spool"} & kept
