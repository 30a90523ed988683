#!/bin/bash
# The first node makes the file system on the shared disk, and in it the queue's and the mailbox's directories, once.
set -euo pipefail
die() {
    echo "storage: $*" >&2
    exit 1
}

[ "$NODE_NUMBER" = 1 ] || exit 0
device=$(sed -n 's/^queue=//p' /etc/postfix-ha-disks)
[ -b "$device" ] || die "the queue's disk is not known: 'vagrant provision --provision-with disks,storage'"
if [ "$(blkid -o value -s LABEL "$device")" != queue ]; then
    # Where it is known by its size alone, it might be somebody else's.
    [ -z "$(blkid "$device")" ] || die "$device is not empty, and not the queue's: what is on it? $(blkid "$device")"
    mkfs.ext4 -q -b 4096 -L queue "$device"
fi
if findmnt --noheadings /mnt/queue >/dev/null || crm_mon --one-shot >/dev/null 2>&1; then exit 0; fi
mount -t ext4 "$device" /mnt/queue
trap 'umount /mnt/queue' EXIT
# What 'postfix check' would make, which needs the service's address.
install -d /mnt/queue/postfix /mnt/queue/postfix/pid
(
    cd /mnt/queue/postfix
    install -d -m 700 -o postfix active bounce corrupt defer deferred flush hold incoming private saved trace
    install -d -m 710 -o postfix -g postdrop public
    install -d -m 730 -o postfix -g postdrop maildrop
)
install -d -m 1777 /mnt/queue/mail
install -d -o 5000 -g 5000 /mnt/queue/mail/box /mnt/queue/mail/box/new /mnt/queue/mail/box/cur /mnt/queue/mail/box/tmp
if command -v restorecon >/dev/null; then restorecon -R /mnt/queue; fi
