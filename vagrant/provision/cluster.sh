#!/bin/bash
# corosync and Pacemaker, started now and at every boot.
set -euo pipefail
die() {
    echo "cluster: $*" >&2
    exit 1
}

# What ran before had the distribution's example for its configuration, and other nodes in it.
if ! grep -qs 'cluster_name: lab$' /etc/corosync/corosync.conf; then
    systemctl stop pacemaker corosync
    rm -f /var/lib/pacemaker/cib/*
fi
{
    cat <<END
totem {
    version: 2
    cluster_name: lab
    transport: knet
    crypto_cipher: aes256
    crypto_hash: sha256
    token: $((1000 * SLOWNESS))
}
quorum {
    provider: corosync_votequorum
    wait_for_all: 1
}
logging {
    to_logfile: yes
    logfile: /var/log/corosync/corosync.log
    to_syslog: no
    timestamp: hires
}
nodelist {
END
    number=0
    for node in $NODES; do
        number=$((number + 1))
        printf '    node {\n        name: %s\n        nodeid: %d\n        ring0_addr: %s\n    }\n' "${node%=*}" $number "${node#*=}"
    done
    echo '}'
} >/etc/corosync/corosync.conf
mkdir -p /var/log/corosync
# Any 1024 bits do in a network that nobody else is in, but all nodes need the same.
for _ in 1 2 3 4 5 6 7 8; do printf 'postfix-ha lab. '; done >/etc/corosync/authkey
chmod 400 /etc/corosync/authkey
systemctl --quiet enable corosync pacemaker
systemctl start corosync pacemaker || die "corosync or pacemaker does not start: journalctl -u corosync -u sbd -u pacemaker"
