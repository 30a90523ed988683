"""Faults that are known and still there: a hunt does not tell them again, and their seeds are expected to fail."""

# target: beginning of the kind -> why it is still there
OPEN: "dict[str, str]" = {}
# target/name of a seed -> why its fault is still there
SEEDS: "dict[str, str]" = {}


def is_open(target: str, kind: str) -> bool:
    """Whether the fault is known to be there."""
    return f"{target}: {kind}".startswith(tuple(OPEN))
