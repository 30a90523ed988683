"""Draft: from what was asked for, this node's facts and the CIB, to what a hierarchy is to be made of.

Nothing is refused at the first fault: everything that stands against it is gathered, to be said at once.
"""

import ipaddress

from postfix_ha.cluster.create.alert import alert_findings
from postfix_ha.cluster.create.local_node import Here
from postfix_ha.cluster.create.storage import FileSystemPart, find_storage, nested_in
from postfix_ha.cluster.model import names, priority
from postfix_ha.cluster.model.cib import Cib, score_of
from postfix_ha.cluster.model.hierarchy import Hierarchy, hierarchies
from postfix_ha.cluster.model.managed_addresses import canonical, managed_addresses
from postfix_ha.cluster.model.relations import Relations
from postfix_ha.config.discover import UNSERVED
from postfix_ha.config.own_addresses import finding_of
from postfix_ha.endpoint import is_loopback
from postfix_ha.finding import Finding
from postfix_ha.instance import DEFAULT_CONFIG_DIR
from postfix_ha.messages.remark import Remark, overruled
from postfix_ha.messages.statement import worded

LOCAL_NAMES = ("localhost", "localhost.localdomain", "localhost6", "ip6-localhost", "ip6-loopback")


class Wish:
    """What create is asked for; "" and empty lists mean: as you think best."""

    def __init__(self) -> None:
        self.config_dir = ""
        self.binary = ""
        self.tag = ""
        self.switchback = ""
        self.nodes: "list[tuple[str, int | None]]" = []
        self.addresses: "list[str]" = []
        self.is_clone = False
        # Whether to tell of failures; by mail to whom, and through which server.
        self.has_alert = False
        self.alert_mail: "list[str]" = []
        self.alert_relay = ""
        # Ids of what would refuse it, and is to be a warning.
        self.forced: "list[str]" = []
        # Node -> why the cluster could not run the service there, whatever the preferences say.
        self.barred: "dict[str, str]" = {}


class AddressPart:
    """One address of the service: the resource that has it, or the netmask and interface to make one with."""

    __slots__ = ("address", "interface", "netmask", "resource")

    def __init__(self, address: str, resource: str, netmask: str = "", interface: str = "") -> None:
        self.address = address
        self.resource = resource
        self.netmask = netmask
        self.interface = interface


class Draft:
    """What the hierarchy is to be made of. ``existing`` is the one that is there already for this instance."""

    def __init__(self, wish: Wish) -> None:
        self.wish = wish
        self.tag = ""
        self.config_dir = ""
        self.existing: "Hierarchy | None" = None
        self.switchback = ""
        self.priorities: "dict[str, int]" = {}
        self.excluded: "list[str]" = []
        self.file_systems: "list[FileSystemPart]" = []  # that of the queue first
        self.addresses: "list[AddressPart]" = []
        self.remarks: "list[Remark]" = []

    def say(self, found: Finding) -> None:
        """Note a remark."""
        self.remarks.append(Remark(found))


def make_draft(cib: Cib, wish: Wish, here: Here) -> Draft:
    """Plan the service's resources; every problem found is in the draft's remarks, so that all are reported at once."""
    draft = Draft(wish)
    draft.config_dir = here.instance.config_dir or wish.config_dir or DEFAULT_CONFIG_DIR
    draft.existing = next((each for each in hierarchies(cib) if each.config_dir == draft.config_dir), None)
    _name(draft, cib, here)
    find_storage(draft.file_systems, draft.remarks, cib, here, is_clone=wish.is_clone)
    if not wish.is_clone:
        _addresses(draft, cib, here)
        _directions(draft)
        _nesting(draft, cib)
        _nodes(draft, cib, here)
        _parts_enabled(draft, cib)
    _switchback(draft, cib)
    _properties(draft, cib)
    served = {canonical(endpoint.address) for endpoint in here.instance.endpoints}
    for found in alert_findings(wish, served | {part.address for part in draft.addresses}):
        draft.say(found)
    draft.remarks = overruled(draft.remarks, wish.forced)
    return draft


def _name(draft: Draft, cib: Cib, here: Here) -> None:
    wish = draft.wish
    if draft.existing:
        draft.tag = draft.existing.tag
        if wish.tag and wish.tag != draft.tag:
            draft.say(Finding("tag_agrees", config_dir=draft.config_dir, tag=draft.tag))
        return
    draft.tag = wish.tag or names.unique(names.default_tag(here.instance.queue_directory), cib.ids())
    if not names.is_legal(draft.tag):
        draft.say(Finding("tag_legal", tag=draft.tag))
    elif draft.tag in cib.ids():
        draft.say(Finding("tag_free", tag=draft.tag))


