"""The chain below a file system: the volume group, the DRBD resource, the iSCSI session that it needs."""

from typing import Optional

from postfix_ha.cluster.create.local_node import Here
from postfix_ha.cluster.model.cib import Cib, Element, is_promotable, top_of
from postfix_ha.finding import Finding
from postfix_ha.messages.remark import Remark
from postfix_ha.storage import defects
from postfix_ha.storage.drbd import DrbdResource
from postfix_ha.storage.iscsi import AT_BOOT
from postfix_ha.storage.iscsi import BY_HAND as LOGIN_BY_HAND
from postfix_ha.storage.layers import CRYPT, DRBD, ISCSI, LVM, RAID, Layer, layers_below
from postfix_ha.storage.lvm import LOCKED
from postfix_ha.system.mounts import Mount

LVM_AGENTS = {"ocf:heartbeat:LVM-activate": "vgname", "ocf:heartbeat:LVM": "volgrpname"}
DRBD_AGENTS = {"ocf:linbit:drbd": "drbd_resource", "ocf:heartbeat:drbd": "drbd_resource"}
ISCSI_AGENT = {"ocf:heartbeat:iscsi": "target"}
LOCK_DAEMON = "ocf:heartbeat:lvmlockd"
BY_HAND = {CRYPT: ("an encrypted device", "ocf:heartbeat:crypt"), RAID: ("a software RAID", "ocf:heartbeat:mdraid")}


class Link:
    """One link: its ``kind``, the name of the volume group, DRBD resource or iSCSI target, and the ``resource`` that
    brings it up.

    That is "" if it is to be made: with ``mode``, the group's vg_access_mode or the target's portal, or ``drbd``, what
    DRBD's configuration says.
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
        elif layer.kind == ISCSI:
            link = _session(layer.name, subject, cib, here, remarks)
        elif not subject.is_managed:
            kind, agent = BY_HAND[layer.kind]
            remarks.append(Remark(Finding("layer_managed", kind=kind, agent=agent, **subject.about)))
        if link is not None:
            found.append(link)
    return found


def _group(layer: Layer, subject: Subject, cib: Cib, here: Here, remarks: "list[Remark]") -> "Optional[Link]":
    name = layer.name
    known = here.groups.get(name)
    if known is not None and here.lvm.activates(name):
        remarks += map(Remark, defects.of_group(name, known, subject.about))
    existing = _primitive(cib, LVM_AGENTS, name)
    if existing is not None:
        return Link(LVM, name, top_of(existing).get("id", "") if _is_clone(existing) else existing.get("id", ""))
    ownerless = defects.ownerless(name, known, subject.about)
    if ownerless or known is None:
        remarks += map(Remark, ownerless)
        return None
    _agent(LVM, subject, here, remarks)
    if known.lock_type not in LOCKED:
        return Link(LVM, name, "", "system_id")
    if not any(cib.agent(each) == LOCK_DAEMON for each in cib.primitives()):
        remarks.append(Remark(Finding("volume_group_locked", group=name, **subject.about)))
    return Link(LVM, name, "", "lvmlockd")


def _drbd(layer: Layer, subject: Subject, cib: Cib, here: Here, remarks: "list[Remark]") -> "Optional[Link]":
    known = here.drbd.get(layer.name)
    if known is None:
        if not subject.is_managed:
            remarks.append(Remark(Finding("drbd_promoted", **subject.about)))
        return None
    remarks += map(Remark, defects.of_drbd(known, subject.about))
    existing = _primitive(cib, DRBD_AGENTS, known.name)
    if existing is None:
        if not here.has_drbd_agent:
            remarks.append(Remark(Finding("drbd_agent_installed", name=known.name, **subject.about)))
        return Link(DRBD, known.name, "", drbd=known)
    top = top_of(existing)
    if top.tag != "master" and not is_promotable(top):
        about = {"name": known.name, **subject.about}
        remarks.append(Remark(Finding("drbd_clone_promotable", resource=existing.get("id", ""), **about)))
    return Link(DRBD, known.name, top.get("id", ""), drbd=known)


def _session(target: str, subject: Subject, cib: Cib, here: Here, remarks: "list[Remark]") -> "Optional[Link]":
    """The login of the cluster's, if there is one or the nodes have none at boot; else None: the disk is just there."""
    startup = here.iscsi_startups.get(target, "")
    existing = _primitive(cib, ISCSI_AGENT, target)
    if existing is not None:
        if startup in AT_BOOT:
            values = {"target": target, "resource": existing.get("id", ""), **subject.about}
            remarks.append(Remark(Finding("iscsi_login_once", **values)))
        return Link(ISCSI, target, top_of(existing).get("id", "") if _is_clone(existing) else existing.get("id", ""))
    if startup != LOGIN_BY_HAND or subject.is_managed:
        return None
    portals = {each.portal for each in here.iscsi_sessions if each.target == target}
    if len(portals) != 1 or "" in portals:
        remarks.append(Remark(Finding("iscsi_target_reached", target=target, count=len(portals), **subject.about)))
        return None
    _agent(ISCSI, subject, here, remarks)
    return Link(ISCSI, target, "", portals.pop())


def _agent(kind: str, subject: Subject, here: Here, remarks: "list[Remark]") -> None:
    """storage_agent_installed, where this node has told which it lacks."""
    agent, package = {LVM: ("ocf:heartbeat:LVM-activate", "resource-agents"),
                      ISCSI: ("ocf:heartbeat:iscsi", "resource-agents")}[kind]  # fmt: skip
    if agent in here.lacking_agents:
        remarks.append(Remark(Finding("storage_agent_installed", agent=agent, package=package, **subject.about)))


def _is_clone(primitive: Element) -> bool:
    return top_of(primitive).tag in ("clone", "master")


def _primitive(cib: Cib, agents: "dict[str, str]", name: str) -> "Optional[Element]":
    for primitive in cib.primitives():
        parameter = agents.get(cib.agent(primitive))
        if parameter and cib.parameters(primitive).get(parameter, "") == name:
            return primitive
    return None
