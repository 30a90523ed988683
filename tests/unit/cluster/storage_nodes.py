"""Nodes with the storage that people have, and what an administrator would write for each: a table.

Each row is what the kernel and the programs of one node tell, and what create makes of it.
"""

from postfix_ha.storage.drbd import DrbdResource
from postfix_ha.storage.iscsi import IscsiSession
from postfix_ha.storage.lvm import LvmSettings, VolumeGroup
from postfix_ha.storage.nfs import HANGS
from postfix_ha.system.mounts import FstabEntry, unescaped
from tests.support.cibs import primitive
from tests.support.stacks import Block, Login

ROOT = "20 1 8:1 / / rw - ext4 /dev/sda1 rw\n"
TARGET = "iqn.2026-11.example:mail"
PAIR = "iqn.2026-11.example:pair"
PORTAL = "203.0.113.40:3260"
KERNEL = {
    "8:0": Block("sda", home="ata1/host0"),
    "8:1": Block("sda1"),
    "8:16": Block("sdb", home="platform/host5/session1/target5"),
    "8:32": Block("sdc", home="platform/host6/session2/target6"),
    "8:48": Block("sdd", home="platform/host7/session3/target7"),
    "8:64": Block("sde", home="pci0/host8/rport-8:0-1/target8"),
    "8:80": Block("sdf", home="pci0/host9/rport-9:0-1/target9"),
    "8:96": Block("sdg", home="pci0/virtio3"),
    "147:0": Block("drbd0", below=["8:96"]),
    "147:4": Block("drbd4", below=["8:96"]),
    "253:0": Block("dm-0", {"dm/uuid": "mpath-3600c", "dm/name": "mpatha"}, ["8:64", "8:80"]),
    "253:1": Block("dm-1", {"dm/uuid": "LVM-a", "dm/name": "san-queue"}, ["253:0"]),
    "253:2": Block("dm-2", {"dm/uuid": "LVM-b", "dm/name": "san-spool"}, ["253:0"]),
    "253:3": Block("dm-3", {"dm/uuid": "LVM-c", "dm/name": "san-queue"}, ["147:0"]),
    "253:4": Block("dm-4", {"dm/uuid": "CRYPT-LUKS2-d", "dm/name": "secret"}, ["8:64"]),
    "253:5": Block("dm-5", {"dm/uuid": "mpath-3600d", "dm/name": "mpathb"}, ["8:32", "8:48"]),
    "253:6": Block("dm-6", {"dm/uuid": "LVM-e", "dm/name": "two-queue"}, ["8:16"]),
    "9:0": Block("md0", {"md/level": "raid1"}, ["8:64", "8:80"]),
}  # fmt: skip
LOGINS = [
    Login(1, TARGET, "203.0.113.40"),
    Login(2, PAIR, "203.0.113.41"),
    Login(3, PAIR, "203.0.113.42"),
]
SESSIONS = [
    IscsiSession(TARGET, PORTAL),
    IscsiSession(PAIR, "203.0.113.41:3260"),
    IscsiSession(PAIR, "203.0.113.42:3260"),
]
UUID = "/dev/disk/by-uuid/"
NAMES = {
    "/dev/sdb": [UUID + "b"], "/dev/sde": [UUID + "e"], "/dev/sdf": [UUID + "f"], "/dev/sdg": [UUID + "g"],
    "/dev/mapper/mpatha": [UUID + "m", "/dev/disk/by-id/dm-uuid-mpath-3600c"], "/dev/mapper/mpathb": [UUID + "n"],
}  # fmt: skip
OURS = VolumeGroup("n1")
DRBD9 = DrbdResource("mail", ["n1", "n2"], is_fenced=True)
UNLIKE = DrbdResource("mail", ["n1", "n2"], is_fenced=True)
UNLIKE.devices, UNLIKE.volumes = {"n1": ["4"], "n2": ["0"]}, {"4": "0", "0": "0"}
HALF = DrbdResource("mail", ["n1", "n2"], is_fenced=True, is_unfenced=False)
HALF.behind = ["n2 (Inconsistent)"]
NFS4 = "rw,vers=4.2,rsize=1048576,wsize=1048576,hard,proto=tcp,timeo=600,retrans=2,sec=sys,clientaddr=198.51.100.11," \
    "local_lock=none,addr=198.51.100.50"  # fmt: skip
