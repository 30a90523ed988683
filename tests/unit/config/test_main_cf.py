"""main.cf: definitions and what is wrong with them."""

import pytest

from postfix_ha.config.expand import ExpandError
from postfix_ha.config.main_cf import parse_main_cf


def test_the_last_definition_wins_and_keeps_its_line() -> None:
    main = parse_main_cf(b"a = 1\nb = $a\n\na =\n  2\n", "/etc/postfix/main.cf")
    assert main.raw == {"a": "2", "b": "$a"}
    assert main.lines == {"a": 4, "b": 2}
    assert main.problems == []
    assert not main.fatal


def test_a_line_without_an_equals_sign_is_named_with_file_line_and_text() -> None:
    main = parse_main_cf(b"a = 1\nthis line has no equals sign\nb = 2\n", "/etc/postfix/main.cf")
    assert main.fatal
    (problem,) = main.problems
    assert (problem.file, problem.line) == ("/etc/postfix/main.cf", 2)
    assert problem.text == "missing '=' after attribute name"
    assert main.raw == {"a": "1", "b": "2"}


def test_values_come_from_the_file_then_from_the_defaults() -> None:
    main = parse_main_cf(b"queue_directory = $base/q\nbase = /mnt\n")
    assert main.expanded("queue_directory", {}) == "/mnt/q"
    assert main.expanded("x", {"x": "${base}/x"}) == "/mnt/x"
    assert main.expanded("nothing", {}) == ""


def test_what_postfix_expands_later_is_left_alone() -> None:
    assert parse_main_cf(b"luser_relay = ${local}@x\n").expanded("luser_relay", {}) == "${local}@x"


def test_what_postfix_sets_itself_cannot_be_set() -> None:
    main = parse_main_cf(b"process_name = x\na = $process_name\n")
    assert main.expanded("a", {"process_name": "smtpd"}) == "smtpd"


def test_a_value_that_cannot_be_expanded_raises() -> None:
    with pytest.raises(ExpandError, match="truncated macro reference"):
        parse_main_cf(b"a = ${b\n").expanded("a", {})
