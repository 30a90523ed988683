"""Faults of the storage itself, which check and create say with the same words."""

from typing import Optional

from postfix_ha.finding import Finding
from postfix_ha.storage.drbd import DrbdResource, ask_drbd
from postfix_ha.storage.iscsi import BY_HAND, sessions, startups
from postfix_ha.storage.layers import DRBD, ISCSI, LVM, layers_below
from postfix_ha.storage.lvm import LOCKED, VolumeGroup, ask_groups, ask_settings
from postfix_ha.storage.nfs import is_nfs, judge_options, judge_root, root_on
from postfix_ha.system.mounts import Mounts

About = dict[str, object]
LVM_AGENTS = ("ocf:heartbeat:LVM-activate", "ocf:heartbeat:LVM")
ISCSI_AGENT = "ocf:heartbeat:iscsi"
# What a plan says of it, with the cluster's resources before it.
PLANNED = (
    "drbd_in_sync", "drbd_peer_fenced", "drbd_peer_unfenced", "drbd_promoted", "drbd_single_primary",
    "iscsi_target_reached", "nfs_answers", "nfs_locks_shared", "nfs_mounted_hard", "nfs_root_kept",
    "volume_group_known", "volume_group_not_at_boot", "volume_group_owned",
)  # fmt: skip


def of_group(name: str, group: VolumeGroup, about: About) -> "list[Finding]":
    """volume_group_not_at_boot: a group that this node activates beside the cluster."""
    if group.is_autoactivated and group.lock_type not in LOCKED:
        return [Finding("volume_group_not_at_boot", group=name, **about)]
    return []


def ownerless(name: str, group: "Optional[VolumeGroup]", about: About) -> "list[Finding]":
    """volume_group_known, volume_group_owned: nothing keeps a group from being activated twice."""
    if group is None:
        return [Finding("volume_group_known", group=name, **about)]
    if group.lock_type not in LOCKED and not group.system_id:
        return [Finding("volume_group_owned", group=name, **about)]
    return []


def of_drbd(resource: DrbdResource, about: About) -> "list[Finding]":
    """drbd_single_primary, drbd_peer_fenced, drbd_peer_unfenced, drbd_in_sync."""
    about = {"name": resource.name, **about}
    found = [Finding("drbd_single_primary", **about)] if resource.is_dual_primary else []
    if not resource.is_fenced:
        found.append(Finding("drbd_peer_fenced", **about))
    elif not resource.is_unfenced:
        found.append(Finding("drbd_peer_unfenced", **about))
    if resource.behind:
        found.append(Finding("drbd_in_sync", behind=", ".join(resource.behind), **about))
    return found


def faults_below(mounts: Mounts, path: str, deadline: float, agents: "list[str]") -> "list[Finding]":
    """What is wrong on this node with the storage that a directory of the queue's lies on.

    ``agents``: those of the cluster's resources. What one of them may see to is not judged.
    """
    mount = mounts.place_of(path).mount
    about: About = {"directory": mount.mount_point, "device": mount.source, "what": "the queue"}
    if is_nfs(mount.fstype):
        told = {name: about[name] for name in ("directory", "what")}
        return judge_options(mount.details.split(","), told) + judge_root(root_on(path, deadline), mount, told)
    found: "list[Finding]" = []
    for layer in layers_below(mounts, mount):
        if layer.kind == LVM:
            found += _of_layer_lvm(layer.name, about, deadline, agents)
        elif layer.kind == DRBD:
            resource = ask_drbd(deadline).get(layer.name)
            found += [Finding("drbd_promoted", **about)] if resource is None else of_drbd(resource, about)
        elif layer.kind == ISCSI and ISCSI_AGENT not in agents and startups().get(layer.name) == BY_HAND:
            portals = {each.portal for each in sessions(mounts) if each.target == layer.name}
            found.append(Finding("iscsi_target_reached", target=layer.name, count=len(portals), **about))
    for each in found:  # what create may see to, or an agent of another kind, stands against nothing yet
        if each.check != "drbd_single_primary":
            each.values["severity"] = "warning"
    return found


def _of_layer_lvm(name: str, about: About, deadline: float, agents: "list[str]") -> "list[Finding]":
    group = ask_groups(deadline).get(name)
    found = of_group(name, group, about) if group is not None and ask_settings(deadline).activates(name) else []
    return found if set(agents) & set(LVM_AGENTS) else found + ownerless(name, group, about)
