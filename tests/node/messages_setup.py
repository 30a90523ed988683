"""Provocations of what stands against a start: the cluster's parameters and the setup of the node."""

import contextlib
import socket
from collections.abc import Iterator

from tests.node.judged import (
    FAILED,
    MAIN,
    MASTER,
    NO_PERMISSION,
    NOT_CONFIGURED,
    NOT_INSTALLED,
    SUCCESS,
    JudgedNode,
)
from tests.node.messages import provokes
from tests.support.machine.node import AGENT
from tests.support.mail.main_cf import with_settings
from tests.support.mail.node import ADDRESS, DAEMON_DIRECTORY, MAIN_CF, QUEUE, Answer

PID_FILE = QUEUE + "/pid/master.pid"
PREPARATION = "/usr/lib/postfix/configure-instance.sh"
POST_INSTALL = "/usr/lib/postfix/sbin/post-install"
SECOND_CONFIG, SECOND_QUEUE, SECOND_DATA = "/etc/postfix2", "/mnt/queue2/postfix", "/var/lib/postfix2"
SYS_PIDFD_GETFD = 438


# The cluster's own parameters.


@provokes("config_dir_given", NOT_CONFIGURED, "etc/postfix")
def config_dir_is_relative(node: JudgedNode) -> "Iterator[Answer]":
    yield node.agent("start", params={"config_dir": "etc/postfix"})


@provokes("config_dir_given", NOT_CONFIGURED, "/etc/post\\x07fix")
def config_dir_is_unprintable(node: JudgedNode) -> "Iterator[Answer]":
    yield node.agent("validate-all", level=0, params={"config_dir": "/etc/post\x07fix"})


@provokes("config_dir_absolute", NOT_INSTALLED, "'postfix'")
def config_dir_is_a_bare_name(node: JudgedNode) -> "Iterator[Answer]":
    yield node.agent("start", params={"config_dir": "postfix"})


@provokes("config_dir_given_once", NOT_CONFIGURED, "/etc/postfix2", "/etc/postfix3")
def config_dir_is_given_twice(node: JudgedNode) -> "Iterator[Answer]":
    yield node.agent("start", params={"config_dir": "/etc/postfix2", "parameters": "-c /etc/postfix3"})


@provokes("binary_dir_given", NOT_CONFIGURED, "sbin/postfix")
def binary_is_relative(node: JudgedNode) -> "Iterator[Answer]":
    yield node.agent("start", params={"binary": "sbin/postfix"})


@provokes("parameters_valid", NOT_CONFIGURED, "; reboot")
def parameters_hold_a_command(node: JudgedNode) -> "Iterator[Answer]":
    yield node.agent("start", params={"parameters": "'; reboot'"})


@provokes("greeting_timeout_valid", NOT_CONFIGURED, "soon", "600")
def greeting_timeout_is_a_word(node: JudgedNode) -> "Iterator[Answer]":
    yield node.agent("start", params={"greeting_timeout": "soon"})


@provokes("drain_timeout_valid", NOT_CONFIGURED, "soon", "3600")
def drain_timeout_is_a_word(node: JudgedNode) -> "Iterator[Answer]":
    yield node.agent("start", params={"drain_timeout": "soon"})


# The setup of the node.


@provokes("postfix_command_valid", NOT_INSTALLED, "/usr/sbin/postfix", "no such file")
def postfix_is_missing(node: JudgedNode) -> "Iterator[Answer]":
    node.do("mv", "/usr/sbin/postfix", "/usr/sbin/postfix.away")
    yield node.agent("start")
    node.do("mv", "/usr/sbin/postfix.away", "/usr/sbin/postfix")


@provokes("postfix_command_valid", NOT_INSTALLED, "/opt/postfix", "it is not a file")
def binary_is_a_directory(node: JudgedNode) -> "Iterator[Answer]":
    node.do("mkdir", "-p", "/opt/postfix")
    yield node.agent("start", params={"binary": "/opt/postfix"})


