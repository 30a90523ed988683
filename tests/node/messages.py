"""The table of provocations: a state of a node, the message that it must give, and its remedy.

A provocation is a generator: it brings a node into the state, yields the agent's answer, and then applies the remedy.
"""

import re
from collections.abc import Iterator
from typing import Callable

from postfix_ha.messages.catalogue import Row
from tests.node.judged import (
    JudgedNode,
)
from tests.support.mail.node import Answer

Provocation = Callable[[JudgedNode], "Iterator[Answer]"]


class Case:
    """A provocation, the check that it is for, the code that the agent must give, and words of its message.

    ``is_logged`` says that the message is a note in the cluster's log; ``disk_mb`` asks for a real file system.
    """

    def __init__(self, check: str, code: int, words: "tuple[str, ...]", is_logged: bool, disk_mb: "int | None") -> None:
        self.check = check
        self.code = code
        self.words = words
        self.is_logged = is_logged
        self.disk_mb = disk_mb
        self.provoke: Provocation


CASES: "list[Case]" = []


def provokes(
    check: str, code: int, *words: str, is_logged: bool = False, disk_mb: "int | None" = None
) -> "Callable[[Provocation], Provocation]":
    """Enter a provocation into the table."""

    def enter(provoke: Provocation) -> Provocation:
        case = Case(check, code, words, is_logged, disk_mb)
        case.provoke = provoke
        CASES.append(case)
        return provoke

    return enter


def message_pattern(row: Row) -> "re.Pattern[str]":
    """What a message of this row looks like, whatever its values."""
    parts = re.split(r"\{[a-z_]+(?::[^}]*)?\}", f"{row.sentence}; {row.remedy}" if row.remedy else row.sentence)
    return re.compile("(.+)".join(re.escape(part) for part in parts))
