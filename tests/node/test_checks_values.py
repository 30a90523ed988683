"""Values that Postfix refuses, and parameters that are set twice: named with file and line by check and by start."""

import pytest

from tests.support.mail.check_node import ADDRESS, CheckNode
from tests.support.mail.provoked import Fault, do, provoke_and_cure

MAIN_CF = "/etc/postfix/main.cf"
MASTER_CF = "/etc/postfix/master.cf"
RELAY = f"sed -i 's/^relay .*/relay unix - - y - - smtp{{}}/' {MASTER_CF}"
TWICE = f"echo 'mydestination = localhost' >>{MAIN_CF}"
ALIKE = f"grep ^mydestination {MAIN_CF} >/tmp/again; cat /tmp/again >>{MAIN_CF}"

FAULTS = [
    Fault("parameter_values_valid", "postconf -e default_process_limit=abc", says=(MAIN_CF, "default_process_limit"),
          file=MAIN_CF + ":line", command="postconf -c /etc/postfix -X default_process_limit"),
    Fault("parameter_values_valid", "postconf -e soft_bounce=maybe", says=("'maybe' is neither yes nor no",),
          file=MAIN_CF + ":line", name="boolean"),
    Fault("parameter_values_valid", "postconf -e service_throttle_time=10x", says=("'10x' is not a time",),
          file=MAIN_CF + ":line", name="time"),
    Fault("parameter_values_valid", "postconf -e fork_delay=-1s", says=("'-1s' is not a time",), name="negative"),
    Fault("parameter_values_valid", "postconf -e 'in_flow_delay=${nosuch:60}s'", says=("'60s' is more than 10",),
          name="range"),
    Fault("parameter_values_valid", "postconf -e smtpd_timeout=0", says=("smtpd_timeout: '0' is less than 1",),
          name="smtpd"),
    Fault("parameter_values_valid", "postconf -e smtpd_tls_auth_only=", "postconf -X smtpd_tls_auth_only",
          says=("'' is neither yes nor no",), name="empty"),
    Fault("parameter_values_valid", "postconf -P smtp/inet/smtpd_timeout=soon",
          says=(MASTER_CF, "smtpd_timeout of smtp/inet: 'soon'"), file=MASTER_CF + ":line",
          command="postconf -c /etc/postfix -PX smtp/inet/smtpd_timeout", name="of_a_service"),
    Fault("postfix_check_passes", "postconf -e default_privs=nosuchuser", "postconf -X default_privs",
          says=("default_privs", "nosuchuser"), file=MAIN_CF + ":line"),
    Fault("daemon_values_valid", "postconf -e smtp_helo_timeout=1x", says=("'1x'", "ends at once"),
          file=MAIN_CF + ":line"),
    Fault("daemon_values_valid", "postconf -e smtp_destination_concurrency_limit=2,5", says=("'2,5' is not a whole",),
          name="of_a_transport"),
    Fault("daemon_values_valid", "postconf -P relay/unix/smtp_helo_timeout=never",
          says=(MASTER_CF, "smtp_helo_timeout of relay/unix"), file=MASTER_CF + ":line", name="of_a_service"),
    Fault("daemon_values_valid", RELAY.format(" -o smtp_helo_timeout"), RELAY.format(""),
          says=("relay/unix", "missing '='"), file=MASTER_CF + ":line", name="no_value"),
    Fault("daemon_values_valid", "postconf -e mailbox_size_limit=1000000",
          says=("1000000 is less than message_size_limit, which is 10240000",), file=MAIN_CF + ":line",
          undo="postconf -X mailbox_size_limit", name="mailbox"),
    Fault("parameter_set_once", "postconf -e maillog_file=; " + TWICE,
          says=("mydestination", "in lines ", " and "), severity="warning", file=MAIN_CF + ":line",
          undo="postconf -e 'mydestination = $myhostname, localhost' maillog_file=/var/log/mail.log"),
    Fault("parameter_set_once", ALIKE,
          says=("mydestination",), severity="note", file=MAIN_CF + ":line", name="alike"),
    Fault("log_daemon_free", TWICE,
          says=("maillog_file", "mydestination", "in lines ", " and "), severity="warning", file=MAIN_CF + ":line",
          undo="postconf -e 'mydestination = $myhostname, localhost'"),
]  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.id)
def test_provoked_named_and_cured(clean_node: CheckNode, fault: Fault) -> None:
    provoke_and_cure(clean_node, fault)


@pytest.mark.parametrize(
    ("setting", "says"),
    [
        ("default_process_limit=abc", "default_process_limit: 'abc' is not a whole number"),
        ("service_throttle_time=0", "service_throttle_time: '0' is less than 1"),
        ("message_size_limit=10M", "message_size_limit: '10M' is not a whole number"),
        ("smtpd_timeout=10x", "smtpd_timeout: '10x' is not a time"),
    ],
)
def test_start_refuses_in_one_line_and_starts_when_it_is_put_right(
    clean_node: CheckNode, setting: str, says: str
) -> None:
    node, name = clean_node, setting.partition("=")[0]
    do(node, f"postconf -e {setting}")
    line = node.read(MAIN_CF).splitlines().index(setting.replace("=", " = ")) + 1
    for action in ("start", "validate-all"):
        answer = node.agent(action)
        assert answer.code == 5, answer
        assert answer.reasons == 1
        assert f"{MAIN_CF}, line {line}: {says}" in answer.reason
    assert node.agent("monitor").code == 7
    do(node, f"postconf -X {name}")
    node.started()
    assert node.agent("stop").code == 0


def test_a_wrong_row_of_master_cf_is_refused_by_start_with_its_line(clean_node: CheckNode) -> None:
    node = clean_node
    kept = node.read(MASTER_CF)
    for row, says in (
        ("bad unix - - n -1 - smtp", "wakeup"),
        ("bad unix - - n - 1x smtp", "process limit"),
        ("bad unix - - n - 4294967295 smtp", "process limit"),
        ("bad unix - - n ? - smtp", "wakeup"),
    ):
        node.write(MASTER_CF, kept + row + "\n")
        answer = node.agent("start")
        number = len(kept.splitlines()) + 1
        assert (answer.code, answer.reasons) == (5, 1), (row, answer)
        assert f"{MASTER_CF}, line {number}" in answer.reason, (row, answer.reason)
        assert says in answer.reason, (row, answer.reason)
    node.write(MASTER_CF, kept)
    node.started()
    assert node.agent("stop").code == 0


def test_a_value_that_no_client_meets_does_not_keep_postfix_from_starting(clean_node: CheckNode) -> None:
    node = clean_node
    do(node, "postconf -e smtp_helo_timeout=1x")
    do(node, "postconf -e smtpd_timeout=1x; postconf -P smtp/inet/smtpd_timeout=10s")
    checked = node.check()
    assert checked.ids("error") == ["daemon_values_valid", "daemon_values_valid"], checked.findings
    node.started()
    assert node.greeting(ADDRESS).startswith("220 ")
    assert node.agent("stop").code == 0
    do(node, "postconf -X smtp_helo_timeout smtpd_timeout; postconf -PX smtp/inet/smtpd_timeout")
    assert node.check().ids() == node.usual
