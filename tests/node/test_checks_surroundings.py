"""What would keep mail from flowing after a move, each provoked on a real node, named, and cured as it says."""

import json
import os
import signal

import pytest

from tests.support.machine.node import CHECKOUT, PYTHON
from tests.support.mail.check_node import ADDRESS, NODE_ADDRESS, QUEUE, CheckNode
from tests.support.mail.provoked import PRINTED, Fault, provoke_and_cure

MAIN_CF = "/etc/postfix/main.cf"
MASTER_CF = "/etc/postfix/master.cf"
NAME_SERVER = str(CHECKOUT / "tests/support/mail/name_server.py")
WANTS = "/etc/systemd/system/multi-user.target.wants"
OTHER_INSTANCE = """
cp -r /etc/postfix /etc/postfix2
postconf -c /etc/postfix2 -e queue_directory=/mnt/queue/postfix2 data_directory=/var/lib/postfix2
postconf -e alternate_config_directories=/etc/postfix2
"""
NO_OTHER_INSTANCE = "rm -rf /etc/postfix2 /var/lib/postfix-own /var/lib/postfix2 /mnt/queue/postfix2\n"
NO_OTHER_INSTANCE += "postconf -X alternate_config_directories data_directory\n"
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
LIBRARIES = "/usr/lib/python3/dist-packages"
APT_DNS = APT.format(package="python3-dnspython", effect=f"mv /root/dns {LIBRARIES}/")
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


def resolve(node: CheckNode, **zone: "list[str]") -> None:
    """Let the node have a name server with these records; NAME_TYPE with double underscores for the dots."""
    text = json.dumps({name.replace("__", ".").replace("_", " "): records for name, records in zone.items()})
    stop_resolving(node)
    node.run([PYTHON, "-IS", NAME_SERVER, text], check=True)
    node.write("/etc/resolv.conf", "nameserver 127.0.0.53\n")


def stop_resolving(node: CheckNode) -> None:
    """Take the name server away."""
    for process in node.pids():
        if NAME_SERVER in process.argv:
            os.kill(process.outside, signal.SIGKILL)
    node.write("/etc/resolv.conf", "")


def mx_names_node(node: CheckNode) -> None:
    node.set("mydestination = example.com, localhost")
    resolve(node, example__com_MX=["10 n1.example.com"], n1__example__com_A=[NODE_ADDRESS])


def mx_unknown(node: CheckNode) -> None:
    """A name server, and a domain that has its MX here, but no library to ask with."""
    node.shell(f"mv {LIBRARIES}/dns /root/; {APT_DNS}")
    mx_names_node(node)
    # The library that is there again finds nothing to complain of.
    resolve(node, example__com_MX=["10 mail.example.com"], mail__example__com_A=[ADDRESS])


def mx_names_service(node: CheckNode) -> None:
    resolve(node, example__com_MX=["10 mail.example.com"], mail__example__com_A=[ADDRESS])


def no_mx(node: CheckNode) -> None:
    stop_resolving(node)
    node.set("mydestination = $myhostname, localhost")


def start(node: CheckNode) -> None:
    node.started()


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


def kill_a_trial(node: CheckNode) -> None:
    """Kill a trial in the middle of its work, so that it can undo nothing."""
    node.shell(f"ip address del {ADDRESS}/24 dev eth0; rm -f /usr/bin/ping")
    node.shell("mkfifo /tmp/held; mv /usr/lib/postfix/configure-instance.sh /root/")
    node.write("/usr/lib/postfix/configure-instance.sh", "#!/bin/sh\ncat /tmp/held\n", 0o755)
    trial = node.popen(["postfix-ha", "check", "--trial"], stdout=-1)
    for line in trial.stdout:
        if b"start Postfix" in line:
            break
    inside = [process for process in node.pids() if "--trial" in process.argv]
    for process in inside:
        os.kill(process.outside, signal.SIGKILL)
    trial.stdout.close()
    trial.wait()
    node.shell("mv /root/configure-instance.sh /usr/lib/postfix/")
    for process in node.pids():
        if "/tmp/held" in process.argv:
            os.kill(process.outside, signal.SIGKILL)


def after_a_trial(node: CheckNode) -> None:
    assert node.daemons() == []
    assert ADDRESS not in node.shell("ip address show dev eth0")
    assert not node.exists("/run/postfix-ha-trial")
    node.shell(f"ip address add {ADDRESS}/24 dev eth0; rm -f /tmp/held")


