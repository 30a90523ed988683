"""Remarks: what planning found to say; an error stands against the change, a warning and a note do not."""

from postfix_ha.finding import Finding
from postfix_ha.messages.catalogue import CATALOGUE
from postfix_ha.messages.statement import Statement

# Of what planning has to say that which a resource could be made in spite of.
FORCEABLE = ("address_left_to_service", "file_system_not_at_boot", "part_enabled")
ERROR = "error"
WARNING = "warning"
NOTE = "note"


class Remark:
    """A finding as planning shows it: ``statement`` is the whole of it, ``text`` one line with the command to paste."""

    __slots__ = ("statement",)

    def __init__(self, found: "Finding | Statement") -> None:
        self.statement = found if isinstance(found, Statement) else Statement(found)

    @property
    def check(self) -> str:
        """Its id in the catalogue."""
        return self.statement.check

    @property
    def severity(self) -> str:
        """ERROR, WARNING or NOTE."""
        return self.statement.severity

    @property
    def text(self) -> str:
        """What is wrong and what to do."""
        reason, cure = self.statement.reason, self.statement.cure
        return f"{reason}: {cure}" if cure else reason

    def as_object(self) -> "dict[str, object]":
        """The remark for JSON."""
        cure = self.statement.cure or None
        said = {"severity": self.severity, "id": self.check, "text": self.text}
        return {**said, "remedy": self.statement.remedy, "command": cure}

    def __repr__(self) -> str:
        return f"Remark({self.severity!r}, {self.check!r}, {self.text!r})"


def overruled(remarks: "list[Remark]", forced: "list[str]") -> "list[Remark]":
    """The remarks, with those errors made warnings that somebody overrules by their ids (FORCEABLE)."""
    for remark in remarks:
        if remark.severity == ERROR and remark.check in forced and may_be_overruled(remark.check):
            remark.statement.severity = WARNING
            remark.statement.text = f"overruled: {remark.statement.text}"
    return remarks


def may_be_overruled(check: str) -> bool:
    """Whether somebody may know better than this check: not where nothing can be made, or a node is cut off."""
    row = CATALOGUE.get(check)
    return row is not None and (row.scope in ("node", "command", "cluster") or check in FORCEABLE)


def errors(remarks: "list[Remark]") -> "list[Remark]":
    """Those that stand against the change."""
    return [remark for remark in remarks if remark.severity == ERROR]
