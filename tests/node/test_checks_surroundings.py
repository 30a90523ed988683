"""What would keep mail from flowing after a move, each provoked on a real node, named, and cured as it says."""

import os
import signal

import pytest

from tests.support.mail.check_node import ADDRESS, QUEUE, CheckNode
from tests.support.mail.provoked import Fault, provoke_and_cure

MAIN_CF = "/etc/postfix/main.cf"
MASTER_CF = "/etc/postfix/master.cf"
WANTS = "/etc/systemd/system/multi-user.target.wants"
OTHER_INSTANCE = """
cp -r /etc/postfix /etc/postfix2
postconf -c /etc/postfix2 -e queue_directory=/mnt/queue/postfix2 data_directory=/var/lib/postfix2
postconf -e alternate_config_directories=/etc/postfix2
"""
NO_OTHER_INSTANCE = "rm -rf /etc/postfix2 /var/lib/postfix-own /var/lib/postfix2 /mnt/queue/postfix2\n"
NO_OTHER_INSTANCE += "postconf -X alternate_config_directories data_directory\n"


def start(node: CheckNode) -> None:
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
    Fault("queue_modes_kept", f"chmod 777 {QUEUE}/active", says=("active", "0777"), severity="warning"),
    Fault("queue_modes_kept", f"chmod 500 {QUEUE}/public", says=("public", "0710"), severity="warning", name="tight"),
    Fault(
        "setgid_commands_grouped",
        "chgrp root /usr/sbin/postdrop; chmod 2755 /usr/sbin/postdrop",
        says=("/usr/sbin/postdrop", "postdrop"),
        severity="warning",
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
