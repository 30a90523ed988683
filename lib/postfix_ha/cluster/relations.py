"""Relations: which resource must be where another is, and which starts after which, however the CIB says it."""

from postfix_ha.cluster.cib import INFINITY, Cib, Element, score_of

Pair = tuple[str, str]


class Relations:
    """``with_`` holds (dependent, needed) of mandatory colocations, ``after`` (later, earlier) of mandatory orders.

    Both name primitives: a group, a clone or a resource set is taken apart into what it means for its members.
    """

    def __init__(self, cib: Cib) -> None:
        self.with_: "set[Pair]" = set()
        self.after: "set[Pair]" = set()
        self._members: "dict[str, list[str]]" = {}
        for resource in cib.resources():
            names = [primitive.get("id", "") for primitive in resource.iter("primitive")]
            self._members[resource.get("id", "")] = names
            if resource.tag == "group":
                for at, name in enumerate(names):
                    self.with_.update((name, earlier) for earlier in names[:at])
                    self.after.update((name, earlier) for earlier in names[:at])
        for constraint in cib.constraints():
            if constraint.tag == "rsc_colocation" and _is_mandatory_colocation(constraint):
                self._colocation(constraint)
            elif constraint.tag == "rsc_order" and constraint.get("kind", "Mandatory") == "Mandatory":
                self._order(constraint)

    def needs(self, name: str) -> "list[str]":
        """What a primitive needs: what it must run with or start after, directly or through others; itself not."""
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

    def _colocation(self, constraint: Element) -> None:
        sets = [_Set(element, self) for element in constraint.findall("resource_set")]
        for at, dependent in enumerate(sets):
            if dependent.sequential:  # every member needs those listed before it
                self.with_.update(dependent.chain())
            if at + 1 < len(sets):  # each set needs the sets listed after it
                self.with_.update((a, b) for a in dependent.flat() for b in sets[at + 1].flat())
        for a in self._members.get(constraint.get("rsc", ""), ()):
            self.with_.update((a, b) for b in self._members.get(constraint.get("with-rsc", ""), ()))

    def _order(self, constraint: Element) -> None:
        sets = [_Set(element, self) for element in constraint.findall("resource_set")]
        for at, earlier in enumerate(sets):
            if earlier.sequential:
                self.after.update(earlier.chain())
            if at + 1 < len(sets):
                self.after.update((later, a) for a in earlier.flat() for later in sets[at + 1].flat())
        for later in self._members.get(constraint.get("then", ""), ()):
            self.after.update((later, a) for a in self._members.get(constraint.get("first", ""), ()))

    def members(self, name: str) -> "list[str]":
        """The primitives of a resource, itself where it is one."""
        return self._members.get(name, [])


class _Set:
    """One resource_set: its members, each as its primitives."""

    def __init__(self, element: Element, relations: Relations) -> None:
        references = element.findall("resource_ref")
        self.members = [relations.members(reference.get("id", "")) for reference in references]
        self.sequential = element.get("sequential", "true").lower() != "false"

    def flat(self) -> "list[str]":
        """All primitives in it."""
        return [name for names in self.members for name in names]

    def chain(self) -> "list[Pair]":
        """(later, earlier) of members that follow one another."""
        found = []
        for earlier, later in zip(self.members, self.members[1:]):
            found += [(a, b) for a in later for b in earlier]
        return found


def _is_mandatory_colocation(constraint: Element) -> bool:
    if constraint.find("resource_set") is not None:
        scores = [element.get("score") for element in constraint.findall("resource_set")]
        score = next((text for text in scores if text), constraint.get("score", "INFINITY"))
        return score_of(score) >= INFINITY
    return score_of(constraint.get("score", "0")) >= INFINITY


def _reaches(relation: "set[Pair]", start: str, goal: str) -> bool:
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
