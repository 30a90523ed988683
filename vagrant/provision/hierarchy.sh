#!/bin/bash
# On the last node: fencing, the file system, the address, and by one command the mail service that needs both.
set -euo pipefail
die() {
    echo "hierarchy: $*" >&2
    exit 1
}

# until_so SECONDS WHAT COMMAND...: waits until the command says yes.
until_so() {
    local until=$((SECONDS + $1 * SLOWNESS))
    until "${@:3}"; do
        [ $SECONDS -lt $until ] || die "$2 was not so after $(($1 * SLOWNESS)) s: crm_mon -1rA"
        sleep 1
    done
}

is_quorate() {
    crm_mon --one-shot --output-as=xml 2>/dev/null >/run/status.xml || return
    [ "$(grep -c '<node .*online="true".*pending="false"' /run/status.xml)" -ge 3 ] && grep -q 'with_quorum="true"' /run/status.xml
}

is_running() { crm_resource --resource "$1" --locate --quiet 2>/dev/null | grep -q .; }

has() { crm_resource --resource "$1" --query-xml >/dev/null 2>&1; }

until_so 120 "a quorate cluster of three nodes" is_quorate
uuid=$(blkid --output value --match-tag UUID "$(sed -n 's/^queue=//p' /etc/postfix-ha-disks)" || true)
[ -n "$uuid" ] || die "there is no file system on the queue's disk: 'vagrant provision --provision-with storage node1'"
sbd=$(sed -n 's/^sbd=//p' /etc/postfix-ha-disks)
timeout_s=$((60 * SLOWNESS))
pcs property set stonith-enabled=true stonith-timeout=${timeout_s}s no-quorum-policy=stop
has fence-sbd || pcs stonith create fence-sbd fence_sbd devices="$sbd" \
    op start timeout=${timeout_s}s op monitor interval=3600s timeout=${timeout_s}s
has queue-fs || pcs resource create queue-fs ocf:heartbeat:Filesystem \
    device="/dev/disk/by-uuid/$uuid" directory=/mnt/queue fstype=ext4 \
    op start timeout=${timeout_s}s op stop timeout=${timeout_s}s op monitor interval=20s timeout=${timeout_s}s
has mail-ip || pcs resource create mail-ip ocf:heartbeat:IPaddr2 ip="$SERVICE_ADDRESS" cidr_netmask=24 \
    op start timeout=${timeout_s}s op stop timeout=${timeout_s}s op monitor interval=10s timeout=${timeout_s}s
until_so 60 "the file system is mounted somewhere" is_running queue-fs
# Emulated machines do not tell their facts in the 20 s that a node has for it.
peers=()
[ "$SLOWNESS" = 1 ] || peers=(--no-peer-check)
has mail || postfix-ha create --yes --tag mail --wait $((60 * SLOWNESS)) "${peers[@]}" ||
    die "postfix-ha could not make the hierarchy (the lines above)"
until_so 60 "the mail service runs" is_running mail
postfix-ha status
