"""The walk as a state machine of hypothesis: each step of the tables is a rule."""

from typing import Any, Callable

from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule

from tests.node.walk.promises import ACTIONS, Broken
from tests.node.walk.steps import STEPS
from tests.node.walk.walker import Walk

# Hypothesis draws among the rules; each action is there this often, so that about half of all steps asks the agent.
SHARE = 6
BROKEN_AT_ONCE = 2


def settings_for(walks: int, steps: int) -> settings:
    """Walks as they are drawn: what is broken is made small by replay (shrink.py), as each look at it takes seconds."""
    return settings(
        max_examples=walks,
        stateful_step_count=steps,
        phases=(Phase.generate,),
        database=None,
        deadline=None,
        derandomize=False,
        suppress_health_check=list(HealthCheck),
    )


class Walker(RuleBasedStateMachine):
    """Walks in a world; ``on_broken`` is told what was broken, and the walk is over then."""

    def __init__(self) -> None:
        super().__init__()
        self.walk = Walk()
        self.walk.__enter__()
        self.is_over = False

    def teardown(self) -> None:
        """End the world."""
        self.on_end(self.walk)
        self.walk.__exit__(None, None, None)

    def take(self, word: str) -> None:
        """Take a step."""
        try:
            self.walk.step(word)
        except Broken as broken:
            self.is_over = True
            self.on_broken(self.walk.taken, broken)

    @precondition(lambda self: not self.is_over and not self.walk.world.facts().lives)
    @rule()
    def revive(self) -> None:
        """Put everything right and start: what is dead has little to tell."""
        for word in ("mend all", "start"):
            if not self.is_over and self.walk.can(word):
                self.take(word)

    @precondition(lambda self: self.is_over)
    @rule()
    def rest(self) -> None:
        """Do nothing: hypothesis wants a rule that can be followed."""

    def on_broken(self, taken: "list[str]", broken: Broken) -> None:
        """What a broken promise leads to: here, to a failed test."""
        raise broken

    def on_end(self, walk: Walk) -> None:
        """The end of a walk."""


def _add_rule(name: str, word: str) -> None:
    def taken(self: Walker) -> None:
        self.take(word)

    def can(self: Walker) -> bool:
        # Of a world in which everything is broken nothing can be said.
        is_much = word.startswith("break ") and len(self.walk.world.broken) >= BROKEN_AT_ONCE
        return not self.is_over and not is_much and self.walk.can(word)

    taken.__name__ = name
    made: "Callable[..., Any]" = precondition(can)(rule()(taken))
    setattr(Walker, name, made)


for _number in range(3 * SHARE):
    setattr(Walker, f"revive_{_number}", Walker.revive)


def _name(word: str) -> str:
    return "".join(letter if letter.isalnum() else "_" for letter in word)


for _word in STEPS:
    for _number in range(SHARE if _word in (*ACTIONS, "mend all") else 1):
        _add_rule(f"{_name(_word)}_{_number}", _word)
