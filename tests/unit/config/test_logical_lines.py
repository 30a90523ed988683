"""Postfix's logical lines."""

import os

import pytest

from postfix_ha.config.logical_lines import (
    balanced_length,
    read_logical_lines,
    split_braced_words,
    split_name_value,
    split_words,
    unbrace,
)


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"", []),
        (b"a = b", [("a = b", 1, 1)]),
        (b"a\n\nb\n", [("a", 1, 1), ("b", 3, 3)]),
        (b"a\n b\n\tc\n", [("a b\tc", 1, 3)]),
        (b"a\n# comment\n b\n", [("a b", 1, 3)]),
        (b"a\n  # comment\n b\n", [("a b", 1, 3)]),
        (b"a\n\n \n b\n", [("a b", 1, 4)]),
        (b"# x\n\na\n#\n", [("a", 3, 3)]),
        (b"a # no comment\n", [("a # no comment", 1, 1)]),
        (b"a\r\n b\r\n", [("a\r b\r", 1, 2)]),
        (b"\r\na\n", [("a", 2, 2)]),
        (b"a\n\x0bb\n\x0cc\n", [("a\x0bb\x0cc", 1, 3)]),
        (b"\xef\xbb\xbf# x\n", [("\ufeff# x", 1, 1)]),
        ("a\n\u00a0b\n".encode(), [("a", 1, 1), ("\u00a0b", 2, 2)]),
        ("a\u2028b\x85c\n".encode(), [("a\u2028b\x85c", 1, 1)]),
    ],
)
def test_lines_are_joined_and_numbered(data: bytes, expected: "list[tuple[str, int, int]]") -> None:
    lines, problems = read_logical_lines(data)
    assert [(line.text, line.first, line.last) for line in lines] == expected
    assert problems == []


def test_bytes_that_are_no_utf8_survive() -> None:
    lines, _ = read_logical_lines(b"a = caf\xe9\xff\n")
    assert os.fsencode(lines[0].text) == b"a = caf\xe9\xff"


def test_a_file_that_begins_with_a_continuation_loses_it_with_a_warning() -> None:
    lines, problems = read_logical_lines(b"# x\n a = b\n c\nd = e\n", "main.cf")
    assert [line.text for line in lines] == ["d = e"]
    assert [(problem.file, problem.line, problem.fatal) for problem in problems] == [("main.cf", 2, False)]
    assert "white space" in problems[0].text


def test_text_after_a_nul_byte_is_not_seen() -> None:
    lines, problems = read_logical_lines(b"a = b\0c\n d\ne = f\n", "main.cf")
    assert [line.text for line in lines] == ["a = b", "e = f"]
    assert [(problem.line, problem.fatal) for problem in problems] == [(1, False)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a=b", ("a", "b", "")),
        ("  a \t= \f b c \v", ("a", "b c", "")),
        ("a =", ("a", "", "")),
        ("a = = b", ("a", "= b", "")),
        ("a b = c", ("", "", "missing '=' after attribute name")),
        ("a", ("", "", "missing '=' after attribute name")),
        ("", ("", "", "missing attribute name")),
        (" = b", ("", "", "missing attribute name")),
    ],
)
def test_a_line_is_split_at_its_equals_sign(text: str, expected: "tuple[str, str, str]") -> None:
    assert split_name_value(text) == expected


def test_words() -> None:
    assert split_words(" a, b\r\n\tc,,d ") == ["a", "b", "c", "d"]
    assert split_words("") == []
    assert split_braced_words("a {b c} -o{d e} f{{g} h} } {i") == ["a", "{b c}", "-o{d e}", "f{{g} h}", "}", "{i"]


@pytest.mark.parametrize(
    ("word", "text", "wrong"),
    [
        ("{ a b }", "a b", ""),
        ("{}", "", ""),
        ("{{a}}", "{a}", ""),
        ("{a}b", "a", "syntax error after '}'"),
        ("{a", "a", "missing '}'"),
        ("a", "a", "no '{'"),
    ],
)
def test_braces_around_a_word(word: str, text: str, wrong: str) -> None:
    found, complaint = unbrace(word)
    assert found == text
    assert complaint.startswith(wrong)
    assert bool(complaint) == bool(wrong)


def test_balanced_length() -> None:
    assert balanced_length("{a{b}c}d") == 7
    assert balanced_length("{a{b}c") == 0
