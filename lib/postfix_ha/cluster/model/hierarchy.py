"""Hierarchy: a Postfix resource with all that it needs, recognised in a CIB whoever made it."""

import os

from postfix_ha.cluster.model.cib import INFINITY, Cib, Element, score_of, top_of
from postfix_ha.cluster.model.managed_addresses import managed_addresses
from postfix_ha.cluster.model.managed_mounts import mounted_by
from postfix_ha.cluster.model.priority import switchback_of
from postfix_ha.cluster.model.relations import Relations
from postfix_ha.config.unit_files import unit_config_dir
from postfix_ha.instance import DEFAULT_CONFIG_DIR
from postfix_ha.messages.errors import refused
from postfix_ha.params import Params

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable

OUR_AGENT = "ocf:mail:postfix_ha"
SHELL_AGENT = "ocf:heartbeat:postfix"
UNIT_CLASSES = ("systemd", "service", "lsb", "upstart")
MOVE_PREFIXES = ("cli-prefer-", "cli-ban-")


def is_mail_agent(agent: str) -> bool:
    """Whether an agent runs a Postfix instance: ours, the shell agent, or the distribution's unit or script."""
    if agent in (OUR_AGENT, SHELL_AGENT):
        return True
    class_, _, unit = agent.partition(":")
    bare = unit[: -len(".service")] if unit.endswith(".service") else unit
    return class_ in UNIT_CLASSES and (bare == "postfix" or bare.startswith("postfix@"))


def _directory_of_unit(agent: str) -> str:
    """The configuration directory that a unit of this node runs Postfix with, "" where it is none or there is none."""
    class_, _, unit = agent.partition(":")
    directory = unit_config_dir(unit) if class_ == "systemd" else ""
    return directory if directory and os.path.isfile(os.path.join(directory, "main.cf")) else ""


class Hierarchy:
    """``tag`` is the id of the Postfix primitive, ``needs`` the primitives that it needs (nearest first).

    ``scores`` are the preferences (node -> finite score, or INFINITY), ``excluded`` the nodes where it may not run,
    ``holder`` the resource whose location constraints say what is preferred, ``moves`` the ids of constraints that a
    move by hand (crm_resource, pcs resource move) has left behind.
    """

    def __init__(self, cib: Cib, mail: Element, relations: "Relations | None" = None) -> None:
        self.cib = cib
        self.mail = mail
        self.tag = mail.get("id", "")
        self.relations = relations or Relations(cib)
        self.needs = self.relations.needs(self.tag)
        self.scores: "dict[str, int]" = {}
        self.excluded: "list[str]" = []
        self.holder = self.top
        self.moves: "list[str]" = []
        self._read_locations()

    @property
    def members(self) -> "list[str]":
        """All primitives of the hierarchy, Postfix first."""
        return [self.tag, *self.needs]

    @property
    def top(self) -> str:
        """The outermost resource that Postfix is in: itself, or its group or clone."""
        return top_of(self.mail).get("id", "")

    @property
    def containers(self) -> "list[str]":
        """The members and all that they are in."""
        return list(dict.fromkeys(name for member in self.members for name in self.containers_of(member)))

    def containers_of(self, member: str) -> "list[str]":
        """A member and all that it is in."""
        found: "list[str]" = []
        resource = self.cib.resource(member)
        while resource is not None and resource.tag != "resources":
            found.append(resource.get("id", ""))
            resource = resource.getparent()
        return found

    def is_always_with(self, member: str) -> bool:
        """Whether Postfix must run where this member does."""
        return self.relations.is_with(self.tag, member)

    @property
    def own(self) -> "list[str]":
        """The members that nothing outside of the hierarchy needs, by another member neither; Postfix first."""
        members = set(self.members)
        theirs = {name for name in self.members if not set(self.relations.needed_by(name)) <= members}
        below = {needed for name in theirs - {self.tag} for needed in self.relations.needs(name)}
        return [name for name in self.members if name not in theirs | below]

    @property
    def anchor(self) -> str:
        """The member that the others are placed with: the queue's file system where it is known; "" for none."""
        found = [*self.file_systems.values(), *self.needs]
        return next((name for name in found if self.relations.is_with(self.tag, name)), "")

    @property
    def agent(self) -> str:
        """What runs Postfix."""
        return self.cib.agent(self.mail)

    @property
    def is_clone(self) -> bool:
        """Whether each node runs a Postfix of its own."""
        return top_of(self.mail).tag in ("clone", "master")

    @property
    def config_dir(self) -> str:
        """The configuration directory of the instance; the usual one where neither parameter nor unit says another."""
        named = Params(self.cib.parameters(self.mail)).config_dir
        return named or _directory_of_unit(self.agent) or DEFAULT_CONFIG_DIR

    @property
    def addresses(self) -> "dict[str, str]":
        """Address -> primitive of the addresses that it needs."""
        found = managed_addresses(self.cib)
        ours = {address: [name for name in names if name in self.needs] for address, names in found.items()}
        return {address: names[0] for address, names in ours.items() if names}

    @property
    def file_systems(self) -> "dict[str, str]":
        """Mount point -> primitive of the file systems that it needs."""
        found = mounted_by(self.cib)
        return {directory: name for directory, name in found.items() if name in self.needs}

    @property
    def nodes(self) -> "list[str]":
        """The nodes that take part, the most preferred first."""
        opt_in = not self.cib.is_true("symmetric-cluster", "true")
        taking_part = [node for node in self.cib.nodes() if node not in self.excluded]
        if opt_in:
            taking_part = [node for node in taking_part if self.scores.get(node, -1) >= 0]
        return sorted(taking_part, key=lambda node: -self.scores.get(node, 0))

    def stickiness(self, member: str) -> int:
        """The stickiness in force for a member."""
        resource = self.cib.resource(member)
        assert resource is not None
        return score_of(self.cib.effective_meta(resource, "resource-stickiness") or "0")

    def switchback(self, member: str = "") -> str:
        """``automatic`` or ``intelligent``: whether a member (default: Postfix) fails back, by resource-stickiness."""
        scores = [score for score in self.scores.values() if abs(score) < INFINITY]
        return switchback_of(self.stickiness(member or self.tag), scores)

    @property
    def is_disabled(self) -> bool:
        """Whether Postfix is to stay stopped (target-role)."""
        return self.cib.effective_meta(self.mail, "target-role").lower() == "stopped"

    def _read_locations(self) -> None:
        containers = set(self.containers)
        for constraint in self.cib.constraints():
            if constraint.tag != "rsc_location":
                continue
            named = self.relations.references.of_location(constraint)
            holder = next((name for name in named if name in containers), "")
            if not holder:
                continue
            if constraint.get("id", "").startswith(MOVE_PREFIXES):
                self.moves.append(constraint.get("id", ""))
                continue
            for node, text in _plain_scores(constraint):
                self._read_score(holder, node, score_of(text))

    def _read_score(self, holder: str, node: str, score: int) -> None:
        if score <= -INFINITY:
            if node not in self.excluded:
                self.excluded.append(node)
        else:
            self.holder = holder if not self.scores else self.holder
            self.scores[node] = min(INFINITY, self.scores.get(node, 0) + score)


