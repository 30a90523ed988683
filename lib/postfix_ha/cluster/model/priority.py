"""LifeKeeper's priorities (1 to 999, the lower wins) and Pacemaker's scores (the higher wins); switchback.

Priority p is score 1000 - p. Intelligent switchback is a stickiness above every preference, automatic one is none.
"""

from postfix_ha.messages.statement import worded
from postfix_ha.whole_number import whole_number

PRIORITY_MIN, PRIORITY_MAX = 1, 999
# Above every preference that a priority makes, and below INFINITY, so that a move by hand still works.
STICKINESS_STAYS = 10000
SWITCHBACKS = ("intelligent", "automatic")


def score_of_priority(priority: int) -> int:
    """The score of a priority."""
    return PRIORITY_MAX + 1 - priority


def priority_of_score(score: int) -> "int | None":
    """The priority that a score stands for, None for a score that no priority makes."""
    priority = PRIORITY_MAX + 1 - score
    return priority if PRIORITY_MIN <= priority <= PRIORITY_MAX else None


def parse_priority(text: str) -> int:
    """The priority in a text; ValueError with a sentence for anything but a whole number from 1 to 999."""
    priority = whole_number(text)
    if priority is not None and PRIORITY_MIN <= priority <= PRIORITY_MAX:
        return priority
    raise ValueError(worded("option_priority", text=text, least=PRIORITY_MIN, most=PRIORITY_MAX))


def next_priority(taken: "list[int]") -> int:
    """The priority that a further node gets unless told otherwise: after the last, in steps of ten."""
    if not taken:
        return PRIORITY_MIN
    after = max(taken) // 10 * 10 + 10
    if after <= PRIORITY_MAX:
        return after
    return next(number for number in range(PRIORITY_MAX, 0, -1) if number not in taken)


def stickiness_of(switchback: str) -> int:
    """The resource-stickiness of a switchback."""
    return STICKINESS_STAYS if switchback == "intelligent" else 0


def switchback_of(stickiness: int, scores: "list[int]") -> str:
    """The switchback that a stickiness amounts to where the nodes are preferred by these scores."""
    gap = max(scores) - min(scores) if scores else 1
    return "intelligent" if stickiness > max(gap, 1) else "automatic"
