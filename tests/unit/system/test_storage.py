"""What programs and the kernel tell of storage: names of devices, LVM's settings, DRBD's copies, iSCSI, mail stores."""

import time

import pytest

from postfix_ha.storage.defects import of_drbd
from postfix_ha.storage.device_names import is_of_one_node, names_of, shared_names
from postfix_ha.storage.drbd import note_old_states, note_states, read_drbd
from postfix_ha.storage.iscsi import startups
from postfix_ha.storage.lvm import read_settings
from postfix_ha.storage.mailstores import read_dovecot
from postfix_ha.storage.nfs import judge_options
from postfix_ha.storage.peer_facts import volume_facts
from postfix_ha.system.mounts import Mounts, read_fstab
from tests.support.stacks import Block, Login, show

PORTAL = "by-path/ip-203.0.113.40:3260-iscsi-iqn.x-lun-0"


@pytest.mark.parametrize(
    ("name", "is_one"),
    [
        ("/dev/sda", True), ("/dev/sdaa1", True), ("/dev/vdb", True), ("/dev/nvme0n1p2", True), ("/dev/dm-3", True),
        ("/dev/mapper/mpatha", True), ("/dev/mapper/mpathb-part1", True), ("/dev/mapper/mpathaa1", True),
        ("/dev/md127", True), ("/dev/mapper/mailqueue", False), ("/dev/mapper/san-queue", False),
        ("/dev/drbd0", False), ("/dev/san/queue", False),
        ("/dev/disk/by-uuid/1", False), ("filer:/export", False),
    ],
)  # fmt: skip
def test_a_name_of_one_node(name, is_one):
    assert is_of_one_node(name) is is_one


def test_the_names_that_all_nodes_share(tmp_path):
    for name in ("by-uuid/12", "by-id/scsi-3600c", "by-id/dm-uuid-mpath-3600c", "by-id/dm-name-mpatha",
                 "by-id/lvm-pv-uuid-x", "by-path/pci-0000:00-fc-0x5", PORTAL):  # fmt: skip
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).symlink_to("/dev/null")
    names = [name[len(str(tmp_path)) + 1 :] for name in shared_names(str(tmp_path))]
    assert names == [
        "by-uuid/12", "by-id/dm-uuid-mpath-3600c", "by-id/scsi-3600c", PORTAL,
    ]  # fmt: skip
    found = names_of(["/dev/null", "/dev/not-there", "filer:/x"], time.monotonic() + 5, str(tmp_path))
    assert list(found) == ["/dev/null"]
    assert found["/dev/null"][0] == f"{tmp_path}/by-uuid/12"


@pytest.mark.parametrize(
    ("identity", "settings", "system_id", "activates"),
    [
        (b"  system ID: n1\n", b"activation {\n\tmonitoring=1\n}\n", "n1", True),
        (b"  system ID: \n", b"", "", True),
        (b"  system ID: n1\n", b'activation {\n\tauto_activation_volume_list=["root", "san/boot"]\n}\n', "n1", True),
        (b"  system ID: n1\n", b"activation {\n\tauto_activation_volume_list=[]\n}\n", "n1", False),
        (b"  system ID: n1\n", b'activation {\n\tauto_activation_volume_list="root"\n}\n', "n1", False),
        (b"\xff", b"\xff=\xff\n", "", True),
    ],
)
def test_what_lvm_says_of_this_node(identity, settings, system_id, activates):
    found = read_settings(identity, settings)
    assert (found.system_id, found.activates("san")) == (system_id, activates)


DUMP = """<config><common><section name="net"><option name="protocol" value="C"/></section></common>
<resource name="mail" conf-file-line="/etc/drbd.d/mail.res:{line}">
<host name="n1"><volume vnr="0"><device minor="{one}">/dev/drbd{one}</device><disk>/dev/vg/mail</disk></volume></host>
<host name="n2"><volume vnr="0"><device minor="0">/dev/drbd0</device><disk>{disk}</disk></volume></host>
<section name="{where}"><option name="fencing" value="resource-only"/></section>
<section name="handlers"><option name="fence-peer" value="f"/>{lifting}</section></resource></config>"""
WHOLE = {
    "line": 1,
    "one": 0,
    "disk": "/dev/vg/mail",
    "where": "net",
    "lifting": '<option name="unfence-peer" value="u"/>',
}


def resource(**other):
    """What DRBD's configuration says, with something else in it."""
    return read_drbd(DUMP.format(**{**WHOLE, **other}).encode())


def test_the_digest_is_of_what_the_file_means():
    digest = resource()["0"].digest
    assert resource(line=9)["0"].digest == digest
    assert resource(disk="/dev/other")["0"].digest != digest
    assert resource(lifting="")["0"].digest != digest


def test_a_minor_that_is_not_the_same_everywhere_is_no_name():
    assert resource()["0"].device("0", "/dev/drbd0") == "/dev/drbd0"
    assert resource(one=4)["4"].device("4", "/dev/drbd4") == "/dev/drbd/by-res/mail/0"


@pytest.mark.parametrize(
    ("other", "said"),
    [
        ({}, []),
        # DRBD 8.4 has it among the options of the disk, and its own name for the handler.
        ({"where": "disk", "lifting": '<option name="after-resync-target" value="u"/>'}, []),
        ({"lifting": ""}, ["drbd_peer_unfenced"]),
    ],
)
def test_a_peer_that_is_fenced_is_let_in_again(other, said):
    assert [each.check for each in of_drbd(resource(**other)["0"], {"directory": "/d"})] == said


