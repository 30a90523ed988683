#!/bin/bash
# Which of this node's disks are the shared ones: by the serial that libvirt gives them, by their size where they have
# none. The other scripts read it from /etc/postfix-ha-disks.
set -euo pipefail
die() {
    echo "disks: $*" >&2
    exit 1
}

# The disk of so many megabytes, by a name that is the same on every node and after every boot, if it has one.
of_size() {
    local disk link
    disk=$(lsblk --bytes --nodeps --noheadings --paths --output NAME,SIZE |
        awk -v size=$(($1 * 1024 * 1024)) '$2 == size { print $1; exit }')
    for link in /dev/disk/by-id/ata-*; do
        if [ -n "$disk" ] && [ "$(realpath "$link")" = "$disk" ]; then disk=$link; fi
    done
    echo "$disk"
}

: >/etc/postfix-ha-disks
for disk in $DISKS; do
    path=/dev/disk/by-id/virtio-postfix-ha-${disk%=*}
    [ -b "$path" ] || path=$(of_size "${disk#*=}")
    [ -b "$path" ] || die "the shared disk '${disk%=*}' of ${disk#*=} MB is not there: 'vagrant reload' attaches it"
    echo "${disk%=*}=$path" >>/etc/postfix-ha-disks
done
