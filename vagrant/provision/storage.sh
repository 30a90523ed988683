#!/bin/bash
# The first node makes the file system on the shared disk, and in it the queue's and the mailbox's directories, once.
set -euo pipefail
die() {
    echo "storage: $*" >&2
    exit 1
}

# By its serial where the machine gives the disk one, by its place where it does not (VirtualBox: the second disk).
device=/dev/disk/by-id/virtio-postfix-ha-queue
[ -b $device ] || device=/dev/sdb
[ -b $device ] || die "the shared disk is not there: 'vagrant reload' attaches it"
echo "$device" >/etc/postfix-ha-queue.device
[ "$NODE_NUMBER" = 1 ] || exit 0
if [ "$(blkid -o value -s LABEL $device)" != queue ]; then
    # Where it is known by its place alone, it might be somebody else's.
    [ -z "$(blkid $device)" ] || die "$device is not empty, and not the queue's: what is on it? $(blkid $device)"
    mkfs.ext4 -q -b 4096 -L queue $device
fi
if findmnt --noheadings /mnt/queue >/dev/null || crm_mon --one-shot >/dev/null 2>&1; then exit 0; fi
mount -t ext4 $device /mnt/queue
trap 'umount /mnt/queue' EXIT
install -d /mnt/queue/postfix
install -d -m 1777 /mnt/queue/mail
install -d -o 5000 -g 5000 /mnt/queue/mail/box /mnt/queue/mail/box/new /mnt/queue/mail/box/cur /mnt/queue/mail/box/tmp
if command -v restorecon >/dev/null; then restorecon -R /mnt/queue; fi
