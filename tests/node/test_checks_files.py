"""Tables, the jail and TLS files of which one is missing, old or wrong: named on a real node, and cured as it says."""

import pytest

from tests.support.mail.check_node import QUEUE, CheckNode
from tests.support.mail.provoked import PRINTED, Fault, provoke_and_cure

MAIN_CF = "/etc/postfix/main.cf"
MASTER_CF = "/etc/postfix/master.cf"
# The package manager's stand-in: it does what installing that one package would.
APT = """cat >/usr/bin/apt-get <<'END'
#!/bin/sh -e
test "$*" = "install {package}"
{effect}
END
chmod 755 /usr/bin/apt-get
"""
PCRE = "/usr/lib/postfix/postfix-pcre.so"
APT_PCRE = APT.format(package="postfix-pcre", effect="mv /root/dynamicmaps.cf /etc/postfix/")
CERTIFICATE = """
mkdir -p /etc/tls; cd /etc/tls
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout {0}.key -out {0}.pem \\
    -subj /CN=mail.example.com {1} 2>/dev/null
chmod 600 {0}.key
"""
GOOD = CERTIFICATE.format("a", "-days 90")
EXPIRED = (
    GOOD
    + """
openssl req -new -key a.key -subj /CN=mail.example.com -out a.csr
: >index
printf '[ca]\\ndefault_ca=d\\n[d]\\ndatabase=index\\nnew_certs_dir=.\\ndefault_md=sha256\\n' >conf
printf 'policy=p\\nrand_serial=yes\\n[p]\\ncommonName=supplied\\n' >>conf
openssl ca -batch -config conf -selfsign -keyfile a.key -in a.csr -out a.pem -notext \\
    -startdate 20200101000000Z -enddate 20210101000000Z 2>/dev/null
"""
)
USE_TLS = """
postconf -e smtpd_tls_security_level=may smtpd_tls_cert_file=/etc/tls/a.pem smtpd_tls_key_file=/etc/tls/a.key
"""
NO_TLS = "postconf -X smtpd_tls_security_level smtpd_tls_cert_file smtpd_tls_key_file; rm -rf /etc/tls\n"


def another_authority(node: CheckNode) -> None:
    """An authority that is trusted since Postfix was started, and not yet in the jail."""
    for name in ("one", "two"):
        node.shell(
            "mkdir -p /etc/ssl/own; openssl req -x509 -newkey rsa:2048 -nodes -keyout /dev/null -days 2"
            f" -subj /CN={name} -out /etc/ssl/own/{name}.pem; openssl rehash /etc/ssl/own"
        )
        node.shell("postconf -e smtp_tls_CApath=/etc/ssl/own")
        if name == "one":
            node.age(MAIN_CF)
            node.started()


