"""Comparison of what lies below the queue: what keeps a peer from bringing it up is named before the first move."""

import copy

import pytest

from postfix_ha.messages.statement import Statement
from postfix_ha.peers.compare import compare
from postfix_ha.peers.remote import Remote
from tests.support.facts import FACTS, PLACE

ALL = [
    "ocf:heartbeat:LVM-activate",
    "ocf:heartbeat:iscsi",
    "ocf:linbit:drbd",
    "vgs",
    "drbdadm",
    "iscsiadm",
    "mount.nfs",
]
WWID = "3600c"


def volumes(*layers, **more):
    """What a node tells of its volumes."""
    told = {
        "layers": [{"kind": kind, "name": name} for kind, name in layers], "names": [], "paths": {}, "devices": [],
        "multipaths": {}, "programs": ALL, "lvm": {"system_id": "n1", "groups": []}, "drbd": [], "iscsi": {},
    }  # fmt: skip
    return {**told, **more}


def group(system_id="n1", lock_type="none", at_boot=False):
    return {"name": "san", "system_id": system_id, "lock_type": lock_type, "at_boot": at_boot}


def lvm(system_id, *groups):
    return {"system_id": system_id, "groups": list(groups)}


def drbd(digest):
    return [{"name": "mail", "digest": digest, "hosts": ["n1", "n2.example.com"]}]


def differences(mine, theirs, kind="shared", fstype="ext4", uuid="u", seen=()):
    here, there = copy.deepcopy(FACTS), copy.deepcopy(FACTS)
    there.update(node="n2", addresses=[])
    here["storage"]["queue"] = {**PLACE, "kind": kind, "fstype": fstype, "uuid": uuid}
    there["storage"]["queue"] = {
        **PLACE,
        "is_there": False,
        "existing": "/q",
        "kind": "own",
        "mount_point": "/",
        "uuid": "",
    }
    there["storage"]["uuids"] = list(seen)
    here["storage"]["volumes"], there["storage"]["volumes"] = mine, theirs
    return compare(here, there, Remote("n2", ["ssh"]), 999.0, 1001.0)


