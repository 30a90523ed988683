"""Obstacles: what in a configuration or its status may keep a hierarchy off a node, and what ends each.

This is only a list of suspects: which of them is the reason is for the scheduler to say (why_not.py), by how it decides
once one is taken out of a copy of the configuration.
"""

from postfix_ha.cluster.model.cib import FALSE_WORDS, INFINITY, TRUE_WORDS, Cib, Element, score_of, top_of
from postfix_ha.cluster.model.hierarchy import MOVE_PREFIXES, Hierarchy
from postfix_ha.cluster.model.node_attributes import FOREVER, REBOOT, attributes_of, node_states, tickets
from postfix_ha.cluster.model.references import References
from postfix_ha.cluster.where.deletions import delete_constraint, delete_meta
from postfix_ha.cluster.where.doubled import doubled_members
from postfix_ha.cluster.where.failures_on import failed_members
from postfix_ha.cluster.where.held_by_meta import held_by_meta
from postfix_ha.cluster.where.lifting import with_property, without_attribute, without_exclusive, without_id
from postfix_ha.cluster.where.obstacle import Applied, Obstacle
from postfix_ha.system.quoting import quote


def everywhere(hierarchy: Hierarchy) -> "list[Obstacle]":
    """What may keep it off every node."""
    cib = hierarchy.cib
    found = _options(cib)
    found += held_by_meta(hierarchy)
    found += _tickets(hierarchy)
    found += failed_members(hierarchy, Obstacle)
    found += doubled_members(hierarchy)
    return found + _apart(hierarchy) + _held_by_nodes(hierarchy)


def by_relation(hierarchy: Hierarchy) -> "list[Obstacle]":
    """What it needs by colocation or order, as a reason where there is no other: that cannot be there."""
    references, found = References(hierarchy.cib), []
    for constraint in hierarchy.cib.constraints():
        named = references.of_constraint(constraint)
        if constraint.tag not in ("rsc_colocation", "rsc_order") or not set(named) & set(hierarchy.containers):
            continue
        name = constraint.get("id", "")
        role = constraint.get("with-rsc-role", constraint.get("first-action", ""))
        needed = constraint.get("with-rsc") or constraint.get("first") or ", ".join(named)
        is_promoted = role.lower() in ("promoted", "master", "promote")
        what = f"{needed} promoted" if is_promoted else needed
        text = f"constraint {name} asks for {what}, which cannot be had there"
        if is_promoted and not _has_promotion_score(hierarchy.cib, needed):
            text += f": the agent of {needed} gives no node a promotion score"
        stopped, command = _to_be_stopped(hierarchy.cib, needed)
        text += stopped
        subject = constraint.get("rsc") or constraint.get("then") or ""
        found.append(Obstacle("not possible", text, command, without_id(name), lasts=True, relates=(subject, needed)))
    return found


def roots_of(found: "list[Obstacle]") -> "list[Obstacle]":
    """Those that are not there only because what they need lacks something itself."""
    lacking = {each.relates[0] for each in found if each.relates}
    return [each for each in found if not each.relates or each.relates[1] not in lacking] or found


def _to_be_stopped(cib: Cib, name: str) -> "tuple[str, str]":
    """That a resource is to be stopped, and the command that ends that; "" twice where it is not."""
    resource = cib.resource(name)
    held = None if resource is None else cib.meta_pair(resource, "target-role")
    if held is None or held[1].get("value", "").lower() != "stopped":
        return "", ""
    return f": {name} is to be stopped (target-role)", delete_meta(held[0], "target-role", held[1])


def _has_promotion_score(cib: Cib, clone: str) -> bool:
    resource = cib.resource(clone)
    names = [] if resource is None else [each.get("id", "") for each in resource.iter("primitive")]
    wanted = {f"{prefix}-{name}" for prefix in ("master", "promotion") for name in names}
    pairs = cib.root.iterfind("status/node_state/transient_attributes/instance_attributes/nvpair")
    return any(each.get("name", "").split(":")[0] in wanted for each in pairs)


def _held_by_nodes(hierarchy: Hierarchy) -> "list[Obstacle]":
    """Nodes in maintenance: what runs there cannot be moved away."""
    found = []
    for node in hierarchy.cib.nodes():
        for lifetime, value in attributes_of(hierarchy.cib, node, "maintenance").items():
            if value.lower() in TRUE_WORDS:
                command = f"crm_attribute --node {quote(node)} --name maintenance --lifetime {lifetime} --delete"
                text = f"node {node} is in maintenance, and keeps what runs there"
                found.append(Obstacle("maintenance", text, command, without_attribute(node, "maintenance")))
    return found


