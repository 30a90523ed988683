"""What the command prints."""

import io

import pytest

from postfix_ha.cli.statements import Printer, printable, summary
from postfix_ha.messages.statement import Statement
from postfix_ha.verdict import Finding


class Terminal(io.StringIO):
    """A stream that says that it is a terminal."""

    def isatty(self) -> bool:
        return True


FINDING = Finding("main_cf_agrees", name="x", here="a", there="b\x1b[2J", node="n1", peer="n2", cure="ssh n2 'x'")


def printed(stream: io.StringIO, no_color: bool = False) -> str:
    Printer(stream, no_color).statements([Statement(FINDING)])
    return stream.getvalue()


def test_a_difference_has_a_line_for_each_node() -> None:
    assert printed(io.StringIO()).splitlines() == [
        "warning  x differs:",
        "           n1: a",
        "           n2: b\\x1b[2J",
        "         main_cf_agrees",
        "         $ ssh n2 'x'",
        "1 warning",
    ]


def test_colours() -> None:
    assert "\x1b[1;33mwarning" in printed(Terminal())
    assert "\x1b" not in printed(Terminal(), no_color=True)
    assert "\x1b" not in printed(io.StringIO())


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\tb", r"a\tb"),
        ("ä€", "ä€"),
        ("\udcff\x9b", r"\xff\x9b"),
        ("a\nb", r"a\nb"),
        ("\u202e", r"\u202e"),
        ("\x1b]0;x\x07", r"\x1b]0;x\x07"),
        ("\U000e0041", r"\U000e0041"),
        ("\u2028\xa0", r"\u2028\xa0"),
    ],
)
def test_printable(text: str, shown: str) -> None:
    assert printable(text) == shown


def test_the_sum() -> None:
    assert summary([]) == "no problems found"
    assert summary([Statement(FINDING), Statement(FINDING)]) == "2 warnings"
