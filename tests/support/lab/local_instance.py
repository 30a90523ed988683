"""A second instance on each node of a lab, with a queue of its own: what a clone runs."""

from tests.support.mail.node import MAKE_QUEUE

CONFIG = "/etc/postfix-local"
MAIN_CF = """\
compatibility_level = 3.6
inet_interfaces = loopback-only
inet_protocols = ipv4
queue_directory = /var/spool/postfix-local
data_directory = /var/lib/postfix-local
maillog_file = /var/log/mail-local.log
mydestination =
alias_maps =
alias_database =
"""
PREPARE = f"""\
set -e
mkdir -p {CONFIG}
{MAKE_QUEUE.format(queue="/var/spool/postfix-local")}install -d -o postfix -g postfix -m 755 /var/lib/postfix-local
sed 's/^smtp  *inet/127.0.0.1:2525 inet/' /etc/postfix/master.cf >{CONFIG}/master.cf
grep -q '^127.0.0.1:2525 inet' {CONFIG}/master.cf
cat >{CONFIG}/main.cf
"""


def locals_of(node):
    """The master processes of the clone's instance on a node."""
    return [process for process in node.named("master") if has_local_config(node, process)]


def has_local_config(node, process):
    """Whether a master was started for the clone's configuration."""
    return f"MAIL_CONFIG={CONFIG}" in node.read(f"/proc/{process.pid}/environ").split("\0")
