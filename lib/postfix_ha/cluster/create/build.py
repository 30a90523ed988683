"""Creation: a draft made into a CIB, whole, on top of whatever is there already."""

from postfix_ha.cluster.change.move import in_service
from postfix_ha.cluster.change.unfinished import MAKING, begun_with
from postfix_ha.cluster.create.chain import LOCK_DAEMON, Link
from postfix_ha.cluster.create.local_node import Here
from postfix_ha.cluster.create.plan import AddressPart, Draft, Wish, make_draft
from postfix_ha.cluster.create.storage import FileSystemPart, nested_in
from postfix_ha.cluster.model import edit, names
from postfix_ha.cluster.model.alerts import ensure_alert
from postfix_ha.cluster.model.cib import Cib, top_of
from postfix_ha.cluster.model.hierarchy import find_hierarchy
from postfix_ha.cluster.model.priority import score_of_priority, stickiness_of
from postfix_ha.cluster.model.templates import fill
from postfix_ha.messages.errors import Refused
from postfix_ha.messages.remark import errors
from postfix_ha.params import BINARY_DEFAULT
from postfix_ha.storage.layers import DRBD, ISCSI, LVM
from postfix_ha.system.mounts import is_network_type

ROOT_HAS_ROOM = ("ext2", "ext3", "ext4")


def create(cib: Cib, wish: Wish, here: Here) -> Cib:
    """The configuration with the service's resources added; raises Refused with every error of the plan."""
    draft = make_draft(cib, wish, here)
    found = errors(draft.remarks)
    if found:
        raise Refused(*found)
    return build(cib, draft)


def build(cib: Cib, draft: Draft) -> Cib:
    """Make sure of every part of the draft; what is there already stays as it is."""
    made: "list[str]" = []
    if draft.wish.is_clone:
        return _with_alert(_build_clone(cib, draft), draft)
    file_systems = [
        part.resource or _made(made, cib, "filesystem", _file_system_values(part)) for part in draft.file_systems
    ]
    addresses = [part.resource or _made(made, cib, "address", _address_values(part)) for part in draft.addresses]
    mail = draft.tag
    if draft.existing is None:
        _made(made, cib, "postfix", {"name": mail, **_mail_values(draft)})
    # The others go where the file system is that the queue's lies in, or where the queue's is.
    nested = nested_in(draft.file_systems, file_systems)
    parts = list(dict.fromkeys([*file_systems, *addresses]))
    # What is a clone, such as an address that several nodes have, follows nothing; no constraint names what is in it.
    clones = _in_clones(cib, parts)
    single = [each for each in parts if each not in clones]
    anchor = _outermost(nested, [*single, *parts][0])
    _chains(cib, draft, file_systems, made)
    for inner, outer in nested:  # the outer one first, or the inner has no mount point, or is hidden
        edit.ensure_dependency(cib, inner, outer)
    for member in single:
        if member != anchor:
            edit.ensure_address_with_file_system(cib, member, anchor)
    for member in parts:
        edit.ensure_dependency(cib, mail, clones.get(member, member))
    _locate(cib, draft, mail, made)
    if draft.existing and begun_with(draft.existing) == MAKING:
        in_service(cib, mail)
    if draft.switchback:
        for member in [mail, *made] if draft.existing else made:
            edit.set_stickiness(cib, member, stickiness_of(draft.switchback))
    return _with_alert(cib, draft)


def _with_alert(cib: Cib, draft: Draft) -> Cib:
    wish = draft.wish
    if wish.has_alert:
        ensure_alert(cib, draft.tag, find_hierarchy(cib, draft.tag).members, wish.alert_mail, wish.alert_relay)
    return cib


def _in_clones(cib: Cib, names: "list[str]") -> "dict[str, str]":
    """Primitive -> the clone that it is in, of those that are in one."""
    tops = {name: top_of(resource) for name in names for resource in [cib.resource(name)] if resource is not None}
    return {name: top.get("id", "") for name, top in tops.items() if top.tag in ("clone", "master", "bundle")}


def _chains(cib: Cib, draft: Draft, file_systems: "list[str]", made: "list[str]") -> None:
    """What must be up before each file system, each link once however many need it."""
    brought: "dict[tuple[str, str], str]" = {}
    for part, file_system in zip(draft.file_systems, file_systems):
        above = file_system
        for link in part.chain:
            key = (link.kind, link.name)
            if key not in brought:
                brought[key] = link.resource or MAKERS[link.kind](cib, link, made)
            if link.kind == DRBD:
                edit.ensure_on_promoted(cib, above, brought[key])
            else:
                edit.ensure_dependency(cib, above, brought[key])
            above = brought[key]


