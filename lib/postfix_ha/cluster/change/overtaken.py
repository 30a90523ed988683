"""Overtaken: what somebody else has changed of a service since a command changed it."""

from postfix_ha.cluster.change.unfinished import MARK, mark_of
from postfix_ha.cluster.live.pacemaker import Cluster
from postfix_ha.cluster.live.push import Plan
from postfix_ha.cluster.model.changes import Change, changes, sentence
from postfix_ha.cluster.model.cib import Cib
from postfix_ha.cluster.model.hierarchy import Hierarchy, find_hierarchy
from postfix_ha.finding import Finding
from postfix_ha.messages.errors import Refused
from postfix_ha.messages.statement import Statement

# The cluster's own note of who changed the configuration last: only root and haclient's members can write it.
LAST = (
    ("by {}", "update-user"),
    ("with {}", "update-client"),
    ("on {}", "update-origin"),
    ("at {}", "cib-last-written"),
)
TOLD_MAX = 4


def overtaken(cluster: Cluster, made: Plan, tag: str) -> "list[Statement]":
    """What else has changed of the service since this change was made, and by whom; nothing where nothing has."""
    if made.is_empty:
        return []
    now = cluster.read()
    try:
        hierarchy = find_hierarchy(now, tag)
    except Refused as gone:
        return gone.statements
    theirs = [each for each in changes(made.new, now) if _concerns(each, hierarchy)]
    if not theirs:
        return []
    command = mark_of(hierarchy)
    what = [f"'postfix-ha {command}' is under way"] if command else []
    what += [sentence(each) for each in theirs if each.name != MARK][:TOLD_MAX]
    return [Statement(Finding("change_kept", tag=tag, what="; ".join(what), who=_last_change(now)))]


def _concerns(each: Change, hierarchy: Hierarchy) -> bool:
    if each.subject in hierarchy.containers:
        return True
    named = () if each.element is None else hierarchy.relations.references.of_constraint(each.element)
    return bool(set(named) & set(hierarchy.containers))


def _last_change(cib: Cib) -> str:
    said = [words.format(cib.root.get(key)) for words, key in LAST if cib.root.get(key)]
    return " ".join(said) or "not noted"
