"""Faults that are known and still there: a hunt does not tell them again, and their seeds are expected to fail."""

# target: beginning of the kind -> why it is still there
OPEN: "dict[str, str]" = {
    "agent: a control character in the answer to an unknown action": "it is shown as it came",
    "cib: AssertionError in cluster/hierarchy.py:stickiness": "a Postfix without an id is not refused",
    "cib: ValueError in cluster/cib.py:version": "an epoch that is no number is not refused",
    "cib_with_status: AssertionError in cluster/hierarchy.py:stickiness": "as above",
    "cib_with_status: ValueError in cluster/cib.py:version": "as above",
    "command: a control character in": "each command prints what it was given",
    "main_cf: a secret in a problem": "an error about a value repeats it",
    "master_cf: a secret in a problem": "an error about a value repeats it",
    "peer_answer: OverflowError in cluster/comparison.py": "a peer's numbers have no bounds",
    "peer_status: RecursionError in cli/status.py": "a peer's status is read however deep it is",
    "peers: OverflowError in cluster/comparison.py": "a peer's numbers have no bounds",
    "snapshot: an impossible": "a snapshot's numbers have no bounds",
}
# target/name of a seed -> why its fault is still there
SEEDS: "dict[str, str]" = {}


def is_open(target: str, kind: str) -> bool:
    """Whether the fault is known to be there."""
    return f"{target}: {kind}".startswith(tuple(OPEN))
