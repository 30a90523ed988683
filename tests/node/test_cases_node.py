"""Faults that people met in public, about a node and its processes: a test is named for its row, its kind varied."""

import contextlib
from collections.abc import Iterator

import pytest

from tests.node.judged import (
    CONFIG,
    FAILED,
    MAIN,
    MASTER,
    NO_PERMISSION,
    NOT_INSTALLED,
    NOT_RUNNING,
    SNAPSHOT,
    SUCCESS,
    JudgedNode,
    environment,
)
from tests.support.mailnode import ADDRESS, MAIN_CF, QUEUE

PID_FILE = QUEUE + "/pid/master.pid"
SECOND_CONFIG, SECOND_ADDRESS, SECOND_DATA = "/etc/postfix2", "198.51.100.101", "/var/lib/postfix2"
SECOND_CF = (
    MAIN_CF.replace(ADDRESS, SECOND_ADDRESS)
    .replace(QUEUE, "/mnt/queue2/postfix")
    .replace(", localhost\ninet_proto", "\ninet_proto")
)
SECOND = {"config_dir": SECOND_CONFIG}


@pytest.fixture
def node() -> "Iterator[JudgedNode]":
    with JudgedNode() as node:
        yield node


def refuses(node: JudgedNode, *words: str, codes: "tuple[int, ...]" = (NO_PERMISSION, FAILED)) -> None:
    """A start fails with these words in its reason and leaves nothing behind."""
    answer = node.agent("start")
    assert answer.code in codes, answer
    assert [word for word in words if word not in answer.reason] == [], answer
    assert node.ours() == []
    assert not node.exists(SNAPSHOT)
    assert node.probe().code == NOT_RUNNING
    checked = node.agent("validate-all")
    assert (checked.code, checked.reason) == (answer.code, answer.reason)


# P23: "not running" is said only when nothing of the instance lives.


@pytest.mark.parametrize("name", ["qmgr", "pickup", "smtpd"])
def test_P23_master_dead_and_one_daemon_frozen(node: JudgedNode, name: str) -> None:
    node.started()
    node.serves()
    frozen = node.daemon(name)
    node.signal(frozen, 19)
    node.end(node.master())
    # The others go by themselves, some of them only after many seconds.
    node.end(*[process for process in node.daemons() if process.pid != frozen.pid])
    for interval_s in (0, 10):
        for level in (0, 20):
            answer = node.agent("monitor", interval_s=interval_s, level=level)
            assert answer.code == FAILED
            assert f"{name}[{frozen.pid}]" in answer.reason
    node.end(*node.daemons())
    assert node.probe().code == NOT_RUNNING
    assert node.monitor().code == NOT_RUNNING
    node.unmounts()


@pytest.mark.parametrize("is_recorded", [True, False], ids=["recorded", "unrecorded"])
def test_P23_a_new_start_beside_an_orphan(node: JudgedNode, is_recorded: bool) -> None:
    node.started()
    frozen = node.daemon("qmgr")
    node.signal(frozen, 19)
    node.end(node.master())
    if not is_recorded:
        node.do("rm", SNAPSHOT)
    lines = node.logged_by(node.started_again)
    assert not node.lives(frozen)
    assert any("ended what was left" in line and "qmgr" in line for line in lines), lines
    assert node.monitor(20).code == SUCCESS
    node.stopped()


# P37: other numbers for the mail owner and the group, after a new image.


@pytest.mark.parametrize("name", ["", "/incoming", "/active", "/deferred", "/hold", "/maildrop", "/private"])
def test_P37_the_queue_belongs_to_another_uid(node: JudgedNode, name: str) -> None:
    uid = node.do("id", "-u", "postfix").strip()
    if name:
        node.do("chown", "-R", "4242", QUEUE + name)
    else:
        node.do("chown", "-R", "--from=postfix", "4242", QUEUE)
    refuses(node, "4242", f"postfix is user {uid}", QUEUE + name)
    node.do("chown", "-R", "--from=4242", "postfix", QUEUE)
    node.started()
    assert node.monitor(20).code == SUCCESS


