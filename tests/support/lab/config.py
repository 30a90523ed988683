"""The files of a lab node: corosync, Postfix, hosts; and the cluster's first CIB."""

from tests.support.lab import network as lab_network
from tests.support.lab.network import SERVICE_ADDRESS
from tests.support.machine.node import Node

# Node name -> host number in every network; the management controller of a node has 100 more.
NODES = {"n1": 11, "n2": 12, "n3": 13}
CLIENT_NUMBER = 200
RECIPIENT = "box@example.com"
MAILBOX = "/mnt/queue/mail/box"
MAILBOX_OWNER = 5000
QUEUE = "/mnt/queue/postfix"

COROSYNC = """\
totem {
    version: 2
    cluster_name: lab
    transport: knet
    crypto_cipher: aes256
    crypto_hash: sha256
    token: 1000
}
system {
    move_to_root_cgroup: no
}
quorum {
    provider: corosync_votequorum
    wait_for_all: 1
}
logging {
    to_logfile: yes
    logfile: /var/log/corosync/corosync.log
    to_stderr: no
    to_syslog: no
    timestamp: hires
}
"""

MAIN_CF = f"""\
compatibility_level = 3.6
myhostname = mail.example.com
mydestination =
inet_interfaces = {SERVICE_ADDRESS}, localhost
inet_protocols = ipv4
mynetworks = 127.0.0.0/8
queue_directory = {QUEUE}
data_directory = /var/lib/postfix
maillog_file = /var/log/mail.log
alias_maps =
alias_database =
biff = no
# Mail is delivered onto the shared disk, where it can be counted from whichever node has it.
virtual_mailbox_domains = example.com
virtual_mailbox_base = /mnt/queue/mail
virtual_mailbox_maps = static:box/
virtual_uid_maps = static:{MAILBOX_OWNER}
virtual_gid_maps = static:{MAILBOX_OWNER}
virtual_mailbox_limit = 0
smtpd_recipient_restrictions = reject_unauth_destination
# The notification of a lookup that nobody answers here would only cost time.
smtpd_peername_lookup = no
smtp_dns_support_level = disabled
"""


def corosync_conf() -> str:
    """The cluster's totem, quorum and node list."""
    blocks = [
        f"    node {{\n        name: {name}\n        nodeid: {number - 10}\n"
        f"        ring0_addr: {lab_network.address('ring', number)}\n    }}\n"
        for name, number in NODES.items()
    ]
    return COROSYNC + "nodelist {\n" + "".join(blocks) + "}\n"


def hosts() -> str:
    """The same hosts file for every node."""
    lines = ["127.0.0.1 localhost", f"{SERVICE_ADDRESS} mail.example.com"]
    lines += [f"{lab_network.address('ring', number)} {name}" for name, number in NODES.items()]
    return "\n".join(lines) + "\n"


def write_all(node: Node) -> None:
    """Write the configuration of one node."""
    node.write("/etc/hosts", hosts())
    node.write("/etc/corosync/corosync.conf", corosync_conf())
    # Any 1024 bits do in a network that nobody else is in, but all nodes need the same.
    node.write("/etc/corosync/authkey", b"postfix-ha lab. " * 8, 0o400)
    # The same for connections to remote nodes (pacemaker_remote's TLS key).
    node.run(["install", "-d", "-m", "755", "/etc/pacemaker"], check=True)
    node.write("/etc/pacemaker/authkey", b"postfix-ha lab. " * 8, 0o444)
    write_postfix(node)


def main_cf(**settings: str) -> str:
    """The nodes' main.cf with other settings."""
    lines = []
    for line in MAIN_CF.splitlines():
        name = line.partition(" =")[0]
        lines.append(f"{name} = {settings.pop(name)}" if name in settings else line)
    return "\n".join([*lines, *(f"{name} = {value}" for name, value in settings.items())]) + "\n"


def write_postfix(node: Node) -> None:
    """Write Postfix's own two files; the second is the distribution's, which an unconfigured installation lacks."""
    node.write("/etc/postfix/main.cf", MAIN_CF)
    if not node.exists("/etc/postfix/master.cf"):
        node.write("/etc/postfix/master.cf", node.read("/usr/share/postfix/master.cf.dist"))


def management_address(name: str) -> str:
    """The address of a node's management controller."""
    return lab_network.address("manage", NODES[name] + 100)


def first_cib() -> str:
    """The CIB that the cluster starts from: properties alone, with stonith and quorum on."""
    properties = {
        "stonith-enabled": "true",
        "no-quorum-policy": "stop",
        # How long a starting node waits for a cluster that may be there already; the default of 20 s is for real boots.
        "dc-deadtime": "2s",
        "cluster-infrastructure": "corosync",
        "cluster-name": "lab",
    }
    nvpairs = "".join(
        f'<nvpair id="cib-bootstrap-options-{name}" name="{name}" value="{value}"/>'
        for name, value in properties.items()
    )
    return (
        # A feature set that is old enough for any Pacemaker 2.1, but without one no patch can be applied.
        '<cib crm_feature_set="3.13.0" validate-with="pacemaker-3.7" epoch="1" num_updates="0" admin_epoch="0">'
        "<configuration>"
        f'<crm_config><cluster_property_set id="cib-bootstrap-options">{nvpairs}</cluster_property_set></crm_config>'
        "<nodes/><resources/><constraints/></configuration><status/></cib>"
    )
