"""Why a command on the cluster ends without having done its work."""


class Refused(Exception):
    """What was asked for cannot be, and nothing was changed; ``reasons`` holds all of it, one line each."""

    def __init__(self, *reasons: str) -> None:
        super().__init__("\n".join(reasons))
        self.reasons = list(reasons)


class ClusterError(Exception):
    """The cluster, or one of its tools, does not answer or does not do what it was told."""
