"""What history told, held against what the laboratory did and its client saw."""

from datetime import datetime
from typing import Any

# What a client saw and what logs of whole seconds tell lie no further apart.
WITHIN_S = 1.0
# Where Postfix is stopped in order, new connections are held: a client waits until its kernel repeats the SYN, after 1,
# 3 and 7 s, and may so see more than any log shows.
IN_ORDER, HELD_S = ("moved", "standby", "node_left", "configured"), 4.0


def judge(truth: "list[dict[str, Any]]", found: "dict[str, Any]", within_s: float = WITHIN_S) -> "list[str]":
    """Every way in which the account is not the truth, each as a sentence; none is good.

    ``within_s``: how far the client's and the logs' durations may lie apart.
    """
    wrong = []
    left = list(found["incidents"])
    for each in truth:
        mine = [incident for incident in left if each["began"] - 1 <= epoch(incident["began"]) <= each["ended"]]
        left = [incident for incident in left if incident not in mine]
        if len(mine) != 1:
            wrong.append(f"{each['id']}: {len(mine)} incidents are told of it")
            continue
        wrong += [f"{each['id']}: {text}" for text in _differences(each, mine[0], within_s)]
    first = truth[0]["began"] - 1
    wrong += [f"invented: {incident['cause']['text']}" for incident in left if epoch(incident["began"]) > first]
    return wrong


def judge_without(truth: "list[dict[str, Any]]", found: "dict[str, Any]", missing: str) -> "list[str]":
    """The same where the logs of the node ``missing`` are gone: what only they told may be left out, never guessed."""
    wrong = []
    left = list(found["incidents"])
    for each in truth:
        mine = [incident for incident in left if each["began"] - 1 <= epoch(incident["began"]) <= each["ended"]]
        left = [incident for incident in left if incident not in mine]
        is_its_own = each["before"] == each["after"] == missing
        if len(mine) != 1 and not (is_its_own and not mine):
            wrong.append(f"{each['id']}: without the logs of {missing}, {len(mine)} incidents are told of it")
        for incident in mine:
            cause = incident["cause"]
            is_hidden = missing in (each["before"], each["node"]) and cause["kind"] == "unknown"
            if not is_hidden and (cause["kind"], cause["node"]) != (each["cause"], each["node"]):
                text = f"the cause is {cause['kind']} on {cause['node']}, it was {each['cause']} on {each['node']}"
                wrong.append(f"{each['id']}: without the logs of {missing}, {text}")
    first = truth[0]["began"] - 1
    told = [incident["cause"]["text"] for incident in left if epoch(incident["began"]) > first]
    return wrong + [f"invented without the logs of {missing}: {text}" for text in told]


def _differences(truth: "dict[str, Any]", incident: "dict[str, Any]", within_s: float) -> "list[str]":
    wrong = []
    cause = incident["cause"]
    if (cause["kind"], cause["node"]) != (truth["cause"], truth["node"]):
        wrong.append(f"the cause is {cause['kind']} on {cause['node']}, it was {truth['cause']} on {truth['node']}")
    if incident["after"] != [truth["after"]]:
        wrong.append(f"it ends on {incident['after']}, it was {truth['after']}")
    if sorted(set(truth["fenced"])) != incident["fenced"]:
        wrong.append(f"fenced: {incident['fenced']}, it was {truth['fenced']}")
    away_s = incident["away"]["s"] if incident["away"] else 0.0
    held_s = HELD_S if truth["cause"] in IN_ORDER else 0.0
    if not -within_s <= truth["gap_s"] - away_s <= within_s + held_s:
        wrong.append(f"clients had no server for {away_s:.2f} s, they saw {truth['gap_s']:.2f} s")
    return wrong


def epoch(text: str) -> float:
    """Seconds since 1970 of a time with its zone."""
    return datetime.fromisoformat(text).timestamp()