@provokes("commands_executable", NOT_INSTALLED, "/usr/sbin/postconf", "lacks execute permission")
def postconf_is_not_executable(node: JudgedNode) -> "Iterator[Answer]":
    node.do("chmod", "644", "/usr/sbin/postconf")
    yield node.agent("start")
    node.do("chmod", "755", "/usr/sbin/postconf")


@provokes("commands_executable", NOT_INSTALLED, DAEMON_DIRECTORY + "master", "no such file")
def master_is_missing(node: JudgedNode) -> "Iterator[Answer]":
    node.do("mv", DAEMON_DIRECTORY + "master", DAEMON_DIRECTORY + "away")
    yield node.agent("start")
    node.do("mv", DAEMON_DIRECTORY + "away", DAEMON_DIRECTORY + "master")


@provokes("main_cf_present", NOT_INSTALLED, "/etc/postfix")
def main_cf_is_missing(node: JudgedNode) -> "Iterator[Answer]":
    node.do("mv", MAIN, MAIN + ".away")
    yield node.agent("start")
    node.do("mv", MAIN + ".away", MAIN)


@provokes("master_cf_present", NOT_INSTALLED, "/etc/postfix")
def master_cf_is_missing(node: JudgedNode) -> "Iterator[Answer]":
    node.do("mv", MASTER, MASTER + ".away")
    yield node.agent("start")
    node.do("mv", MASTER + ".away", MASTER)


@provokes("config_files_readable", NOT_INSTALLED, "/etc/postfix/main.cf, line ", "missing '='")
def main_cf_is_broken(node: JudgedNode) -> "Iterator[Answer]":
    node.configure("this line has no equals sign")
    yield node.agent("start")
    node.change(MAIN, "^this line.*\n", "")
    node.age(MAIN)


@provokes("config_files_readable", NOT_INSTALLED, "/etc/postfix/master.cf", "irectory")
def master_cf_is_a_directory(node: JudgedNode) -> "Iterator[Answer]":
    node.do("mv", MASTER, MASTER + ".away")
    node.do("mkdir", MASTER)
    yield node.agent("start")
    node.do("rmdir", MASTER)
    node.do("mv", MASTER + ".away", MASTER)


@provokes("inet_interfaces_usable", NOT_INSTALLED, "/etc/postfix/main.cf, line ", "nowhere.example.com")
def a_name_does_not_resolve(node: JudgedNode) -> "Iterator[Answer]":
    node.configure("inet_interfaces = nowhere.example.com")
    yield node.agent("start")
    node.configure("inet_interfaces = all")


@provokes("inet_interfaces_usable", NOT_INSTALLED, "/etc/postfix/master.cf", "smtpd")
def no_service_greets_clients(node: JudgedNode) -> "Iterator[Answer]":
    node.change(MASTER, r"^smtp +inet", "#smtp inet")
    yield node.agent("start")
    node.change(MASTER, r"^#smtp inet", "smtp inet")


@provokes("configuration_read_in_time", FAILED, "/etc/postfix/main.cf, line ", "no answer from the name service")
def a_name_service_is_silent(node: JudgedNode) -> "Iterator[Answer]":
    """A port that is bound and never answers; the next try may find a name service that does."""
    node.write("/etc/resolv.conf", "nameserver 127.0.0.53\noptions timeout:30 attempts:3\n")
    node.write("/etc/nsswitch.conf", "hosts: files dns\n")
    with node.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.53", 53))
        node.configure("inet_interfaces = slow.example.com")
        yield node.agent("start", timeout_s=8)
    node.configure("inet_interfaces = all")


@provokes("address_on_node", FAILED, ADDRESS)
def address_is_missing(node: JudgedNode) -> "Iterator[Answer]":
    node.do("ip", "address", "del", f"{ADDRESS}/24", "dev", "eth0")
    yield node.agent("start")
    node.do("ip", "address", "add", f"{ADDRESS}/24", "dev", "eth0")


