"""A walk that broke a promise, made small: steps are left out for as long as the rest breaks one still."""

import time
from collections.abc import Sequence
from typing import Callable, Optional

Replay = Callable[["Sequence[str]"], "Optional[str]"]


def shrunk(words: "Sequence[str]", replay: Replay, until: float) -> "tuple[list[str], Optional[str]]":
    """The smallest walk found before ``until`` (monotonic), and what it breaks; None where it breaks nothing again."""
    best = list(words)
    told = replay(best)
    if told is None:
        return best, None
    size = max(1, len(best) // 2)
    while size and time.monotonic() < until:
        at = 0
        while at < len(best) and time.monotonic() < until:
            fewer = best[:at] + best[at + size :]
            again = replay(fewer) if fewer else None
            if again is None:
                at += size
            else:
                best, told = fewer, again
        size //= 2
    return best, told