NFS3 = "rw,vers=3,rsize=65536,wsize=65536,noac,hard,proto=udp,timeo=11,retrans=3,sec=sys,mountaddr=198.51.100.50," \
    "mountvers=3,mountproto=udp,local_lock=none,addr=198.51.100.50"  # fmt: skip
DLM = primitive("lock", "ocf:heartbeat:lvmlockd")


def disk(source, number, point="/srv/mail", fstype="ext4", options="rw", root="/", details="rw", at=30):
    """One line of the kernel's table."""
    return f"{at} 20 {number} {root} {point} {options} - {fstype} {source} {details}\n"


def nfs(details, point="/srv/mail", fstype="nfs4", at=30):
    """The same of an NFS mount."""
    return disk("filer:/export/mail", "0:40", point, fstype, details=details, at=at)


class Told:
    """A node: what is mounted, and what its programs tell; ``made`` is what create makes of it, in words,
    ``order`` what starts after what, ``refused`` and ``warned`` the ids of what it says."""

    def __init__(self, mounted, made=(), order=(), *, refused=(), warned=(), noted=(), queue="/srv/mail/postfix",
    fstab="",
                 groups=None, drbd=None, startups=None, names=None, root_on="", dovecot=(), there="", lvm=None, says="",
                 **settings):  # fmt: skip
        self.mounted, self.made, self.order = mounted, set(made), order
        self.refused, self.warned, self.noted, self.queue = set(refused), set(warned), set(noted), queue
        lines = [line.split() for line in fstab.splitlines()]
        self.fstab = [FstabEntry(words[1], unescaped(words[3]).split(","), words[0]) for words in lines]
        self.groups, self.drbd, self.startups = groups or {}, drbd or {}, startups or {}
        self.names = NAMES if names is None else names
        self.root_on, self.dovecot, self.there, self.says = root_on, list(dovecot), there, says
        self.lvm = lvm or LvmSettings("n1")
        self.settings = settings


MPATH = disk("/dev/mapper/mpatha", "253:0")
LV = disk("/dev/mapper/san-queue", "253:1")
SPOOL = disk("/dev/mapper/san-spool", "253:2", "/var/mail", "xfs", at=31)
FC = disk("/dev/sde", "8:64")
DRBD = disk("/dev/drbd0", "147:0", fstype="xfs")
FS, VG, COPY = "fs-srv-mail", "vg-san", "drbd-mail"
LV_MADE = f"{FS}: Filesystem /dev/san/queue /srv/mail ext4"
VG_MADE = "vg-san: LVM-activate san system_id"
COPY_MADE = "drbd-mail: drbd mail on n1 n2"
FC_MADE = f"{FS}: Filesystem {UUID}e /srv/mail ext4"
ACTIVE = primitive("group", "ocf:heartbeat:LVM-activate", vgname="san", vg_access_mode="tagging")
LOGGED_IN = primitive("login", "ocf:heartbeat:iscsi", target=TARGET, portal=PORTAL)
POOL = primitive("tank", "ocf:heartbeat:ZFS", pool="tank")

