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
    "peers: OverflowError in cluster/comparison.py": "a peer's numbers have no bounds",
    "snapshot: an impossible": "a snapshot's numbers have no bounds",
}
# target/name of a seed -> why its fault is still there
SEEDS: "dict[str, str]" = {
    "agent/unknown-action-with-a-control-character": "it is shown as it came",
    "cib/epoch-that-is-no-number": "an epoch that is no number is not refused",
    "cib/postfix-without-an-id": "a Postfix without an id is not refused",
    "command/resource-that-turns-the-text": "each command prints what it was given",
    "main_cf/secret-in-a-broken-reference": "an error about a value repeats it",
    "main_cf/secret-in-a-line-without-an-equals-sign": "an error about a value repeats it",
    "master_cf/secret-in-a-row-with-too-few-fields": "an error about a value repeats it",
    "master_cf/secret-in-an-option-without-a-space": "an error about a value repeats it",
    "peer_answer/clock-of-400-digits": "a peer's numbers have no bounds",
    "snapshot/pid-beyond-all": "a snapshot's numbers have no bounds",
    "snapshot/pid-less-than-nothing": "a snapshot's numbers have no bounds",
    "snapshot/port-0": "a snapshot's numbers have no bounds",
    "snapshot/port-of-no-address": "a snapshot's numbers have no bounds",
}


def is_open(target: str, kind: str) -> bool:
    """Whether the fault is known to be there."""
    return f"{target}: {kind}".startswith(tuple(OPEN))