@provokes("queue_directory_shared", NOT_INSTALLED, QUEUE, "no such directory")
def queue_is_not_mounted(node: JudgedNode) -> "Iterator[Answer]":
    node.do("mkdir", "/mnt/elsewhere")
    node.do("mount", "--move", "/mnt/queue", "/mnt/elsewhere")
    yield node.agent("start")
    node.do("mount", "--move", "/mnt/elsewhere", "/mnt/queue")


@provokes("queue_directory_writable", FAILED, QUEUE, "read-only", disk_mb=64)
def queue_is_mounted_read_only(node: JudgedNode) -> "Iterator[Answer]":
    assert node.queue.remount("ro").returncode == 0
    yield node.agent("start")
    assert node.queue.remount("rw").returncode == 0


@provokes("mail_owner_exists", NOT_INSTALLED, "'postfix'")
def mail_owner_is_missing(node: JudgedNode) -> "Iterator[Answer]":
    node.change("/etc/passwd", "^postfix:", "other:")
    yield node.agent("start")
    node.change("/etc/passwd", "^other:", "postfix:")


@provokes("setgid_group_exists", NOT_INSTALLED, "'postdrop'")
def setgid_group_is_missing(node: JudgedNode) -> "Iterator[Answer]":
    node.change("/etc/group", "^postdrop:", "other:")
    yield node.agent("start")
    node.change("/etc/group", "^other:", "postdrop:")


@provokes("queue_group_matches", NO_PERMISSION, QUEUE + "/maildrop", "4242", "postdrop")
def queue_has_another_group(node: JudgedNode) -> "Iterator[Answer]":
    node.do("chgrp", "4242", QUEUE + "/maildrop")
    yield node.agent("start")
    node.do("chgrp", "postdrop", QUEUE + "/maildrop")


@provokes("queue_owner_matches", NO_PERMISSION, QUEUE + "/deferred", "4242", "postfix")
def queue_has_another_owner(node: JudgedNode) -> "Iterator[Answer]":
    node.do("chown", "-R", "4242", QUEUE + "/deferred")
    yield node.agent("start")
    node.do("chown", "-R", "postfix", QUEUE + "/deferred")


@provokes("data_directory_present", NOT_INSTALLED, "/srv/none/postfix")
def data_directory_has_no_place(node: JudgedNode) -> "Iterator[Answer]":
    node.configure("data_directory = /srv/none/postfix")
    yield node.agent("start")
    node.do("install", "-d", "-o", "postfix", "/srv/none/postfix")


@provokes("data_directory_owned", NO_PERMISSION, "/var/lib/postfix", "4242")
def data_directory_has_another_owner(node: JudgedNode) -> "Iterator[Answer]":
    node.do("chown", "-R", "4242", "/var/lib/postfix")
    yield node.agent("start")
    node.do("chown", "-R", "postfix", "/var/lib/postfix")


def start_second(node: JudgedNode, queue_directory: str, data_directory: str) -> None:
    """Start a second instance by hand, on a loopback port of its own."""
    settings = (
        f"queue_directory = {queue_directory}\ndata_directory = {data_directory}\nmaillog_file = /var/log/2.log\n"
    )
    node.copy_config(SECOND_CONFIG, with_settings(MAIN_CF, "inet_interfaces = 127.0.0.1\n" + settings))
    node.change(f"{SECOND_CONFIG}/master.cf", "^smtp +inet", "2525 inet")
    node.do("mkdir", "-p", SECOND_QUEUE)
    node.do("postfix", "-c", SECOND_CONFIG, "start")
    node.wait(lambda: node.greeting("127.0.0.1", 2525), "the second instance greets")


@provokes("data_directory_own", FAILED, SECOND_DATA, SECOND_CONFIG)
def data_directory_is_in_use(node: JudgedNode) -> "Iterator[Answer]":
    start_second(node, SECOND_QUEUE, SECOND_DATA)
    node.configure(f"data_directory = {SECOND_DATA}")
    yield node.agent("start")
    node.configure("data_directory = /var/lib/postfix")


