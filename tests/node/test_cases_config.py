"""Faults that people met in public, about the configuration: a test is named for its row, its kind varied."""

from collections.abc import Iterator

import pytest

from tests.node.judged import (
    CONFIG,
    DEGRADED,
    FAILED,
    MAIN,
    MASTER,
    NOT_CONFIGURED,
    NOT_RUNNING,
    SNAPSHOT,
    SUCCESS,
    JudgedNode,
)
from tests.support.mail.node import MAIN_CF

BROKEN_LINE = "this line has no equals sign\n"
SUBMISSION = "submission inet n - y - - smtpd\n"


@pytest.fixture
def node() -> "Iterator[JudgedNode]":
    with JudgedNode() as node:
        yield node


# P05: the configuration breaks under the running service; what clients get decides.


@pytest.mark.parametrize("line", [BROKEN_LINE, "mynetworks = $(nowhere\n", "smtpd_banner = ${x\n"], ids=repr)
def test_P05a_main_cf_broken_while_an_smtpd_lives(node: JudgedNode, line: str) -> None:
    node.started()
    node.serves()
    node.append(MAIN, line)
    for level in (0, 10):
        assert node.monitor(level).code in (SUCCESS, DEGRADED)
        node.serves()
    assert node.probe().code == SUCCESS
    # A transaction hangs: trivial-rewrite reads main.cf when it is first needed.
    answer = node.monitor(20, timeout_s=4)
    assert answer.code in ([DEGRADED] if "banner" not in line else [SUCCESS, DEGRADED]), answer
    node.stopped()


@pytest.mark.parametrize("port", [25, 587])
def test_P05b_main_cf_broken_and_no_client_is_greeted_any_more(node: JudgedNode, port: int) -> None:
    node.append(MASTER, SUBMISSION)
    node.started()
    if port == 587:  # port 25 goes on with the process that has read main.cf before, 587 cannot
        node.append(MASTER, "  -o smtpd_tls_wrappermode=perhaps\n")
        node.do("postfix", "reload")
        # The process of port 25 is told to go by the reload as well, but main.cf is in order.
    else:
        node.append(MAIN, BROKEN_LINE)
        node.end(*node.named("smtpd"))
    assert node.monitor(0).code == SUCCESS
    answer = node.monitor(10, params={"greeting_timeout": "1"})
    assert answer.code == FAILED
    assert f":{port}" in answer.reason
    assert "no greeting" in answer.reason
    assert node.probe(level=10, params={"greeting_timeout": "1"}).code == FAILED
    node.stopped()


@pytest.mark.parametrize(
    "line",
    ["broken inet n\n", "smtp inet n - y - -\n", "2525 inet n - maybe - - smtpd\n", "x badtype n - y - - smtpd\n"],
    ids=repr,
)
def test_P05_master_cf_broken_is_not_in_use_yet(node: JudgedNode, line: str) -> None:
    node.started()
    node.append(MASTER, line)
    for level in (0, 10, 20):
        assert node.monitor(level).code == SUCCESS
    assert node.monitor(0).code == SUCCESS
    assert len(node.cluster_log().splitlines()) <= 2, "told more than once"
    node.serves()
    node.stopped()


# P06: whatever is wrong with the setup, stop ends all processes, and its answer comes from them alone.

HANGING = "#!/bin/sh\nexec sleep 1000\n"
LYING = "#!/bin/sh\nexit 0\n"


def break_owner(node: JudgedNode) -> None:
    node.change("/etc/passwd", "^postfix:", "another:")


def break_group(node: JudgedNode) -> None:
    node.change("/etc/group", "^postdrop:", "another:")


def remove_binary(node: JudgedNode) -> None:
    node.do("rm", "/usr/sbin/postfix")


def lock_binary(node: JudgedNode) -> None:
    node.do("chmod", "0", "/usr/sbin/postfix")


def let_binary_lie(node: JudgedNode) -> None:
    node.do("rm", "/usr/sbin/postfix")
    node.write("/usr/sbin/postfix", LYING, 0o755)


def move_config_dir(node: JudgedNode) -> None:
    node.do("mv", CONFIG, "/etc/postfix.away")


def replace_config_dir(node: JudgedNode) -> None:
    node.do("mv", CONFIG, "/etc/postfix.away")
    node.write(CONFIG, "a file in the directory's place\n")


def let_postconf_hang(node: JudgedNode) -> None:
    node.do("rm", "/usr/sbin/postconf")
    node.write("/usr/sbin/postconf", HANGING, 0o755)


def let_postconf_fail(node: JudgedNode) -> None:
    node.do("rm", "/usr/sbin/postconf")
    node.write("/usr/sbin/postconf", "#!/bin/sh\necho 'postconf: fatal: no' >&2\nexit 1\n", 0o755)


def change_queue_directory(node: JudgedNode) -> None:
    node.change(MAIN, "^queue_directory = .*", "queue_directory = /mnt/other")


def break_main_cf(node: JudgedNode) -> None:
    node.append(MAIN, BROKEN_LINE)


def break_master_cf(node: JudgedNode) -> None:
    node.append(MASTER, "broken inet n\n")


