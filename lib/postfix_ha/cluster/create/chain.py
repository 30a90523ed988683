"""The chain below a file system: the volume group and the DRBD resource that must be up before it can be mounted."""

from typing import Optional

from postfix_ha.cluster.create.local_node import Here
from postfix_ha.cluster.create.volumes import CRYPT, DRBD, LVM, RAID, DrbdResource, Layer, layers_below
from postfix_ha.cluster.model.cib import Cib, Element, is_promotable, top_of
from postfix_ha.finding import Finding
from postfix_ha.messages.remark import Remark
from postfix_ha.system.mounts import Mount

LVM_AGENTS = {"ocf:heartbeat:LVM-activate": "vgname", "ocf:heartbeat:LVM": "volgrpname"}
DRBD_AGENTS = {"ocf:linbit:drbd": "drbd_resource", "ocf:heartbeat:drbd": "drbd_resource"}
BY_HAND = {CRYPT: ("an encrypted device", "ocf:heartbeat:crypt"), RAID: ("a software RAID", "ocf:heartbeat:mdraid")}
# vg_lock_type of a group that lvmlockd guards, lvmlockd(8).
LOCKED = ("dlm", "sanlock")


class Link:
    """One link: its ``kind``, the name of the volume group or DRBD resource, and the ``resource`` that brings it up.

    That is "" if it is to be made: with ``mode``, the group's vg_access_mode, or ``drbd``, what DRBD's configuration
    says.
    """

    __slots__ = ("drbd", "kind", "mode", "name", "resource")

    def __init__(
        self, kind: str, name: str, resource: str, mode: str = "", drbd: "Optional[DrbdResource]" = None
    ) -> None:
        self.kind = kind
        self.name = name
        self.resource = resource
        self.mode = mode
        self.drbd = drbd


class Subject:
    """What a chain is below: the mount, and what the remarks say of it."""

    __slots__ = ("about", "is_managed", "mount")

    def __init__(self, mount: Mount, what: str, *, is_managed: bool) -> None:
        self.mount = mount
        self.is_managed = is_managed
        self.about: "dict[str, object]" = {"directory": mount.mount_point, "device": mount.source, "what": what}


def find_chain(subject: Subject, cib: Cib, here: Here, remarks: "list[Remark]") -> "list[Link]":
    """The links below a mounted file system, the topmost first; what is missing is said in the remarks."""
    found: "list[Link]" = []
    for layer in layers_below(here.mounts, subject.mount):
        link = None
        if layer.kind == LVM:
            link = _group(layer, subject, cib, here, remarks)
        elif layer.kind == DRBD:
            link = _drbd(layer, subject, cib, here, remarks)
        elif not subject.is_managed:
            kind, agent = BY_HAND[layer.kind]
            remarks.append(Remark(Finding("layer_managed", kind=kind, agent=agent, **subject.about)))
        if link is not None:
            found.append(link)
    return found


def _group(layer: Layer, subject: Subject, cib: Cib, here: Here, remarks: "list[Remark]") -> "Optional[Link]":
    name = layer.name
    known = here.groups.get(name)
    if known is not None and known.is_autoactivated:
        remarks.append(Remark(Finding("volume_group_not_at_boot", group=name, **subject.about)))
    existing = _primitive(cib, LVM_AGENTS, name)
    if existing is not None:
        return Link(LVM, name, existing.get("id", ""))
    if known is None:
        remarks.append(Remark(Finding("volume_group_known", group=name, **subject.about)))
        return None
    if known.lock_type in LOCKED:
        return Link(LVM, name, "", "lvmlockd")
    if not known.system_id:
        remarks.append(Remark(Finding("volume_group_owned", group=name, **subject.about)))
        return None
    return Link(LVM, name, "", "system_id")


def _drbd(layer: Layer, subject: Subject, cib: Cib, here: Here, remarks: "list[Remark]") -> "Optional[Link]":
    known = here.drbd.get(layer.name)
    if known is None:
        if not subject.is_managed:
            remarks.append(Remark(Finding("drbd_promoted", **subject.about)))
        return None
    about = {"name": known.name, **subject.about}
    if known.is_dual_primary:
        remarks.append(Remark(Finding("drbd_single_primary", **about)))
    if not known.is_fenced:
        remarks.append(Remark(Finding("drbd_peer_fenced", **about)))
    existing = _primitive(cib, DRBD_AGENTS, known.name)
    if existing is None:
        if not here.has_drbd_agent:
            remarks.append(Remark(Finding("drbd_agent_installed", **about)))
        return Link(DRBD, known.name, "", drbd=known)
    top = top_of(existing)
    if top.tag != "master" and not is_promotable(top):
        remarks.append(Remark(Finding("drbd_clone_promotable", resource=existing.get("id", ""), **about)))
    return Link(DRBD, known.name, top.get("id", ""), drbd=known)


def _primitive(cib: Cib, agents: "dict[str, str]", name: str) -> "Optional[Element]":
    for primitive in cib.primitives():
        parameter = agents.get(cib.agent(primitive))
        if parameter and cib.parameters(primitive).get(parameter, "") == name:
            return primitive
    return None
