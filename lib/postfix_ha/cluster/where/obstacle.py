"""An obstacle: one thing that may keep a hierarchy off a node; and a constraint as Pacemaker applies it."""

from typing import Optional

from postfix_ha.cluster.where.lifting import Lift


class Obstacle:
    """One suspect: ``word`` for a table, ``text`` that names it, ``command`` that ends it, ``lift`` takes it out.

    ``is_certain`` where it needs no proof: Pacemaker lists it as in force, and it forbids whatever else there is.
    ``lasts`` where it stays until somebody changes the configuration; ``relates``: (what needs, what is needed).
    """

    __slots__ = ("command", "is_certain", "lasts", "lift", "relates", "text", "word")

    def __init__(
        self,
        word: str,
        text: str,
        command: str,
        lift: Lift,
        *,
        is_certain: bool = False,
        lasts: bool = False,
        relates: "Optional[tuple[str, str]]" = None,
    ) -> None:
        self.word = word
        self.text = text
        self.command = command
        self.lift = lift
        self.is_certain = is_certain
        self.lasts = lasts
        self.relates = relates

    def as_object(self) -> "dict[str, str]":
        """The obstacle for JSON."""
        return {"state": self.word, "text": self.text, "command": self.command}

    def __repr__(self) -> str:
        return f"Obstacle({self.word!r}, {self.text!r}, {self.command!r})"


class Applied:
    """One location constraint as Pacemaker applies it: to which resource, on which node, with which score."""

    __slots__ = ("node", "resource", "score", "source")

    def __init__(self, source: str, resource: str, node: str, score: int) -> None:
        self.source = source
        self.resource = resource
        self.node = node
        self.score = score
