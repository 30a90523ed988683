"""Remarks: what planning found to say; an error stands against the change, a warning and a note do not."""

ERROR = "error"
WARNING = "warning"
NOTE = "note"
SEVERITIES = (ERROR, WARNING, NOTE)


class Remark:
    """One remark: its severity, an id that does not change, and a sentence that says what is wrong and what to do."""

    __slots__ = ("check", "severity", "text")

    def __init__(self, severity: str, check: str, text: str) -> None:
        self.severity = severity
        self.check = check
        self.text = text

    def as_object(self) -> "dict[str, str]":
        """The remark for JSON."""
        return {"severity": self.severity, "id": self.check, "text": self.text}

    def __repr__(self) -> str:
        return f"Remark({self.severity!r}, {self.check!r}, {self.text!r})"


def errors(remarks: "list[Remark]") -> "list[str]":
    """The sentences of the errors."""
    return [remark.text for remark in remarks if remark.severity == ERROR]
