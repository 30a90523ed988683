"""Why a command on the cluster ends without having done its work."""

from postfix_ha.finding import Finding
from postfix_ha.messages.remark import Remark
from postfix_ha.messages.statement import Statement


class Told(Exception):
    """What ends a command: ``statements`` has all of it, ``reasons`` each in one line."""

    def __init__(self, *found: "Finding | Statement | Remark") -> None:
        self.statements: "list[Statement]" = []
        self.reasons: "list[str]" = []
        for each in found:
            said = Statement(each) if isinstance(each, Finding) else each
            self.statements.append(said.statement if isinstance(said, Remark) else said)
            self.reasons.append(said.text if isinstance(said, Remark) else said.reason)
        super().__init__("\n".join(self.reasons))


class Refused(Told):
    """What was asked for cannot be, and nothing was changed."""


class ClusterError(Told):
    """The cluster, or one of its tools, does not answer or does not do what it was told."""


def refused(check: str, **values: object) -> Refused:
    """The refusal with this row of the catalogue."""
    return Refused(Finding(check, **values))


def failed(check: str, **values: object) -> ClusterError:
    """The failure of the cluster with this row of the catalogue."""
    return ClusterError(Finding(check, **values))
