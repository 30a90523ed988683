"""Comparison of what lies below the queue's file system: whether the other node could bring it up as well."""

from postfix_ha.finding import Finding
from postfix_ha.peers.pair import dig, mapping, objects, shown, texts
from postfix_ha.storage.iscsi import BY_HAND
from postfix_ha.storage.layers import DRBD, ISCSI, LVM
from postfix_ha.storage.lvm import LOCKED

# Layer -> (program or agent, the package that it is in) that a node needs for it.
NEEDED = {
    LVM: (("vgs", "lvm2"), ("ocf:heartbeat:LVM-activate", "resource-agents")),
    DRBD: (("drbdadm", "drbd-utils"), ("ocf:linbit:drbd", "drbd-utils")),
    ISCSI: (("iscsiadm", "open-iscsi"),),
}
NFS = (("mount.nfs", "nfs-common or nfs-utils"),)
LAYERS_MAX = 32


class Sides:
    """The storage of the node that has the queue now, that of the other one, both names as they are shown, and what the
    other one calls itself."""

    __slots__ = ("host", "mine", "names", "other")

    def __init__(self, mine: object, other: object, node: str, peer: str, host: str) -> None:
        self.host = host
        self.mine = dig(mine, "volumes")
        self.other = dig(other, "volumes")
        self.names: "dict[str, object]" = {"node": node, "peer": peer}

    @property
    def is_whole(self) -> bool:
        """Whether both have told of their volumes; an older version does not."""
        return isinstance(self.mine, dict) and isinstance(self.other, dict)

    @property
    def layers(self) -> "list[tuple[str, str]]":
        """(kind, name) of the layers below the queue."""
        found = objects(dig(self.mine, "layers"))[:LAYERS_MAX]
        return [(str(each.get("kind")), shown(str(each.get("name")))) for each in found]

    @property
    def comes_with_cluster(self) -> bool:
        """Whether the device is not to be seen where the service is not."""
        logins = mapping(dig(self.mine, "iscsi"))
        return any(kind in (LVM, DRBD) or (kind == ISCSI and logins.get(name) == BY_HAND) for kind, name in self.layers)


def compare_volumes(sides: Sides, fstype: str) -> "list[Finding]":
    """Every difference in what lies below the queue that keeps the other node from bringing it up."""
    if not sides.is_whole:
        return []
    found: "list[Finding]" = []
    needed = NFS if fstype in ("nfs", "nfs4") else ()
    kinds = dict.fromkeys(kind for kind, _ in sides.layers)
    for program, package in [*needed, *(each for kind in kinds for each in NEEDED.get(kind, ()))]:
        if program in texts(dig(sides.mine, "programs")) and program not in texts(dig(sides.other, "programs")):
            found.append(Finding("storage_program_on_peer", program=program, package=package, **sides.names))
    lacking = {str(each.values["program"]) for each in found}
    for kind, name in sides.layers:
        if kind == LVM and "vgs" not in lacking:
            found += _group(sides, name, is_hidden=DRBD in kinds)
        elif kind == DRBD and "drbdadm" not in lacking:
            found += _drbd(sides, name)
        elif kind == ISCSI and "iscsiadm" not in lacking:
            found += _session(sides, name)
    return found + _paths(sides)


def _named(facts: object, name: str) -> "dict[str, object] | None":
    return next((each for each in objects(facts) if each.get("name") == name), None)


def _group(sides: Sides, name: str, *, is_hidden: bool) -> "list[Finding]":
    mine, other = (_named(dig(side, "lvm", "groups"), name) for side in (sides.mine, sides.other))
    if mine is None:
        return []
    values: "dict[str, object]" = {"group": name, **sides.names}
    found = [] if other is not None or is_hidden else [Finding("volume_group_on_peer", **values)]
    if other is not None and mine.get("at_boot") is True and other.get("at_boot") is True and not _is_kept(mine):
        found.append(Finding("volume_group_at_boot", **values))
    if mine.get("system_id") and mine.get("lock_type") not in LOCKED:
        ours, theirs = (str(dig(side, "lvm", "system_id") or "") for side in (sides.mine, sides.other))
        why = "cannot be activated there" if not theirs else "could be activated on both at once"
        if not theirs or theirs == ours:
            found.append(Finding("system_id_own", ours=shown(ours), theirs=shown(theirs), why=why, **values))
    return found


def _is_kept(group: "dict[str, object]") -> bool:
    """Whether something else keeps a group from being active on two nodes: its owner, or lvmlockd."""
    return bool(group.get("system_id")) or group.get("lock_type") in LOCKED


def _drbd(sides: Sides, name: str) -> "list[Finding]":
    mine, other = (_named(dig(side, "drbd"), name) for side in (sides.mine, sides.other))
    hosts = [each.partition(".")[0] for each in texts((mine or {}).get("hosts"))]
    if mine is None or sides.host.partition(".")[0] not in hosts:
        return []  # a node without a copy takes no part
    if other is None:
        return [Finding("drbd_files_agree", why="does not know", name=name, **sides.names)]
    if other.get("digest") != mine.get("digest"):
        return [Finding("drbd_files_agree", why="has another configuration of", name=name, **sides.names)]
    return []


def _session(sides: Sides, target: str) -> "list[Finding]":
    if mapping(dig(sides.mine, "iscsi")).get(target) == BY_HAND or target in mapping(dig(sides.other, "iscsi")):
        return []
    return [Finding("iscsi_session_on_peer", target=target, **sides.names)]


def _paths(sides: Sides) -> "list[Finding]":
    found = []
    here, there = dig(sides.mine, "paths"), dig(sides.other, "multipaths")
    for wwid, ours in here.items() if isinstance(here, dict) else ():
        theirs = there.get(wwid, 0) if isinstance(there, dict) else 0
        if isinstance(ours, int) and isinstance(theirs, int) and theirs < ours:
            values = {"wwid": shown(str(wwid)), "ours": ours, "theirs": theirs}
            found.append(Finding("multipath_paths_agree", **values, **sides.names))
    return found[:LAYERS_MAX]
