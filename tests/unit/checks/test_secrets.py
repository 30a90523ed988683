"""What is hidden, and what is not: a secret shown is as bad as a comparison that shows nothing."""

import pytest

from postfix_ha.checks.hiding import HIDDEN, Hider, is_secret
from postfix_ha.config.master_cf import parse_master_cf
from postfix_ha.config.secrets import Secrets


@pytest.mark.parametrize(
    ("name", "value", "secret"),
    [
        ("smtp_sasl_password_maps", "hash:/etc/postfix/sasl", False),
        ("smtp_sasl_password_maps", "hash:/etc/postfix/sasl, lmdb:/etc/other", False),
        ("smtp_sasl_password_maps", "static:user:word", True),
        ("smtp_sasl_password_maps", "inline:{{example.com=user:word}}", True),
        ("smtp_sasl_password_maps", "hash:/etc/postfix/sasl static:user:word", True),
        ("lmtp_sasl_password_maps", "proxy:static:user:word", True),
        ("tls_server_sni_maps", "inline:{{a=KEY}}", True),
        ("mysqltable_password", "word", True),
        ("ldap_bind_pw", "word", True),
        ("my_secret", "word", True),
        ("pgsql_pass", "word", True),
        ("smtp_sasl_password_maps", "", False),
        ("smtp_sasl_password_maps", "$other_maps", False),
        ("smtp_sasl_password_result_delimiter", ":", False),
        ("lmtp_sasl_password_result_format", "%s", False),
        ("my_password", "-/.:;", False),
        ("my_password", "12345678", True),
        ("my_password", "/S3cr3t", False),
        ("my_password", "$mydomain-hush", True),
        ("my_password", "${x?{S3cr3t}}", True),
        ("my_password", "${x}", False),
        ("my_password_limit", "1000", False),
        ("smtp_sasl_password_maps", "regexp:{{/x/ user:word}}", True),
        ("api_token", "abcdef", True),
        ("relay_credentials", "user:word", True),
        ("smtpd_sasl_mechanism_filter", "!external, static:rest", False),
        ("myhostname", "mail.example.com", False),
        ("virtual_alias_maps", "inline:{{a=b}}", False),
        ("smtpd_tls_key_file", "/etc/tls/a.key", False),
    ],
)
def test_secrets(name: str, value: str, secret: bool) -> None:
    assert is_secret(name, value) == secret


def test_a_secret_is_hidden_wherever_it_is_repeated_and_can_be_compared() -> None:
    settings = {"smtp_sasl_password_maps": "static:user:word", "proxy_read_maps": "hash:/x static:user:word"}
    hider = Hider("salt", settings)
    shown = {name: hider.value(name, value) for name, value in settings.items()}
    assert shown == {"smtp_sasl_password_maps": HIDDEN, "proxy_read_maps": f"hash:/x {HIDDEN}"}
    assert set(hider.digests) == set(settings)
    again, other = Hider("salt", settings), Hider("other", settings)
    for one in (again, other):
        one.value("smtp_sasl_password_maps", "static:user:word")
    name = "smtp_sasl_password_maps"
    assert hider.digests[name] == again.digests[name] != other.digests[name]


RAW = {
    "smtp_sasl_password_maps": "static:relay@$mydomain:$first$second",
    "first": "hush",
    "second": "S3cr3t",
    "mydomain": "example.com",
    "notice": "see $second!",
    "mail_owner": "postfix",
    "lmtp_sasl_password_result_delimiter": ":",
    "luser_relay": "mail://user:S3cr3tToo@relay.example.com/x",
    "import_environment": "MAIL_CONFIG, DB_PASSWORD=hushhush TZ=UTC",
}
OWN = {"first", "second", "notice"}


