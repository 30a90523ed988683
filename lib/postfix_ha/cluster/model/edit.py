"""Edits of a CIB document: each makes sure of one thing, and changes nothing where it is so, whoever made it so."""

from postfix_ha.cluster.model import names
from postfix_ha.cluster.model.cib import INFINITY, Cib, Element, pairs, score_of
from postfix_ha.cluster.model.hierarchy import MOVE_PREFIXES, OUR_AGENT
from postfix_ha.cluster.model.relations import Relations
from postfix_ha.cluster.model.templates import fill

# The schema since which a location constraint can forbid the search for a resource as well.
DISCOVERY_SINCE = (2, 2)
# The first schema that has the names Promoted and Unpromoted.
ROLES_SINCE = (3, 7)


def add_primitive(cib: Cib, template: str, name: str, **values: str) -> str:
    """Add a primitive from its template; its id is the name, or the name made unique. Returns the id."""
    name = names.unique(name, cib.ids())
    cib.section("resources").extend(fill(f"resources/{template}", RESOURCE=name, **values))
    return name


def add_constraints(cib: Cib, elements: "list[Element]") -> None:
    """Add constraints, with ids that nothing else has."""
    section = cib.section("constraints")
    for element in elements:
        element.set("id", names.unique(element.get("id", ""), cib.ids()))
        section.append(element)


def ensure_dependency(cib: Cib, resource: str, needed: str) -> None:
    """Make sure that the resource runs with and starts after the needed one."""
    relations = Relations(cib)
    colocation, order = fill("constraints/dependency", RESOURCE=resource, NEEDED=needed)
    inner = relations.members(needed)
    if not all(relations.is_with(resource, each) for each in inner):
        add_constraints(cib, [colocation])
    if not all(relations.is_after(resource, each) for each in inner):
        add_constraints(cib, [order])


def ensure_on_promoted(cib: Cib, resource: str, clone: str) -> None:
    """Make sure that the resource runs where the clone is promoted, and starts after the promotion."""
    relations = Relations(cib)
    promoted, _ = roles(cib)
    colocation, order = fill("constraints/promotion", RESOURCE=resource, NEEDED=clone, PROMOTED=promoted)
    inner = relations.members(clone)
    if not all(relations.is_on_promoted(resource, each) for each in inner):
        add_constraints(cib, [colocation])
    if not all(relations.is_after_promotion(resource, each) for each in inner):
        add_constraints(cib, [order])


def roles(cib: Cib) -> "tuple[str, str]":
    """What the configuration's schema calls a promotable clone's two roles; Pacemaker 3.0 has the new names alone."""
    return ("Promoted", "Unpromoted") if cib.schema >= ROLES_SINCE else ("Master", "Slave")


def ensure_address_with_file_system(cib: Cib, address: str, file_system: str) -> None:
    """Make sure that an address goes where the file system is."""
    relations = Relations(cib)
    if not relations.is_with(address, file_system) and not relations.is_with(file_system, address):
        add_constraints(cib, fill("constraints/address", ADDRESS=address, FILESYSTEM=file_system))


def remove_dependency(cib: Cib, resource: str, needed: str) -> None:
    """Remove the order and colocation constraints that name exactly these two resources in this order."""
    for constraint in cib.constraints():
        ends = {
            "rsc_colocation": (constraint.get("rsc"), constraint.get("with-rsc")),
            "rsc_order": (constraint.get("then"), constraint.get("first")),
        }.get(str(constraint.tag))
        if ends == (resource, needed):
            remove(constraint)


def locations(cib: Cib, holder: str, node: str) -> "list[Element]":
    """The plain location constraints of a resource for a node (those with rules, and moves by hand, are not)."""
    return [
        constraint
        for constraint in cib.constraints()
        if constraint.tag == "rsc_location"
        and constraint.get("rsc") == holder
        and constraint.get("node") == node
        and not constraint.get("id", "").startswith(MOVE_PREFIXES)
    ]


def set_preference(cib: Cib, holder: str, node: str, score: int) -> None:
    """Make this score the resource's one preference for the node."""
    found = locations(cib, holder, node)
    if [score_of(each.get("score", "0")) for each in found] == [score]:
        return
    for each in found:
        remove(each)
    add_constraints(cib, fill("constraints/preference", RESOURCE=holder, NODE=node, SCORE=str(score)))


def exclude(cib: Cib, holder: str, node: str) -> None:
    """Keep the resource and its probes off the node."""
    found = locations(cib, holder, node)
    if any(score_of(each.get("score", "0")) <= -INFINITY for each in found):
        return
    for each in found:
        remove(each)
    elements = fill("constraints/exclusion", RESOURCE=holder, NODE=node)
    for element in elements if cib.schema < DISCOVERY_SINCE else ():
        del element.attrib["resource-discovery"]
    add_constraints(cib, elements)


