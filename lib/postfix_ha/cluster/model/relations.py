"""Relations: which resource must be where another is, and which starts after which, however the CIB says it."""

from postfix_ha.cluster.model.cib import FALSE_WORDS, INFINITY, Cib, Element, pairs, score_of
from postfix_ha.cluster.model.references import References

Edge = tuple[str, str]
# What brings a resource up, so that an order of it is one of starts.
COMING_UP = ("start", "promote")
# The second is what it was called until Pacemaker 2.1.
PROMOTED_ROLES = ("Promoted", "Master")


class Relations:
    """``with_`` holds (dependent, needed) of mandatory colocations, ``after`` (later, earlier) of mandatory orders.

    Both name primitives: a group, a clone or a resource set is taken apart into what it means for its members.
    ``promoted_with`` and ``after_promotion`` hold those of them that are about the promoted role of the needed one.
    """

    def __init__(self, cib: Cib) -> None:
        self.with_: "set[Edge]" = set()
        self.after: "set[Edge]" = set()
        self.promoted_with: "set[Edge]" = set()
        self.after_promotion: "set[Edge]" = set()
        self._members: "dict[str, list[str]]" = {}
        self.references = References(cib)
        for resource in cib.resources():
            names = [name for name in (primitive.get("id") for primitive in resource.iter("primitive")) if name]
            self._members[resource.get("id", "")] = names
            if resource.tag == "group":
                self._group(resource, names)
        for constraint in cib.constraints():
            if constraint.tag == "rsc_colocation" and _is_same_node(constraint):
                self._colocation(constraint)
            elif constraint.tag == "rsc_order" and is_mandatory_order(constraint):
                self._order(constraint)

    def _group(self, group: Element, names: "list[str]") -> None:
        meta = pairs(group, "meta_attributes")
        for at, name in enumerate(names):
            if meta.get("collocated", "true").lower() not in FALSE_WORDS:
                self.with_.update((name, earlier) for earlier in names[:at])
            if meta.get("ordered", "true").lower() not in FALSE_WORDS:
                self.after.update((name, earlier) for earlier in names[:at])

    def needs(self, name: str) -> "list[str]":
        """The primitives that a primitive depends on (order or colocation), directly or not; without itself."""
        found: "list[str]" = []
        waiting = [name]
        while waiting:
            at = waiting.pop(0)
            direct = sorted({needed for dependent, needed in self.with_ | self.after if dependent == at})
            for needed in direct:
                if needed != name and needed not in found:
                    found.append(needed)
                    waiting.append(needed)
        return found

    def needed_by(self, name: str) -> "list[str]":
        """The primitives that directly need this one."""
        return sorted({dependent for dependent, needed in self.with_ | self.after if needed == name})

    def is_with(self, dependent: str, needed: str) -> bool:
        """Whether the one must run where the other does, directly or through others."""
        return _reaches(self.with_, dependent, needed)

    def is_after(self, later: str, earlier: str) -> bool:
        """Whether the one starts after the other, directly or through others."""
        return _reaches(self.after, later, earlier)

    def is_on_promoted(self, dependent: str, needed: str) -> bool:
        """Whether the one must run where the other is promoted, directly or through others."""
        ways = {each for each, promoted in self.promoted_with if promoted == needed}
        return dependent in ways or any(self.is_with(dependent, each) for each in ways)

    def is_after_promotion(self, later: str, earlier: str) -> bool:
        """Whether the one starts after the other's promotion, directly or through others."""
        ways = {each for each, promoted in self.after_promotion if promoted == earlier}
        return later in ways or any(self.is_after(later, each) for each in ways)

    def _colocation(self, constraint: Element) -> None:
        sets = [_Set(element, self) for element in constraint.findall("resource_set")]
        score = constraint.get("score", "INFINITY" if sets else "0")
        for at, dependent in enumerate(sets):
            if score_of(dependent.score or score) < INFINITY:
                continue
            if dependent.sequential:  # every member needs those listed before it
                self.with_.update(dependent.chain())
            if at + 1 < len(sets):  # each set needs the sets listed after it
                found = {(a, b) for a in dependent.flat() for b in sets[at + 1].flat()}
                self.with_ |= found
                self.promoted_with |= found if sets[at + 1].role in PROMOTED_ROLES else set()
        if score_of(score) >= INFINITY:
            needed = self.members_of(constraint.get("with-rsc", ""))
            found = {(a, b) for a in self.members_of(constraint.get("rsc", "")) for b in needed if a != b}
            self.with_ |= found
            self.promoted_with |= found if constraint.get("with-rsc-role", "") in PROMOTED_ROLES else set()

    def _order(self, constraint: Element) -> None:
        sets = [_Set(element, self) for element in constraint.findall("resource_set")]
        for at, earlier in enumerate(sets):
            if earlier.sequential and earlier.is_start:
                self.after.update(earlier.chain())
            later_set = sets[at + 1] if at + 1 < len(sets) else None
            if later_set and earlier.is_start and later_set.is_start and not earlier.is_any:
                found = {(later, a) for a in earlier.flat() for later in later_set.flat()}
                self.after |= found
                self.after_promotion |= found if earlier.action == "promote" else set()
        if constraint.get("first-action", "start") in COMING_UP and (
            constraint.get("then-action", constraint.get("first-action", "start")) in COMING_UP
        ):
            firsts = self.members_of(constraint.get("first", ""))
            found = {(later, a) for later in self.members_of(constraint.get("then", "")) for a in firsts}
            self.after |= found
            self.after_promotion |= found if constraint.get("first-action") == "promote" else set()

    def members(self, name: str) -> "list[str]":
        """The primitives of a resource, itself where it is one."""
        return self._members.get(name, [])

    def members_of(self, name: str) -> "list[str]":
        """The primitives that a name in a constraint stands for, be it a tag's or a template's."""
        return [primitive for each in self.references.of_name(name) for primitive in self.members(each)]


