"""Meta attributes: those that Pacemaker knows for a primitive, and the values that each may have.

Pacemaker takes any name and, for most, any value, and goes on with the default: a wrong one is found out in an outage.
"""

import difflib

from postfix_ha.cluster.model.cib import FALSE_WORDS, TRUE_WORDS, score_of
from postfix_ha.cluster.model.operations import milliseconds
from postfix_ha.finding import Finding

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable

# The document's own word for "unset": the value that removes an attribute.
REMOVED = ""
ROLES = ("Started", "Stopped", "Promoted", "Unpromoted", "Master", "Slave")


def is_boolean(text: str) -> bool:
    """Whether Pacemaker reads it as a boolean."""
    return text.lower() in (*TRUE_WORDS, *FALSE_WORDS)


def is_score(text: str) -> bool:
    """Whether it is a score: a whole number with or without a sign, or INFINITY."""
    return score_of(text) != 0 or text.lstrip("+-") in ("0", "00")


def _is_count(text: str) -> bool:
    return is_score(text) and score_of(text) >= 0


def _is_time(text: str) -> bool:
    try:
        milliseconds(text)
    except ValueError:
        return _is_iso(text)
    return True


def _is_iso(text: str) -> bool:
    """Whether it is an ISO 8601 duration, as in PT5M."""
    import re

    return re.fullmatch(r"P(?=.)([0-9]+[YMWD])*(T([0-9]+[HMS])+)?", text, re.ASCII) is not None


def _one_of(*words: str) -> "Callable[[str], bool]":
    return lambda text: text.lower() in [each.lower() for each in words]


BOOLEAN = (is_boolean, "true or false")
SCORE = (is_score, "a whole number, INFINITY or -INFINITY")
COUNT = (_is_count, "a whole number from 0, or INFINITY")
TIME = (_is_time, "a time such as 30s or 5min")
TEXT = (bool, "any text")
# Name -> (whether a value is one, what a value is): "Resource Meta-Attributes" in Pacemaker Explained, with those of
# guest nodes, and what was taken under another name before.
KNOWN: "dict[str, tuple[Callable[[str], bool], str]]" = {
    "allow-migrate": BOOLEAN,
    "allow-unhealthy-nodes": BOOLEAN,
    "container-attribute-target": TEXT,
    "critical": BOOLEAN,
    "failure-timeout": TIME,
    "is-managed": BOOLEAN,
    "maintenance": BOOLEAN,
    "migration-threshold": COUNT,
    "multiple-active": (_one_of("block", "stop_only", "stop_start", "stop_unexpected"),
                        "block, stop_only, stop_start or stop_unexpected"),
    "priority": SCORE,
    "requires": (_one_of("nothing", "quorum", "fencing", "unfencing"), "nothing, quorum, fencing or unfencing"),
    "resource-stickiness": SCORE,
    "target-role": (_one_of(*ROLES), "Started or Stopped"),
}  # fmt: skip


def wrong_meta(name: str, value: str) -> "Finding | None":
    """What is wrong with a meta attribute that is to be set; removing one is always right."""
    if value == REMOVED:
        return None
    known = KNOWN.get(name)
    if known is None:
        close = difflib.get_close_matches(name, KNOWN, 1)
        hint = f"did you mean {close[0]}?" if close else f"it knows {', '.join(KNOWN)}"
        return Finding("meta_attribute_known", name=name, hint=hint)
    is_one, what = known
    return None if is_one(value) else Finding("meta_value_valid", name=name, value=value, what=what)
