"""Intent: what takes more than one change of the configuration says so in the first, as a meta attribute of Postfix.

Its value is what was begun and the command that was given. The last change takes it away, so that one which is still
there tells of a command that is under way, or was killed: the same command again finishes it.
"""

from postfix_ha.cluster.model import edit
from postfix_ha.cluster.model.cib import Cib, pairs
from postfix_ha.cluster.model.hierarchy import Hierarchy, find_hierarchy, hierarchies
from postfix_ha.finding import Finding
from postfix_ha.messages.errors import Refused
from postfix_ha.messages.statement import Statement
from postfix_ha.system.quoting import quote

MARK = "postfix-ha-unfinished"
MIGRATE, LEAVE_RUNNING, CREATE = "migrate", "delete --leave-running", "create"
# What none of our commands' words has: advice is to be pasted, and anybody may write into the CIB.
SHELL_LETTERS = frozenset("\n\r\t\"'`$\\;&|<>(){}*?!#~")
# What a command has begun. It is noted before the command, so that a verb of another name does not orphan it.
MOVING, STARTING, STOPPING, EXCHANGING, LEAVING, MAKING = "move", "start", "stop", "exchange", "leave", "make"
KINDS = {
    ("switchover",): MOVING,
    ("in-service",): STARTING,
    ("delete", "--stop"): STOPPING,
    ("delete", "--leave-running"): LEAVING,
    ("migrate",): EXCHANGING,
    ("create",): MAKING,
}
# What these have begun, no other command can go over: the cluster is not to touch Postfix meanwhile.
BINDING = (EXCHANGING, LEAVING)
# Kind -> what takes it back; of the binding ones, only the exchange of an agent can be.
TAKEN_BACK_BY = {
    MOVING: "in-service",
    STARTING: "out-of-service",
    STOPPING: "in-service",
    MAKING: "delete --stop --with-parts",
}


def kind_of(command: str) -> str:
    """What this command begins, "" where it is none that we know."""
    words = tuple(command.split())
    return next((kind for begin, kind in KINDS.items() if words[: len(begin)] == begin), "")


def _noted(hierarchy: Hierarchy) -> "tuple[str, str]":
    """(kind, command) of what has begun; an older version noted the command alone. No other text is one."""
    value = pairs(hierarchy.mail, "meta_attributes").get(MARK, "")
    kind, colon, command = value.partition(": ")
    if not colon:
        kind, command = kind_of(value), value
    return (kind, command) if kind in KINDS.values() and not set(command) & SHELL_LETTERS else ("", "")


def mark_of(hierarchy: Hierarchy) -> str:
    """The command that began a change of this service and did not finish it, "" if there is none."""
    return _noted(hierarchy)[1]


def begun_with(hierarchy: Hierarchy) -> str:
    """The kind of change that was begun and not finished (MOVING and so on), "" if there is none."""
    return _noted(hierarchy)[0]


def mark(cib: Cib, tag: str, command: str) -> None:
    """Note the command that begins; raises Refused if an earlier one must be finished first."""
    hierarchy = find_hierarchy(cib, tag)
    kind = kind_of(command)
    if is_bound(hierarchy) and begun_with(hierarchy) != kind:
        raise Refused(*said_of(hierarchy))
    edit.set_pair(cib, hierarchy.mail, "meta_attributes", MARK, f"{kind}: {command}")


def unmark(cib: Cib, tag: str) -> None:
    """Remove the note that mark() left."""
    edit.set_pair(cib, find_hierarchy(cib, tag).mail, "meta_attributes", MARK, "")


def is_bound(hierarchy: Hierarchy) -> bool:
    """Whether a change was begun that only its own command can finish."""
    return begun_with(hierarchy) in BINDING


def _taken_back_by(hierarchy: Hierarchy) -> str:
    kind, command = _noted(hierarchy)
    if kind == EXCHANGING:
        is_exchanged = hierarchy.agent in command.split()
        return "" if is_exchanged else f"{MIGRATE} --to {hierarchy.agent}"
    return TAKEN_BACK_BY.get(kind, "")


def said_of(hierarchy: Hierarchy) -> "list[Finding]":
    """What is unfinished, and how it is finished or taken back; nothing where nothing is."""
    before = mark_of(hierarchy)
    if not before:
        return []
    suffix = f" --resource {quote(hierarchy.tag)}" if len(hierarchies(hierarchy.cib)) > 1 else ""
    back = _taken_back_by(hierarchy)
    if back:
        return [Finding("unfinished", command=before + suffix, back=back + suffix)]
    return [Finding("unfinished_for_good", command=before + suffix)]


def advice(hierarchy: Hierarchy) -> str:
    """The same in one line, "" for nothing."""
    return "".join(Statement(each).reason for each in said_of(hierarchy))


def unfinished(cib: Cib) -> "dict[str, str]":
    """Command -> advice, of everything that is unfinished in this cluster."""
    return {mark_of(each): advice(each) for each in hierarchies(cib) if mark_of(each)}


def begun_in(cib: Cib) -> "dict[str, Finding]":
    """Command -> the same as a finding."""
    return {mark_of(each): found for each in hierarchies(cib) for found in said_of(each)}