@pytest.mark.parametrize("name", ["/maildrop", "/public"])
def test_P37_the_queue_belongs_to_another_group(node: JudgedNode, name: str) -> None:
    gid = node.do("getent", "group", "postdrop").split(":")[2]
    node.do("chgrp", "4242", QUEUE + name)
    refuses(node, "4242", f"postdrop is group {gid}", QUEUE + name)
    node.do("postfix", "set-permissions")
    node.started()


def test_P37_the_node_gave_the_mail_owner_another_uid(node: JudgedNode) -> None:
    uid = node.do("id", "-u", "postfix").strip()
    node.change("/etc/passwd", "^postfix:x:[0-9]+:", "postfix:x:4242:")
    node.do("chown", "4242", "/var/lib/postfix")
    refuses(node, uid, "4242")


# P38: a role or rsync gave postdrop or maildrop plain modes.


@pytest.mark.parametrize(
    ("command", "words"),
    [
        (["chmod", "755", "/usr/sbin/postdrop"], ["/usr/sbin/postdrop", "0755"]),
        (["chmod", "755", "/usr/sbin/postqueue"], ["/usr/sbin/postqueue", "0755"]),
        (["chmod", "755", QUEUE + "/maildrop"], [QUEUE + "/maildrop", "0755"]),
        (["chmod", "700", QUEUE + "/maildrop"], [QUEUE + "/maildrop", "0700"]),
        (["chmod", "710", QUEUE + "/public"], []),
    ],
    ids=["postdrop", "postqueue", "maildrop-755", "maildrop-700", "public-is-right"],
)
def test_P38_users_cannot_submit(node: JudgedNode, command: "list[str]", words: "list[str]") -> None:
    node.do("cp", "-a", command[-1], command[-1] + ".own")  # the file of the overlay, never the machine's below
    node.do("rm", "-r", command[-1])
    node.do("mv", command[-1] + ".own", command[-1])
    node.do(*command)
    lines = node.logged_by(lambda: node.agent("start"))
    warned = [line for line in lines if "WARN" in line.upper()]
    assert len(warned) == (1 if words else 0), lines
    assert all(word in warned[0] for word in words)
    assert node.monitor(20).code == SUCCESS
    assert node.logged_by(node.monitor) == []
    node.stopped()
    node.do("mkdir", "-p", QUEUE)


def test_P38_the_remedy_cures_it(node: JudgedNode) -> None:
    node.do("chmod", "755", QUEUE + "/maildrop")
    node.do("postfix", "set-permissions")
    assert [line for line in node.logged_by(lambda: node.agent("start")) if "mode" in line] == []
    user = ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups"]
    submitted = node.run([*user, "sendmail", "-f", "a@example.com", "root"], input="Subject: x\n\nx\n")
    assert submitted.returncode == 0, submitted


# P39: data_directory belongs to a stranger, or is no directory.


def test_P39_data_directory_of_a_stranger(node: JudgedNode) -> None:
    uid = node.do("id", "-u", "postfix").strip()
    node.do("chown", "-R", "4242", "/var/lib/postfix")
    refuses(node, "data_directory /var/lib/postfix", "4242", f"postfix is user {uid}")
    node.do("chown", "-R", "postfix", "/var/lib/postfix")
    node.started()
    node.do("chown", "-R", "4242", "/var/lib/postfix")
    for level in (0, 10, 20):
        assert node.monitor(level).code == SUCCESS, "it runs"
    node.stopped()