def test_what_a_secret_refers_to_is_hidden_whatever_it_is_called() -> None:
    values = {**RAW, "smtp_sasl_password_maps": "static:relay@example.com:hushS3cr3t", "notice": "see S3cr3t!"}
    hider = Hider("salt", values, RAW, (), OWN.__contains__)
    shown = {name: (hider.value(name, values[name]), hider.value(f"set:{name}", RAW[name])) for name in RAW}
    assert "hush" not in repr(shown)
    assert "S3cr3t" not in repr(shown)
    assert shown["mydomain"] == ("example.com", "example.com")
    assert shown["mail_owner"] == ("postfix", "postfix")
    assert shown["lmtp_sasl_password_result_delimiter"] == (":", ":")
    assert shown["notice"] == ("see (hidden)!", "see $second!")
    assert shown["luser_relay"][0] == "mail://user:(hidden)@relay.example.com/x"
    assert shown["import_environment"][0] == "MAIL_CONFIG, DB_PASSWORD=(hidden) TZ=UTC"


@pytest.mark.parametrize("word", ["postfix", "mail", "25"])
def test_a_secret_that_is_a_word_like_any_other_mutilates_no_other_value(word: str) -> None:
    values = {"my_password": word, "mail_owner": "postfix", "queue_directory": "/var/spool/postfix", "x": "mail25"}
    hider = Hider("salt", values, values)
    assert [hider.value(name, values[name]) for name in values][1:] == list(values.values())[1:]


@pytest.mark.parametrize(
    "words",
    [
        "-o smtp_sasl_password_maps=static:u:S3cr3t -o smtp_sasl_password_maps=static:u:other",
        "-o smtp_sasl_password_maps=static:u:other -o smtp_sasl_password_maps=static:u:S3cr3t",
        "-o smtp_sasl_password_maps static:u:S3cr3t",
        "-o smtp_sasl_password_maps = static:u:S3cr3t",
        "-o {smtp_sasl_password_maps static:u:S3cr3t}",
        "-o {smtp_sasl_password_maps = static:u:S3cr3t}",
        "-osmtp_sasl_password_maps=static:u:S3cr3t",
        "-vosmtp_sasl_password_maps=static:u:S3cr3t",
        "-o smtp_sasl_password_mapsstatic:u:S3cr3t",
        "-o smtp_sasl_password_maps=$theirs -o theirs=static:u:S3cr3t",
        "-o static:u:S3cr3t",
        "-o my_password=S3cr3t",
        "flags=q user=nobody argv=/bin/x --password=S3cr3t ${recipient}",
        "flags=q user=nobody argv=/bin/x --password S3cr3t ${recipient}",
        "flags=q user=nobody argv=/bin/x https://u:S3cr3t@example.com/",
        "flags=q user=nobody argv=/usr/bin/env API_TOKEN=S3cr3t /bin/x",
    ],
)
def test_a_row_of_master_cf_tells_no_secret(words: str) -> None:
    row = parse_master_cf(f"relay unix - - n - - smtp {words}\n".encode()).rows[0]
    hider = Hider("salt", {}, {}, [row])
    assert "S3cr3t" not in hider.row(row)
    assert HIDDEN in hider.row(row)
    assert any(name.startswith("relay/unix:") for name in hider.digests)


def test_a_row_without_a_secret_is_shown_as_postconf_shows_it() -> None:
    text = "relay unix - - n - - smtp -o smtp_helo_timeout=5 -o {x = a b} -o smtp_sasl_password_maps=hash:/etc/x"
    row = parse_master_cf(text.encode()).rows[0]
    assert Hider("salt", {}, {}, [row]).row(row) == str(row)


@pytest.mark.parametrize(
    "said",
    [
        'fatal: macro processing error: "static:user:S3cr3t ${broken"',
        "warning: user:S3cr3t ${bro is wrong",
        "fatal: S3cr3t",
        "unused parameter: x=static:user:S3cr3t",
    ],
)
def test_a_complaint_of_another_program_is_told_without_the_secret(said: str) -> None:
    secrets = Secrets({}, {"smtp_sasl_password_maps": "static:user:S3cr3t ${broken"})
    assert "S3cr3t" not in secrets.complaint(said)
