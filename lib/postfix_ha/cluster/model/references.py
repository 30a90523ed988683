"""References: which resources a constraint means, however it names them: by id, tag, template, pattern or set."""

import re

from postfix_ha.cluster.model.cib import RESOURCE_TAGS, Cib, Element


class References:
    """What the names in constraints stand for: ids of resources (of the outermost that is named, never taken apart)."""

    def __init__(self, cib: Cib) -> None:
        self._known: "dict[str, Element]" = {each.get("id", ""): each for each in cib.resources()}
        self._outermost = [each for each in cib.look("resources") if each.tag in RESOURCE_TAGS]
        self._many: "dict[str, list[str]]" = {}
        for primitive in cib.primitives():
            if primitive.get("template"):
                self._many.setdefault(primitive.get("template", ""), []).append(primitive.get("id", ""))
        for tag in cib.look("tags").iter("tag"):
            self._many[tag.get("id", "")] = [each.get("id", "") for each in tag.iter("obj_ref")]

    def of_name(self, name: str) -> "list[str]":
        """The resources that a name in a constraint stands for."""
        if name in self._known:
            return [name]
        return [each for each in self._many.get(name, []) if each in self._known]

    def is_many(self, name: str) -> bool:
        """Whether the name is a tag's or a template's, which stand for a set without order."""
        return name not in self._known and name in self._many

    def of_set(self, element: Element) -> "list[str]":
        """The resources of a resource_set, in its order."""
        return [each for ref in element.iter("resource_ref") for each in self.of_name(ref.get("id", ""))]

    def of_location(self, constraint: Element) -> "list[str]":
        """The resources that a location constraint or a ticket is about."""
        pattern = constraint.get("rsc-pattern")
        if pattern:
            return self._matching(pattern)
        found = self.of_name(constraint.get("rsc", ""))
        return found + [name for each in constraint.findall("resource_set") for name in self.of_set(each)]

    def of_constraint(self, constraint: Element) -> "list[str]":
        """All resources that any constraint names."""
        ends = [constraint.get(end, "") for end in ("with-rsc", "first", "then")]
        return [*self.of_location(constraint), *(name for end in ends if end for name in self.of_name(end))]

    def _matching(self, pattern: str) -> "list[str]":
        # Pacemaker takes POSIX extended expressions, searched for anywhere in the id of resources that are in no other;
        # "!" turns them round.
        wanted = not pattern.startswith("!")
        try:
            found = re.compile(pattern.lstrip("!"))
        except re.error:
            return []
        names = [name for name in (each.get("id") for each in self._outermost) if name]
        return [name for name in names if bool(found.search(name)) is wanted]