@pytest.mark.parametrize(
    ("commands", "code", "words"),
    [
        (["rm -r /var/lib/postfix", "ln -s /srv/none/data /var/lib/postfix"], NOT_INSTALLED, ["/var/lib/postfix"]),
        (["rm -r /var/lib/postfix", "touch /var/lib/postfix"], NOT_INSTALLED, ["/var/lib/postfix", "not a directory"]),
    ],
    ids=["dangling-link", "a-file"],
)
def test_P39_data_directory_is_no_directory(
    node: JudgedNode, commands: "list[str]", code: int, words: "list[str]"
) -> None:
    for command in commands:
        node.do("sh", "-c", command)
    refuses(node, "data_directory", *words, codes=(code, FAILED))


def test_P39_data_directory_is_missing_and_is_made(node: JudgedNode) -> None:
    node.do("rm", "-r", "/var/lib/postfix")
    node.started()
    assert node.monitor(20).code == SUCCESS


# P40: two instances share what each needs for itself.


@contextlib.contextmanager
def second_instance(node: JudgedNode, main_cf: str = SECOND_CF) -> "Iterator[int]":
    """A second instance, started by the agent; gives its master's number and looks that it lived all the time."""
    node.copy_config(SECOND_CONFIG, main_cf.replace("mail.log", "mail2.log") + f"data_directory = {SECOND_DATA}\n")
    node.do("ip", "address", "add", f"{SECOND_ADDRESS}/24", "dev", "eth0")
    node.mount_tmpfs("/mnt/queue2", size_mb=32)
    node.do("mkdir", "-p", "/mnt/queue2/postfix")
    started = node.agent("start", params=SECOND)
    assert started.code == SUCCESS, started
    there = {p.pid for p in node.ours(SECOND_CONFIG) if p.name in ("master", "qmgr", "pickup")}
    master = next(p for p in node.ours(SECOND_CONFIG) if p.name == "master")
    yield master.pid
    assert there <= {p.pid for p in node.ours(SECOND_CONFIG)}
    for level in (0, 10, 20):
        assert node.monitor(level, params=SECOND).code == SUCCESS
    assert node.agent("stop", params=SECOND).code == SUCCESS
    assert node.run(["umount", "/mnt/queue2"]).returncode == 0


def test_P40_data_directory_shared(node: JudgedNode) -> None:
    with second_instance(node) as holder:
        node.configure(f"data_directory = {SECOND_DATA}")
        refuses(node, f"data_directory {SECOND_DATA}", f"process {holder}", SECOND_CONFIG)
        assert node.agent("stop").code == SUCCESS
        node.change(MAIN, "^data_directory = .*", "data_directory = /var/lib/postfix")
        node.age(MAIN)
        node.started()
        assert len(node.ours()) >= 3
        assert node.agent("stop").code == SUCCESS


def test_P40_data_directory_shared_through_a_link(node: JudgedNode) -> None:
    with second_instance(node) as holder:
        node.do("ln", "-s", SECOND_DATA, "/var/lib/postfix3")
        node.configure("data_directory = /var/lib/postfix3")
        refuses(node, "data_directory /var/lib/postfix3", f"process {holder}", SECOND_CONFIG)


def test_P40_queue_directory_shared(node: JudgedNode) -> None:
    with second_instance(node) as holder:
        node.change(MAIN, "^queue_directory = .*", "queue_directory = /mnt/queue2/postfix")
        node.age(MAIN)
        refuses(node, "/mnt/queue2/postfix", f"{holder}", SECOND_CONFIG, codes=(FAILED,))


def test_P40_address_shared(node: JudgedNode) -> None:
    with second_instance(node) as holder:
        node.change(MAIN, "^inet_interfaces = .*", f"inet_interfaces = {ADDRESS}, {SECOND_ADDRESS}")
        node.age(MAIN)
        refuses(node, f"{SECOND_ADDRESS}:25", f"master[{holder}]", SECOND_CONFIG, codes=(FAILED,))


# P41: a stale pid file, and its number has been taken by a stranger.


