"""What stands against a start, each fault provoked on a real node, named by postfix-ha check, and cured as it says."""

import os

import pytest

from tests.support.mail.check_node import ADDRESS, QUEUE, CheckNode
from tests.support.mail.provoked import Fault, provoke_and_cure

MAIN_CF = "/etc/postfix/main.cf"
# An installation that stands for the package manager: it puts back what was moved away, if it is asked for the right
# package in the right words.
APT = """cat >/usr/bin/apt-get <<'END'
#!/bin/sh -e
test "$*" = "install --reinstall postfix"
mv /root/kept /usr/sbin/postfix
END
chmod 755 /usr/bin/apt-get"""
SECOND = """
ip address add 203.0.113.2/24 dev eth0
cp -r /etc/postfix /etc/postfix2
sed -i '/^alternate/d' /etc/postfix2/main.cf
postconf -c /etc/postfix2 -e inet_interfaces=203.0.113.2 queue_directory=/mnt/queue/postfix2 \\
    data_directory=/var/lib/postfix2 smtp_bind_address=203.0.113.2
"""
START_SECOND = (
    "mkdir -p /mnt/queue/postfix2; touch -d '1 minute ago' /etc/postfix2/main.cf; postfix -c /etc/postfix2 start\n"
)
REMOVE_SECOND = """
postfix -c /etc/postfix2 stop 2>/dev/null || :
rm -rf /etc/postfix2 /mnt/queue/postfix2 /var/lib/postfix2
ip address del 203.0.113.2/24 dev eth0
"""
# Listens as any other mail server would.
STRANGER = f"""
cat >/tmp/stranger <<'END'
import os, socket
server = socket.create_server(("{ADDRESS}", 25))
if os.fork(): os._exit(0)
os.setsid()
[os.close(number) for number in (0, 1, 2)]
server.accept()
END
/usr/bin/python3 /tmp/stranger
"""


def unmount_listed(node: CheckNode) -> None:
    """Unmount the queue, which fstab lists; the device stays, as one on a cable would."""
    node.held = os.open(node.path(node.queue.device), os.O_RDONLY)
    node.write("/etc/fstab", f"{node.queue.device} /mnt/queue ext4 defaults 0 0\n")
    node.queue.umount()


def let_go(node: CheckNode) -> None:
    """Give up our own hold on the device."""
    os.close(node.held)