def _group(cib: Cib, link: Link, made: "list[str]") -> str:
    name = _made(
        made, cib, "volume_group", {"name": names.group_name(link.name), "GROUP": link.name, "MODE": link.mode}
    )
    guards = [each for each in cib.primitives() if cib.agent(each) == LOCK_DAEMON] if link.mode == "lvmlockd" else []
    for guard in guards:
        edit.ensure_dependency(cib, name, top_of(guard).get("id", ""))
    return name


def _drbd(cib: Cib, link: Link, made: "list[str]") -> str:
    """The clone with a copy on each host of the DRBD resource, and on no other node."""
    hosts = link.drbd.hosts if link.drbd else []
    promoted, unpromoted = edit.roles(cib)
    values = {"NAME": link.name, "COPIES": str(len(hosts)), "PROMOTED": promoted, "UNPROMOTED": unpromoted}
    clone = f"{edit.add_primitive(cib, 'drbd', names.drbd_name(link.name), **values)}-clone"
    opt_in = not cib.is_true("symmetric-cluster", "true")
    for node in cib.nodes():
        if node not in hosts:
            edit.exclude(cib, clone, node)
        elif opt_in:
            edit.set_preference(cib, clone, node, 0)
    return clone


def _session(cib: Cib, link: Link, made: "list[str]") -> str:
    values = {"name": names.session_name(link.name), "TARGET": link.name, "PORTAL": link.mode}
    return _made(made, cib, "iscsi", values)


MAKERS = {LVM: _group, DRBD: _drbd, ISCSI: _session}


def _outermost(nested: "list[tuple[str, str]]", name: str) -> str:
    """The file system that all others above this one lie in; itself where it lies in none."""
    outer = dict(nested)
    while name in outer:
        name = outer[name]
    return name


def _locate(cib: Cib, draft: Draft, mail: str, made: "list[str]") -> None:
    """Preferences where the parts have theirs, else on Postfix, which the others follow; exclusions on all made."""
    hierarchy = find_hierarchy(cib, mail)
    holder = hierarchy.holder if hierarchy.scores else mail
    opt_in = not cib.is_true("symmetric-cluster", "true")
    keeps = bool(hierarchy.scores) and not draft.wish.nodes
    for node, given in draft.priorities.items() if not keeps else ():
        for other in hierarchy.containers:
            if other != holder:
                edit.remove_preferences(cib, other, node)
        edit.set_preference(cib, holder, node, score_of_priority(given))
        for member in made if opt_in else []:
            edit.set_preference(cib, member, node, score_of_priority(given))
    for node in draft.excluded:
        for member in [mail, *[each for each in made if each != mail]]:
            edit.exclude(cib, member, node)


def _made(made: "list[str]", cib: Cib, template: str, values: "dict[str, str]") -> str:
    name = edit.add_primitive(cib, template, **values)
    made.append(name)
    return name


def _file_system_values(part: FileSystemPart) -> "dict[str, str]":
    return {
        "name": names.file_system_name(part.directory),
        "DEVICE": part.device,
        "DIRECTORY": part.directory,
        "FSTYPE": part.fstype,
        "OPTIONS": part.options,
        "LEVEL": level_of(part.fstype, part.device),
    }


def level_of(fstype: str, device: str) -> str:
    """The level of Filesystem's second monitor, "" for none.

    Level 20 writes a file, which sees a device that takes no writes; root can do that on a full ext file system, which
    keeps blocks for root. On others a full disk would fail it, and the disk moves along: there level 10 reads the
    device. What is no block device has no level 10.
    """
    if fstype in ROOT_HAS_ROOM:
        return "20"
    return "" if is_network_type(fstype, device) else "10"


def _address_values(part: AddressPart) -> "dict[str, str]":
    return {
        "name": names.address_name(part.address),
        "ADDRESS": part.address,
        "NETMASK": part.netmask,
        "INTERFACE": part.interface,
    }


def _mail_values(draft: Draft) -> "dict[str, str]":
    # The parameter is left out where it is the default.
    binary = "" if draft.wish.binary == BINARY_DEFAULT else draft.wish.binary
    return {"BINARY": binary, "CONFIG_DIR": draft.config_dir}


def _build_clone(cib: Cib, draft: Draft) -> Cib:
    if draft.existing is None:
        (mail,) = fill("resources/postfix", RESOURCE=draft.tag, **_mail_values(draft))
        clone = mail.makeelement("clone", {"id": f"{draft.tag}-clone"})
        clone.append(mail)
        cib.section("resources").append(clone)
    return cib