def on_node(hierarchy: Hierarchy, node: str, applied: "list[Applied]") -> "list[Obstacle]":
    """What may keep it off this node alone."""
    cib = hierarchy.cib
    found = _locations(hierarchy, node, applied)
    found += _not_let_in(hierarchy, node, applied)
    for lifetime, value in attributes_of(cib, node, "standby").items():
        if value.lower() in TRUE_WORDS:
            command = f"crm_attribute --node {quote(node)} --name standby --lifetime {lifetime} --delete"
            found.append(Obstacle("standby", f"node {node} is on standby", command, without_attribute(node, "standby")))
    return found + _health(cib, node) + _room(cib, node)


def _options(cib: Cib) -> "list[Obstacle]":
    found = []
    if cib.is_true("maintenance-mode", "false"):
        text = "maintenance-mode is on: the cluster neither starts nor stops anything"
        command = "crm_attribute --name maintenance-mode --delete"
        found.append(Obstacle("maintenance", text, command, with_property("maintenance-mode", "false")))
    if cib.is_true("stop-all-resources", "false"):
        text = "stop-all-resources is on: the cluster stops everything"
        command = "crm_attribute --name stop-all-resources --delete"
        found.append(Obstacle("stopped", text, command, with_property("stop-all-resources", "false")))
    if cib.property("is-managed-default").lower() in FALSE_WORDS:  # of schema 1; newer ones have rsc_defaults
        text = "is-managed-default is off: the cluster only watches every resource"
        command = "crm_attribute --name is-managed-default --delete"
        found.append(Obstacle("unmanaged", text, command, with_property("is-managed-default", "true")))
    if cib.root.get("have-quorum") == "0" and cib.property("no-quorum-policy", "stop") != "ignore":
        text = "this part of the cluster has no quorum: it starts nothing"
        command = "pcs cluster start --all"
        found.append(Obstacle("no quorum", text, command, lambda each: each.root.set("have-quorum", "1")))
    no_device = not any(primitive.get("class") == "stonith" for primitive in cib.primitives())
    if no_device and cib.is_true("stonith-enabled", "true"):
        text = "stonith-enabled is on and there is no fence device: the cluster starts nothing"
        command = "pcs stonith create"
        found.append(Obstacle("no fencing", text, command, with_property("stonith-enabled", "false")))
    if cib.is_true("shutdown-lock", "false"):
        text = "shutdown-lock keeps it for the node that was shut down"
        command = "crm_attribute --name shutdown-lock --delete"
        found.append(Obstacle("locked", text, command, with_property("shutdown-lock", "false")))
    return found


def _tickets(hierarchy: Hierarchy) -> "list[Obstacle]":
    cib, references = hierarchy.cib, References(hierarchy.cib)
    found = []
    for constraint in cib.constraints():
        if constraint.tag == "rsc_ticket" and set(references.of_location(constraint)) & set(hierarchy.containers):
            ticket = constraint.get("ticket", "")
            granted, standby = tickets(cib).get(ticket, (False, False))
            if granted and not standby:
                continue
            state, act = ("is on standby", "activate") if granted else ("is not granted here", "grant")
            text = f"ticket {ticket} {state}, and constraint {constraint.get('id')} asks for it"
            command = f"crm_ticket --ticket {quote(ticket)} --{act}"
            found.append(Obstacle("no ticket", text, command, without_id(constraint.get("id", ""))))
    return found


def _apart(hierarchy: Hierarchy) -> "list[Obstacle]":
    """Colocations that keep a member away from another resource."""
    references, found = References(hierarchy.cib), []
    for constraint in hierarchy.cib.constraints():
        if constraint.tag != "rsc_colocation" or score_of(constraint.get("score", "0")) >= 0:
            continue
        named = references.of_constraint(constraint)
        if set(named) & set(hierarchy.containers):
            name = constraint.get("id", "")
            others = ", ".join(each for each in named if each not in hierarchy.containers) or "another of its parts"
            text = f"constraint {name} keeps it away from {others}"
            found.append(Obstacle("apart", text, delete_constraint(name), without_id(name), lasts=True))
    return found


def _locations(hierarchy: Hierarchy, node: str, applied: "list[Applied]") -> "list[Obstacle]":
    found: "dict[str, Obstacle]" = {}
    ours, bound = set(hierarchy.containers), bound_to(hierarchy)
    for each in applied:
        constraint = _constraint_of(hierarchy.cib, each.source) if each.node == node and each.score < 0 else None
        if constraint is None or (each.resource not in ours and not constraint.get("rsc-pattern")):
            continue
        name = constraint.get("id", "")
        is_move = name.startswith(MOVE_PREFIXES)
        # What the name of a tag or a template forbids, extend does not take away: it may be others' as well.
        is_own = hierarchy.cib.resource(constraint.get("rsc", "")) is not None
        is_plain = bool(constraint.get("node")) and is_own and not is_move
        if is_move:
            subject = constraint.get("rsc", "") or each.resource
            command = f"crm_resource --clear --resource {quote(subject)}"
        else:
            extends = is_plain and each.score <= -INFINITY and not _is_everywhere(hierarchy.cib, each.resource)
            command = f"postfix-ha extend {quote(node)}" if extends else delete_constraint(name)
        text = f"constraint {name} forbids {each.resource} on {node}{_because(hierarchy.cib, constraint, node)}"
        word = "banned" if is_move else "excluded"
        is_certain = each.score <= -INFINITY and each.resource in bound
        found.setdefault(
            name, Obstacle(word, text, command, without_id(name), is_certain=is_certain, lasts=not is_move)
        )
    return list(found.values())


