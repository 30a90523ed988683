"""master.cf: rows, their options, and what is wrong with them."""

import pytest

from postfix_ha.config.master_cf import parse_master_cf


def test_a_row_has_its_fields_and_its_line() -> None:
    master = parse_master_cf(b"# service type\n\nsmtp  inet  n  -  y  -  100  smtpd\n  -o a=b\n  -v\n", "master.cf")
    (row,) = master.rows
    assert (row.name, row.type, row.private, row.unpriv, row.chroot) == ("smtp", "inet", "n", "-", "y")
    assert (row.wakeup, row.maxproc, row.command, row.line) == ("-", "100", "smtpd", 3)
    assert row.args == ["-o", "a=b", "-v"]
    assert row.options == {"a": "b"}
    assert str(row) == "smtp       inet  n       -       y       -       100     smtpd -o a=b -v"
    assert master.problems == []


@pytest.mark.parametrize(
    ("arguments", "options"),
    [
        ("-o a=b -o c=d", {"a": "b", "c": "d"}),
        ("-o a=b -o a=c", {"a": "c"}),
        ("-oa=b", {"a": "b"}),
        ("-ofoo=bar", {"foo": "bar"}),
        ("-vo a=b", {"a": "b"}),
        ("-o { a = b c }", {"a": "b c"}),
        ("-o {a=b} x -o c=d", {"a": "b"}),
        ("-v -- -o a=b", {}),
        ("-n name -o a=b", {"a": "b"}),
        ("-o", {}),
        ("-o a", {}),
        ("-o a=", {"a": ""}),
        ("flags=X -o a=b", {}),
    ],
)
def test_options_are_those_the_daemon_takes(arguments: str, options: "dict[str, str]") -> None:
    (row,) = parse_master_cf(f"smtp inet n - y - - smtpd {arguments}\n".encode()).rows
    assert row.options == options


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("smtp inet n - y - -", "too few fields (7 of 8)"),
        ("smtp tcp n - y - - smtpd", "invalid type field 'tcp'"),
        ("smtp inet x - y - - smtpd", "invalid private field 'x'"),
        ("smtp inet n yes y - - smtpd", "invalid unprivileged field 'yes'"),
        ("smtp inet n - Y - - smtpd", "invalid chroot field 'Y'"),
        ("smtp inet n - y 1m - smtpd", "invalid wakeup field '1m'"),
        ("smtp inet n - y - 1? smtpd", "invalid process limit field '1?'"),
    ],
)
def test_a_row_that_postfix_refuses_is_named_and_left_out(text: str, reason: str) -> None:
    master = parse_master_cf(f"# x\n{text}\npickup unix n - y 60 1 pickup\n".encode(), "master.cf")
    assert [row.name for row in master.rows] == ["pickup"]
    (problem,) = master.problems
    assert (problem.file, problem.line, problem.fatal) == ("master.cf", 2, True)
    assert reason in problem.text
    assert master.unreadable


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("smtp inet y - y - - smtpd", "cannot be private"),
        ("smtp inet - - y - - smtpd", "cannot be private"),
        ("x unix - - - ? - pipe", "wakeup"),
        ("x unix - - - - - -", "command"),
        ("x unix - - - - - pipe {a", "missing '}'"),
    ],
)
def test_what_only_master_refuses_is_a_problem_of_a_row_that_is_there(text: str, reason: str) -> None:
    master = parse_master_cf(text.encode())
    assert len(master.rows) == 1
    assert not master.unreadable
    assert master.fatal
    assert reason in master.problems[0].text


def test_program_is_the_command_without_directories() -> None:
    (row,) = parse_master_cf(b"smtp inet n - y - - ../lib/smtpd\n").rows
    assert row.program == "smtpd"
