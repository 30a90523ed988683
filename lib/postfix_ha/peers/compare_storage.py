"""Comparison of storage on two nodes: the queue's device is seen by both and mounted by one."""

from postfix_ha.peers.compare_volumes import Sides, compare_volumes
from postfix_ha.peers.pair import Pair, dig, texts
from postfix_ha.system.quoting import quote_words
from postfix_ha.verdict import Finding

# What is seen by its UUID on every node that it is connected to; DRBD shows none where it is secondary.
SEEN_BY_UUID = ("block", "shared")
SINGLE = ("block", "shared", "drbd")
OWN = ("own", "memory")


def compare_storage(pair: Pair) -> "list[Finding]":
    """device_on_peer, mount_point_on_peer, mounted_on_one_node, and what compare_volumes() finds below."""
    here, there = pair.both("storage")
    found: "list[Finding]" = []
    for mine, other, node, peer, host in (
        (here, there, pair.node, pair.remote.node, pair.there["node"]),
        (there, here, pair.remote.node, pair.node, pair.node),
    ):
        if not dig(mine, "queue", "is_there") or dig(mine, "queue", "kind") in OWN:
            continue
        names: "dict[str, object]" = {"node": node, "peer": peer}
        device, uuid = str(dig(mine, "queue", "source")), dig(mine, "queue", "uuid")
        told = f"UUID={uuid} ({device})" if uuid else device
        sides = Sides(mine, other, node, peer, str(host))
        if dig(mine, "queue", "kind") in SEEN_BY_UUID and not sides.comes_with_cluster:
            listed, named = texts(dig(sides.mine, "names")), texts(dig(sides.other, "devices"))
            if uuid and uuid not in texts(dig(other, "uuids")):
                found.append(Finding("device_on_peer", device=told, **names))
            elif not uuid and sides.is_whole and listed and not set(listed) & set(named):
                found.append(Finding("device_on_peer", device=listed[0], **names))
        found += compare_volumes(sides, str(dig(mine, "queue", "fstype")))
        point, existing = str(dig(mine, "queue", "mount_point")), str(dig(other, "queue", "existing"))
        if not (existing + "/").startswith(point.rstrip("/") + "/"):
            make = quote_words(["mkdir", "-p", point])
            cure = pair.remote.paste(make) if mine is here else make
            found.append(Finding("mount_point_on_peer", mount_point=point, cure=cure, **names))
    return found + _check_mounted_once(pair)


def _check_mounted_once(pair: Pair) -> "list[Finding]":
    here, there = ((dig(s, "queue", "uuid"), dig(s, "queue", "kind"), dig(s, "queue", "is_there"))
                   for s in pair.both("storage"))  # fmt: skip
    if not here[0] or here != there or here[1] not in SINGLE or not here[2]:
        return []
    return [Finding("mounted_on_one_node", device=f"UUID={here[0]}", **pair.names)]
