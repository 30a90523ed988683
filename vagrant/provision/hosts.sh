#!/bin/bash
# The nodes know each other by name, and root of one reaches root of the others by ssh: postfix-ha compares nodes so.
set -euo pipefail
die() {
    echo "hosts: $*" >&2
    exit 1
}

# Not by Vagrant, which would take the network down and up again for it.
hostnamectl set-hostname "$NODE_NAME"

[ -s /tmp/peer.key ] || [ -s /root/.ssh/id_rsa ] || die "the nodes' key was not brought to this node: 'vagrant provision' brings it"
{
    echo '127.0.0.1 localhost'
    echo "$SERVICE_ADDRESS mail.example.com"
    for node in $NODES; do echo "${node#*=} ${node%=*}"; done
} >/etc/hosts

install -d -m 700 /root/.ssh
[ ! -s /tmp/peer.key ] || install -m 600 /tmp/peer.key /root/.ssh/id_rsa
ssh-keygen -y -f /root/.ssh/id_rsa >/root/.ssh/id_rsa.pub
touch /root/.ssh/authorized_keys
grep -qxFf /root/.ssh/id_rsa.pub /root/.ssh/authorized_keys || cat /root/.ssh/id_rsa.pub >>/root/.ssh/authorized_keys
chmod 600 /root/.ssh/authorized_keys
# Machines that are made anew have new keys; nobody else is in their network.
cat >/root/.ssh/config <<END
Host $(for node in $NODES; do printf '%s ' "${node%=*}"; done)
    StrictHostKeyChecking no
    UserKnownHostsFile /dev/null
    LogLevel ERROR
END
chmod 600 /root/.ssh/config

# Boxes of Red Hat's kin may come with a firewall.
if firewall-cmd --quiet --state 2>/dev/null; then
    firewall-cmd --quiet --permanent --add-service=high-availability --add-service=smtp
    firewall-cmd --quiet --reload
fi
