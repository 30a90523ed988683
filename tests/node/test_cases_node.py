"""Faults that people met in public, about processes and who calls us: a test is named for its row, its kind varied."""

from collections.abc import Iterator

import pytest

from tests.node.judged import (
    CONFIG,
    FAILED,
    MAIN,
    MASTER,
    NOT_INSTALLED,
    NOT_RUNNING,
    SNAPSHOT,
    SUCCESS,
    JudgedNode,
    environment,
)
from tests.support.mail.node import ADDRESS, QUEUE


@pytest.fixture
def node() -> "Iterator[JudgedNode]":
    with JudgedNode() as node:
        yield node


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
    assert any("ended processes left by an earlier run" in line and "qmgr" in line for line in lines), lines
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
    node.do("postfix", "check")  # on Debian 13 a queue is made by the first start
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