def remove_preferences(cib: Cib, holder: str, node: str) -> None:
    """Remove what the resource's location constraints say of the node."""
    for each in locations(cib, holder, node):
        remove(each)


def set_pair(cib: Cib, resource: Element, tag: str, name: str, value: str) -> None:
    """Set one attribute of a resource; an empty value removes it. ``tag``: meta_attributes or instance_attributes."""
    if pairs(resource, tag).get(name, "") == value:
        return
    for attributes in resource.findall(tag):
        for pair in attributes.findall("nvpair"):
            if attributes.find("rule") is None and pair.get("name") == name:
                if value:
                    pair.set("value", value)
                    return
                attributes.remove(pair)
                if not len(attributes):
                    resource.remove(attributes)
    if value:
        attributes = _own_set(cib, resource, tag)
        pair_id = names.unique(f"{attributes.get('id')}-{name}", cib.ids())
        attributes.append(attributes.makeelement("nvpair", {"id": pair_id, "name": name, "value": value}))


def _own_set(cib: Cib, resource: Element, tag: str) -> Element:
    for attributes in resource.findall(tag):
        if attributes.find("rule") is None:
            return attributes
    made = resource.makeelement(tag, {"id": names.unique(f"{resource.get('id')}-{tag}", cib.ids())})
    # The schema wants attributes before operations, and people expect instance before meta attributes.
    before = [child for child in resource if child.tag in ("instance_attributes", "meta_attributes")]
    resource.insert(list(resource).index(before[-1]) + 1 if before and tag == "meta_attributes" else 0, made)
    return made


def set_stickiness(cib: Cib, name: str, stickiness: int) -> None:
    """Make sure of a resource's stickiness."""
    resource = cib.resource(name)
    assert resource is not None
    current = cib.effective_meta(resource, "resource-stickiness")
    if current == "" or score_of(current) != stickiness:
        set_pair(cib, resource, "meta_attributes", "resource-stickiness", str(stickiness))


def replace_agent(cib: Cib, mail: Element, agent: str, parameters: "dict[str, str]") -> None:
    """Let another agent run the primitive: its class, provider, type, parameters and operations are exchanged."""
    name = mail.get("id", "")
    (model,) = fill("resources/postfix", RESOURCE=name, BINARY="", CONFIG_DIR="")
    class_, *rest = agent.split(":", 2 if agent.startswith("ocf:") else 1)
    words = {"class": class_, "provider": rest[0] if len(rest) == 2 else "", "type": rest[-1]}
    for attribute, value in words.items():
        if value:
            mail.set(attribute, value)
        elif attribute in mail.attrib:
            del mail.attrib[attribute]
    for parameter in {**pairs(mail, "instance_attributes"), **parameters}:
        set_pair(cib, mail, "instance_attributes", parameter, parameters.get(parameter, ""))
    for attributes in [child for child in mail.findall("instance_attributes") if not len(child)]:
        mail.remove(attributes)
    operations = model.find("operations")
    assert operations is not None
    if agent != OUR_AGENT:  # the levels are ours
        for operation in operations.findall("op"):
            if operation.find("instance_attributes") is not None:
                operations.remove(operation)
    for old in mail.findall("operations"):
        mail.remove(old)
    mail.append(operations)


def remove(element: Element) -> None:
    """Take an element out of its document."""
    parent = element.getparent()
    assert parent is not None
    parent.remove(element)


def remove_resource(cib: Cib, name: str) -> None:
    """Remove a resource and every constraint that names it; a group or clone that is left empty goes with it."""
    resource = cib.resource(name)
    assert resource is not None
    while True:
        parent = resource.getparent()
        assert parent is not None
        _forget(cib, resource.get("id", ""))
        parent.remove(resource)
        if parent.tag == "resources" or parent.find("primitive") is not None or parent.find("group") is not None:
            return
        resource = parent


def _forget(cib: Cib, name: str) -> None:
    for constraint in cib.constraints():
        for reference in list(constraint.iter("resource_ref")):
            if reference.get("id") == name:
                remove(reference)
        for chosen in constraint.findall("resource_set"):
            if not len(chosen):
                constraint.remove(chosen)
        emptied = "rsc" not in constraint.attrib and "first" not in constraint.attrib and not len(constraint)
        if emptied or name in [constraint.get(end) for end in ("rsc", "with-rsc", "first", "then")]:
            remove(constraint)
