"""What can happen to a cluster, each as one call: done to the lab while mail flows, and measured from outside."""

import random
import time
from dataclasses import dataclass
from typing import Callable

from tests.support.lab.cluster import Lab


@dataclass(frozen=True)
class Outcome:
    """What an event did to the mail service, as its client and an onlooker saw it."""

    event: str
    node_before: str
    node_after: str
    gap_s: float
    acknowledged: int
    lost: int
    duplicated: int
    most_masters: int
    most_mounts: int
    took_s: float

    @property
    def is_clean(self) -> bool:
        """Nothing lost, and never two masters or two mounts."""
        return not self.lost and self.most_masters < 2 and self.most_mounts < 2


class Events:
    """Makes events happen in a lab whose client runs; losses are counted where they are first seen."""

    def __init__(self, lab: Lab) -> None:
        self._lab = lab
        self._known_lost: "set[int]" = set()
        self._known_duplicated: "set[int]" = set()

    def planned_move(self, to: str = "") -> Outcome:
        """An administrator moves the service to another node."""
        target = to or self._lab.another_node()
        return self.observe("planned move", lambda: self._lab.move(target), lambda: self._lab.where() == target)

    def master_killed(self) -> Outcome:
        """The master process ends as by a bug; the cluster restarts it in place."""
        old = self._lab.master()[1].outside
        # The monitor runs every few seconds: a moment that has nothing to do with the last transition is wanted.
        time.sleep(random.uniform(0, self._lab.mail.monitor_s))
        return self.observe("master killed", self._lab.kill_master, lambda: self._has_other_master(old))

    def power_cut(self) -> Outcome:
        """The node that runs the service loses its power; fencing switches it on again."""
        victim = self._lab.where()
        return self.observe("power cut", lambda: self._lab.power_off(victim), lambda: self._is_away_from(victim))

    def network_cut(self) -> Outcome:
        """The node that runs the service loses all its network; fencing power-cycles it, and the cables come back."""
        victim = self._lab.where()

        def is_fenced() -> bool:
            if not self._is_away_from(victim):
                return False
            # The reboot brings new cables, that is the end of the cut.
            self._lab.heal(victim)
            return True

        return self.observe("network cut", lambda: self._lab.cut(victim), is_fenced)

    def observe(self, event: str, act: Callable[[], None], done: Callable[[], object]) -> Outcome:
        """Let an event happen, wait until it is over and the cluster whole again, and measure."""
        lab = self._lab
        before = lab.where()
        ready = time.monotonic()
        self._wait_for_mail(ready)
        start = time.monotonic()
        act()
        lab.wait_for(done, 60, f"{event}: the service is back")
        lab.settle()
        end = time.monotonic()
        self._wait_for_mail(end)
        ledger = lab.client.ledger
        account = lab.account()
        lost = set(account.lost) - self._known_lost
        duplicated = set(account.duplicated) - self._known_duplicated
        self._known_lost |= lost
        self._known_duplicated |= duplicated
        mounts, masters = lab.watch.worst(start, end)
        return Outcome(
            event=event,
            node_before=before,
            node_after=lab.where(),
            gap_s=round(ledger.gap(start, end), 2),
            acknowledged=ledger.acknowledged_between(start, end),
            lost=len(lost),
            duplicated=len(duplicated),
            most_masters=masters,
            most_mounts=mounts,
            took_s=round(end - start, 1),
        )

    def _wait_for_mail(self, since: float) -> None:
        self._lab.wait_for(
            lambda: self._lab.client.ledger.last_success() > since, 20, "the client is greeted or acknowledged"
        )

    def _is_away_from(self, victim: str) -> bool:
        return self._lab.where() not in ("", victim)

    def _has_other_master(self, old: int) -> bool:
        return [process.outside for _, process in self._lab.masters()] not in ([], [old])