@provokes("queue_directory_own", FAILED, QUEUE, SECOND_CONFIG)
def queue_directory_is_in_use(node: JudgedNode) -> "Iterator[Answer]":
    start_second(node, QUEUE, SECOND_DATA)
    yield node.agent("start")
    node.do("postfix", "-c", SECOND_CONFIG, "stop")


@provokes("setgid_commands_kept", SUCCESS, QUEUE + "/maildrop", "0755", is_logged=True)
def maildrop_lost_its_mode(node: JudgedNode) -> "Iterator[Answer]":
    node.do("chmod", "755", QUEUE + "/maildrop")
    yield node.agent("start")
    node.do("chmod", "u=rwx,g=wx,o=", QUEUE + "/maildrop")


@provokes("distribution_prepared", SUCCESS, PREPARATION, "no jail today", is_logged=True)
def preparation_fails(node: JudgedNode) -> "Iterator[Answer]":
    """As in Debian 12, where Postfix's own scripts do not call it."""
    node.do("mv", PREPARATION, PREPARATION + ".away")
    node.do("sed", "-i.away", f"\\|{PREPARATION}|d", POST_INSTALL)
    node.write(PREPARATION, "#!/bin/sh\necho 'no jail today' >&2\nexit 1\n", 0o755)
    yield node.agent("start")
    node.do("mv", PREPARATION + ".away", PREPARATION)
    node.do("mv", POST_INSTALL + ".away", POST_INSTALL)


@provokes("postfix_check_passes", NOT_INSTALLED, "refusing to start")
def preparation_forbids_the_start(node: JudgedNode) -> "Iterator[Answer]":
    """As in Debian 13, where Postfix's own scripts call it and fail with it; what it says goes to its output."""
    node.do("mv", PREPARATION, PREPARATION + ".away")
    node.do("sed", "-i.away", f"\\|{PREPARATION}|d; 2i {PREPARATION} || exit 1", POST_INSTALL)
    node.write(PREPARATION, "#!/bin/sh\necho 'Invalid myorigin, refusing to start'\nexit 1\n", 0o755)
    yield node.agent("start")
    node.do("mv", PREPARATION + ".away", PREPARATION)
    node.do("mv", POST_INSTALL + ".away", POST_INSTALL)


@provokes("endpoint_free", FAILED, f"{ADDRESS}:25", "python3")
def port_is_taken(node: JudgedNode) -> "Iterator[Answer]":
    server = f"import socket; s = socket.create_server(('{ADDRESS}', 25)); s.accept()"
    with contextlib.ExitStack() as stack:
        node.background(stack, ["/usr/bin/python3", "-c", server])
        node.wait(lambda: node.run(["ss", "-Hltn", "sport = :25"]).stdout, "the stranger listens")
        yield node.agent("start")


@provokes("parameter_values_valid", NOT_INSTALLED, "default_process_limit", "'abc'", "postconf -d")
def a_number_is_none(node: JudgedNode) -> "Iterator[Answer]":
    node.configure("default_process_limit = abc")
    yield node.agent("start")
    node.configure("default_process_limit = 100")


@provokes("postfix_check_passes", NOT_INSTALLED, "default_privs", "nosuchuser")
def postfix_check_fails(node: JudgedNode) -> "Iterator[Answer]":
    node.configure("default_privs = nosuchuser")
    answer = node.agent("start")
    assert node.agent("validate-all").reason == answer.reason
    yield answer
    node.configure("default_privs = nobody")


@provokes("run_by_root", NO_PERMISSION, "start", "65534")
def start_by_a_user(node: JudgedNode) -> "Iterator[Answer]":
    wrapper = "/usr/local/bin/as-nobody"
    user = "setpriv --reuid=nobody --regid=nogroup --clear-groups"
    node.write(wrapper, f'#!/bin/sh\nexec {user} {AGENT} "$@"\n', 0o755)
    yield node.agent("start", agent=wrapper)
