"""Waiting for a fact with a deadline, never for a length of time."""

import time
from typing import Callable, TypeVar

T = TypeVar("T")


def wait_for(predicate: Callable[[], T], timeout: float, what: str, every: float = 0.05) -> T:
    """Call ``predicate`` until it gives something true, and return that; TimeoutError naming ``what`` after it."""
    deadline = time.monotonic() + timeout
    while True:
        answer = predicate()
        if answer:
            return answer
        if time.monotonic() > deadline:
            raise TimeoutError(f"after {timeout:g} s still not so: {what}")
        time.sleep(every)