@pytest.mark.parametrize("program", ["/run/master", "/usr/lib/cyrus/bin/master", "/opt/postfix/master"])
@pytest.mark.parametrize("env", [{}, {"MAIL_CONFIG": CONFIG}], ids=["plain", "MAIL_CONFIG"])
def test_P41_a_stale_pid_file(node: JudgedNode, program: str, env: "dict[str, str]") -> None:
    with contextlib.ExitStack() as stack:
        node.do("mkdir", "-p", program.rpartition("/")[0])
        node.do("cp", "/bin/sleep", program)
        stranger = node.background(stack, [program, "1000"], env=env)
        node.write(PID_FILE, f"{stranger.pid:>10}\n")
        assert node.probe().code == NOT_RUNNING
        assert node.agent("stop").code == SUCCESS
        node.write(PID_FILE, f"{stranger.pid:>10}\n")
        node.started()
        assert node.lives(stranger)
        assert node.read(PID_FILE).split() == [str(node.master().pid)]
        node.write(PID_FILE, f"{stranger.pid:>10}\n")
        for level in (0, 10, 20):
            assert node.monitor(level).code == SUCCESS
        node.stopped()
        assert node.lives(stranger)


def test_P41_a_power_cut(node: JudgedNode) -> None:
    """The queue moves with all that a dead node left in it: pid file, sockets, a message half written."""
    node.started()
    node.do("cp", "-a", QUEUE, "/mnt/queue/left")
    assert node.agent("stop").code == SUCCESS
    node.do("sh", "-c", f"rm -r {QUEUE} && mv /mnt/queue/left {QUEUE}")
    assert node.exists(PID_FILE)
    assert node.exists(QUEUE + "/public/pickup")
    assert node.probe().code == NOT_RUNNING
    node.started()
    assert node.monitor(20).code == SUCCESS
    node.stopped()


# P54: called by hand, by crm_resource --force-* or by an older manager. The caller's environment has tests of its own
# elsewhere; what is left is the whole life of a resource in it.

ENVIRONMENTS = [
    {},
    {"OCF_RESKEY_CRM_meta_timeout": "", "OCF_RESKEY_CRM_meta_interval": "", "OCF_CHECK_LEVEL": ""},
    {"OCF_RESKEY_CRM_meta_timeout": "20s", "OCF_RESKEY_CRM_meta_interval": "PT10S", "OCF_CHECK_LEVEL": "deep"},
    {"OCF_RESKEY_CRM_meta_timeout": "-1", "OCF_RESKEY_CRM_meta_interval": "-1", "OCF_CHECK_LEVEL": "-20"},
    {"OCF_RESKEY_binary": "", "OCF_RESKEY_config_dir": "", "OCF_RESKEY_parameters": "", "HA_RSCTMP": ""},
]


@pytest.mark.parametrize("more", ENVIRONMENTS, ids=["none", "empty", "words", "negative", "empty-parameters"])
def test_P54_a_whole_life_without_the_cluster(node: JudgedNode, more: "dict[str, str]") -> None:
    base = {"PATH": "/usr/bin:/bin", "OCF_ROOT": "/usr/lib/ocf", **more}
    agent = "/usr/lib/ocf/resource.d/mail/postfix_ha"
    for action, code in (
        ("monitor", NOT_RUNNING),
        ("validate-all", SUCCESS),
        ("start", SUCCESS),
        ("start", SUCCESS),
        ("monitor", SUCCESS),
        ("validate-all", SUCCESS),
        ("reload", SUCCESS),
        ("stop", SUCCESS),
        ("stop", SUCCESS),
        ("monitor", NOT_RUNNING),
    ):
        done = node.run([agent, action], env=base)
        assert done.returncode == code, (action, done)
        assert "Traceback" not in done.stderr
    assert node.daemons() == []
    node.unmounts()


