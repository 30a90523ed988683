"""A hundred steps of the walks that ci/walk takes for hours, and the walks that once broke a promise."""

import hypothesis
import pytest
from hypothesis.stateful import run_state_machine_as_test

from tests.node.walk.kept import KEPT
from tests.node.walk.machine import Walker, settings_for
from tests.node.walk.walker import Walk

# About a hundred steps together, which the seed alone decides; hypothesis begins each with a walk of nearly nothing.
SEEDS, WALKS, STEPS = (1, 2, 3, 4), 2, 14


@pytest.mark.parametrize("seed", SEEDS)
def test_walks(seed: int) -> None:
    machine = hypothesis.seed(seed)(type(f"Walker{seed}", (Walker,), {}))
    run_state_machine_as_test(machine, settings=settings_for(WALKS, STEPS))  # type: ignore[no-untyped-call]


@pytest.mark.parametrize("words", KEPT.values(), ids=KEPT)
def test_kept_walk(words: "tuple[str, ...]") -> None:
    with Walk() as walk:
        for word in words:
            assert walk.can(word), word
            walk.step(word)
