"""Faults that are known and still there: a hunt does not tell them again, and their seeds are expected to fail."""

# target: beginning of the kind -> why it is still there
OPEN: "dict[str, str]" = {
    "cib: AssertionError in cluster/model/hierarchy.py:stickiness": "a Postfix without an id is not refused",
    "cib: ValueError in cluster/model/cib.py": "an epoch or score that is no number is not refused",
    "cib_with_status: AssertionError in cluster/model/hierarchy.py:stickiness": "as above",
    "cib_with_status: ValueError in cluster/model/cib.py": "as above",
}
# target/name of a seed -> why its fault is still there
SEEDS: "dict[str, str]" = {
    "cib/epoch-that-is-no-number": "an epoch that is no number is not refused",
    "cib/postfix-without-an-id": "a Postfix without an id is not refused",
    "cib/score-of-5000-digits": "a score of thousands of digits is not taken for INFINITY",
}


def is_open(target: str, kind: str) -> bool:
    """Whether the fault is known to be there."""
    return f"{target}: {kind}".startswith(tuple(OPEN))
