"""The time line of the service: on which node it was seen, from one look at the cluster to the next."""

import time

from postfix_ha.cluster.live.wait import State


class Timeline:
    """``looks``: (when, nodes on which the service runs), one entry for each change."""

    def __init__(self) -> None:
        self.looks: "list[tuple[float, tuple[str, ...]]]" = []

    def note(self, state: State) -> State:
        """Keep what a look at the cluster told; returns the same."""
        nodes = tuple(state.nodes)
        if not self.looks or self.looks[-1][1] != nodes:
            self.looks.append((time.monotonic(), nodes))
        return state

    def spans(self, end: float) -> "list[tuple[str, float, float]]":
        """(node, from, to) of each stay."""
        found: "list[tuple[str, float, float]]" = []
        for (begin, nodes), until in zip(self.looks, [*(when for when, _ in self.looks[1:]), end]):
            found += [(node, begin, until) for node in nodes]
        return found