def _addresses(draft: Draft, cib: Cib, here: Here) -> None:
    managed = managed_addresses(cib)
    wanted = _wanted_addresses(draft, here)
    for address in here.instance.settings.get(UNSERVED, "").split():
        draft.say(Finding("address_has_smtpd", address=address, config_dir=draft.config_dir))
    for address, (netmask, interface) in wanted.items():
        word = here.word_of(address)
        told = f"address {address} of inet_interfaces" + (f" (from {word})" if word not in ("", address) else "")
        claim = here.claims.get(address)
        network = here.network_of(address)
        is_forced = "address_left_to_service" in draft.wish.forced
        if claim and (claim.is_certain or not (address in managed or is_forced)):
            value = here.instance.settings.get("inet_interfaces", "")
            draft.say(finding_of(claim, address, told, draft.config_dir, value))
        elif address in managed:
            draft.addresses += [AddressPart(address, name) for name in managed[address]]
        elif interface and interface not in here.interfaces:
            draft.say(Finding("interface_present", interface=interface, interfaces=", ".join(here.interfaces)))
        elif not netmask and network is None:
            draft.say(Finding("address_in_network", told=told, address=address))
        else:
            netmask = netmask or str(network[1] if network else "")
            draft.addresses.append(AddressPart(address, "", netmask, interface))
    if not wanted and not any(remark.check == "address_usable" for remark in draft.remarks):
        value = here.instance.settings.get("inet_interfaces", "")
        draft.say(Finding("address_moves", value=value))


def _wanted_addresses(draft: Draft, here: Here) -> "dict[str, tuple[str, str]]":
    """Address -> (netmask, interface), both "" where not said."""
    listened = [canonical(endpoint.address) for endpoint in here.instance.endpoints if not endpoint.is_wildcard]
    everywhere = any(endpoint.is_wildcard for endpoint in here.instance.endpoints)
    wanted = {address: ("", "") for address in listened if not is_loopback(address)}
    for word in here.interface_words:
        found = here.words.get(word, [])
        is_name = word not in found and word.lower() not in LOCAL_NAMES
        if is_name and found and all(is_loopback(address) for address in found):
            draft.say(Finding("address_usable", word=word, addresses=", ".join(found)))
    for text in draft.wish.addresses:
        try:
            address, netmask, interface = parse_address(text)
        except ValueError as error:
            draft.say(Finding("address_valid", why=str(error)))
            continue
        if address not in wanted and not everywhere:
            value = here.instance.settings.get("inet_interfaces", "")
            draft.say(Finding("address_listened_on", address=address, value=value))
        else:
            wanted[address] = (netmask, interface)
    return wanted


def parse_address(text: str) -> "tuple[str, str, str]":
    """(address, netmask, interface) of ADDRESS[/PREFIX][@INTERFACE]; raises ValueError with a sentence for the user."""
    bare, _, interface = text.partition("@")
    address, slash, prefix = bare.partition("/")
    try:
        found = ipaddress.ip_interface(bare)
    except ValueError:
        raise ValueError(worded("option_address", text=text)) from None
    if found.ip.is_loopback or found.ip.is_unspecified or found.ip.is_multicast:
        raise ValueError(worded("option_address_useful", address=address))
    return str(found.ip), prefix if slash else "", interface


def _directions(draft: Draft) -> None:
    """What is there already must not need Postfix: it would end with it, and our constraints would make a circle.

    That comes about easily: in a colocation set each member needs those before it, in two-part colocations the other
    way round.
    """
    if draft.existing is None:
        return
    relations = draft.existing.relations
    parts = [part.resource for part in draft.file_systems] + [part.resource for part in draft.addresses]
    for name in dict.fromkeys(filter(None, parts)):
        wrong = [
            how
            for how, is_so in (("placed with", relations.is_with), ("started after", relations.is_after))
            if is_so(name, draft.tag)
        ]
        if wrong:
            draft.say(Finding("dependency_direction", resource=name, how=" and ".join(wrong), tag=draft.tag))


def _parts_enabled(draft: Draft, cib: Cib) -> None:
    """What somebody has disabled is not started for Postfix; of a hierarchy that is there, status says so."""
    known = [(part.resource, part.address) for part in draft.addresses]
    known += [(part.resource, part.directory) for part in draft.file_systems]
    for name, what in known if draft.existing is None else ():
        found = cib.resource(name) if name else None
        pair = None if found is None else cib.meta_pair(found, "target-role")
        if pair is not None and pair[1].get("value", "").lower() == "stopped":
            draft.say(Finding("part_enabled", resource=name, what=what, holder=pair[0].get("id", name)))


