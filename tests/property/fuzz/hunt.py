"""The hunt: inputs of one target for a time, or so many; each kind of fault is kept once, made small."""

import itertools
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, Callable

from hypothesis import HealthCheck, Phase, given, seed, settings, target

from tests.property.fuzz.target import Fault, Target

ROUND = 100
SMALLER_S = 20.0


class Over(BaseException):
    """The time is up; hypothesis takes an Exception for a fault, and draws on."""


class Found:
    """A fault with the smallest input that was found for it."""

    def __init__(self, fault: Fault, value: Any) -> None:
        self.fault = fault
        self.value = value


class Hunt:
    """``found`` has the first input of each kind of fault, ``drawn`` counts; ``current`` is where each input is written
    before it is tried, so that one that hangs or kills is left there."""

    def __init__(self, hunted: Target, current: "Path | None" = None) -> None:
        self.hunted = hunted
        self.current = current
        self.found: "dict[str, Found]" = {}
        self.drawn = 0
        self.end = float("inf")

    def until(self, end: float, first_seed: int) -> None:
        """Draw rounds of inputs until that monotonic second."""
        self.end = end
        number = first_seed
        with suppress(Over):
            while time.monotonic() < end:
                seed(number)(self._round(ROUND, derandomize=False))()
                number += 1

    def fixed(self) -> None:
        """Draw the target's fixed number of inputs, the same ones at every time."""
        self._round(self.hunted.fixed, derandomize=True)()

    def _round(self, examples: int, *, derandomize: bool) -> "Callable[[], None]":
        @settings(
            max_examples=examples,
            derandomize=derandomize,
            database=None,
            deadline=None,
            phases=(Phase.generate, Phase.target),
            suppress_health_check=list(HealthCheck),
        )
        @given(self.hunted.strategy)
        def one(value: Any) -> None:
            if time.monotonic() > self.end:
                raise Over
            self._try(value, is_steered=not derandomize and not self.hunted.is_json)

        return one

    def _try(self, value: Any, is_steered: bool) -> None:
        self.drawn += 1
        if self.current:
            self.current.write_bytes(self.hunted.dump(value))
        begin = time.process_time()
        fault = self.hunted.examine(value)
        if is_steered:  # towards what is dear for its size
            cost = time.process_time() - begin
            target(round(cost / (len(self.hunted.dump(value)) + 200), 9), label="cost of a byte")
        if fault and fault.kind not in self.found:
            self.found[fault.kind] = Found(fault, value)

    def make_small(self) -> None:
        """Make the input of each fault as small as it gets in a while."""
        for kind, found in self.found.items():
            found.value = smaller(self.hunted, found.value, kind, time.monotonic() + SMALLER_S)
            found.fault = self.hunted.examine(found.value) or found.fault


def smaller(hunted: Target, value: Any, kind: str, end: float) -> Any:
    """The input with all taken out of it that the fault does not need."""

    def still(candidate: Any) -> bool:
        try:
            fault = hunted.examine(candidate)
        except Exception:  # no input that the check was made for
            return False
        return fault is not None and fault.kind == kind

    is_smaller = True
    while is_smaller and time.monotonic() < end:
        is_smaller = False
        for candidate in candidates(value):
            if time.monotonic() > end:
                break
            if still(candidate):
                value, is_smaller = candidate, True
                break
    return value


def candidates(value: Any) -> "Iterator[Any]":
    """Inputs with less in them, the boldest first."""
    if isinstance(value, (bytes, str, list)):
        size = max(1, len(value) // 2)
        while size and value:
            for at in range(0, len(value), size)[:64]:
                yield value[:at] + value[at + size :]
            size //= 2
        if isinstance(value, list):
            for at, item in enumerate(value[:20]):
                for less in itertools.islice(candidates(item), 40):
                    yield [*value[:at], less, *value[at + 1 :]]
    elif isinstance(value, dict):
        for left_out in value:
            yield {name: item for name, item in value.items() if name != left_out}
        for name, item in value.items():
            for less in candidates(item):
                yield {**value, name: less}
