"""Services beside Postfix that must run where it does, and whatever else is on its queue's file system."""

import os
import signal
from collections.abc import Iterator

import pytest

from tests.support.machine.waiting import wait_for
from tests.support.mail.check_node import QUEUE, CheckNode
from tests.support.mail.listeners import end_listeners, listen

# What main.cf names -> the kind, what is said of it, and where a service would listen.
NAMED = {
    "sasl": (
        "smtpd_sasl_auth_enable=yes smtpd_sasl_type=dovecot smtpd_sasl_path=private/auth",
        ("SASL", "private/auth (smtpd_sasl_path)", "before it greets"),
        ("unix", f"{QUEUE}/private/auth"),
    ),
    "saslauthd": (
        "smtpd_sasl_auth_enable=yes; mkdir -p /etc/postfix/sasl\n"
        "echo 'pwcheck_method: saslauthd' >/etc/postfix/sasl/smtpd.conf",
        ("SASL", "/var/run/saslauthd/mux in the chroot jail (smtpd_sasl_auth_enable)"),
        ("unix", f"{QUEUE}/var/run/saslauthd/mux"),
    ),
    "milter": (
        "smtpd_milters=unix:/run/dkim.sock",
        ("milter", "unix:/run/dkim.sock in the chroot jail (smtpd_milters)", "deferred"),
        ("unix", f"{QUEUE}/run/dkim.sock"),  # smtpd is chrooted, as Debian's master.cf has it
    ),
    "milter_with_options": (
        "'smtpd_milters={ inet:localhost:8891, connect_timeout=3s }'",
        ("milter", "inet:localhost:8891"),
        ("inet", "8891"),
    ),
    "policy": (
        "'smtpd_recipient_restrictions=reject_unauth_destination, check_policy_service inet:127.0.0.1:10023'",
        ("policy", "inet:127.0.0.1:10023 (smtpd_recipient_restrictions)"),
        ("inet", "10023"),
    ),
    "lmtp": (
        "virtual_transport=lmtp:unix:private/dovecot-lmtp",
        ("delivery", "private/dovecot-lmtp (virtual_transport)", "not delivered"),
        ("unix", f"{QUEUE}/private/dovecot-lmtp"),
    ),
    "filter": (
        "content_filter=smtp:[127.0.0.1]:10024",
        ("delivery", "inet:[127.0.0.1]:10024 (content_filter)"),
        ("inet", "10024"),
    ),
    "postsrsd": (
        "sender_canonical_maps=tcp:localhost:10001 sender_canonical_classes=envelope_sender",
        ("look-up", "inet:localhost:10001 (sender_canonical_maps)"),
        ("inet", "10001"),
    ),
    "socketmap": (
        "sender_canonical_maps=socketmap:unix:srs:forward",
        ("look-up", "unix:srs (sender_canonical_maps)"),
        ("unix", f"{QUEUE}/srs"),
    ),
}
# Named, and not of this node: another machine's, not asked, no socket.
ELSEWHERE = (
    "smtpd_milters=inet:198.51.100.9:8891 relay_transport=smtp:[mail.example.org]:25",
    "smtpd_sasl_type=dovecot smtpd_sasl_path=private/auth",
    "virtual_transport=lmtp:inet:mail.example.org:24 content_filter=scan:nothing",
)


@pytest.fixture
def node(clean_node: CheckNode) -> "Iterator[CheckNode]":
    clean_node.shell(f"mkdir -p {QUEUE}/run {QUEUE}/var/run/saslauthd")
    before = [(path, clean_node.read(path)) for path in ("/etc/postfix/main.cf", "/etc/postfix/master.cf")]
    yield clean_node
    end_listeners(clean_node)
    for path, text in before:
        clean_node.write(path, text)
        clean_node.age(path)
    clean_node.shell(f"rm -f {QUEUE}/private/* {QUEUE}/srs; rm -rf {QUEUE}/run {QUEUE}/var /etc/postfix/sasl")


def configure(node: CheckNode, settings: str) -> None:
    node.shell(f"postconf -e {settings}")
    node.age("/etc/postfix/main.cf")


