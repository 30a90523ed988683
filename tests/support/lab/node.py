"""One node of the lab: a private machine with a disk of its own, the shared disk, networks, and cluster daemons."""

import contextlib
import os
import threading
import uuid
from typing import Callable

from tests.support.lab import config as lab_config
from tests.support.lab.network import SERVICE_ADDRESS, Fabric
from tests.support.machine.disk import Device, Image, cut_power
from tests.support.machine.node import Node
from tests.support.machine.waiting import wait_for

SHARED = "shared"
QUEUE_MOUNT = "/mnt/queue"
LOGS = ("/var/log/pacemaker/pacemaker.log", "/var/log/corosync/corosync.log", "/var/log/mail.log", "/var/log/rc.log")
# What must survive a power cut of the node, kept on its own small disk.
LASTING = ("/var/lib/pacemaker", "/var/lib/corosync")

# The boot procedure. A real init would start both again when they end; here an end is to be seen.
RC = """\
exec >/var/log/rc.log 2>&1
mkdir -p -m 1755 /run/resource-agents
mkdir -p /var/log/corosync /run/corosync
install -d -o hacluster -g haclient -m 770 /var/log/pacemaker
corosync || exit
exec pacemakerd
"""


class SharedDisk:
    """A disk that all nodes see, as /dev/NAME; each through a loop device of its own, as through a cable of its own.

    ``on_change`` is told (node, its PID 1, number of the loop device) when a node gets it, (node, 0, 0) when the node
    has it no more.
    """

    def __init__(
        self, size_mb: int = 256, name: str = SHARED, on_change: "Callable[[str, int, int], None]" = lambda *_: None
    ) -> None:
        self.name = name
        self.on_change = on_change
        self.uuid = str(uuid.uuid4())
        self.image = Image(size_mb)
        # Blocks of 4 KiB, though it is small: with those of 1 KiB a mount keeps the pages that this node's loop device
        # read before the disk was elsewhere, since the lab holds the device open.
        self.image.make_ext4(self.uuid, ("-b", "4096"))

    def furnish(self) -> None:
        """Make the queue's directories and the mailbox on the disk, on a machine made for that."""
        device = self.image.attach()
        try:
            with Node("furnisher", devices={SHARED: (device.major, device.minor)}) as node:
                lab_config.write_postfix(node)
                # The postfix command does nothing on a node that lacks an address of inet_interfaces.
                node.run(["ip", "address", "add", f"{SERVICE_ADDRESS}/32", "dev", "lo"], check=True)
                owner, mailbox = lab_config.MAILBOX_OWNER, lab_config.MAILBOX
                script = f"""
                    mkdir -p {QUEUE_MOUNT} && mount -t ext4 /dev/{SHARED} {QUEUE_MOUNT} &&
                    mkdir {lab_config.QUEUE} && postfix post-install create-missing &&
                    mkdir -p {mailbox}/new {mailbox}/cur {mailbox}/tmp && chown -R {owner}:{owner} {mailbox} &&
                    umount {QUEUE_MOUNT}"""
                node.run(["sh", "-c", script], check=True)
        finally:
            device.close()

    def close(self) -> None:
        """Drop the disk."""
        self.image.close()