def break_daemon_directory(node: JudgedNode) -> None:
    node.append(MAIN, "daemon_directory = /opt/none\n")


def lock_queue(node: JudgedNode) -> None:
    node.do("chmod", "0", "/mnt/queue/postfix")


BREAKS = [
    break_owner,
    break_group,
    remove_binary,
    lock_binary,
    let_binary_lie,
    move_config_dir,
    replace_config_dir,
    let_postconf_hang,
    let_postconf_fail,
    change_queue_directory,
    break_main_cf,
    break_master_cf,
    break_daemon_directory,
    lock_queue,
]


@pytest.mark.parametrize("is_recorded", [True, False], ids=["recorded", "unrecorded"])
@pytest.mark.parametrize("breaks", BREAKS, ids=lambda breaks: breaks.__name__)
def test_P06_stop_whatever_is_broken(node: JudgedNode, breaks: object, is_recorded: bool) -> None:
    node.started()
    node.serves()
    breaks(node)  # type: ignore[operator]
    if not is_recorded:
        node.do("rm", SNAPSHOT)
    assert node.monitor(timeout_s=4).code in (SUCCESS, DEGRADED), "clients are served"
    assert len(node.ours()) >= 3
    answer = node.agent("stop", timeout_s=10)
    assert answer.code == SUCCESS
    assert answer.seconds < 4
    assert node.daemons() == []
    assert node.probe(timeout_s=5).code == NOT_RUNNING
    node.unmounts()


@pytest.mark.parametrize(
    "params",
    [
        {"greeting_timeout": "soon"},
        {"parameters": "; touch /tmp/owned"},
        {"parameters": "'"},
        {"binary": "no/where"},
        {"binary": "/usr/sbin/post\nfix"},
        {"config_dir": CONFIG, "parameters": "-c /etc/postfix"},
        {"config_dir": CONFIG + "//"},
    ],
    ids=repr,
)
def test_P06_stop_with_parameters_that_start_refuses(node: JudgedNode, params: "dict[str, str]") -> None:
    node.started()
    assert node.monitor(params=params).code == SUCCESS
    assert node.agent("stop", params=params).code == SUCCESS
    assert node.daemons() == []
    assert not node.exists("/tmp/owned")
    node.unmounts()


# P22: 2 and 6 never come from a monitor (JudgedNode holds every answer of every test against that); 6 is for the
# cluster's own parameters alone.

BAD_PARAMETERS = [
    {"config_dir": "etc/postfix"},
    {"config_dir": "/etc/post\x07fix"},
    {"binary": "sbin/postfix"},
    {"parameters": "--reload"},
    {"parameters": "$(reboot)"},
    {"greeting_timeout": "-1"},
    {"greeting_timeout": "0"},
    {"greeting_timeout": "10m"},
    {"greeting_timeout": "99999999999999999999"},
    {"config_dir": "/etc/postfix", "parameters": "-c /etc/postfix2"},
]


def test_P22_only_start_and_validate_all_refuse_parameters(node: JudgedNode) -> None:
    for params in BAD_PARAMETERS:
        for action, level in (("start", None), ("validate-all", 0), ("validate-all", 10)):
            answer = node.agent(action, level=level, params=params)
            assert answer.code == NOT_CONFIGURED, (params, answer)
        assert node.probe(params=params).code == NOT_RUNNING
    assert node.daemons() == []
    node.started()
    master = node.master().pid
    for params in BAD_PARAMETERS:
        for level in (0, 20):
            for interval_s in (0, 10):
                answer = node.agent("monitor", level=level, interval_s=interval_s, params=params)
                expected = (SUCCESS,) if params.get("config_dir", CONFIG) == CONFIG else (NOT_RUNNING, FAILED)
                assert answer.code in expected, (params, answer)
    assert node.master().pid == master


# P32: unused and undefined parameters make every postconf call print warnings.

ODD_LINES = """\
my_virt = 1
queue_directroy = /x
smtpd_recipient_restrictions = permit_mynetworks, reject_unauth_destination, $undefined_thing
smtpd_client_connection_rate_limit = 10 # no comment
"""


@pytest.mark.parametrize("main_cf", [MAIN_CF, MAIN_CF.replace("compatibility_level = 3.6\n", "")], ids=["3.6", "none"])
def test_P32_warnings_of_postconf_are_no_failure(main_cf: str) -> None:
    with JudgedNode(ODD_LINES.replace(" # no comment", ""), main_cf=main_cf) as node:
        node.append(MASTER, SUBMISSION + "  -o my_restrictions=permit -o smtpd_never_heard_of=1\n")
        assert "warning" in node.run(["postconf", "-x", "my_virt"]).stderr
        assert node.agent("validate-all").code == SUCCESS
        assert node.probe().code == NOT_RUNNING
        assert node.agent("start").code == SUCCESS
        assert len(node.cluster_log().splitlines()) <= 1, node.cluster_log()
        logged = node.cluster_log()
        for level in (0, 10, 20):
            assert node.monitor(level).code == SUCCESS
        node.do("rm", SNAPSHOT)
        assert node.monitor().code == SUCCESS
        node.stopped()
        assert node.cluster_log() == logged, "a warning for each monitor"