LVM, DRBD, ISCSI = ("lvm", "san"), ("drbd", "mail"), ("iscsi", "iqn.x:mail")
OWNED = volumes(LVM, lvm=lvm("n1", group()))
COPIES = volumes(DRBD, drbd=drbd("a"))
LOGGED_IN = volumes(ISCSI, iscsi={"iqn.x:mail": "automatic"})
PATHS = volumes(paths={WWID: 2})
OPEN = lvm("n1", group("", at_boot=True))
CASES = {
    # What this node tells, what the peer tells, how the queue is seen -> the ids of what is said.
    "a group that the peer sees as another's": (OWNED, volumes(lvm=lvm("n2", group())), {}, []),
    "a group that the peer does not see": (OWNED, volumes(lvm=lvm("n2")), {}, ["volume_group_on_peer"]),
    "a peer without a system id": (OWNED, volumes(lvm=lvm("", group())), {}, ["system_id_own"]),
    "a peer with our system id": (OWNED, volumes(lvm=lvm("n1", group())), {}, ["system_id_own"]),
    "a group of lvmlockd needs none": (
        volumes(LVM, lvm=lvm("", group("", "dlm"))), volumes(lvm=lvm("", group("", "dlm"))), {}, []),
    "a group that both activate at boot": (volumes(LVM, lvm=OPEN), volumes(lvm=OPEN), {}, ["volume_group_at_boot"]),
    "one that its owner alone activates": (
        volumes(LVM, lvm=lvm("n1", group(at_boot=True))), volumes(lvm=lvm("n2", group(at_boot=True))), {}, []),
    "a peer without the agent of LVM": (
        OWNED, volumes(lvm=lvm("n2", group()), programs=["vgs"]), {}, ["storage_program_on_peer"]),
    "a peer without LVM": (OWNED, volumes(lvm=lvm(""), programs=ALL[:3]), {}, ["storage_program_on_peer"]),
    "the same DRBD file": (COPIES, volumes(drbd=drbd("a")), {"kind": "drbd"}, []),
    "another DRBD file": (COPIES, volumes(drbd=drbd("b")), {"kind": "drbd"}, ["drbd_files_agree"]),
    "no DRBD file": (COPIES, volumes(), {"kind": "drbd"}, ["drbd_files_agree"]),
    "a node without a copy needs none": (
        volumes(DRBD, drbd=[{"name": "mail", "digest": "a", "hosts": ["n1", "n3"]}]), volumes(), {"kind": "drbd"}, []),
    "a peer without DRBD": (
        COPIES, volumes(programs=["vgs"]), {"kind": "drbd"}, ["storage_program_on_peer", "storage_program_on_peer"]),
    "LVM on DRBD is not seen where the copy is not promoted": (
        volumes(LVM, DRBD, lvm=lvm("n1", group()), drbd=drbd("a")), volumes(lvm=lvm("n2"), drbd=drbd("a")),
        {"kind": "drbd"}, []),
    "a session on both": (LOGGED_IN, LOGGED_IN, {"seen": ["u"]}, []),
    "a session that only one node has": (LOGGED_IN, volumes(), {"seen": ["u"]}, ["iscsi_session_on_peer"]),
    "a session that the cluster makes": (volumes(ISCSI, iscsi={"iqn.x:mail": "manual"}), volumes(), {}, []),
    "a peer without open-iscsi": (LOGGED_IN, volumes(programs=[]), {"seen": ["u"]}, ["storage_program_on_peer"]),
    "a path that only one node has": (
        PATHS, volumes(multipaths={WWID: 1}), {"seen": ["u"]}, ["multipath_paths_agree"]),
    "no multipath on the peer": (PATHS, volumes(), {"seen": ["u"]}, ["multipath_paths_agree"]),
    "the same paths": (PATHS, volumes(multipaths={WWID: 2}), {"seen": ["u"]}, []),
    "a disk without a UUID, seen by its WWN": (
        volumes(names=["/dev/disk/by-id/wwn-1"]), volumes(devices=["/dev/disk/by-id/wwn-1"]), {"uuid": ""}, []),
    "a disk without a UUID that the peer lacks": (
        volumes(names=["/dev/disk/by-id/wwn-1"]), volumes(devices=["/dev/disk/by-id/wwn-2"]), {"uuid": ""},
        ["device_on_peer"]),
    "a plain disk that the peer lacks": (volumes(), volumes(), {}, ["device_on_peer"]),
    "NFS and a peer that cannot mount it": (
        volumes(), volumes(programs=[]), {"kind": "network", "fstype": "nfs4", "uuid": ""},
        ["storage_program_on_peer"]),
}  # fmt: skip


@pytest.mark.parametrize(("mine", "theirs", "seen", "said"), CASES.values(), ids=CASES)
def test_what_a_peer_could_not_bring_up_is_named(mine, theirs, seen, said):
    found = differences(mine, theirs, **seen)
    assert [each.check for each in found] == said
    for each in found:
        text = Statement(each).text
        assert "n2" in text
        assert "\n" not in text


def test_an_older_peer_tells_nothing_of_it():
    found = differences(OWNED, None)
    assert [each.check for each in found] == []
    assert differences(None, OWNED, seen=["u"]) == []


@pytest.mark.parametrize(
    "strange", [[], 7, "x", {}, {"layers": 3}, {"lvm": []}, {"drbd": {"a": 1}}, {"multipaths": {WWID: "x"}}]
)
def test_whatever_a_peer_tells_is_data(strange):
    for mine in (OWNED, COPIES, LOGGED_IN, PATHS):
        for pair in ((mine, strange), (strange, mine)):
            for each in differences(*pair):
                assert Statement(each).text