FAULTS = [
    Fault(
        "queue_on_cluster_storage",
        "postconf -e queue_directory=/var/spool/postfix; touch -d '1 minute ago' /etc/postfix/main.cf; postfix check",
        f"postconf -e queue_directory={QUEUE}",
        ("/var/spool/postfix", "root file system"),
        "warning",
        file=MAIN_CF + ":line",
    ),
    Fault(
        "spool_on_cluster_storage",
        "postconf -e mail_spool_directory=/var/mail",
        "postconf -e mail_spool_directory=/mnt/queue/mail",
        ("/var/mail",),
        "warning",
        file=MAIN_CF + ":line",
    ),
    Fault(
        "data_directory_on_node",
        "install -d -o postfix -m 700 /mnt/queue/data; postconf -e data_directory=/mnt/queue/data",
        says=("/mnt/queue/data",),
        severity="warning",
        undo="postconf -X data_directory; rm -r /mnt/queue/data",
    ),
    Fault(
        "data_directory_unshared",
        OTHER_INSTANCE + "postconf -c /etc/postfix2 -e data_directory=/var/lib/postfix",
        says=("/etc/postfix2", "/var/lib/postfix"),
        undo=NO_OTHER_INSTANCE,
    ),
    Fault(
        "queue_directory_unshared",
        OTHER_INSTANCE + f"postconf -c /etc/postfix2 -e queue_directory={QUEUE}",
        "postconf -c /etc/postfix2 -e queue_directory=/mnt/queue/postfix2",
        ("/etc/postfix2", QUEUE),
        undo=NO_OTHER_INSTANCE,
    ),
    Fault(
        "instance_listed",
        "cp -r /etc/postfix /etc/postfix2\n"
        "postconf -c /etc/postfix2 -e queue_directory=/mnt/queue/postfix2 data_directory=/var/lib/postfix2\n"
        "mkdir -p /mnt/queue/postfix2; postfix -c /etc/postfix2 check",
        says=("/etc/postfix2", "/etc/postfix/main.cf"),
        severity="note",
        command="postconf -c /etc/postfix -e alternate_config_directories=/etc/postfix2",
        undo=NO_OTHER_INSTANCE,
        options=("--config-dir", "/etc/postfix2"),
    ),
    Fault(
        "queue_directories_complete",
        f"rmdir {QUEUE}/trace",
        says=("trace",),
        severity="note",
        command="/usr/sbin/postfix check",
    ),
    Fault(
        "queue_not_hidden",
        f"mkdir /run/b; mount --bind / /run/b; mkdir -p /run/b{QUEUE}/hold /run/b{QUEUE}/deferred/A\n"
        f"touch /run/b{QUEUE}/hold/8C3F1A2B /run/b{QUEUE}/deferred/A/A1B2C3D4E5; umount /run/b",
        f"mkdir -p /run/hidden && mount --bind / /run/hidden; rm -r /run/hidden{QUEUE}; umount /run/hidden",
        says=("2 messages", QUEUE, "on /mnt/queue"),
        severity="warning",
        file=MAIN_CF + ":line",
        command=f"mkdir -p /run/hidden && mount --bind / /run/hidden && find /run/hidden{QUEUE} -type f",
    ),
    Fault(
        "address_has_listener",
        "sed -i 's/^smtp  *inet/127.0.0.1:smtp inet/' /etc/postfix/master.cf",
        "sed -i 's/^127.0.0.1:smtp/smtp/' /etc/postfix/master.cf",
        says=(ADDRESS, "smtpd"),
        severity="warning",
        file=MAIN_CF + ":line",
    ),
    Fault("queue_modes_kept", f"chmod 777 {QUEUE}/active", says=("active", "0777"), severity="warning"),
    Fault("queue_modes_kept", f"chmod 500 {QUEUE}/public", says=("public", "0710"), severity="warning", name="tight"),
    Fault(
        "setgid_commands_grouped",
        "chgrp root /usr/sbin/postdrop; chmod 2755 /usr/sbin/postdrop",
        says=("/usr/sbin/postdrop", "postdrop"),
        severity="warning",
    ),
    Fault(
        "interface_carries_address",
        "echo '127.0.1.1 mail.example.com' >/root/hosts; cat /etc/hosts >>/root/hosts; cp /root/hosts /etc/hosts\n"
        "postconf -e 'inet_interfaces = $myhostname, localhost'",
        "sed -i 1d /etc/hosts",
        ("127.0.1.1", "inet_interfaces"),
        file=MAIN_CF + ":line",
        undo=f"postconf -e 'inet_interfaces = {ADDRESS}, localhost'",
    ),
    Fault(
        "bind_address_chosen",
        "postconf -X smtp_bind_address",
        says=("smtp_bind_address",),
        severity="note",
        command=f"postconf -c /etc/postfix -e smtp_bind_address={ADDRESS}",
    ),
    Fault(
        "unit_disabled_at_boot",
        f"mkdir -p {WANTS}; ln -s /lib/systemd/system/postfix.service {WANTS}/postfix.service",
        says=("postfix.service", WANTS),
        severity="warning",
        command="systemctl disable postfix.service",
    ),
    Fault(
        "unit_disabled_at_boot",
        f"mkdir -p {WANTS}; ln -s /lib/systemd/system/postfix@.service {WANTS}/postfix@two.service",
        says=("postfix@two.service",),
        severity="warning",
        name="instance",
    ),
    Fault(
        "unit_disabled_at_boot",
        "rm -f /etc/rc2.d/*postfix; ln -s ../init.d/postfix /etc/rc2.d/S01postfix",
        says=("/etc/rc2.d/S01postfix",),
        severity="warning",
        name="init_script",
        command="update-rc.d postfix disable",
    ),
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
    *(
        Fault("queue_path_open", how, says=("/mnt", "0700"), severity="warning", name=name)
        for name, how in (("root_of_file_system", "chmod 700 /mnt/queue"), ("above_mount_point", "chmod 700 /mnt"))
    ),
    *(
        Fault(
            "mail_log_kept",
            f"{how}postconf -e maillog_file={path} 'maillog_file_prefixes=/var, /dev'",
            says=(path, what),
            severity="warning",
            file=MAIN_CF + ":line",
            undo="postconf -X maillog_file_prefixes; rm -f /var/log/linked",
            name=name,
        )
        for name, path, what, how in (
            ("stdout", "/dev/stdout", "background", ""),
            ("fd", "/dev/fd/2", "background", ""),
            ("link", "/var/log/linked", "no file", "ln -s /dev/stdout /var/log/linked; "),
            ("fifo", "/var/log/linked", "is a FIFO", "mkfifo /var/log/linked; "),
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
        "compatibility_level_set",
        "postconf -X compatibility_level",
        says=("compatibility_level",),
        severity="warning",
        undo="postconf -e compatibility_level=3.6",
    ),
    Fault(
        "parameters_known",
        "postconf -e my_virt=1",
        says=("my_virt",),
        severity="warning",
        file=MAIN_CF + ":line",
        command="postconf -c /etc/postfix -X my_virt",
    ),
    Fault(
        "parameters_known",
        "postconf -e 'relay_domains = $nowhere'",
        "postconf -X relay_domains",
        ("undefined parameter", "nowhere"),
        "warning",
        name="undefined",
    ),
    Fault(
        "parameters_known",
        "postconf -Pe smtp/inet/smtpd_helo_requird=yes",
        says=("smtpd_helo_requird",),
        severity="warning",
        file=MASTER_CF,
        name="in_master_cf",
    ),
    Fault(
        "myhostname_set",
        "postconf -X myhostname",
        says=("mail.example.com",),
        severity="warning",
        undo="postconf -e myhostname=mail.example.com",
    ),
    Fault(
        "mynetworks_set",
        "postconf -X mynetworks; postconf -e mynetworks_style=subnet",
        says=("198.51.100.0/24",),
        severity="warning",
        undo="postconf -X mynetworks_style; postconf -e 'mynetworks = 127.0.0.0/8, 198.51.100.0/24'",
    ),
    Fault(
        "mx_names_service",
        mx_names_node,
        mx_names_service,
        ("example.com", "n1.example.com", NODE_ADDRESS),
        "warning",
        undo=no_mx,
    ),
    Fault(
        "mx_looked_up",
        mx_unknown,
        says=("example.com", "dnspython"),
        severity="note",
        undo=no_mx,
    ),
    Fault(
        "postfix_check_quiet",
        "chown nobody /etc/postfix/master.cf",
        says=("not owned by root", MASTER_CF),
        severity="warning",
    ),
    Fault(
        "postfix_check_quiet",
        "chmod 666 /etc/postfix/master.cf",
        says=("group or other writable",),
        severity="warning",
        name="writable",
        undo="chmod 644 /etc/postfix/master.cf",
    ),
    Fault(
        "queue_has_room",
        "fallocate -l 45M /mnt/queue/filler",
        "rm /mnt/queue/filler",
        ("MB left", "15.4 MB"),
        "warning",
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
    Fault("trial_undone", kill_a_trial, says=("/run/postfix-ha-trial.undo",), severity="warning", undo=after_a_trial),
    Fault(
        "service_healthy",
        lambda node: (node.started(), os.kill(node.daemon("qmgr").outside, signal.SIGSTOP)),
        lambda node: (node.agent("stop"), node.started()),
        ("qmgr", "frozen"),
        options=("--level", "20"),
        undo=lambda node: node.agent("stop"),
    ),
]


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.id)
def test_provoked_named_and_cured(clean_node: CheckNode, fault: Fault) -> None:
    provoke_and_cure(clean_node, fault)
