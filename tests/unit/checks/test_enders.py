"""The command that ends what is in the way: never init, and nothing that a stranger has chosen."""

import os

import pytest

from postfix_ha.checks.ending_commands import LISTED, ending_command, socket_units
from postfix_ha.checks.remedies import CURES


def test_init_is_never_killed():
    assert ending_command(1, 1) == LISTED
    assert ending_command(0) == ""
    assert ending_command(-1) == ""


@pytest.mark.parametrize("listens", ["25", "0.0.0.0:25", "[::]:25", " 192.0.2.1:25 "])
def test_the_socket_unit_that_has_the_port_is_named(tmp_path, listens):
    directory = tmp_path / "etc/systemd/system"
    directory.mkdir(parents=True)
    (directory / "mail.socket").write_text(f"[Socket]\nListenStream={listens}\n")
    (directory / "other.socket").write_text("[Socket]\nListenStream=/run/25\nListenStream=2525\n")
    os.mkfifo(directory / "trap.socket")
    assert socket_units(25, str(tmp_path)) == ["mail.socket"]


@pytest.mark.parametrize(
    ("why", "cure"),
    [
        ("postfix: unknown group; run 'postfix set-permissions'", "postfix set-permissions"),
        ("file /x run 'touch /tmp/owned' is odd", ""),
        ("not owned: /var/spool/postfix/active/run 'touch /tmp/owned'", ""),
        ("not owned: /q/run 'postfix reload; touch /tmp/owned'", ""),
        ("not owned: /q/run '$(touch /tmp/owned)' run 'postfix reload", "postfix reload"),
    ],
)
def test_advice_is_postfixs_own_or_none(why, cure):
    assert CURES["postfix_check_passes"](None, {"why": why, "said": why}) == cure