@pytest.mark.parametrize("name", NAMED)
def test_a_service_that_does_not_run_is_named(node: CheckNode, name: str) -> None:
    settings, words, place = NAMED[name]
    configure(node, settings)
    (found,) = node.check().named("service_served")
    assert [word for word in words if word not in found["text"]] == [], found
    assert found["severity"] == "error"
    assert found["where"]["file"] == "/etc/postfix/main.cf"
    assert found["where"]["line"]
    listen(node, *place)
    assert node.check().named("service_served") == []
    end_listeners(node)
    assert len(node.check().named("service_served")) == 1


@pytest.mark.parametrize("settings", ELSEWHERE)
def test_what_need_not_run_here_is_not_missed(node: CheckNode, settings: str) -> None:
    configure(node, settings)
    assert node.check().named("service_served") == []


def test_a_policy_server_that_master_starts_is_not_missed(node: CheckNode) -> None:
    node.append("/etc/postfix/master.cf", "policy unix - n n - 0 spawn user=nobody argv=/bin/true\n")
    configure(node, "smtpd_client_restrictions='check_policy_service unix:private/policy'")
    assert node.check().named("service_served") == []


def test_a_milter_that_may_be_absent_is_a_warning(node: CheckNode) -> None:
    configure(node, "smtpd_milters=unix:/run/dkim.sock milter_default_action=accept")
    (found,) = node.check().named("service_served")
    assert found["severity"] == "warning"


def test_what_the_cluster_manages_is_a_note(node: CheckNode) -> None:
    configure(node, "smtpd_milters=unix:/run/dkim.sock")
    for agent, severity in (("opendkim", "note"), ("nginx", "error")):
        primitive = f'<primitive id="x" class="systemd" type="{agent}"/>'
        empty = node.run(["cibadmin", "--empty"], check=True).stdout
        node.write("/root/cib.xml", empty.replace("<resources/>", f"<resources>{primitive}</resources>"))
        checked = node.check(env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "CIB_file": "/root/cib.xml"})
        (found,) = checked.named("service_served")
        assert found["severity"] == severity, found
        assert ("resource x of the cluster" in found["text"]) == (severity == "note")


def test_a_service_of_postfix_s_own_that_master_cf_lacks_is_named(node: CheckNode) -> None:
    configure(node, "smtp_tls_connection_reuse=yes")
    node.shell("sed -i '/^tlsproxy/d' /etc/postfix/master.cf")
    (found,) = node.check().named("own_service_there")
    assert "tlsproxy" in found["text"]
    node.shell(found["command"])
    assert node.check().named("own_service_there") == []


def test_who_uses_the_file_system_of_the_queue_is_named_with_what_to_change(node: CheckNode) -> None:
    listen(node, "unix", f"{QUEUE}/private/auth")
    standing = node.popen(["env", "-C", "/mnt/queue", "sleep", "1000"])
    wait_for(lambda: node.named("sleep"), 15, "it stands there")
    node.write("/etc/rsyslog.d/jail.conf", f"# {QUEUE}/dev/log\n$AddUnixListenSocket {QUEUE}/dev/log\n")
    try:
        found = node.check().named("queue_file_system_free")
    finally:
        os.killpg(standing.pid, signal.SIGKILL)
        standing.wait()
        node.shell("rm /etc/rsyslog.d/jail.conf")
    assert len(found) == 3, [each["text"] for each in found]
    (socket,) = [each for each in found if f"the socket {QUEUE}/private/auth" in each["text"]]
    (log,) = [each for each in found if f"{QUEUE}/dev/log" in each["text"]]
    (shell,) = [each for each in found if "sleep[" in each["text"]]
    assert "below /run" in socket["remedy"]
    assert "maillog_file" in log["remedy"]
    assert (log["where"]["file"], log["where"]["line"]) == ("/etc/rsyslog.d/jail.conf", 2)
    assert "end it" in shell["remedy"]
    assert {each["severity"] for each in found} == {"warning"}
    end_listeners(node)
    wait_for(lambda: not node.named("sleep"), 15, "it has left")
    assert node.check().named("queue_file_system_free") == []