def test_a_copy_that_is_behind_is_named():
    found = resource()
    states = b"""[{"name": "mail", "connections": [
        {"name": "n2", "peer_devices": [{"volume": 0, "peer-disk-state": "Inconsistent"}]},
        {"name": "n3", "peer_devices": [{"volume": 0, "peer-disk-state": "Diskless"}]}]},
        {"name": "other", "connections": []}]"""
    note_states(found, states)
    assert found["0"].behind == ["n2 (Inconsistent)"]
    old = resource()
    note_old_states(
        old, " 0: cs:SyncSource ro:Primary/Secondary ds:UpToDate/Inconsistent C r-----\n 7: cs:Unconfigured\n"
    )
    assert [each.check for each in of_drbd(old["0"], {"directory": "/d"})] == ["drbd_in_sync"]
    for hostile in (
        b"",
        b"{",
        b"[3]",
        b'[{"name": "mail", "connections": 3}]',
        b'[{"name": "mail", "connections": [{}]}]',
    ):
        again = resource()
        note_states(again, hostile)
        assert again["0"].behind == []


def test_whether_a_node_logs_in_to_a_target_at_boot(tmp_path):
    new = tmp_path / "iqn.x:a" / "203.0.113.40,3260,1"
    new.mkdir(parents=True)
    (new / "default").write_text("node.name = iqn.x:a\nnode.startup = manual\nnode.conn[0].startup = manual\n")
    (tmp_path / "iqn.x:b").mkdir()
    (tmp_path / "iqn.x:b" / "203.0.113.40,3260").write_text("node.startup = automatic\n")
    (tmp_path / "iqn.x:c").mkdir()
    (tmp_path / "iqn.x:c" / "203.0.113.40,3260").write_bytes(b"\xff\n")
    assert startups((str(tmp_path), "/nowhere")) == {"iqn.x:a": "manual", "iqn.x:b": "automatic"}


@pytest.mark.parametrize(
    ("says", "directories"),
    [
        (b"mail_location = maildir:~/Maildir:INDEX=/var/indexes/%u\n", ["/home", "/var/indexes"]),
        (b"mail_location = mdbox:/srv/vmail/%d/%n:ALT=/archive/%d\n", ["/srv/vmail", "/archive"]),
        (b"mail_location = maildir:~/Maildir\nuserdb {\n  args = uid=vmail home=/srv/vmail/%u\n}\n", ["/srv/vmail"]),
        (b"mail_driver = maildir\nmail_path = ~/Maildir\nmail_index_path = /ssd/%{user}\n", ["/home", "/ssd"]),
        (b"namespace inbox {\n  location = mbox:/var/mail:INBOX=/var/mail/%u\n}\n", ["/var/mail"]),
        (b"ssl_cert = </etc/ssl/cert\nprotocols = imap\n", []),
        (b"\xff\xfe", []),
    ],
)
def test_where_dovecot_keeps_mail(says, directories):
    assert read_dovecot(says) == directories


def test_options_of_nfs_are_judged_once_each():
    words = ["rw", "vers=3", "softerr", "nolock", "local_lock=all", "proto=tcp"]
    found = judge_options(words, {"directory": "/d", "what": "w"})
    assert [(each.check, each.values["option"]) for each in found] == [
        ("nfs_mounted_hard", "softerr"), ("nfs_locks_shared", "nolock,local_lock=all"),
    ]  # fmt: skip
    assert judge_options(["hard", "local_lock=none"], {}) == []


def test_the_facts_tell_what_is_below_the_queue(tmp_path):
    blocks = {
        "8:16": Block("sdb", home="platform/host5/session1/target5"),
        "8:32": Block("sdc", home="platform/host6/session2/target6"),
        "253:0": Block("dm-0", {"dm/uuid": "mpath-3600c", "dm/name": "mpatha"}, ["8:16", "8:32"]),
        "253:1": Block("dm-1", {"dm/uuid": "LVM-a", "dm/name": "san-queue"}, ["253:0"]),
    }
    sysfs = show(tmp_path, blocks, [Login(1, "iqn.x:a", "203.0.113.40"), Login(2, "iqn.x:a", "2001:db8::1")])
    table = "20 1 8:1 / / rw - ext4 /dev/sda1 rw\n30 20 253:1 / /q rw - ext4 /dev/mapper/san-queue rw\n"
    found = volume_facts(Mounts(table, sysfs), "/q", time.monotonic() + 5)
    assert found["layers"] == [{"kind": "lvm", "name": "san"}, {"kind": "iscsi", "name": "iqn.x:a"}]
    assert found["paths"] == found["multipaths"] == {"3600c": 2}
    assert found["iscsi"] == {"iqn.x:a": ""}


def test_a_line_of_fstab(tmp_path):
    file = tmp_path / "fstab"
    file.write_text("LABEL=mail\\040disk /srv/mail ext4 noauto,x-systemd.automount 0 2\nUUID=1 /a ext4 noauto 0 0\n")
    first, second = read_fstab(str(file))
    assert (first.source, first.is_at_boot) == ("LABEL=mail disk", True)
    assert (second.source, second.is_at_boot) == ("UUID=1", False)
