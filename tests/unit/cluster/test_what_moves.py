"""Does this file system move with the service? One question, and check and create give it the same answer."""

from pathlib import Path

import pytest

from postfix_ha.checks.storage import judge_queue_place
from postfix_ha.cluster.create.local_node import Here
from postfix_ha.cluster.create.plan import Wish, make_draft
from postfix_ha.storage.drbd import DrbdResource
from postfix_ha.system.mounts import Mounts
from tests.support.cibs import cib, node
from tests.support.machine.disks import make_sysfs

SDA = "20 1 8:1 / / rw - ext4 /dev/sda1 rw"
MULTIPATH = "20 1 253:1 / / rw - xfs /dev/mapper/mpatha rw"
NFS_ROOT = "20 1 0:19 / / rw - nfs4 boot:/export/n1 rw"
ZFS_ROOT = "20 1 0:19 / / rw - zfs rpool/ROOT/debian rw"
BTRFS_ROOT = "20 1 0:19 /@ / rw - btrfs /dev/sda1 rw"
POSTFIX = "/var/spool/postfix"

STAY, MOVES, WHOLE, BY_HAND, SHARED = "", "moves", "file_system_whole", "file_system_mountable", "file_system_single"
POOL = "pool_imported"
ON_BLOCK, ONCE, DOUBT = "queue_on_block_storage", "queue_mounted_once", "queue_storage_shared"

# The node's root, what is mounted besides -> where the queue is, what create does, what check has to say.
NODES = {
    # A disk of its own moves, wherever it is mounted.
    "iscsi-var-spool-postfix": (SDA, "8:16 / /var/spool/postfix rw - ext4 /dev/sdb rw", POSTFIX, MOVES, ""),
    "fc-srv": (SDA, "8:32 / /srv rw - xfs /dev/sdc rw", "/srv/postfix", MOVES, ""),
    "drbd-home": (SDA, "147:0 / /home rw - ext4 /dev/drbd0 rw", "/home/postfix", MOVES, ""),
    "multipath-opt": (SDA, "253:2 / /opt rw - ext4 /dev/vg/lv rw", "/opt/queue", MOVES, ""),
    "nvme-tcp-var-mail": (SDA, "259:8 / /var/mail rw - ext4 /dev/nvme1n1 rw", "/var/mail/queue", MOVES, ""),
    "rbd-var-lib": (SDA, "252:0 / /var/lib/queue rw - ext4 /dev/rbd0 rw", "/var/lib/queue/q", MOVES, ""),
    "disk-var-spool": (SDA, "8:48 / /var/spool rw - ext4 /dev/sdd rw", POSTFIX, MOVES, DOUBT),
    "disk-mnt": (SDA, "8:49 / /mnt/queue rw - ext4 /dev/sdd1 rw", "/mnt/queue/postfix", MOVES, DOUBT),
    "disk-root-home": (SDA, "8:49 / /root rw - ext4 /dev/sdd1 rw", "/root/queue", MOVES, DOUBT),
    "disk-below-usr": (SDA, "8:49 / /usr/local rw - ext4 /dev/sdd1 rw", "/usr/local/queue", MOVES, DOUBT),
    "zfs-pool": (SDA, "0:40 / /tank rw - zfs tank/queue rw", "/tank/postfix", POOL, DOUBT),
    "san-boot-data-lun": (MULTIPATH, "8:16 / /srv rw - ext4 /dev/sdb rw", "/srv/q", MOVES, ""),
    # Network file systems, all of them.
    "nfs4": (SDA, "0:32 / /var/spool/postfix rw - nfs4 filer:/mail rw", POSTFIX, MOVES, ON_BLOCK),
    "beegfs": (SDA, "0:32 / /srv rw - beegfs beegfs_nodev rw", "/srv/q", MOVES, ON_BLOCK),
    "lustre": (SDA, "0:32 / /srv rw - lustre mds@tcp:/fs rw", "/srv/q", MOVES, ON_BLOCK),
    "9p": (SDA, "0:32 / /srv rw - 9p mailtag rw", "/srv/q", MOVES, ON_BLOCK),
    "ceph": (SDA, "0:32 / /srv rw - ceph 192.0.2.1:6789:/ rw", "/srv/q", MOVES, ON_BLOCK),
    "fuse-in-user-space": (SDA, "0:32 / /srv rw - fuse.other thing rw", "/srv/q", BY_HAND, ON_BLOCK),
    # File systems of a cluster, which every node mounts.
    "gfs2": (SDA, "253:2 / /srv rw - gfs2 /dev/vg/lv rw", "/srv/q", SHARED, ONCE),
    "gpfs": (SDA, "0:32 / /srv rw - gpfs mailfs rw", "/srv/q", SHARED, ONCE),
    # What is the node's own stays, whatever it lies on.
    "root": (SDA, "", POSTFIX, STAY, ""),
    "var-of-its-own": (SDA, "8:49 / /var rw - ext4 /dev/sdd1 rw", POSTFIX, STAY, ""),
    "partition-of-the-own-disk": (SDA, "8:3 / /srv rw - ext4 /dev/sda3 rw", "/srv/q", STAY, ""),
    "lv-on-the-own-disk": (SDA, "253:0 / /mnt/q rw - xfs /dev/mapper/vg-q rw", "/mnt/q", STAY, ""),
    "other-directory-of-the-root": (SDA, "8:1 /q /mnt/q rw - ext4 /dev/sda1 rw", "/mnt/q", STAY, ""),
    "memory": (SDA, "0:30 / /mnt/q rw - tmpfs tmpfs rw", "/mnt/q", STAY, ""),
    "boot-from-san": (MULTIPATH, "", POSTFIX, STAY, ""),
    "root-on-nfs": (NFS_ROOT, "", POSTFIX, STAY, ""),
    "var-on-nfs": (NFS_ROOT, "0:32 / /var rw - nfs4 boot:/export/n1-var rw", POSTFIX, STAY, ""),
    "dataset-of-the-root-pool": (ZFS_ROOT, "0:33 / /srv rw - zfs rpool/srv rw", "/srv/q", STAY, ""),
    "subvolume-of-the-root": (BTRFS_ROOT, "0:19 /@srv /srv rw - btrfs /dev/sda1 rw", "/srv/q", STAY, ""),
    # A part of what moves is not the whole of it.
    "part-of-a-shared-disk": (SDA, "8:16 /mail /srv rw - ext4 /dev/sdb rw", "/srv/q", WHOLE, ""),
}


