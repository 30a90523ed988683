"""Row: one finding that can be made, the exit code it leads to, its sentence and its remedy.

A row is named for the condition that holds when all is well. ``model`` is the number of the message in the functional
model (LifeKeeper Postfix Recovery Kit; 0: none) that the row answers. ``scope``: parameter (the cluster's own
configuration), node (this node's setup), health (a running instance), operation (what an action did), command (this
node's setup as the command postfix-ha alone looks at it), cluster (other nodes and the cluster's configuration, by the
command too); of a command on the cluster, whose exit code the code then is: refusal (why it does nothing), planning
(what it has to say of a change), failure (what the cluster does not do), outcome (what became of a change), option
(what is wrong with a value on the command line). ``severity``: what the command calls it:
error, warning or note. ``parameter`` is the main.cf parameter whose line is shown. Sentence, remedy, subject and cure
are format strings over the finding's values; the cure is a command to paste, so there each value is quoted for a shell.
The remedy is "" where there is nothing to do. ``joint`` stands between sentence and remedy in one line. A finding may
bring its own cure or severity.
"""

from postfix_ha.codes import DEGRADED, SUCCESS

# What the command alone sees leads to no exit code of the agent.
COMMAND_ONLY = SUCCESS
# The exit codes of a command on the cluster: whose change did not lead to what was asked for, that is refused, or that
# the cluster does not answer.
NOT_AS_ASKED, REFUSED, NO_CLUSTER = 1, 2, 4

SEVERITIES = ("error", "warning", "note")


class Row:
    """One row of the catalogue."""

    __slots__ = (
        "check",
        "code",
        "cure",
        "joint",
        "model",
        "parameter",
        "remedy",
        "scope",
        "sentence",
        "severity",
        "subject",
    )

    def __init__(
        self,
        check: str,
        scope: str,
        code: int,
        sentence: str,
        remedy: str,
        model: int = 0,
        *,
        severity: str = "",
        subject: str = "",
        parameter: str = "",
        cure: str = "",
        joint: str = "; ",
    ) -> None:
        self.check = check
        self.scope = scope
        self.code = code
        self.sentence = sentence
        self.remedy = remedy
        self.model = model
        self.severity = severity or ("warning" if code in (SUCCESS, DEGRADED) else "error")
        self.subject = subject
        self.parameter = parameter
        self.cure = cure
        self.joint = joint


def refusal(check: str, sentence: str, remedy: str = "", *, cure: str = "", joint: str = ": ") -> Row:
    """A row of why a command is refused; the remedy is empty where the sentence leaves nothing to add."""
    return Row(check, "refusal", REFUSED, sentence, remedy, severity="error", cure=cure, joint=joint)


def planned(check: str, severity: str, sentence: str, remedy: str = "", *, joint: str = ": ") -> Row:
    """A row of what planning has to say; an error refuses the change."""
    code = REFUSED if severity == "error" else SUCCESS
    return Row(check, "planning", code, sentence, remedy, severity=severity, joint=joint)


def failure(check: str, sentence: str, remedy: str = "", *, joint: str = ": ") -> Row:
    """A row of what the cluster or one of its programs does not do; the remedy is empty where it tells its own why."""
    return Row(check, "failure", NO_CLUSTER, sentence, remedy, severity="error", joint=joint)


def outcome(check: str, sentence: str, remedy: str = "", *, joint: str = ": ") -> Row:
    """A row of what a change, or a drill, did not lead to."""
    return Row(check, "outcome", NOT_AS_ASKED, sentence, remedy, severity="error", joint=joint)


def progress(check: str, sentence: str, remedy: str = "", *, joint: str = ": ") -> Row:
    """A row of what a command says of a change that goes as asked."""
    return Row(check, "outcome", SUCCESS, sentence, remedy, severity="note", joint=joint)


def wrong_option(check: str, sentence: str, remedy: str = "", *, joint: str = ": ") -> Row:
    """A row of what is wrong with a value on the command line, or with what it asks of this node."""
    return Row(check, "option", REFUSED, sentence, remedy, severity="error", joint=joint)