def bound_to(hierarchy: Hierarchy) -> "set[str]":
    """Postfix, what it must be with, and what each is in: where one of them may not be, it cannot be."""
    members = [name for name in hierarchy.members if name == hierarchy.tag or hierarchy.is_always_with(name)]
    return {name for member in members for name in hierarchy.containers_of(member)}


def _is_everywhere(cib: Cib, name: str) -> bool:
    """Whether a resource runs on several nodes by its nature, so that it is not the hierarchy's to let it in."""
    resource = cib.resource(name)
    return resource is not None and top_of(resource).tag in ("clone", "master", "bundle")


def _because(cib: Cib, constraint: Element, node: str) -> str:
    """What a rule goes by, as it is on this node."""
    said = []
    for expression in constraint.iter("expression"):
        attribute = expression.get("attribute", "")
        if not attribute.startswith("#"):
            value = next(iter(attributes_of(cib, node, attribute).values()), None)
            said.append(f"{attribute} is {value}" if value is not None else f"{attribute} is not set")
    said += [f"until {each.get('end')}" for each in constraint.iter("date_expression") if each.get("end")]
    return f" ({', '.join(dict.fromkeys(said))})" if said else ""


def _not_let_in(hierarchy: Hierarchy, node: str, applied: "list[Applied]") -> "list[Obstacle]":
    """Where a member is let in on some nodes only: an opt-in cluster, or exclusive discovery."""
    cib, found = hierarchy.cib, []
    command = f"postfix-ha extend {quote(node)}"
    if not cib.is_true("symmetric-cluster", "true"):
        text = f"no constraint lets it in on {node}, and symmetric-cluster is off"
        found.append(Obstacle("not let in", text, command, with_property("symmetric-cluster", "true")))
    references = References(cib)
    for constraint in cib.constraints():
        if constraint.get("resource-discovery") == "exclusive":
            named = [each for each in references.of_location(constraint) if each in hierarchy.containers]
            if named:
                name = constraint.get("id", "")
                text = f"constraint {name} lets {named[0]} be only where it says (resource-discovery=exclusive)"
                found.append(Obstacle("excluded", text, command, without_exclusive(name), lasts=True))
    return found


def _health(cib: Cib, node: str) -> "list[Obstacle]":
    strategy = cib.property("node-health-strategy", "none")
    if strategy == "none":
        return []
    sick = []
    for holder in node_states(cib, node):
        for pair in holder.iter("nvpair"):
            value = pair.get("value", "").lower()
            if pair.get("name", "").startswith("#health") and (value in ("red", "yellow") or score_of(value) < 0):
                sick.append((pair.get("name", ""), value, REBOOT if holder.tag == "node_state" else FOREVER))
    if not sick:
        return []
    said = ", ".join(f"{name} is {value}" for name, value, _ in sick)
    lifetime = sick[0][2]
    command = f"crm_attribute --node {quote(node)} --name '{sick[0][0]}' --lifetime {lifetime} --update green"
    text = f"node {node} is not healthy: {said} (node-health-strategy {strategy})"
    return [Obstacle("unhealthy", text, command, with_property("node-health-strategy", "none"))]


def _room(cib: Cib, node: str) -> "list[Obstacle]":
    strategy = cib.property("placement-strategy", "default")
    if strategy in ("", "default"):
        return []
    room = [
        f"{pair.get('name')} {pair.get('value')}"
        for each in cib.look("nodes").iter("node")
        if each.get("uname") == node
        for pair in each.iterfind("utilization/nvpair")
    ]
    text = (
        f"node {node} has no room for it (placement-strategy {strategy}; it has {', '.join(room) or 'none declared'})"
    )
    name = room[0].split()[0] if room else "NAME"
    command = f"crm_attribute --node {quote(node)} --utilization --name {name} --update NUMBER"
    return [Obstacle("no room", text, command, with_property("placement-strategy", "default"), lasts=True)]


def _constraint_of(cib: Cib, source: str) -> "Element | None":
    """The location constraint with this id, or with a rule of this id."""
    for constraint in cib.constraints():
        if constraint.tag == "rsc_location":
            ids = [constraint.get("id"), *(rule.get("id") for rule in constraint.iter("rule"))]
            if source in ids or source in [rule.get("id-ref") for rule in constraint.iter("rule")]:
                return constraint
    return None
