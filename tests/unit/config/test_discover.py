"""discover(): what can be learned of an instance, and the problems, whatever the state of its files."""

import os
import time
from pathlib import Path

import pytest

from postfix_ha.config.discover import discover, instance_directories
from postfix_ha.instance import Instance

MAIN = """
queue_directory = /mnt/queue/postfix
data_directory = /var/lib/postfix2
inet_interfaces = 198.51.100.100
inet_protocols = ipv4
alternate_config_directories = /etc/postfix2, /etc/postfix3
multi_instance_directories = /etc/postfix3
"""
MASTER = "smtp inet n - y - - smtpd\n"


def found(directory: Path, main: "str | None" = MAIN, master: "str | None" = MASTER, **options: str) -> Instance:
    """discover() for a directory with these files."""
    for name, text in (("main.cf", main), ("master.cf", master)):
        if text is not None:
            (directory / name).write_text(text)
            os.utime(directory / name, (1_000_000_000, 1_000_000_000))  # postconf waits for a fresh file to cool down
    return discover(str(directory), time.monotonic() + 10, **options)


def facts(instance: Instance) -> "tuple[str, str, str, list[str]]":
    return (
        instance.queue_directory,
        instance.data_directory,
        instance.mail_owner,
        [str(endpoint) for endpoint in instance.endpoints],
    )


EXPECTED = ("/mnt/queue/postfix", "/var/lib/postfix2", "postfix", ["198.51.100.100:25"])


def test_a_healthy_configuration(tmp_path: Path) -> None:
    instance = found(tmp_path)
    assert facts(instance) == EXPECTED
    assert instance.problems == []
    assert instance.config_dir == str(tmp_path)
    assert instance.daemon_directory == "/usr/lib/postfix/sbin"
    assert instance.command_directory == "/usr/sbin"
    assert instance.setgid_group == "postdrop"
    assert instance.settings["inet_interfaces"] == "198.51.100.100"
    assert [stamp[0] for stamp in instance.stamps] == [f"{tmp_path}/main.cf", f"{tmp_path}/master.cf"]
    assert instance.stamps[0][1:3] == (len(MAIN), 10**18)
    assert instance_directories(instance) == [str(tmp_path), "/etc/postfix3", "/etc/postfix2"]


@pytest.mark.parametrize("binary", ["/usr/sbin/postfix", "/nonexistent/postfix"])
def test_our_own_reader_gives_the_same(tmp_path: Path, binary: str) -> None:
    instance = found(tmp_path, "broken line\n" + MAIN, binary=binary)
    assert facts(instance) == EXPECTED
    assert instance.settings == {**found(tmp_path).settings}
    assert (
        "main.cf",
        "missing '=' after attribute name",
        f"{tmp_path}/main.cf",
        1,
    ) in found(tmp_path, "broken line\n" + MAIN).problems


def test_without_postconf_our_own_reader_and_the_usual_defaults_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("postfix_ha.config.postconf.USUAL_PATH", "/nonexistent/postconf")
    instance = found(tmp_path, binary="/nonexistent/postfix")
    assert facts(instance) == EXPECTED
    assert instance.daemon_directory == "/usr/lib/postfix/sbin"
    assert instance.problems == [
        ("postconf", "/nonexistent/postconf: No such file or directory", f"{tmp_path}/main.cf", 0)
    ]


def test_nothing_is_assumed_of_an_instance_without_main_cf(tmp_path: Path) -> None:
    begin = time.monotonic()
    instance = found(tmp_path, main=None)
    assert facts(instance) == ("", "", "", [])
    assert set(instance.settings) == {"maxproc smtp"}  # master.cf is there
    assert instance.problems == [("main.cf", "cannot be read: No such file or directory", f"{tmp_path}/main.cf", 0)]
    assert time.monotonic() - begin < 0.9  # postconf would sleep for a second


def test_without_master_cf_there_are_no_endpoints(tmp_path: Path) -> None:
    instance = found(tmp_path, master=None)
    assert facts(instance) == (*EXPECTED[:3], [])
    assert instance.problems == [("master.cf", "cannot be read: No such file or directory", f"{tmp_path}/master.cf", 0)]


def test_a_broken_master_cf_row_hides_no_other(tmp_path: Path) -> None:
    instance = found(tmp_path, master="pickup unix n - y\n" + MASTER)
    assert facts(instance) == EXPECTED
    assert [(problem[0], problem[2], problem[3]) for problem in instance.problems] == [
        ("master.cf", f"{tmp_path}/master.cf", 1)
    ]


def test_a_value_that_cannot_be_expanded_is_one_problem_more(tmp_path: Path) -> None:
    instance = found(tmp_path, MAIN + "mail_owner = ${x\n")
    assert facts(instance) == (*EXPECTED[:2], "", EXPECTED[3])
    assert (
        "mail_owner",
        "truncated macro reference: '{' without its '}'",
        f"{tmp_path}/main.cf",
        8,
    ) in instance.problems


def test_a_value_that_stops_postconf_is_named_though_nobody_asked_for_it(tmp_path: Path) -> None:
    instance = found(tmp_path, MAIN + "relayhost = ${x\n")
    assert facts(instance) == EXPECTED
    said = "fatal: macro processing error (relayhost: truncated macro reference: '{' without its '}')"
    assert instance.problems == [
        ("postconf", said, f"{tmp_path}/main.cf", 8),
        ("relayhost", "truncated macro reference: '{' without its '}'", f"{tmp_path}/main.cf", 8),
    ]


def test_what_postfix_only_warns_about_is_no_problem(tmp_path: Path) -> None:
    instance = found(
        tmp_path, " ignored = 1\n" + MAIN + "my_virt = 1\nqueue_directroy = /x\nbiff = a\0b\n", " x\n" + MASTER
    )
    assert facts(instance) == EXPECTED
    assert instance.problems == []


def test_a_fifo_in_the_place_of_main_cf_does_not_hang(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "main.cf")
    begin = time.monotonic()
    instance = found(tmp_path, main=None)
    assert facts(instance) == ("", "", "", [])
    assert time.monotonic() - begin < 0.9


def test_a_directory_in_the_place_of_main_cf(tmp_path: Path) -> None:
    (tmp_path / "main.cf").mkdir()
    assert found(tmp_path, main=None).problems[0] == (
        "main.cf",
        "cannot be read: Is a directory",
        f"{tmp_path}/main.cf",
        0,
    )


def test_a_postconf_that_hangs_leaves_time_for_our_own_reader(tmp_path: Path) -> None:
    fake = tmp_path / "postconf"
    fake.write_text("#!/bin/sh\nsleep 60\n")
    fake.chmod(0o755)
    found(tmp_path)
    begin = time.monotonic()
    instance = discover(str(tmp_path), begin + 1, binary=str(tmp_path / "postfix"))
    assert time.monotonic() - begin < 3
    assert facts(instance) == EXPECTED
    assert instance.problems == [("postconf", f"{fake} did not answer in time", f"{tmp_path}/main.cf", 0)]


def test_an_empty_directory_name_is_the_compiled_in_one() -> None:
    assert discover("", time.monotonic() + 10).config_dir == "/etc/postfix"
