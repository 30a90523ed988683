"""Why a command on the cluster ends without having done its work."""

from postfix_ha.finding import Finding
from postfix_ha.messages.statement import Statement


class Told(Exception):
    """What ends a command: ``statements`` has all of it, ``reasons`` each in one line."""

    def __init__(self, *found: "Finding | Statement | str") -> None:
        told = [Statement(each) if isinstance(each, Finding) else each for each in found]
        self.statements = [each for each in told if isinstance(each, Statement)]
        self.reasons = [each.reason if isinstance(each, Statement) else each for each in told]
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