FAULTS = [
    Fault(
        "table_present",
        "echo 'a@example.com b' >/etc/postfix/virtual; postconf -e virtual_alias_maps=hash:/etc/postfix/virtual",
        says=("hash:/etc/postfix/virtual", "virtual_alias_maps", "/etc/postfix/virtual.db"),
        file=MAIN_CF + ":line",
        command="postmap hash:/etc/postfix/virtual",
        undo="postconf -X virtual_alias_maps; rm /etc/postfix/virtual*",
    ),
    Fault(
        "table_present",
        "echo 'root: a' >/etc/aliases; rm -f /etc/aliases.db; postconf -e alias_maps=hash:/etc/aliases",
        says=("hash:/etc/aliases",),
        command="postalias hash:/etc/aliases",
        undo="postconf -e alias_maps=",
        name="aliases",
    ),
    Fault(
        "table_present",
        "postconf -Pe 'smtp/inet/smtpd_client_restrictions=check_client_access,cidr:/etc/postfix/clients'",
        "echo '192.0.2.0/24 OK' >/etc/postfix/clients",
        ("cidr:/etc/postfix/clients", "smtp/inet:smtpd_client_restrictions"),
        file=MASTER_CF + ":line",
        undo="postconf -PX smtp/inet/smtpd_client_restrictions; rm /etc/postfix/clients",
        name="in_master_cf",
    ),
    Fault(
        "table_readable",
        "echo 'a@example.com b' >/etc/postfix/virtual; : >/etc/postfix/virtual.db\n"
        "postconf -e virtual_alias_maps=hash:/etc/postfix/virtual",
        says=("/etc/postfix/virtual.db", "empty"),
        undo="postconf -X virtual_alias_maps; rm /etc/postfix/virtual*",
    ),
    Fault(
        "table_current",
        "echo 'a@example.com b' >/etc/postfix/virtual; postmap hash:/etc/postfix/virtual\n"
        "touch -d '1 hour ago' /etc/postfix/virtual.db; postconf -e virtual_alias_maps=hash:/etc/postfix/virtual",
        says=("/etc/postfix/virtual",),
        severity="warning",
        undo="postconf -X virtual_alias_maps; rm /etc/postfix/virtual*",
    ),
    Fault(
        "map_type_available",
        APT_PCRE + "mv /etc/postfix/dynamicmaps.cf /root/; touch /etc/postfix/dynamicmaps.cf; : >/etc/postfix/body\n"
        "postconf -e body_checks=pcre:/etc/postfix/body",
        says=("pcre", "body_checks", "mail.example.com"),
        file=MAIN_CF + ":line",
        undo="postconf -X body_checks",
    ),
    *(
        Fault(
            "map_type_loadable",
            f"cp -a {PCRE} /root/; {how}; : >/etc/postfix/body; postconf -e body_checks=pcre:/etc/postfix/body",
            cure or f"rm -f {PCRE}; cp -a /root/postfix-pcre.so {PCRE}",
            says=("pcre", "body_checks", word),
            file=MAIN_CF + ":line",
            undo="postconf -X body_checks; rm /etc/postfix/body",
            name=name,
        )
        for name, how, word, cure in (
            ("writable", f"chmod 666 {PCRE}", "writable by non-root", PRINTED),
            ("owned", f"chown nobody {PCRE}", "owned or", PRINTED),
            ("absent", f"rm {PCRE}", "No such file", ""),
            ("damaged", f"rm {PCRE}; : >{PCRE}", "file too short", ""),
        )
    ),
    Fault(
        "table_present",
        "postconf -e 'indexed = hash:/etc/postfix/' 'virtual_alias_maps = ${indexed}halved'",
        "postconf -X virtual_alias_maps",
        says=("hash:/etc/postfix/halved (virtual_alias_maps)",),
        file=MAIN_CF + ":line",
        undo="postconf -X indexed",
        name="half_a_name",
    ),
    Fault(
        "table_present",
        "postconf -e smtpd_restriction_classes=mine 'mine = check_sender_access hash:/etc/postfix/none'",
        "postconf -X mine; postconf -X smtpd_restriction_classes",
        says=("hash:/etc/postfix/none (mine)",),
        file=MAIN_CF + ":line",
        name="of_a_class",
    ),
    Fault(
        "chroot_copies_current",
        lambda node: (node.started(), node.shell("echo '192.0.2.7 other.example.com' >>/etc/hosts")),
        says=("etc/hosts differs",),
        severity="warning",
        undo="postfix stop; sed -i '/192.0.2.7/d' /etc/hosts",
    ),
    Fault(
        "chroot_copies_current",
        another_authority,
        says=("etc/ssl/own lacks 1 of 2 authorities",),
        severity="warning",
        undo=f"postfix stop; postconf -X smtp_tls_CApath; rm -r /etc/ssl/own {QUEUE}/etc/ssl/own",
        name="authorities",
    ),
    Fault(
        "tls_file_present",
        GOOD + "rm a.key" + USE_TLS,
        GOOD,
        ("/etc/tls/a.key", "smtpd_tls_key_file"),
        file=MAIN_CF + ":line",
        undo=NO_TLS,
    ),
    Fault(
        "tls_file_present",
        GOOD + "postconf -Me 'smtps/inet=smtps inet n - y - - smtpd -o smtpd_tls_wrappermode=yes"
        " -o smtpd_tls_chain_files=/etc/tls/a.key,/etc/tls/none.pem'",
        "cp /etc/tls/a.pem /etc/tls/none.pem",
        ("/etc/tls/none.pem", "smtpd_tls_chain_files"),
        file=MASTER_CF + ":line",
        undo="postconf -MX smtps/inet; rm -r /etc/tls",
        name="chain_in_master_cf",
    ),
    Fault(
        "tls_certificate_valid",
        EXPIRED + "postconf -e smtp_tls_cert_file=/etc/tls/a.pem smtp_tls_key_file=/etc/tls/a.key",
        GOOD,
        ("/etc/tls/a.pem", "smtp_tls_cert_file", "2021-01-01"),
        file=MAIN_CF + ":line",
        undo="postconf -X smtp_tls_cert_file smtp_tls_key_file; rm -r /etc/tls",
        name="of_the_client",
    ),
    Fault(
        "tls_file_readable",
        GOOD + "echo garbage >a.pem" + USE_TLS,
        GOOD,
        ("/etc/tls/a.pem", "PEM"),
        undo=NO_TLS,
    ),
    Fault(
        "tls_file_readable",
        GOOD + "openssl pkey -aes128 -passout pass:x -in a.key -out b.key; mv b.key a.key" + USE_TLS,
        "cd /etc/tls; openssl pkey -passin pass:x -in a.key -out b.key; mv b.key a.key",
        ("/etc/tls/a.key", "pass phrase"),
        undo=NO_TLS,
        name="pass_phrase",
    ),
    Fault(
        "tls_key_matches",
        GOOD + CERTIFICATE.format("b", "-days 90") + "mv b.key a.key" + USE_TLS,
        GOOD,
        ("/etc/tls/a.key", "/etc/tls/a.pem"),
        undo=NO_TLS,
    ),
    Fault(
        "tls_key_private",
        GOOD + "chmod 644 a.key" + USE_TLS,
        says=("/etc/tls/a.key", "0644"),
        severity="warning",
        command="chmod o= /etc/tls/a.key",
        undo=NO_TLS,
    ),
    Fault(
        "tls_certificate_valid",
        EXPIRED + USE_TLS,
        GOOD,
        ("/etc/tls/a.pem", "expired on"),
        undo=NO_TLS,
    ),
    Fault(
        "tls_certificate_lasting",
        CERTIFICATE.format("a", "-days 5") + USE_TLS,
        GOOD,
        ("/etc/tls/a.pem", "expires in"),
        "warning",
        undo=NO_TLS,
    ),
]


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.id)
def test_provoked_named_and_cured(clean_node: CheckNode, fault: Fault) -> None:
    provoke_and_cure(clean_node, fault)
