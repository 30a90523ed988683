"""What a directory lies on, from the kernel's own tables: those of machines that cannot be made here."""

from pathlib import Path

import pytest

from postfix_ha.checks.storage import check_queue_storage
from postfix_ha.system.mounts import Mounts
from tests.support.machine.disks import make_sysfs

ROOT = "20 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw"
NODE = """{root}
21 20 0:21 / /proc rw - proc proc rw
22 20 8:2 / /var rw - ext4 /dev/sda2 rw
"""


@pytest.fixture
def sysfs(tmp_path: Path) -> Path:
    return make_sysfs(tmp_path)


@pytest.mark.parametrize(
    ("line", "kind", "words"),
    [
        ("30 20 8:1 /q /queue rw - ext4 /dev/sda1 rw", "own", "this node's own disk"),
        ("30 20 8:3 / /queue rw - ext4 /dev/sda3 rw", "own", "this node's own disk"),
        ("30 20 253:0 / /queue rw - xfs /dev/mapper/vg-queue rw", "own", "this node's own disk"),
        ("30 20 0:30 / /queue rw - tmpfs tmpfs rw", "memory", "memory"),
        ("30 20 0:31 / /queue rw - overlay overlay rw", "own", "root file system"),
        ("30 20 0:32 / /queue rw - nfs4 server:/export rw", "network", "network file system"),
        ("30 20 0:33 / /queue rw - cifs //server/share rw", "network", "network file system"),
        ("30 20 0:34 / /queue rw - fuse.glusterfs server:/volume rw", "network", "network file system"),
        ("30 20 0:35 / /queue rw - fuse.something what rw", "network", "user space"),
        ("30 20 0:36 / /queue rw - ceph 192.0.2.1:6789:/ rw", "network", "network file system"),
        ("30 20 8:48 / /queue rw - ocfs2 /dev/sdd rw", "cluster", "cluster file system"),
        ("30 20 253:2 / /queue rw - gfs2 /dev/vg/lv rw", "cluster", "cluster file system"),
        ("30 20 147:0 / /queue rw - ext4 /dev/drbd0 rw", "drbd", "DRBD"),
        ("30 20 147:5 / /queue rw - xfs /dev/drbd/by-res/mail rw", "drbd", "DRBD"),
        ("30 20 8:16 / /queue rw - ext4 /dev/sdb rw", "shared", "iSCSI"),
        ("30 20 8:32 / /queue rw - ext4 /dev/sdc rw", "shared", "Fibre Channel"),
        ("30 20 252:0 / /queue rw - ext4 /dev/rbd0 rw", "shared", "network block device"),
        ("30 20 259:8 / /queue rw - ext4 /dev/nvme1n1 rw", "shared", "NVMe device over tcp"),
        ("30 20 253:1 / /queue rw - ext4 /dev/mapper/mpatha rw", "shared", "multipath"),
        ("30 20 253:2 / /queue rw - ext4 /dev/vg/lv rw", "shared", "multipath"),
        ("30 20 253:3 / /queue rw - ext4 /dev/vg/lv rw", "block", "a block device"),
        ("30 20 8:49 / /queue rw - ext4 /dev/sdd1 rw", "block", "a block device"),
        ("30 20 259:1 / /queue rw - ext4 /dev/nvme0n1p1 rw", "block", "a block device"),
        ("30 20 0:40 / /queue rw - zfs pool/queue rw", "block", "a block device"),
    ],
)
def test_kinds_are_told_apart(sysfs: Path, line: str, kind: str, words: str) -> None:
    mounts = Mounts(NODE.format(root=ROOT) + line + "\n", str(sysfs))
    mount = mounts.mount_of("/queue/postfix")
    assert mount.mount_point == "/queue"
    found = mounts._kind(mount)
    assert found[0] == kind
    assert words in found[1]


def test_the_longest_and_latest_mount_counts() -> None:
    table = (
        NODE.format(root=ROOT) + "30 20 8:3 / /mnt rw - ext4 /dev/a rw\n31 30 8:4 / /mnt/queue rw - ext4 /dev/b rw\n"
    )
    table += "32 31 8:5 / /mnt/queue rw - ext4 /dev/c rw\n33 20 8:6 / /mnt/que rw - ext4 /dev/d rw\n"
    mounts = Mounts(table)
    assert mounts.mount_of("/mnt/queue/x").source == "/dev/c"
    assert mounts.mount_of("/mnt/queuex").source == "/dev/a"
    assert mounts.mount_of("/mnt/que").source == "/dev/d"
    assert mounts.mount_of("/opt").source == "/dev/sda1"


def test_names_with_blanks_come_back_from_the_kernels_spelling() -> None:
    mounts = Mounts("30 20 8:3 / /mnt/my\\040mail\\134x rw - ext4 /dev/a\\011b rw\n")
    (mount,) = mounts.mounts
    assert (mount.mount_point, mount.source) == ("/mnt/my mail\\x", "/dev/a\tb")


@pytest.mark.parametrize("line", ["", "x", "1 2 3", "1 2 8:1 / / rw -", "1 2 8:1 / / rw - ext4"])
def test_a_line_that_is_none_is_left_out(line: str) -> None:
    assert Mounts(line).mounts == []


@pytest.mark.parametrize(
    ("line", "check"),
    [
        ("30 20 0:32 / {} rw - nfs4 server:/export rw", "queue_on_block_storage"),
        ("30 20 8:48 / {} rw - ocfs2 /dev/sdd rw", "queue_mounted_once"),
        ("30 20 8:49 / {} rw - ext4 /dev/sdd1 rw", "queue_storage_shared"),
        ("30 20 147:0 / {} rw - ext4 /dev/drbd0 rw", ""),
        ("30 20 8:16 / {} rw - ext4 /dev/sdb rw", ""),
        ("30 20 0:30 / {} rw - tmpfs tmpfs rw", "queue_on_cluster_storage"),
        ("30 20 8:3 / {} rw - ext4 /dev/sda3 rw", "queue_on_cluster_storage"),
    ],
)
def test_what_the_check_says_of_it(sysfs: Path, tmp_path: Path, line: str, check: str) -> None:
    queue = tmp_path / "queue"
    queue.mkdir()

    class Survey:
        mounts = Mounts(NODE.format(root=ROOT) + line.format(queue) + "\n", str(sysfs))

        class instance:
            queue_directory = str(queue)

    assert [found.check for found in check_queue_storage(Survey)] == ([check] if check else [])  # type: ignore[arg-type]
