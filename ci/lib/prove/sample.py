"""Records as the matrix makes them, for tests of the report: every kind of thing that the page can show."""

from typing import Any

from ci.lib.prove.faults import TABLE
from ci.lib.prove.run import Case, judge


def record(fault: str, agent: str = "ours", repeat: int = 1, **different: Any) -> "dict[str, Any]":
    """One run, as expected unless told otherwise."""
    case = Case(fault, agent, repeat, seed=1, is_beside=different.get("is_beside", False))
    row = TABLE[fault]
    after = {"same node": "n1", "another node": "n2", "the target": "n2"}.get(row.where, "n3")
    made = {
        "fault": fault,
        "agent": agent,
        "repeat": repeat,
        "seed": 1,
        "is_short": False,
        "is_beside": False,
        "command": case.command,
        "failure": "",
        "recovered_s": 1.5,
        "is_whole": True,
        "node_before": "n1",
        "node_after": after,
        "target": "n2",
        "queued": 2,
        "beside": None,
        "most_masters": 1,
        "most_mounts": 1,
        "fenced": [[1.2, "n1"]] if row.fence == "always" else [],
        "did": [[0.5, "n1", "mail", "stop", 0]],
        "gap_s": 0.5 + repeat / 10,
        "gap_at_s": 0.1,
        "greeting_gap_s": 0.4,
        "acknowledged": 300,
        "rate_per_s": 58.0,
        "rate_all_per_s": 40.0,
        "lost": [],
        "duplicated": 1,
        "duplicates": {"client sent again, since the answer was lost": 1},
        "failed_attempts": 12,
        "senders": {
            **dict.fromkeys(("taken", "cut", "refused", "reset", "timed_out", "other", "delivered_twice"), 0),
            **({"taken": 20, "longest_wait_s": 3.05} if agent == "ours" else {"cut": 5, "longest_wait_s": 0.1}),
            "median_wait_s": 0.01,
        },
        "timeline": {
            "end_s": 2.8,
            "masters": [["n1", -2.0, 0.1], [after, 1.0, 3.0]],
            "mounts": [["n1", -2.0, 0.5], [after, 0.7, 3.0]],
            "deeds": [[0.2, "kill the master (n1)"]],
            "mail": [[14, 0]] * 8 + [[0, 100]] * 6 + [[14, 0]] * 6,
        },
        **different,
    }
    return {**made, "wrong": judge(row, made)}


def sample() -> "list[dict[str, Any]]":
    """Main faults beside the peer, the others, one that the peer does not answer, one that could not be measured."""
    records = []
    for fault in TABLE.values():
        for agent in ("ours", "peer") if fault.is_main else ("ours",):
            records += [record(fault.id, agent, repeat) for repeat in range(1, fault.repeats + 1)]
    records.append(record("master-frozen", "peer", 6, recovered_s=None, gap_s=25.0, fenced=[[45.0, "n1"]]))
    quiet = {"gap_s": 0.2, "acknowledged": 90, "lost": 0, "most_masters": 1, "most_mounts": 1}
    for fault in TABLE.values():
        if fault.beside:
            records.append(record(fault.id, is_beside=True, beside=quiet))
    records.append(record("disk-full", "ours", 3, failure="the cluster settles: not so after 60 s <b>\nmore"))
    return records
