"""Long walks: what ci/walk runs."""

import argparse
import os
import sys
import time
from collections import Counter
from pathlib import Path

import hypothesis
from hypothesis.stateful import run_state_machine_as_test

from tests.node.walk.machine import Walker, settings_for
from tests.node.walk.promises import ACTIONS, Broken
from tests.node.walk.shrink import shrunk
from tests.node.walk.walker import Walk, replay

CHECKOUT = Path(__file__).resolve().parents[3]
PLACE = CHECKOUT / "report/walk"
WALKS, STEPS_EACH = 3, 40


class Tally:
    """What was walked, and what broke."""

    def __init__(self, wanted: int) -> None:
        self.wanted = wanted
        self.steps = 0
        self.walks = 0
        self.answers: "Counter[tuple[str, int]]" = Counter()
        self.broken: "list[tuple[list[str], str]]" = []

    def machine(self) -> "type[Walker]":
        """The state machine that counts here, and has nothing left to do once enough was walked."""
        tally = self

        class Counted(Walker):
            def on_broken(self, taken: "list[str]", broken: Broken) -> None:
                tally.broken.append((list(taken), str(broken)))

            def on_end(self, walk: Walk) -> None:
                tally.steps += len(walk.taken)
                tally.walks += 1
                tally.answers.update(walk.world.answers)

        return Counted


def main(arguments: "list[str]") -> int:
    """Walk, tell, and return the exit status."""
    parser = argparse.ArgumentParser(prog="ci/walk", description="Random walks of a real Postfix under the agent.")
    parser.add_argument("--steps", type=int, default=10_000, help="how many at least (default 10000)")
    parser.add_argument(
        "--seed", type=int, default=int(time.time()), help="where the drawing begins (default: the time)"
    )
    parser.add_argument(
        "--shrink", type=float, default=240, metavar="SECONDS", help="for each new broken promise (default 240)"
    )
    parser.add_argument("--replay", metavar="FILE", help="take the steps of this file, one a line, and no others")
    options = parser.parse_args(arguments)
    if os.geteuid() != 0:
        print("ci/walk needs root (namespaces, mounts): run it as root", file=sys.stderr)
        return 1
    if options.replay:
        told = replay(Path(options.replay).read_text(encoding="utf-8").splitlines())
        print(told or "no broken promise")
        return 1 if told else 0
    return _walk(options.steps, options.seed, options.shrink)


def _walk(steps: int, seed: int, shrink_s: float) -> int:
    PLACE.mkdir(parents=True, exist_ok=True)
    tally, begin, number = Tally(steps), time.monotonic(), seed
    seen: "set[str]" = set()
    while tally.steps < steps:
        known = len(tally.broken)
        machine = hypothesis.seed(number)(tally.machine())
        run_state_machine_as_test(machine, settings=settings_for(WALKS, STEPS_EACH))  # type: ignore[no-untyped-call]
        print(
            f"{tally.steps:6} steps, {tally.walks} walks, {time.monotonic() - begin:.0f} s, seed {number}", flush=True
        )
        for taken, why in tally.broken[known:]:
            _tell(number, taken, why, 0.0 if why.splitlines()[0] in seen else shrink_s)
            seen.add(why.splitlines()[0])
        number += 1
    for word in ACTIONS:
        codes = {code: count for (action, code), count in sorted(tally.answers.items()) if action == word}
        print(f"   {word:12} " + "  ".join(f"{code}: {count}" for code, count in codes.items()))
    print(f"{tally.steps} steps from seed {seed} to {number - 1}: {len(tally.broken) or 'no'} broken promises")
    return 1 if tally.broken else 0


def _tell(seed: int, taken: "list[str]", why: str, shrink_s: float) -> None:
    print(f"BROKEN in seed {seed}: {why}", flush=True)
    small, again = shrunk(taken, replay, time.monotonic() + shrink_s) if shrink_s else (taken, why)
    kept = PLACE / f"{seed}-{len(list(PLACE.iterdir()))}.walk"
    kept.write_text("\n".join(small) + "\n", encoding="utf-8")
    if again is None:
        print("   the same steps do not break it again", flush=True)
    elif shrink_s:
        print(f"SHRUNK: {again}", flush=True)
    print(f"   ci/walk --replay {kept.relative_to(CHECKOUT)}", flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
