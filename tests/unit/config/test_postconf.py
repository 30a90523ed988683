"""Questions to the real postconf, and to programs that behave worse."""

import time
from pathlib import Path

import pytest

from postfix_ha.config.postconf import ask_default_config_directory, ask_defaults, ask_values, find_postconf

POSTCONF = "/usr/sbin/postconf"


def soon() -> float:
    return time.monotonic() + 10


def write(directory: Path, main: str) -> str:
    (directory / "main.cf").write_text(main)
    (directory / "master.cf").write_text("smtp inet n - n - - smtpd\n")
    return str(directory)


def program(directory: Path, script: str) -> str:
    """A program of this text in postconf's place."""
    path = directory / "postconf"
    path.write_text("#!/bin/sh\n" + script)
    path.chmod(0o755)
    return str(path)


def test_expanded_values_in_one_call(tmp_path: Path) -> None:
    config = write(tmp_path, "queue_directory = /q/$mail_owner\nsyslog_name = a=b = c\nrelayhost =\n")
    answer = ask_values(POSTCONF, config, ["relayhost", "syslog_name", "queue_directory", "config_directory"], soon())
    assert answer.values == {
        "relayhost": "",
        "syslog_name": "a=b = c",
        "queue_directory": "/q/postfix",
        "config_directory": config,
    }
    assert answer.error == ""


def test_warnings_are_no_error_and_no_value(tmp_path: Path) -> None:
    answer = ask_values(POSTCONF, write(tmp_path, "queue_directroy = /x\n"), ["mail_owner", "nosuchname"], soon())
    assert answer.values == {"mail_owner": "postfix"}
    assert answer.error == ""
    assert sorted(warning.split(": ", 1)[1] for warning in answer.warnings) == [
        "unknown parameter",
        "unused parameter: queue_directroy=/x",
    ]


def test_the_error_of_a_broken_file_is_kept(tmp_path: Path) -> None:
    answer = ask_values(POSTCONF, write(tmp_path, "no equals sign\n"), ["mail_owner"], soon())
    assert answer.values == {}
    assert answer.error == f"fatal: {tmp_path}/main.cf, line 1: missing '=' after attribute name: \"no equals sign\""


def test_an_address_that_is_not_on_this_node_is_no_failure(tmp_path: Path) -> None:
    config = write(tmp_path, "inet_interfaces = 192.0.2.77, nosuch.invalid\n")
    begin = time.monotonic()
    answer = ask_values(POSTCONF, config, ["inet_interfaces"], soon())
    assert answer.values == {"inet_interfaces": "192.0.2.77, nosuch.invalid"}
    assert answer.error == ""
    assert time.monotonic() - begin < 5


def test_the_callers_environment_does_not_leak_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAIL_CONFIG", write(tmp_path, "mail_owner = somebody\n"))
    assert ask_default_config_directory(POSTCONF, soon()) == "/etc/postfix"
    # A machine without a main.cf of its own gets no answer, and never that of the environment's.
    found = ask_values(POSTCONF, "", ["config_directory"], soon()).values
    assert found == ({"config_directory": "/etc/postfix"} if Path("/etc/postfix/main.cf").exists() else {})


def test_defaults_are_raw() -> None:
    defaults = ask_defaults(POSTCONF, soon()).values
    assert defaults["queue_directory"] == "/var/spool/postfix"
    assert defaults["mydestination"] == "$myhostname, localhost.$mydomain, localhost"
    assert defaults["config_directory"] == "/etc/postfix"
    assert len(defaults) > 800


def test_a_value_of_several_lines_is_one_value(tmp_path: Path) -> None:
    fake = program(tmp_path, "printf 'a = 1\\n2 = 3\\n\\nb = 4\\n'")
    assert ask_values(fake, "", ["a", "b"], soon()).values == {"a": "1\n2 = 3\n", "b": "4"}


def test_bytes_that_are_no_utf8_are_kept(tmp_path: Path) -> None:
    fake = program(tmp_path, "printf 'a = \\377\\n'")
    assert ask_values(fake, "", ["a"], soon()).values == {"a": "\udcff"}


def test_a_postconf_that_hangs_costs_the_deadline(tmp_path: Path) -> None:
    fake = program(tmp_path, "echo 'a = 1'; sleep 60")
    begin = time.monotonic()
    answer = ask_values(fake, "", ["a"], begin + 0.3)
    assert time.monotonic() - begin < 3
    assert answer.error == f"{fake} did not answer in time"


def test_a_postconf_that_fails_or_is_not_there(tmp_path: Path) -> None:
    assert (
        ask_values(program(tmp_path, "exit 3"), "", ["a"], soon()).error
        == f"{tmp_path}/postconf ended with exit code 3"
    )
    assert ask_values("/nonexistent/postconf", "", ["a"], soon()).error == (
        "/nonexistent/postconf: No such file or directory"
    )


def test_postconf_is_looked_for_beside_the_postfix_command(tmp_path: Path) -> None:
    assert find_postconf("/usr/sbin/postfix") == POSTCONF
    assert find_postconf(str(tmp_path / "postfix")) == POSTCONF
    assert find_postconf(str(tmp_path / "postfix")) != program(tmp_path, "")
    assert find_postconf(str(tmp_path / "postfix")) == str(tmp_path / "postconf")
    assert find_postconf("") == POSTCONF
