"""ci/walk --cluster: random walks of a three-node cluster under mail, by seed, with the ledger of its mail as judge."""

import argparse
import contextlib
import random
import time

from ci.lib.prove import figures
from ci.lib.prove.lab import Laboratory, settle_account
from ci.lib.prove.scene import Scene
from ci.lib.walk.steps import MISHAPS, drawn
from tests.support.lab.cluster import Lab, LabError

PAUSE_S = (0.2, 4.0)
SETTLES_S = 150
CALM_S = 1.5
# Steps after which the account of all mail is taken.
ACCOUNT_EVERY = 25


class ClusterWalk:
    """One laboratory that is walked through; ``broken`` says what did not hold, and after which steps."""

    def __init__(self, laboratory: Laboratory, seed: int) -> None:
        self.laboratory = laboratory
        self.lab: Lab = laboratory.use("ours")
        self.random = random.Random(seed)
        self.steps = 0
        self.broken: "list[str]" = []

    def take(self) -> None:
        """Some steps one upon the other, then calm; what was seen meanwhile is judged."""
        group = drawn(self.random, sorted(self.lab.nodes))
        words = ", ".join(f"{step.word} ({name})" for step, name in group)
        _say(f"{self.steps:4} {words}")
        began, fenced = time.monotonic(), len(self.laboratory.fenced)
        scene = Scene(self.lab, self.random, 0)
        self._undo_standby(scene)
        for step, name in group:
            with contextlib.suppress(*MISHAPS):
                step.act(scene, name)
            time.sleep(self.random.uniform(*PAUSE_S))
        scene.put_right()
        self.steps += len(group)
        self._calm(words)
        mounts, masters = self.lab.watch.worst(since=began)
        if mounts > 1 or masters > 1:
            self._fail(f"{mounts} mounts and {masters} masters at once after: {words}")
        struck = ", ".join(name for _, name in self.laboratory.fenced[fenced:])
        if struck and not any(step.may_fence for step, _ in group):
            self._fail(f"fenced without need: {struck}, after: {words}")

    def _undo_standby(self, scene: Scene) -> None:
        scene.undo(lambda: self.lab.pcs("resource", "clear", "mail"))
        for name in self.lab.nodes:
            scene.undo(lambda name=name: self.lab.pcs("node", "unstandby", name))
            scene.undo(lambda name=name: self.lab.heal(name))
            scene.undo(lambda name=name: self.lab.nodes[name].power_on())

    def _calm(self, words: str) -> None:
        """Wait until the cluster is whole and mail flows; what failed of it is a broken promise."""
        with contextlib.suppress(*MISHAPS):
            self.lab.on().run(["crm_resource", "--cleanup"])
        try:
            self.lab.settle(SETTLES_S)
            since = time.monotonic()
            # The ledger is another one at each look.
            self.lab.wait_for(lambda: figures.last_plain(self.lab.client.ledger) > since + CALM_S, 60, "mail flows")
        except LabError as error:
            self._fail(f"the service does not come back after: {words}\n{error}")
            raise

    def account(self) -> None:
        """Where all mail is: nothing that was acknowledged is lost."""
        account, _ = settle_account(self.lab, self.lab.client.ledger, self.laboratory.first_number)
        _say(f"     {account.acknowledged} messages acknowledged, {len(account.lost)} lost")
        if account.lost:
            self._fail(f"{len(account.lost)} acknowledged messages are lost: {list(account.lost)[:5]}")

    def _fail(self, why: str) -> None:
        self.broken.append(why)
        _say(f"BROKEN: {why}")


def main() -> int:
    """Walk; 0 where no promise was broken."""
    parser = argparse.ArgumentParser(prog="ci/walk --cluster", description=__doc__)
    parser.add_argument("--steps", type=int, default=300, help="how many at least (default 300)")
    parser.add_argument("--minutes", type=float, default=600, help="no further step after so long")
    parser.add_argument("--seed", type=int, default=int(time.time()), help="which walk (default: the time)")
    options = parser.parse_args()
    laboratory, began, walk = Laboratory(_say), time.monotonic(), None
    try:
        walk = ClusterWalk(laboratory, options.seed)
        with laboratory.mail():
            _walk(walk, options.steps, began + 60 * options.minutes)
            walk.account()
    except LabError as error:
        if walk is None or not walk.broken:
            _say(f"BROKEN: {error}")
            return 1
    finally:
        laboratory.discard()
    count = len(walk.broken) or "no"
    _say(f"{walk.steps} steps in {time.monotonic() - began:.0f} s, seed {options.seed}: {count} broken promises")
    return 1 if walk.broken else 0


def _walk(walk: ClusterWalk, steps: int, until: float) -> None:
    accounted = 0
    while walk.steps < steps and time.monotonic() < until:
        walk.take()
        if walk.steps - accounted >= ACCOUNT_EVERY:
            walk.account()
            accounted = walk.steps


def _say(text: str) -> None:
    print(text, flush=True)