@pytest.mark.parametrize("action", ["monitor", "stop", "start"])
def test_P54_an_empty_interval_on_an_unmounted_node(node: JudgedNode, action: str) -> None:
    node.unmounts()
    env = {"OCF_RESKEY_CRM_meta_interval": "", "OCF_RESKEY_CRM_meta_timeout": ""}
    answer = node.agent(action, interval_s=0, env=env)
    assert answer.code == {"monitor": NOT_RUNNING, "stop": SUCCESS, "start": NOT_INSTALLED}[action]


# P58: an administrator stops and starts it by hand while the resource is not managed.


@pytest.mark.parametrize(
    "command", [["postfix"], ["postfix", "-c", CONFIG], ["sh", "-c", f"cd {QUEUE} && exec postfix $0"]]
)
def test_P58_stopped_and_started_by_hand(node: JudgedNode, command: "list[str]") -> None:
    node.started()
    node.do(*command, "stop")
    assert node.monitor().code == NOT_RUNNING
    node.do(*command, "start")
    node.wait(node.greeting, "a greeting")
    master = node.master().pid
    for level in (0, 10, 20):
        assert node.monitor(level).code == SUCCESS
        assert node.probe(level=level).code == SUCCESS
    assert node.agent("start").code == SUCCESS
    assert node.master().pid == master
    assert f"master_pid {master}" in node.read(SNAPSHOT)
    node.stopped()


def test_P58_started_by_hand_with_a_changed_configuration(node: JudgedNode) -> None:
    node.started()
    node.do("postfix", "stop")
    node.configure(f"inet_interfaces = {ADDRESS}")
    node.append(MASTER, "submission inet n - y - - smtpd\n")
    node.do("postfix", "start")
    node.wait(node.greeting, "a greeting")
    assert node.monitor(10).code == SUCCESS
    assert f"{ADDRESS} 587" in node.read(SNAPSHOT)
    assert "127.0.0.1 25" not in node.read(SNAPSHOT)
    node.stopped()


def test_P58_started_by_hand_under_another_name_of_the_directory(node: JudgedNode) -> None:
    """config_dir is a link; by hand the directory is called by its own name. Stop must find it."""
    params = {"config_dir": "/etc/mail-vip"}
    node.do("ln", "-s", CONFIG, params["config_dir"])
    assert node.agent("start", params=params).code == SUCCESS
    node.do("postfix", "-c", params["config_dir"], "stop")
    node.do("postfix", "start")
    node.wait(node.greeting, "a greeting")
    assert environment(node.master())["MAIL_CONFIG"] == CONFIG
    # No monitor in between: stop itself must not rely on the old record.
    assert node.agent("stop", params=params).code == SUCCESS
    assert node.daemons() == []
    node.unmounts()


# P60: a clone of the agent with a queue on each node.


def test_P60_a_clone_with_a_queue_on_each_node(node: JudgedNode) -> None:
    node.change(MAIN, "^queue_directory = .*", "queue_directory = /var/spool/postfix")
    node.change(MAIN, "^inet_interfaces = .*", "inet_interfaces = all")
    node.age(MAIN)
    node.unmounts()
    for number in ("", ":0", ":1"):
        env = {
            "OCF_RESOURCE_INSTANCE": "postfix" + number,
            "OCF_RESKEY_CRM_meta_clone": number.lstrip(":") or "0",
            "OCF_RESKEY_CRM_meta_clone_max": "3",
            "OCF_RESKEY_CRM_meta_clone_node_max": "1",
            "OCF_RESKEY_CRM_meta_globally_unique": "false",
            "OCF_RESKEY_CRM_meta_notify": "false",
        }
        assert node.probe(env=env).code == NOT_RUNNING
        assert node.agent("start", env=env).code == SUCCESS
        for level in (0, 10, 20):
            assert node.monitor(level, env=env).code == SUCCESS
        # The number of a copy is the cluster's affair: a copy under another number is the same Postfix.
        assert node.monitor(env={**env, "OCF_RESOURCE_INSTANCE": "postfix:2"}).code == SUCCESS
        assert node.agent("stop", env=env).code == SUCCESS
        assert node.daemons() == []