class ClusterNode(Node):
    """A node whose power switch, cables and disk are in the lab's hands."""

    daemons = RC

    def __init__(
        self,
        name: str,
        number: int,
        fabric: Fabric,
        shared: SharedDisk,
        on_change: "Callable[[str, int, int], None]" = lambda *_: None,
    ) -> None:
        super().__init__(name)
        self.number = number
        # Told (name, PID 1, loop device of the shared disk) at power on, (name, 0, 0) at power off.
        self._on_change = on_change
        self.kept_logs = ""
        self._fabric = fabric
        self._shared = shared
        self._own = Image(48)
        self._own.make_ext4()
        self._switch = threading.RLock()
        self._attached: "list[tuple[Image, int]]" = []
        self._further: "list[SharedDisk]" = []
        self._born = False

    @property
    def is_on(self) -> bool:
        """Whether the node has power."""
        with self._switch:
            return self.alive

    def power_on(self) -> None:
        """Boot the node: disks, networks, configuration, and the cluster's daemons in the background."""
        with self._switch:
            if self.alive:
                return
            shared, own = self._shared.image.attach(), self._own.attach()
            self._attached = [(self._shared.image, shared.minor), (self._own, own.minor)]
            self.devices = {SHARED: (shared.major, shared.minor), "own": (own.major, own.minor)}
            try:
                self.boot()
                self._connect_disks(shared)
            finally:
                shared.close()
                own.close()
            self._on_change(self.name, self.pid, shared.minor)
            for disk in self._further:
                self._plug_in(disk)
            self._fabric.connect(self, self.number)
            lab_config.write_all(self)
            self.install_agent()
            self.run(["setsid", "-f", "sh", "-c", self.daemons], check=True)

    def _connect_disks(self, shared: Device) -> None:
        self._hold(self._shared, shared)
        script = f"mkdir -p {QUEUE_MOUNT} /var/lib/own && mount -t ext4 /dev/own /var/lib/own"
        for path in LASTING:
            there = f"/var/lib/own/{os.path.basename(path)}"
            if not self._born:
                script += f" && cp -a {path} {there}"
            script += f" && mount --bind {there} {path}"
        self.run(["sh", "-c", script], check=True)
        if not self._born:
            self.write("/var/lib/pacemaker/cib/cib.xml", lab_config.first_cib(), 0o600)
            self.run(["chown", "hacluster:haclient", "/var/lib/pacemaker/cib/cib.xml"], check=True)
            self._born = True

    def _hold(self, disk: SharedDisk, device: Device) -> None:
        """Let somebody in the node hold a disk open, so that it stays there unmounted and goes with the node."""
        script = (
            f"mkdir -p /dev/disk/by-uuid && ln -sfn ../../{disk.name} /dev/disk/by-uuid/{disk.uuid} && "
            f"{{ setsid sleep infinity & echo $! >/run/{disk.name}.pid; }}"
        )
        self.run(["sh", "-c", script], check=True, pass_fds=[device.fd])

    def plug_in(self, disk: SharedDisk) -> None:
        """Let the node see a further shared disk, now and after each boot."""
        with self._switch:
            self._further.append(disk)
            if self.alive:
                self._plug_in(disk)

    def _plug_in(self, disk: SharedDisk) -> None:
        device = disk.image.attach()
        try:
            self._attached.append((disk.image, device.minor))
            self.add_device(disk.name, device.major, device.minor)
            self._hold(disk, device)
            disk.on_change(self.name, self.pid, device.minor)
        finally:
            device.close()

    def unplug(self, disk: SharedDisk) -> None:
        """Let the node see a further disk no more; it must not be mounted."""
        with self._switch:
            self._further.remove(disk)
            self._attached = [(image, minor) for image, minor in self._attached if image is not disk.image]
            if self.alive:
                files = f"/dev/{disk.name} /dev/disk/by-uuid/{disk.uuid}"
                self.run(["sh", "-c", f"kill $(cat /run/{disk.name}.pid) && rm {files}"], check=True)
            disk.on_change(self.name, 0, 0)

    def power_off(self) -> None:
        """Cut the power: unsynced data of the shared disk is lost, all processes end, the disks let go of the node."""
        with self._switch:
            if not self.alive:
                return
            # The network first. For some milliseconds after the file system is shut down, fsync may say "done" of what
            # an aborted journal has dropped; a machine without power could not tell that to anybody.
            self._fabric.disconnect(self)
            for directory in self._mounted():
                with contextlib.suppress(OSError):
                    cut_power(self.path(directory))
            self._keep_logs()
            self.kill()
            # Until the kernel has taken the file system apart it may still write, so power is not off before that.
            wait_for(self._disks_gone, 20, f"{self.name}: the kernel lets go of its disks", every=0.005)
            for disk in self._further:
                disk.on_change(self.name, 0, 0)
            self._on_change(self.name, 0, 0)

    def _disks_gone(self) -> bool:
        return not any(image.is_attached(minor) for image, minor in self._attached)

    def _keep_logs(self) -> None:
        self.kept_logs += self.logs()

    def logs(self, lines: int = 0) -> str:
        """What the node logs since it was booted, or the last ``lines`` of each file."""
        found = []
        for path in LOGS:
            with contextlib.suppress(OSError, RuntimeError):
                text = self.read(path).splitlines()
                found += [f"==> {self.name}:{path}", *text[-lines:]]
        return "\n".join(found) + "\n"

    def mounts(self, directory: str) -> bool:
        """Whether a file system is mounted at this directory of the node."""
        with contextlib.suppress(OSError), open(f"/proc/{self.pid}/mountinfo", encoding="utf-8") as handle:
            return any(line.split()[4] == directory for line in handle)
        return False

    def mounts_queue(self) -> bool:
        """Whether the shared file system is mounted in this node."""
        return self.mounts(QUEUE_MOUNT)

    def _mounted(self) -> "list[str]":
        """Where shared disks are mounted in this node."""
        devices = {f"7:{minor}" for image, minor in self._attached if image is not self._own}
        with contextlib.suppress(OSError), open(f"/proc/{self.pid}/mountinfo", encoding="utf-8") as handle:
            return [words[4] for words in map(str.split, handle) if words[2] in devices]
        return []

    def discard(self) -> None:
        """End the node for good."""
        self.kill()
        self._own.close()