class _Set:
    """One resource_set: its members, each as its primitives; with ``is_any`` one of them is enough."""

    def __init__(self, element: Element, relations: Relations) -> None:
        names = [reference.get("id", "") for reference in element.findall("resource_ref")]
        self.members = [relations.members_of(name) for name in names]
        self.score = element.get("score", "")
        self.sequential = element.get("sequential", "true").lower() not in FALSE_WORDS
        self.is_any = not self.sequential and element.get("require-all", "true").lower() in FALSE_WORDS
        self.role = element.get("role", "")
        self.action = element.get("action", "start")
        self.is_start = self.action in COMING_UP

    def flat(self) -> "list[str]":
        """All primitives in it."""
        return [name for names in self.members for name in names]

    def chain(self) -> "list[Edge]":
        """(later, earlier) of members that follow one another."""
        found = []
        for earlier, later in zip(self.members, self.members[1:]):
            found += [(a, b) for a in later for b in earlier]
        return found


def _is_same_node(constraint: Element) -> bool:
    """Whether a colocation is one on the node itself, not only on a node with the same value of an attribute."""
    return constraint.get("node-attribute", "#uname") == "#uname"


def is_mandatory_order(constraint: Element) -> bool:
    """Whether an order holds whatever happens, at the stop as well; in old configurations a score says so."""
    if constraint.get("symmetrical", "true").lower() in FALSE_WORDS:
        return False
    kind = constraint.get("kind")
    if kind is None:
        return score_of(constraint.get("score", "INFINITY")) > 0
    return kind == "Mandatory"


def _reaches(relation: "set[Edge]", start: str, goal: str) -> bool:
    seen, waiting = {start}, [start]
    while waiting:
        at = waiting.pop()
        for dependent, needed in relation:
            if dependent == at and needed not in seen:
                if needed == goal:
                    return True
                seen.add(needed)
                waiting.append(needed)
    return False
