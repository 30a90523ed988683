"""Intent: what takes more than one change of the configuration says so in the first, as a meta attribute of Postfix.

Its value is the command that was given. The last change takes it away, so that one which is still there tells of a
command that is under way, or was killed: the same command again finishes it.
"""

from postfix_ha.cluster import edit
from postfix_ha.cluster.cib import Cib, pairs
from postfix_ha.cluster.errors import Refused
from postfix_ha.cluster.hierarchy import Hierarchy, find_hierarchy, hierarchies
from postfix_ha.system.quoting import quote

MARK = "postfix-ha-unfinished"
MIGRATE, LEAVE_RUNNING, CREATE = "migrate", "delete --leave-running", "create"
# What these have begun, no other command can go over: the cluster is not to touch Postfix meanwhile.
BINDING = (MIGRATE, LEAVE_RUNNING)
# What ours begin with, and what none of their words has: advice is to be pasted, and anybody may write into the CIB.
COMMANDS = (MIGRATE, "delete", CREATE, "switchover", "in-service", "out-of-service")
SHELL_LETTERS = frozenset("\n\r\t\"'`$\\;&|<>(){}*?!#~")
# Command -> what takes it back; of the binding ones, only the exchange of an agent can be.
TAKEN_BACK_BY = {
    "switchover": "in-service",
    "in-service": "out-of-service",
    "delete --stop": "in-service",
    CREATE: "delete --stop --with-parts",
}


def mark_of(hierarchy: Hierarchy) -> str:
    """The command that has begun something with the hierarchy and not ended it, "" for none; no other text is one."""
    text = pairs(hierarchy.mail, "meta_attributes").get(MARK, "")
    return text if text.startswith(COMMANDS) and not set(text) & SHELL_LETTERS else ""


def mark(cib: Cib, tag: str, command: str) -> None:
    """Note the command that begins; Refused where another one must be finished before."""
    hierarchy = find_hierarchy(cib, tag)
    if is_bound(hierarchy) and mark_of(hierarchy).split()[:2] != command.split()[:2]:
        raise Refused(advice(hierarchy))
    edit.set_pair(cib, hierarchy.mail, "meta_attributes", MARK, command)


def unmark(cib: Cib, tag: str) -> None:
    """The command has ended."""
    edit.set_pair(cib, find_hierarchy(cib, tag).mail, "meta_attributes", MARK, "")


def is_bound(hierarchy: Hierarchy) -> bool:
    """Whether something has begun that no other command can go over."""
    return mark_of(hierarchy).startswith(BINDING)


def _taken_back_by(hierarchy: Hierarchy, before: str) -> str:
    if before.startswith(MIGRATE):
        return "" if before.endswith(f" {hierarchy.agent}") else f"{MIGRATE} --to {hierarchy.agent}"
    return next((command for begun, command in TAKEN_BACK_BY.items() if before.startswith(begun)), "")


def advice(hierarchy: Hierarchy) -> str:
    """One line on what is unfinished and how it is finished or taken back, "" for nothing."""
    before = mark_of(hierarchy)
    if not before:
        return ""
    suffix = f" --tag {quote(hierarchy.tag)}" if len(hierarchies(hierarchy.cib)) > 1 else ""
    text = f"'postfix-ha {before}{suffix}' is under way or was interrupted: the same again finishes it"
    back = _taken_back_by(hierarchy, before)
    return f"{text}, 'postfix-ha {back}{suffix}' takes it back" if back else text


def unfinished(cib: Cib) -> "dict[str, str]":
    """Command -> advice, of everything that is unfinished in this cluster."""
    return {mark_of(each): advice(each) for each in hierarchies(cib) if mark_of(each)}
