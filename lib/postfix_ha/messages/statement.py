"""Statement: a finding in full, from which the exit reason, the lines on the terminal and the JSON are made."""

from postfix_ha.finding import Finding
from postfix_ha.messages.catalogue import CATALOGUE, SEVERITIES
from postfix_ha.system.quoting import quote

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable


class Statement:
    """What a finding says.

    ``check`` is its id in the catalogue, ``severity`` one of SEVERITIES, ``code`` the OCF exit code that it leads to,
    ``subject`` what it is about, ``text`` what is wrong, ``remedy`` the advice or "",
    ``joint`` what stands between the two in one line, ``cure`` a command to paste or "",
    ``file`` and ``line`` where it comes from ("" and 0 where nowhere).
    """

    __slots__ = ("check", "code", "cure", "file", "joint", "line", "remedy", "severity", "subject", "text")

    def __init__(self, finding: Finding, locate: "Callable[[str], tuple[str, int]] | None" = None) -> None:
        row = CATALOGUE[finding.check]
        values = Known(finding.values)
        self.check = row.check
        self.code = row.code
        self.joint = row.joint
        self.severity = str(values.get("severity") or row.severity)
        self.subject = row.subject.format_map(values)
        self.text = row.sentence.format_map(values)
        self.remedy = row.remedy.format_map(values)
        cure = values.get("cure")
        self.cure = str(cure) if cure is not None else row.cure.format_map(Quoted(values))
        self.file = str(values.get("file", ""))
        line = values.get("line", 0)
        self.line = line if isinstance(line, int) else 0
        if not self.file and row.parameter and locate:
            self.file, self.line = locate(row.parameter)

    @property
    def reason(self) -> str:
        """The whole in one sentence, as an exit reason has it."""
        return f"{self.text}{self.joint}{self.remedy}" if self.remedy else self.text

    @property
    def where(self) -> str:
        """The file, with the line where there is one."""
        return f"{self.file}:{self.line}" if self.file and self.line else self.file

    @property
    def rank(self) -> "tuple[int, str, str]":
        """What statements are sorted by: errors first."""
        return (SEVERITIES.index(self.severity), self.check, self.subject)

    def hide(self, hidden: "Callable[[str], str]") -> None:
        """Leave out of it what the function leaves out of a text; a command that lacks something is none."""
        self.text, self.remedy, self.subject = map(hidden, (self.text, self.remedy, self.subject))
        self.cure = self.cure if hidden(self.cure) == self.cure else ""

    def as_object(self) -> "dict[str, object]":
        """The statement as a JSON object."""
        return {
            "id": self.check,
            "severity": self.severity,
            "subject": self.subject,
            "text": self.text,
            "remedy": self.remedy,
            "command": self.cure or None,
            "where": {"file": self.file, "line": self.line or None} if self.file else None,
        }


def stated(check: str, **values: object) -> Statement:
    """The statement with this row of the catalogue."""
    return Statement(Finding(check, **values))


def worded(check: str, **values: object) -> str:
    """A row of the catalogue as one line: for what is a part of another sentence, or is said on the way."""
    return stated(check, **values).reason


class Known(dict):  # type: ignore[type-arg]
    """Values of which none is missed: an exit reason with a gap is better than none.

    Where the mail log is, only the agent says, on the node that it speaks of.
    """

    def __missing__(self, name: str) -> str:
        return "" if name == "mail_log" else "?"


class Quoted(Known):
    """Values that come out as words of a shell's command line."""

    def __getitem__(self, name: str) -> str:
        return quote(str(super().__getitem__(name)))