def _nesting(draft: Draft, cib: Cib) -> None:
    """A file system that is mounted in another must not be started before it."""
    relations = Relations(cib)
    known = [part for part in draft.file_systems if part.resource]
    for inner, outer in nested_in(known, [part.resource for part in known]):
        if relations.is_after(outer, inner):
            draft.say(Finding("mounts_in_order", inner=inner, outer=outer))


def _nodes(draft: Draft, cib: Cib, here: Here) -> None:
    known, barred = cib.nodes(), {**_without_copy(draft, cib), **draft.wish.barred}
    if draft.existing and not draft.wish.nodes:
        return
    scores = _scores_of_parts(draft, cib)
    # Of remote nodes only those that are named take part, and none that the cluster keeps the parts off.
    usual = [node for node in cib.members() if node not in barred]
    # The node that has it now comes first, unless its parts are at home elsewhere already.
    ordered = sorted(usual, key=lambda node: (-scores.get(node, 0), node != here.name))
    asked = draft.wish.nodes or [(node, None) for node in ordered]
    for node, given in asked:
        taken = list(draft.priorities.values())
        if node not in known:
            draft.say(Finding("node_known", node=node, known=", ".join(known)))
        elif node in barred:
            draft.say(Finding("node_possible", node=node, why=barred[node]))
        elif node in draft.priorities:
            draft.say(Finding("node_named_once", node=node))
        elif given in taken:
            other = next(each for each, one in draft.priorities.items() if one == given)
            draft.say(Finding("priority_free", priority=given, other=other))
        else:
            draft.priorities[node] = priority.next_priority(taken) if given is None else given
    draft.excluded = [node for node in known if node not in draft.priorities]
    for node in [each for each in cib.members() if each in barred] if not draft.wish.nodes else ():
        draft.say(Finding("node_left_out", node=node, why=barred[node]))
    if len(draft.priorities) == 1:
        draft.say(Finding("nodes_enough"))


def _without_copy(draft: Draft, cib: Cib) -> "dict[str, str]":
    """Node -> why it cannot have the service: no copy of a DRBD resource is on it."""
    copies = [link.drbd for part in draft.file_systems for link in part.chain if link.drbd is not None]
    return {
        node: f"the DRBD resource {each.name} has no copy on it"
        for each in copies
        for node in cib.nodes()
        if node not in each.hosts
    }


def _scores_of_parts(draft: Draft, cib: Cib) -> "dict[str, int]":
    """Node -> what the parts that are there already prefer it by."""
    parts = {part.resource for part in draft.addresses} | {part.resource for part in draft.file_systems}
    scores: "dict[str, int]" = {}
    for constraint in cib.constraints():
        if constraint.tag == "rsc_location" and constraint.get("rsc") in parts and constraint.get("node"):
            node = constraint.get("node", "")
            scores[node] = scores.get(node, 0) + score_of(constraint.get("score", "0"))
    return scores


def _switchback(draft: Draft, cib: Cib) -> None:
    """What is asked for; without that, what the parts that are there have; they must not differ."""
    wish = draft.wish
    parts = [part.resource for part in draft.addresses if part.resource]
    parts += [part.resource for part in draft.file_systems if part.resource]
    scores = [priority.score_of_priority(each) for each in draft.priorities.values()]
    found: "dict[str, str]" = {}
    for name in dict.fromkeys(parts if not draft.existing else []):
        resource = cib.resource(name)
        stickiness = "" if resource is None else cib.effective_meta(resource, "resource-stickiness")
        if stickiness:
            found[name] = priority.switchback_of(score_of(stickiness), scores)
    draft.switchback = wish.switchback or next(iter(found.values()), "" if draft.existing else "intelligent")
    for name, kind in found.items():
        if kind != draft.switchback:
            draft.say(Finding("switchback_agrees", resource=name, theirs=kind, ours=draft.switchback))


def _properties(draft: Draft, cib: Cib) -> None:
    if not cib.is_true("stonith-enabled", "true"):
        draft.say(Finding("fencing_on"))
    elif not any(primitive.get("class") == "stonith" for primitive in cib.primitives()):
        draft.say(Finding("fence_device_there"))
    if cib.property("no-quorum-policy", "stop") == "ignore":
        draft.say(Finding("quorum_kept"))
    if cib.is_true("maintenance-mode", "false"):
        draft.say(Finding("cluster_manages"))