@pytest.fixture(scope="module")
def sysfs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_sysfs(tmp_path_factory.mktemp("kernel"))


def mounts_of(root: str, mounted: str, sysfs: Path) -> Mounts:
    return Mounts(f"{root}\n" + (f"30 20 {mounted}\n" if mounted else ""), str(sysfs))


@pytest.mark.parametrize(("root", "mounted", "queue", "outcome", "said"), NODES.values(), ids=NODES)
def test_check_knows(sysfs: Path, root: str, mounted: str, queue: str, outcome: str, said: str) -> None:
    found = judge_queue_place(queue, mounts_of(root, mounted, sysfs).place_of(queue))
    expected = "queue_on_cluster_storage" if outcome == STAY else said
    assert [each.check for each in found] == ([expected] if expected else [])


@pytest.mark.parametrize(("root", "mounted", "queue", "outcome", "said"), NODES.values(), ids=NODES)
def test_create_knows(sysfs: Path, root: str, mounted: str, queue: str, outcome: str, said: str) -> None:
    plain = node(queue=queue)
    here = Here("n1", plain.instance, mounts_of(root, mounted, sysfs), plain.networks, plain.words)
    here.instance = plain.instance.with_facts(settings={**plain.instance.settings, "mail_spool_directory": ""})
    here.drbd, here.has_drbd_agent = {"0": DrbdResource("mail", ["n1", "n2"], is_fenced=True)}, True
    draft = make_draft(cib(), Wish(), here)
    refused = {remark.check for remark in draft.remarks if remark.severity == "error"}
    if outcome == MOVES:
        assert refused == set()
        point = mounted.split()[2]
        assert [(part.directory, part.resource) for part in draft.file_systems] == [(point, "")]
    else:
        assert refused == {outcome or "queue_moves"}
    warned = {remark.check for remark in draft.remarks if remark.severity == "warning"}
    assert ("file_system_local" in warned) == (said == ON_BLOCK and outcome == MOVES)
