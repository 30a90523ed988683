"""What the commands print for people: one statement after the other, the gravest first."""

from postfix_ha.cli.output import say, steer
from postfix_ha.messages.catalogue import SEVERITIES
from postfix_ha.messages.statement import Statement
from postfix_ha.printable import LENGTH_MAX, printable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TextIO

    from postfix_ha.checks.node_facts import Survey
    from postfix_ha.finding import Finding

COLOURS = {"error": "\033[1;31m", "warning": "\033[1;33m", "note": "\033[36m", "cure": "\033[32m", "where": "\033[2m"}
RESET = "\033[0m"
WIDTH = max(len(severity) for severity in SEVERITIES) + 2


class Printer:
    """Prints statements to a stream; in colours only where that is a terminal and nobody said NO_COLOR."""

    def __init__(self, stream: "TextIO", no_color: bool) -> None:
        self.stream = stream
        self.has_colours = stream.isatty() and not no_color

    def statements(self, statements: "list[Statement]") -> None:
        """All statements as a table, and a line that sums them up."""
        for statement in statements:
            self._statement(statement)
        self.line(summary(statements))

    def line(self, text: str) -> None:
        """One line of plain text."""
        say(text, self.stream)

    def _statement(self, statement: Statement) -> None:
        first, *more = statement.text.split("\n")
        self._coloured(statement.severity, statement.severity.ljust(WIDTH), end="")
        say(first, self.stream)
        indent = " " * WIDTH
        for line in more:
            say(f"{indent}  {line}", self.stream)
        where = f"{statement.check}" + (f", {statement.where}" if statement.where else "")
        self.stream.write(indent)
        self._coloured("where", printable(where, LENGTH_MAX))
        if statement.cure:
            self.stream.write(indent)
            self._coloured("cure", "$ " + printable(statement.cure))
        elif statement.remedy:
            say(f"{indent}{statement.remedy}", self.stream)

    def _coloured(self, what: str, text: str, end: str = "\n") -> None:
        if self.has_colours:
            steer(COLOURS[what], self.stream)
        self.stream.write(text)
        if self.has_colours:
            steer(RESET, self.stream)
        self.stream.write(end)


def summary(statements: "list[Statement]") -> str:
    """How many of each severity, in words."""
    counts = [(sum(1 for s in statements if s.severity == severity), severity) for severity in SEVERITIES]
    told = [f"{count} {severity}{'' if count == 1 else 's'}" for count, severity in counts if count]
    return ", ".join(told) if told else "no problems found"


def ordered(findings: "list[Finding]", survey: "Survey | None") -> "list[Statement]":
    """The findings in full, the gravest first, each once."""
    statements = [Statement(finding, survey.locate if survey else None) for finding in findings]
    if survey and survey.secrets.known:
        for statement in statements:
            statement.hide(survey.secrets.text)
    unique = {(statement.text, statement.where): statement for statement in statements}
    return sorted(unique.values(), key=lambda statement: statement.rank)