NODES = {
    "a Fibre Channel disk": Told(FC, [FC_MADE]),
    "a Fibre Channel disk at Postfix's own place": Told(
        disk("/dev/sde", "8:64", "/var/spool/postfix"),
        [f"fs-var-spool-postfix: Filesystem {UUID}e /var/spool/postfix ext4"],
        queue="/var/spool/postfix"),
    "noatime and the rest of fstab's options": Told(
        disk("/dev/sde", "8:64", options="rw,noatime"), [f"{FC_MADE} noatime,data=journal"],
        fstab="LABEL=mail /srv/mail ext4 noauto,noatime,data=journal,_netdev,nofail,x-systemd.device-timeout=10 0 2"),
    "fstab mounts it at boot": Told(FC, refused=["file_system_not_at_boot"], says="noauto",
                                    fstab="LABEL=mail /srv/mail ext4 defaults 0 2"),
    "fstab mounts it at boot, elsewhere": Told(FC, refused=["file_system_not_at_boot"], says="noauto",
                                               fstab="UUID=e /mnt/old ext4 defaults 0 2"),
    "systemd mounts it for whoever looks": Told(FC, refused=["file_system_not_at_boot"], says="noauto",
                                                fstab="UUID=e /srv/mail ext4 noauto,x-systemd.automount 0 2"),
    "a disk without any lasting name": Told(FC, refused=["device_named_stably"], names={"/dev/sde": []},
        says="by-uuid"),
    "a disk that only blkid knows": Told(FC, [f"{FS}: Filesystem -U 12-ab /srv/mail ext4"],
        names={"/dev/sde": ["-U 12-ab"]}),
    "iSCSI, logged in at boot": Told(disk("/dev/sdb", "8:16"), [f"{FS}: Filesystem {UUID}b /srv/mail ext4"],
                                     startups={TARGET: "automatic"}),
    "iSCSI, logged in by hand": Told(
        disk("/dev/sdb", "8:16"), [f"{FS}: Filesystem {UUID}b /srv/mail ext4", f"iscsi-mail: iscsi {TARGET} {PORTAL}"],
        [(FS, "iscsi-mail")], startups={TARGET: "manual"}),
    "iSCSI, logged in by the cluster": Told(disk("/dev/sdb", "8:16"), [f"{FS}: Filesystem {UUID}b /srv/mail ext4"],
                                            [(FS, "login")], startups={TARGET: "manual"}, there=LOGGED_IN),
    "iSCSI, logged in by the cluster and at boot": Told(
        disk("/dev/sdb", "8:16"), [f"{FS}: Filesystem {UUID}b /srv/mail ext4"], [(FS, "login")],
        startups={TARGET: "automatic"}, there=LOGGED_IN, warned=["iscsi_login_once"]),
    "iSCSI by two portals, logged in by hand": Told(
        disk("/dev/mapper/mpathb", "253:5"), startups={PAIR: "manual"}, refused=["iscsi_target_reached"],
        says="node.startup -v automatic"),
    "iSCSI by two portals with multipath": Told(
        disk("/dev/mapper/mpathb", "253:5"), [f"{FS}: Filesystem {UUID}n /srv/mail ext4"],
        startups={PAIR: "automatic"}),
    "LVM on iSCSI, logged in by hand": Told(
        disk("/dev/mapper/two-queue", "253:6"),
        [f"{FS}: Filesystem /dev/two/queue /srv/mail ext4", "vg-two: LVM-activate two system_id",
         f"iscsi-mail: iscsi {TARGET} {PORTAL}"],
        [(FS, "vg-two"), ("vg-two", "iscsi-mail")], groups={"two": OURS}, startups={TARGET: "manual"}),
    "multipath": Told(MPATH, [f"{FS}: Filesystem {UUID}m /srv/mail ext4"]),
    "multipath by its WWID": Told(MPATH, [f"{FS}: Filesystem /dev/disk/by-id/dm-uuid-mpath-3600c /srv/mail ext4"],
                                  names={"/dev/mapper/mpatha": ["/dev/disk/by-id/dm-uuid-mpath-3600c"]}),
    "multipath by this node's own word": Told(MPATH, refused=["device_named_stably"], says="by-uuid",
                                              names={"/dev/mapper/mpatha": []}),
    "LVM on multipath": Told(LV, [LV_MADE, VG_MADE], [(FS, VG)], groups={"san": OURS}),
    "LVM, two volumes of one group": Told(
        LV + SPOOL, [LV_MADE, "fs-var-mail: Filesystem /dev/san/spool /var/mail xfs", VG_MADE],
        [(FS, VG), ("fs-var-mail", VG)], groups={"san": OURS}, mail_spool_directory="/var/mail"),
    "LVM with lvmlockd": Told(LV, [LV_MADE, "vg-san: LVM-activate san lvmlockd"], [(FS, VG), (VG, "lock")],
                              groups={"san": VolumeGroup("", "dlm")}, there=f'<clone id="locks">{DLM}</clone>'),
    "LVM with lvmlockd, which nothing runs": Told(
        LV, [LV_MADE, "vg-san: LVM-activate san lvmlockd"], [(FS, VG)], groups={"san": VolumeGroup("", "sanlock")},
        warned=["volume_group_locked"]),
    "LVM with tags, by hand": Told(LV, [LV_MADE], [(FS, "group")], groups={"san": VolumeGroup()}, there=ACTIVE),
    "LVM without an owner": Told(LV, groups={"san": VolumeGroup()}, refused=["volume_group_owned"], says="--systemid"),
    "LVM, activated at boot": Told(LV, [LV_MADE, VG_MADE], [(FS, VG)], groups={"san": VolumeGroup("n1",
        is_autoactivated=True)},
                                   warned=["volume_group_not_at_boot"]),
    "LVM, left out at boot": Told(LV, [LV_MADE, VG_MADE], [(FS, VG)], groups={"san": VolumeGroup("n1",
        is_autoactivated=True)},
                                  lvm=LvmSettings("n1", at_boot=["rootvg"])),
    "DRBD": Told(DRBD, [f"{FS}: Filesystem /dev/drbd0 /srv/mail xfs", COPY_MADE], [(FS, COPY)], drbd={"0": DRBD9}),
    "DRBD by its name": Told(
        disk("/dev/drbd/by-res/mail/0", "147:0"), [f"{FS}: Filesystem /dev/drbd/by-res/mail/0 /srv/mail ext4",
        COPY_MADE],
        [(FS, COPY)], drbd={"0": DRBD9}),
    "DRBD with other minors on the peer": Told(
        disk("/dev/drbd4", "147:4"), [f"{FS}: Filesystem /dev/drbd/by-res/mail/0 /srv/mail ext4", COPY_MADE], [(FS,
        COPY)],
        drbd={"4": UNLIKE, "0": UNLIKE}),
    "DRBD with two primaries": Told(DRBD, drbd={"0": DrbdResource("mail", ["n1", "n2"], is_dual_primary=True,
        is_fenced=True)},
                                    refused=["drbd_single_primary"], says="allow-two-primaries"),
    "DRBD, not in sync and fenced for ever": Told(
        DRBD, [f"{FS}: Filesystem /dev/drbd0 /srv/mail xfs", COPY_MADE], [(FS, COPY)], drbd={"0": HALF},
        warned=["drbd_peer_unfenced", "drbd_in_sync"]),
    "LVM on DRBD": Told(disk("/dev/mapper/san-queue", "253:3"), [LV_MADE, VG_MADE, COPY_MADE], [(FS, VG), (VG, COPY)],
                        groups={"san": OURS}, drbd={"0": DRBD9}),
    "NFS 4": Told(nfs(NFS4), [f"{FS}: Filesystem filer:/export/mail /srv/mail nfs4 vers=4.2,hard"],
                  noted=["nfs_server_available"]),
    "NFS 3": Told(nfs(NFS3, fstype="nfs"),
                  [f"{FS}: Filesystem filer:/export/mail /srv/mail nfs vers=3,noac,hard,proto=udp,timeo=11"],
                  noted=["nfs_server_available"]),
    "NFS, mounted soft": Told(nfs(NFS4.replace("hard", "soft")), refused=["nfs_mounted_hard"], says="with hard"),
    "NFS without locks": Told(nfs(NFS3.replace("local_lock=none", "nolock,local_lock=all"), fstype="nfs"),
                              refused=["nfs_locks_shared"], says="nolock,local_lock=all"),
    "NFS where root is nobody": Told(nfs(NFS4), refused=["nfs_root_kept"], says="no_root_squash",
                                     root_on="a file that root makes there belongs to uid 65534"),
    "NFS whose server is away": Told(nfs(NFS4), [f"{FS}: Filesystem filer:/export/mail /srv/mail nfs4 vers=4.2,hard"],
                                     root_on=HANGS, warned=["nfs_answers"], noted=["nfs_server_available"]),
    "mailboxes on NFS that each node mounts": Told(
        FC + nfs(NFS4, "/var/mail", at=31), [FC_MADE], mail_spool_directory="/var/mail", noted=["file_system_on_each"],
        fstab="filer:/export/mail /var/mail nfs4 hard,_netdev 0 0"),
    "ZFS": Told("30 20 0:41 / /srv/mail rw - zfs tank/mail rw\n", refused=["pool_imported"], says="ocf:heartbeat:ZFS"),
    "ZFS, imported by the cluster": Told("30 20 0:41 / /srv/mail rw - zfs tank/mail rw\n", [], [], there=POOL),
    "a software RAID": Told(disk("/dev/md0", "9:0"), refused=["layer_managed"], says="ocf:heartbeat:mdraid",
                            names={"/dev/md0": [UUID + "r"]}),
    "an encrypted disk": Told(disk("/dev/mapper/secret", "253:4"), refused=["layer_managed"],
        says="ocf:heartbeat:crypt"),
    "GFS2": Told(disk("/dev/sde", "8:64", fstype="gfs2"), refused=["file_system_single"], says="of its own"),
    "OCFS2": Told(disk("/dev/sde", "8:64", fstype="ocfs2"), refused=["file_system_single"], says="of its own"),
    "memory": Told("30 20 0:30 / /srv/mail rw - tmpfs tmpfs rw\n", refused=["queue_moves"], says="mount a shared disk"),
    "a directory of the root file system": Told(disk("/dev/sda1", "8:1", root="/srv/mail"), refused=["queue_moves"],
                                                says="mount a shared disk"),
    "a directory of a shared disk": Told(disk("/dev/sde", "8:64", root="/mail"), refused=["file_system_whole"],
        says="whole"),
    "a subvolume of btrfs": Told(
        disk("/dev/sde", "8:64", fstype="btrfs", root="/@mail", details="rw,subvolid=256,subvol=/@mail"),
        [f"{FS}: Filesystem {UUID}e /srv/mail btrfs subvol=/@mail"]),
    "a directory of a subvolume": Told(
        disk("/dev/sde", "8:64", fstype="btrfs", root="/@mail/q", details="rw,subvolid=256,subvol=/@mail"),
        refused=["file_system_whole"], says="whole"),
    "a queue in a file system in another": Told(
        disk("/dev/sde", "8:64", "/srv") + disk("/dev/sdf", "8:80", at=31),
        [f"fs-srv: Filesystem {UUID}e /srv ext4", f"{FS}: Filesystem {UUID}f /srv/mail ext4"], [(FS, "fs-srv")]),
    "homes on a shared disk": Told(
        FC + disk("/dev/sdf", "8:80", "/home", "xfs", at=31), [FC_MADE, f"fs-home: Filesystem {UUID}f /home xfs"],
        home_mailbox="Maildir/"),
    "homes on a shared disk that nothing delivers to": Told(FC + disk("/dev/sdf", "8:80", "/home", "xfs", at=31),
        [FC_MADE]),
    "some of the homes on a shared disk": Told(
        FC + disk("/dev/sdf", "8:80", "/home/users", "xfs", at=31), [FC_MADE,
        f"fs-home-users: Filesystem {UUID}f /home/users xfs"],
        home_mailbox="Maildir/"),
    "homes that autofs mounts": Told(
        FC + "31 20 0:50 / /home rw - autofs auto.home rw\n" + nfs(NFS4, "/home/ann", at=32), [FC_MADE],
        home_mailbox="Maildir/"),
    "Dovecot's indexes on a disk of their own": Told(
        FC + disk("/dev/sdf", "8:80", "/var/indexes", at=31), [FC_MADE,
        f"fs-var-indexes: Filesystem {UUID}f /var/indexes ext4"],
        dovecot=["/var/indexes", "/home"]),
    "everything on disks of its own": Told(
        disk("/dev/sde", "8:64", "/var/spool/postfix") + disk("/dev/sdf", "8:80", "/var/mail", at=31)
        + disk("/dev/mapper/mpatha", "253:0", "/home", at=32) + disk("/dev/drbd0", "147:0", "/srv/mail", at=33),
        [f"fs-var-spool-postfix: Filesystem {UUID}e /var/spool/postfix ext4",
        f"fs-var-mail: Filesystem {UUID}f /var/mail ext4",
         f"fs-home: Filesystem {UUID}m /home ext4", f"{FS}: Filesystem /dev/drbd0 /srv/mail ext4", COPY_MADE],
        [(FS, COPY)], queue="/var/spool/postfix", drbd={"0": DRBD9}, home_mailbox="Maildir/",
        mail_spool_directory="/var/mail", virtual_mailbox_base="/srv/mail/virtual"),
}  # fmt: skip