def _plain_scores(constraint: Element) -> "list[tuple[str, str]]":
    """(node, score) of what a constraint says of a node by its name alone, in a rule as well."""
    node = constraint.get("node")
    if node:
        sets = [each.get("score", "") for each in constraint.findall("resource_set") if each.get("score")]
        return [(node, next(iter(sets), constraint.get("score", "0")))]
    found = []
    for rule in constraint.findall("rule"):
        inner = list(rule)
        by_name = [each for each in inner if each.get("attribute") == "#uname" and each.get("operation") == "eq"]
        if len(inner) == 1 and by_name:
            found.append((by_name[0].get("value", ""), rule.get("score", "0")))
    return found


def hierarchies(cib: Cib) -> "list[Hierarchy]":
    """All hierarchies with a Postfix."""
    relations = Relations(cib)
    return [Hierarchy(cib, each, relations) for each in cib.primitives() if is_mail_agent(cib.agent(each))]


def find_hierarchy(cib: Cib, tag: str, is_meant: "Callable[[Hierarchy], bool] | None" = None) -> Hierarchy:
    """The service with this resource id; if the id is "", the only service, or the only one that can be meant.

    Raises Refused if there is none, if the id is not a Postfix resource, or if there are several and the id is "".
    """
    found = hierarchies(cib)
    names = ", ".join(each.tag for each in found)
    known = names or "there is none yet"
    if tag:
        for each in found:
            if tag in (each.tag, each.top):
                return each
        if cib.resource(tag) is not None:
            raise refused("resource_runs_postfix", resource=tag, known=known)
        raise refused("resource_exists", resource=tag, known=known)
    if not found:
        raise refused("hierarchy_exists")
    if len(found) > 1:
        meant = [each for each in found if is_meant and is_meant(each)]
        if len(meant) != 1:
            raise refused("hierarchy_named", known=names, first=(meant or found)[0].tag)
        return meant[0]
    return found[0]
