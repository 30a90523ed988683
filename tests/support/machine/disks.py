"""The disks of machines that cannot be made here, as the kernel shows them in sysfs."""

from pathlib import Path


def make_sysfs(directory: Path) -> Path:
    """A sysfs with the disks that machines have: sda local, sdb iSCSI, sdc Fibre Channel, sdd of no known kind."""
    sys = directory / "sys"

    def disk(number: str, name: str, device: str, *partitions: str) -> Path:
        directory = sys / "devices" / device / "block" / name
        directory.mkdir(parents=True)
        (directory / "dev").write_text(number + "\n")
        (directory / "device").symlink_to(sys / "devices" / device)
        link(number, directory)
        for at, partition in enumerate(partitions, 1):
            (directory / f"{name}{at}").mkdir()
            (directory / f"{name}{at}" / "partition").write_text(f"{at}\n")
            link(partition, directory / f"{name}{at}")
        return directory

    def virtual(number: str, name: str, *slaves: "tuple[str, str]", uuid: str = "") -> None:
        directory = sys / "devices" / "virtual" / "block" / name
        (directory / "slaves").mkdir(parents=True)
        (directory / "dm").mkdir()
        (directory / "dm" / "uuid").write_text(uuid + "\n")
        link(number, directory)
        for slave, slave_number in slaves:
            (directory / "slaves" / slave).mkdir()
            (directory / "slaves" / slave / "dev").write_text(slave_number + "\n")

    def link(number: str, directory: Path) -> None:
        (sys / "dev" / "block").mkdir(parents=True, exist_ok=True)
        (sys / "dev" / "block" / number).symlink_to(directory)

    disk("8:0", "sda", "pci0/ata1/host0/target0", "8:1", "8:2", "8:3")
    disk("8:16", "sdb", "platform/host5/session1/target5")
    disk("8:32", "sdc", "pci0/host7/rport-7:0-1/target7")
    disk("8:48", "sdd", "pci0/virtio3", "8:49")
    disk("259:0", "nvme0n1", "pci1/nvme/nvme0", "259:1")
    disk("259:8", "nvme1n1", "virtual/nvme-fabrics/nvme1")
    (sys / "devices" / "pci1/nvme/nvme0" / "transport").write_text("pcie\n")
    (sys / "devices" / "virtual/nvme-fabrics/nvme1" / "transport").write_text("tcp\n")
    disk("252:0", "rbd0", "rbd/0")
    virtual("253:0", "dm-0", ("sda3", "8:3"), uuid="LVM-x")
    virtual("253:1", "dm-1", ("sdd", "8:48"), uuid="mpath-x")
    virtual("253:2", "dm-2", ("dm-1", "253:1"), uuid="LVM-y")
    virtual("253:3", "dm-3", ("sdd1", "8:49"), uuid="LVM-z")
    return sys
