"""Numbers, times and booleans as Postfix takes them."""

import pytest

from postfix_ha.checks.startup.parameter_values import Values
from postfix_ha.config.main_cf import parse_main_cf
from postfix_ha.config.master_cf import parse_master_cf
from postfix_ha.config.values import BOOLEAN, NUMBER, kind_of, split_transport, wrong_value

DEFAULTS = {
    "soft_bounce": "no",
    "default_process_limit": "100",
    "smtpd_timeout": "${stress?{10}:{300}}s",
    "smtp_helo_timeout": "300s",
    "message_size_limit": "10240000",
    "mailbox_size_limit": "51200000",
    "mydestination": "localhost",
    "virtual_mailbox_domains": "$virtual_mailbox_maps",
    "virtual_mailbox_limit": "51200000",
    "virtual_mailbox_maps": "",
}


@pytest.mark.parametrize(
    ("kind", "name", "value"),
    [
        (BOOLEAN, "soft_bounce", "YES"),
        (NUMBER, "max_use", " +7"),
        (NUMBER, "message_size_limit", "99999999999"),
        (NUMBER, "default_destination_recipient_limit", "-1"),
        ("s", "smtp_helo_timeout", "1w"),
        ("s", "smtp_helo_timeout", "5seconds"),
        ("s", "smtp_connect_timeout", "s"),
        ("d", "maximal_queue_lifetime", "100d"),
        ("s", "queue_run_delay", "2147483647"),
    ],
)
def test_taken(kind: str, name: str, value: str) -> None:
    assert wrong_value(name, value, kind) == ""


@pytest.mark.parametrize(
    ("kind", "name", "value", "why"),
    [
        (BOOLEAN, "soft_bounce", "maybe", "neither yes nor no"),
        (BOOLEAN, "soft_bounce", "", "neither yes nor no"),
        (BOOLEAN, "soft_bounce", "ye\u017f", "neither yes nor no"),
        (NUMBER, "max_use", "", "not a whole number"),
        (NUMBER, "max_use", "7x", "not a whole number"),
        (NUMBER, "max_use", "0", "less than 1"),
        (NUMBER, "max_use", "2147483648", "too great"),
        (NUMBER, "default_destination_recipient_limit", "9" * 5000, "too great"),
        ("s", "smtp_helo_timeout", "10x", "not a time"),
        ("s", "smtp_helo_timeout", "10 s", "not a time"),
        ("s", "smtp_helo_timeout", "-1s", "not a time"),
        ("s", "smtp_helo_timeout", "0", "less than 1"),
        ("s", "smtp_connect_timeout", "3551w", "too great"),
        ("d", "maximal_queue_lifetime", "101", "more than"),
        (NUMBER, "slow_recipient_refill_limit", "0", "less than 1"),
    ],
)
def test_refused(kind: str, name: str, value: str, why: str) -> None:
    assert why in wrong_value(name, value, kind)


def test_kinds() -> None:
    assert kind_of("soft_bounce", "no") == BOOLEAN
    assert kind_of("max_use", "100") == NUMBER
    assert kind_of("bounce_queue_lifetime", "5d") == "d"
    assert kind_of("compatibility_level", "0") == ""
    assert kind_of("relayhost", "") == ""
    assert kind_of("slow_destination_rate_delay", None) == ""
    assert kind_of("slow_destination_rate_delay", None, frozenset({"slow"})) == "s"
    assert kind_of("my_own", None, frozenset({"slow"})) == ""
    assert split_transport("a_b_extra_recipient_limit") == ("a_b", "_extra_recipient_limit")


def found(main: str, master: str = "smtp inet n - n - - smtpd\n") -> "list[tuple[str, str]]":
    """(check, name) of each wrong value."""
    values = Values(
        parse_main_cf(main.encode(), "/m/main.cf"), parse_master_cf(master.encode(), "/m/master.cf"), DEFAULTS
    )
    return [(finding.check, str(finding.values["name"])) for finding in values.wrong()]


def test_what_keeps_clients_out_is_told_from_the_rest() -> None:
    assert found("soft_bounce = x\nsmtp_helo_timeout = x\nsmtpd_timeout = x\n") == [
        ("parameter_values_valid", "soft_bounce"),
        ("daemon_values_valid", "smtp_helo_timeout"),
        ("parameter_values_valid", "smtpd_timeout"),
    ]
    own = "smtp inet n - n - - smtpd -o smtpd_timeout=5s\n"
    assert found("smtpd_timeout = x\n", own) == [("daemon_values_valid", "smtpd_timeout")]


def test_a_service_s_own_value() -> None:
    master = "smtp inet n - n - - smtpd -o smtpd_timeout=$x\nout unix - - n - - smtp -o smtp_helo_timeout=$y -o y=x\n"
    assert found("x = 1h\ny = 1h\n", master) == [("daemon_values_valid", "smtp_helo_timeout of out/unix")]


def test_what_cannot_be_expanded_and_what_nobody_knows_is_left_to_others() -> None:
    assert found("soft_bounce = ${\nmy_own = x\n") == []


def test_a_mailbox_that_is_smaller_than_a_message() -> None:
    assert found("message_size_limit = 60000000\n") == [("daemon_values_valid", "mailbox_size_limit")]
    assert found("message_size_limit = 60000000\nmailbox_size_limit = 0\n") == []
    assert found("message_size_limit = 60000000\nmydestination =\n") == []
    virtual = "message_size_limit = 60000000\nmailbox_size_limit = 0\nvirtual_mailbox_maps = static:x\n"
    assert found(virtual) == [("daemon_values_valid", "virtual_mailbox_limit")]
