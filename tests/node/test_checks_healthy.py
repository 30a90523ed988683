"""Configurations in which nothing is wrong: the check must not say otherwise, neither before nor after a start."""

import pytest

from tests.support.mail.check_node import ADDRESS, CheckNode

CERTIFICATE = """
mkdir -p /etc/tls; cd /etc/tls
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout a.key -out a.pem \\
    -subj /CN=mail.example.com -days 90 2>/dev/null
chmod 600 a.key; cat a.key a.pem >chain.pem; chmod 600 chain.pem
"""
NO_CERTIFICATE = "rm -rf /etc/tls"
KEEP = "cp -a /etc/postfix /root/kept; cp -a /etc/hosts /root/hosts"
RESTORE = "rm -rf /etc/postfix; mv /root/kept /etc/postfix; cat /root/hosts >/etc/hosts; rm /root/hosts"

ADD = "postconf -Me '{0}/inet={0} inet n - n - - smtpd'"

# name -> what makes it so, and the notes that are true of it
HEALTHY = {
    "a filter on an address of its own": (
        "postconf -Me '127.0.0.2:10025/inet=127.0.0.2:10025 inet n - n - - smtpd'",
        (),
    ),
    "another port on the same address": (ADD.format(f"{ADDRESS}:587"), ()),
    "all interfaces": ("postconf -e inet_interfaces=all", ()),
    "loopback only": ("postconf -e inet_interfaces=loopback-only", ()),
    "a name": ("postconf -e 'inet_interfaces = $myhostname, localhost'", ()),
    "both protocols": (
        "postconf -e inet_protocols=all; sed -i 's/^127.0.0.1 localhost/& \\n::1 localhost/' /etc/hosts",
        (),
    ),
    "postscreen": (
        "postconf -MX smtp/inet; postconf -Me 'smtp/inet=smtp inet n - y - 1 postscreen'"
        " 'smtpd/pass=smtpd pass - - y - - smtpd' 'dnsblog/unix=dnsblog unix - - y - 0 dnsblog'"
        " 'tlsproxy/unix=tlsproxy unix - - y - 0 tlsproxy'",
        (),
    ),
    "tables of many kinds": (
        "cd /etc/postfix; echo 'a@example.com b' >virtual; postmap hash:virtual; echo '/x/ y' >body\n"
        "echo '192.0.2.0/24 OK' >clients; echo 'example.com smtp:' >transport\n"
        "postconf -e virtual_alias_maps=hash:/etc/postfix/virtual body_checks=regexp:/etc/postfix/body"
        " transport_maps=texthash:/etc/postfix/transport header_checks=pcre:/etc/postfix/body"
        " smtpd_client_restrictions=check_client_access,cidr:/etc/postfix/clients,permit"
        " 'virtual_mailbox_maps=inline:{{a@example.com=b}}' recipient_canonical_maps=proxy:hash:/etc/postfix/virtual"
        " 'sender_canonical_maps=pipemap:{hash:/etc/postfix/virtual,static:x}'",
        (),
    ),
    "caches that are not there yet": (
        "postconf -e 'smtp_tls_session_cache_database=btree:${data_directory}/smtp_scache'"
        " 'smtpd_tls_session_cache_database=btree:$data_directory/smtpd_scache'"
        " address_verify_map=btree:/var/lib/postfix/v",
        (),
    ),
    "a relay that has no local users and no aliases": (
        "postconf -e mydestination= alias_maps=hash:/etc/nosuch local_recipient_maps= mail_spool_directory=/var/mail",
        (),
    ),
    "certificates": (
        CERTIFICATE + "postconf -e smtpd_tls_security_level=may smtpd_tls_cert_file=/etc/tls/a.pem"
        " smtpd_tls_key_file=/etc/tls/a.key smtp_tls_chain_files=/etc/tls/chain.pem smtpd_tls_eccert_file=none",
        (),
    ),
    "certificates that are named and not used": ("postconf -e smtpd_tls_cert_file=/nosuch.pem", ()),
    "services that are switched off": (
        "postconf -Me 'smtps/inet=smtps inet n - y - - smtpd'; postconf -e master_service_disable=smtps.inet",
        (),
    ),
    "no jail at all": ("postconf -F '*/*/chroot=n'", ()),
    "mailboxes at home": ("postconf -e home_mailbox=Maildir/ mail_spool_directory=/var/mail", ()),
    "long lines, comments and a parameter of one's own": (
        "printf '%s\\n' '# c' 'mydestination =' '  # in between' '  $myhostname,' '  localhost' 'own = x'"
        " >>/etc/postfix/main.cf\nsed -i '/^mydestination = ./d' /etc/postfix/main.cf; "
        "postconf -e 'relay_domains=$own.example.com'",
        (),
    ),
}


@pytest.mark.parametrize("name", HEALTHY)
def test_nothing_is_said_against_it(clean_node: CheckNode, name: str) -> None:
    script, notes = HEALTHY[name]
    node = clean_node
    node.shell(KEEP)
    try:
        node.shell(script)
        node.age("/etc/postfix/main.cf")
        wanted = sorted([*node.usual, *notes])
        checked = node.check("--strict")
        assert (checked.code, sorted(checked.ids())) == (0, wanted), checked.findings
        node.started()
        checked = node.check("--level", "20", "--strict")
        assert (checked.code, sorted(checked.ids())) == (0, wanted), checked.findings
    finally:
        node.agent("stop")
        node.shell(RESTORE + "\n" + NO_CERTIFICATE)
        node.age("/etc/postfix/main.cf")
