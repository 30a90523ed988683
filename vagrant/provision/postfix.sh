#!/bin/bash
# Postfix with its queue on the shared file system and the address that moves; mail to box@example.com goes there too.
set -euo pipefail

# Only where it is needed: it takes an emulated machine a minute.
if systemctl --quiet is-enabled postfix || systemctl --quiet is-active postfix; then systemctl --quiet disable --now postfix; fi
if [ ! -s /etc/postfix/main.cf ]; then : >/etc/postfix/main.cf; fi
if [ ! -s /etc/postfix/master.cf ]; then cp /usr/share/postfix/master.cf.dist /etc/postfix/master.cf; fi
mkdir -p /mnt/queue
postconf -e compatibility_level=3.5 myhostname=mail.example.com mydestination= \
    "inet_interfaces=$SERVICE_ADDRESS, localhost" inet_protocols=ipv4 mynetworks=127.0.0.0/8 \
    queue_directory=/mnt/queue/postfix data_directory=/var/lib/postfix \
    alias_maps= alias_database= biff=no \
    virtual_mailbox_domains=example.com virtual_mailbox_base=/mnt/queue/mail virtual_mailbox_maps=static:box/ \
    virtual_uid_maps=static:5000 virtual_gid_maps=static:5000 virtual_mailbox_limit=0 \
    smtpd_recipient_restrictions=reject_unauth_destination smtpd_peername_lookup=no smtp_dns_support_level=disabled
if command -v semanage >/dev/null; then
    # As docs/selinux.md has it. The log is rsyslog's, whose label is right already.
    semanage fcontext --add --equal /var/spool/postfix /mnt/queue/postfix 2>/dev/null || true
    semanage fcontext --add --equal /var/spool/mail /mnt/queue/mail 2>/dev/null || true
else
    # postlogd writes the log; nobody else is to hold it.
    touch /var/log/mail.log
    postconf -e maillog_file=/var/log/mail.log
fi