FAULTS = [
    Fault("postfix_command_valid", "chmod 644 /usr/sbin/postfix", says=("/usr/sbin/postfix", "execute permission")),
    Fault(
        "postfix_command_valid",
        APT + "\nmv /usr/sbin/postfix /root/kept",
        says=("no such file",),
        name="missing",
    ),
    Fault("commands_executable", "chmod 644 /usr/sbin/postsuper", says=("/usr/sbin/postsuper",)),
    Fault("main_cf_present", "mv /etc/postfix/main.cf /root/", "mv /root/main.cf /etc/postfix/", ("/etc/postfix",)),
    Fault("master_cf_present", "rm /etc/postfix/master.cf", says=("/etc/postfix",)),
    Fault(
        "config_files_readable",
        "echo 'this line has no equals sign' >>/etc/postfix/main.cf",
        "sed -i '/no equals sign/d' /etc/postfix/main.cf",
        ("main.cf, line", "missing '='"),
        file=MAIN_CF + ":line",
    ),
    Fault(
        "config_files_readable",
        "echo 'smtp inet too few' >>/etc/postfix/master.cf",
        "sed -i '/too few/d' /etc/postfix/master.cf",
        ("master.cf, line",),
        file="/etc/postfix/master.cf:line",
        name="master_cf",
    ),
    Fault(
        "inet_interfaces_usable",
        "postconf -e inet_interfaces=nowhere.example.com",
        f"postconf -e 'inet_interfaces={ADDRESS}, localhost'",
        ("nowhere.example.com",),
        file=MAIN_CF + ":line",
    ),
    Fault(
        "inet_interfaces_usable",
        "postconf -MX smtp/inet",
        "postconf -Me 'smtp/inet=smtp inet n - y - - smtpd'",
        ("no inet service",),
        file="/etc/postfix/master.cf",
        name="no_service",
    ),
    Fault(
        "address_on_node",
        f"ip address del {ADDRESS}/24 dev eth0",
        says=(ADDRESS,),
        file=MAIN_CF + ":line",
        command=f"ip address add {ADDRESS}/24 dev eth0",
    ),
    Fault(
        "queue_directory_shared",
        unmount_listed,
        says=(QUEUE, "no such directory"),
        file=MAIN_CF + ":line",
        command="mount /mnt/queue",
        undo=let_go,
    ),
    Fault("queue_directory_shared", f"rm -rf {QUEUE}", says=(QUEUE,), name="mounted_but_empty"),
    Fault(
        "queue_directory_made",
        f"rm -rf {QUEUE}/*",
        says=(QUEUE, "/dev/", "mounted at /mnt/queue"),
        file=MAIN_CF + ":line",
        command="/usr/sbin/postfix check",
    ),
    Fault("queue_directory_writable", "mount -o remount,ro /mnt/queue", says=("read-only",)),
    Fault("mail_owner_exists", "sed -i '/^postfix:/d' /etc/passwd /etc/shadow", says=("'postfix'",)),
    Fault("setgid_group_exists", "sed -i '/^postdrop:/d' /etc/group /etc/gshadow", says=("'postdrop'",)),
    Fault("queue_group_matches", f"chgrp -R 4242 {QUEUE}/maildrop {QUEUE}/public", says=("4242", "postdrop")),
    Fault("queue_owner_matches", f"chown -R 4242 {QUEUE}/incoming {QUEUE}/active", says=("4242", "postfix")),
    Fault(
        "data_directory_present",
        "postconf -e data_directory=/var/lib/nothere/postfix",
        says=("/var/lib/nothere/postfix",),
        file=MAIN_CF + ":line",
        undo="postconf -X data_directory; rm -r /var/lib/nothere",
    ),
    Fault("data_directory_owned", "chown -R 4242 /var/lib/postfix", says=("4242", "/var/lib/postfix")),
    Fault(
        "data_directory_own",
        SECOND + "postconf -c /etc/postfix2 -e data_directory=/var/lib/postfix\n" + START_SECOND,
        says=("/var/lib/postfix ", "/etc/postfix2"),
        undo=REMOVE_SECOND + "rm -rf /var/lib/postfix-own; postconf -X data_directory",
    ),
    Fault(
        "queue_directory_own",
        SECOND + f"postconf -c /etc/postfix2 -e queue_directory={QUEUE}\n" + START_SECOND,
        says=(QUEUE, "/etc/postfix2"),
        command="postfix -c /etc/postfix2 stop",
        undo=REMOVE_SECOND,
    ),
    Fault(
        "setgid_commands_kept", "chmod 755 /usr/sbin/postdrop", says=("/usr/sbin/postdrop", "0755"), severity="warning"
    ),
    Fault(
        "setgid_commands_kept", f"chmod 755 {QUEUE}/maildrop", says=("maildrop",), severity="warning", name="maildrop"
    ),
    Fault("endpoint_free", STRANGER, says=(f"{ADDRESS}:25", "python3")),
    Fault(
        "endpoint_free",
        SECOND + f"postconf -c /etc/postfix2 -e inet_interfaces={ADDRESS}\n" + START_SECOND,
        says=(f"{ADDRESS}:25", "/etc/postfix2"),
        command="postfix -c /etc/postfix2 stop",
        undo=REMOVE_SECOND,
        name="another_postfix",
    ),
    Fault(
        "endpoint_free",
        "postfix start\n" + SECOND + f"postconf -c /etc/postfix2 -e inet_interfaces={ADDRESS}\n" + START_SECOND,
        says=(f"{ADDRESS}:25", "/etc/postfix2"),
        command="postfix -c /etc/postfix2 stop",
        undo="postfix stop\n" + REMOVE_SECOND,
        name="another_postfix_beside_ours",
    ),
    Fault(
        "postfix_check_passes",
        "postconf -MX postlog/unix-dgram",
        says=("missing 'postlog' service",),
        command="postfix upgrade-configuration",
    ),
]


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.id)
def test_provoked_named_and_cured(clean_node: CheckNode, fault: Fault) -> None:
    provoke_and_cure(clean_node, fault)
