"""Verdict and decide(): all policy of which exit code the cluster gets.

A check says what it found; only decide() says what that means for the action that asked. The sentences and codes of
the findings stand in messages/catalogue.py, which is loaded only when there is something to say.
"""

from postfix_ha import codes
from postfix_ha.finding import Finding as Finding

# The gravest first: 6 stops the resource everywhere, 5 and 4 on this node, 1 may be cured by trying again.
GRAVITY = (
    codes.ERR_CONFIGURED,
    codes.ERR_INSTALLED,
    codes.ERR_PERM,
    codes.ERR_ARGS,
    codes.ERR_GENERIC,
    codes.NOT_RUNNING,
    codes.DEGRADED,
    codes.SUCCESS,
)


class Verdict:
    """The answer to a request: the OCF exit code, the finding that decided it, and the others worth a log line."""

    __slots__ = ("code", "notes", "reason")

    def __init__(self, code: int, reason: "Finding | None" = None, notes: "list[Finding] | None" = None) -> None:
        self.code = code
        self.reason = reason
        self.notes = notes or []

    def __repr__(self) -> str:
        return f"Verdict({self.code}, {self.reason!r}, {self.notes!r})"


HEALTHY = Verdict(codes.SUCCESS)


def decide(kind: str, findings: "list[Finding]", lives: bool = True) -> Verdict:
    """The verdict on an action of this kind (setup, probe, monitor) from what the checks found.

    ``lives`` says whether any process of the instance is left. setup: the gravest finding decides. probe: 7 when
    no process is left, whatever is missing on the node; 0 or 1 else. monitor: only health counts; 7 if none is left.
    """
    if not findings:
        return HEALTHY if lives or kind == "setup" else Verdict(codes.NOT_RUNNING)
    if kind == "setup":
        return _verdict([(grade(finding), finding) for finding in findings])
    if not lives:
        return Verdict(codes.NOT_RUNNING, None if kind == "probe" else findings[0], findings)
    return _verdict([(_heard(kind, grade(finding)), finding) for finding in findings])


def _heard(kind: str, code: int) -> int:
    """The code that a probe or monitor may answer for a living instance: never "stopped" or "wrongly configured"."""
    if code == codes.DEGRADED:
        return codes.SUCCESS if kind == "probe" else codes.DEGRADED
    return code if code == codes.SUCCESS else codes.ERR_GENERIC


def _verdict(graded: "list[tuple[int, Finding]]") -> Verdict:
    (code, first), *others = sorted(graded, key=lambda pair: GRAVITY.index(pair[0]))
    rest = [finding for _, finding in others]
    return Verdict(code, None, [first, *rest]) if code == codes.SUCCESS else Verdict(code, first, rest)


def grade(finding: Finding) -> int:
    """The exit code that the catalogue gives to a finding."""
    from postfix_ha.messages.catalogue import CATALOGUE

    return CATALOGUE[finding.check].code
