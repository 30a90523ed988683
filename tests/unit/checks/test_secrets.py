"""What is hidden, and what is not: a secret shown is as bad as a comparison that shows nothing."""

import pytest

from postfix_ha.checks.secrets import HIDDEN, Hider, is_secret


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
        ("smtp_sasl_password_result_delimiter", ":", True),
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
