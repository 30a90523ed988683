"""Walk: steps in some order in a world of their own; the first promise that is broken ends it."""

import subprocess
import time
from collections.abc import Sequence
from types import TracebackType
from typing import Optional

from tests.node.walk.promises import Broken, keeps
from tests.node.walk.steps import STEPS
from tests.node.walk.world import World

# A command that does not end, or that cannot be run, is one more thing to look at.
FAILURES = (AssertionError, TimeoutError, RuntimeError, subprocess.TimeoutExpired)


class Walk:
    """A world, and the steps that were taken in it."""

    def __init__(self) -> None:
        self.taken: "list[str]" = []
        self.seconds: "list[float]" = []
        self.world = World()

    def __enter__(self) -> "Walk":
        self.world.__enter__()
        return self

    def __exit__(
        self,
        kind: "Optional[type[BaseException]]",
        error: "Optional[BaseException]",
        trace: "Optional[TracebackType]",
    ) -> None:
        self.world.__exit__(kind, error, trace)

    def can(self, word: str) -> bool:
        """Whether a step can be taken now."""
        return STEPS[word].can(self.world)

    def step(self, word: str) -> None:
        """Take a step; Broken, with the whole way to it, if a promise does not hold."""
        self.taken.append(word)
        begin = time.monotonic()
        try:
            STEPS[word].act(self.world)
            keeps(self.world)
        except FAILURES as broken:
            raise Broken(f"{broken}\nwalk: {self.taken!r}\n{self._logged()}") from broken
        self.seconds.append(time.monotonic() - begin)

    def _logged(self) -> str:
        node = self.world.node
        return "\n".join((*node.cluster_log().splitlines()[-6:], *node.mail_log().splitlines()[-12:]))


def replay(words: "Sequence[str]") -> "Optional[str]":
    """Take these steps, passing over those that cannot be taken; what was broken, if anything."""
    with Walk() as walk:
        try:
            for word in words:
                if walk.can(word):
                    walk.step(word)
        except Broken as broken:
            return str(broken)
    return None
