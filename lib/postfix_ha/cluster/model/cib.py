"""Cib: the cluster's configuration as a document that can be looked at, copied and edited."""

import copy
from collections.abc import Iterator
from typing import Callable, Optional

from lxml import etree

from postfix_ha.messages.errors import failed
from postfix_ha.whole_number import whole_number

Element = etree._Element
RESOURCE_TAGS = ("primitive", "group", "clone", "master", "bundle")
# Pacemaker took "normal" for a member until schema 1.3, and still does when it reads an old configuration.
MEMBER_TYPES = ("member", "normal")
TRUE_WORDS = ("true", "on", "yes", "y", "1")
FALSE_WORDS = ("false", "off", "no", "n", "0")
COUNTER_MAX = 2**63 - 1


class Cib:
    """One version of the configuration; ``root`` is its document, with the status section where it was read live."""

    def __init__(self, root: Element) -> None:
        if root.tag != "cib" or root.find("configuration") is None:
            raise failed("cib_has_configuration")
        self.root = root

    @property
    def version(self) -> "tuple[int, int]":
        """(admin_epoch, epoch): it changes with every change of the configuration, and with nothing else."""
        return self._counter("admin_epoch"), self._counter("epoch")

    def _counter(self, name: str) -> int:
        text = self.root.get(name, "0")
        number = whole_number(text, COUNTER_MAX)
        if number is None:
            raise failed("cib_version_is_number", name=name, value=text)
        return number

    @property
    def schema(self) -> "tuple[int, int]":
        """The version of the schema that it is written in (validate-with); the newest where none is named."""
        name = self.root.get("validate-with", "").replace("pacemaker-", "")
        major, _, minor = name.partition(".")
        numbers = whole_number(major), whole_number(minor)
        return (99, 0) if numbers[0] is None or numbers[1] is None else (numbers[0], numbers[1])

    def copy(self) -> "Cib":
        """The same again, to be edited."""
        return Cib(copy.deepcopy(self.root))

    def copy_without(self, is_left_out: "Callable[[Element], bool]") -> "Cib":
        """The same again without the elements of which this is so; what is left out is never copied."""
        return Cib(_pruned(self.root, is_left_out))

    def section(self, name: str) -> Element:
        """A section of the configuration to add to; one that is missing is made."""
        configuration = self.root.find("configuration")
        assert configuration is not None
        found = configuration.find(name)
        return etree.SubElement(configuration, name) if found is None else found

    def look(self, name: str) -> Element:
        """A section of the configuration to look at; one that is missing is empty."""
        found = self.root.find(f"configuration/{name}")
        return etree.Element(name) if found is None else found

    def ids(self) -> "set[str]":
        """All ids in use in the configuration."""
        configuration = self.root.find("configuration")
        assert configuration is not None
        return {element.get("id", "") for element in configuration.iter(etree.Element) if element.get("id")}

    def resources(self) -> "Iterator[Element]":
        """All primitives, groups, clones and bundles, whatever they are in.

        Not those without an id, nor what is in one: Pacemaker ignores them (pe__unpack_resource).
        """
        return filter(_has_id, self.look("resources").iter(*RESOURCE_TAGS))

    def primitives(self) -> "Iterator[Element]":
        """All primitives."""
        return filter(_has_id, self.look("resources").iter("primitive"))

    def resource(self, name: str) -> "Optional[Element]":
        """The resource with this id, None where there is none."""
        return next((element for element in self.resources() if element.get("id") == name), None)

    def constraints(self) -> "list[Element]":
        """All constraints, tickets included; those without an id Pacemaker ignores (pcmk__unpack_constraints)."""
        return [each for each in self.look("constraints") if isinstance(each.tag, str) and each.get("id")]

    def members(self) -> "list[str]":
        """The names of the cluster's full members, in the order of their numbers."""
        found = [node for node in self.look("nodes").iter("node") if node.get("type", "member") in MEMBER_TYPES]
        found.sort(key=lambda node: (len(node.get("id", "")), node.get("id", "")))
        return [node.get("uname", "") for node in found if node.get("uname")]

    def remote_nodes(self) -> "list[str]":
        """The names of the nodes that run Pacemaker Remote: hosts of their own, and guests."""
        found = []
        for primitive in self.primitives():
            if self.agent(primitive) == "ocf:pacemaker:remote":
                found.append(primitive.get("id", ""))
            found += filter(None, [pairs(primitive, "meta_attributes").get("remote-node", "")])
        return [name for name in dict.fromkeys(found) if name not in self.members()]

    def nodes(self) -> "list[str]":
        """The names of all nodes that can run resources, the full members first."""
        return [*self.members(), *self.remote_nodes()]

    def hosts(self) -> "dict[str, list[str]]":
        """Node -> the names and addresses that the cluster itself reaches it by."""
        found = {node: [node] for node in self.nodes()}
        for primitive in self.primitives():
            if self.agent(primitive) == "ocf:pacemaker:remote":
                found.get(primitive.get("id", ""), []).append(self.parameters(primitive).get("server", ""))
            meta = pairs(primitive, "meta_attributes")
            found.get(meta.get("remote-node", ""), []).append(meta.get("remote-addr", ""))
        return {node: [word for word in dict.fromkeys(words) if word] for node, words in found.items()}

    def property(self, name: str, default: str = "") -> str:
        """The value of a cluster property."""
        for pair in self.look("crm_config").iter("nvpair"):
            if pair.get("name") == name:
                return pair.get("value", default)
        return default

    def is_true(self, name: str, default: str) -> bool:
        """Whether a boolean cluster property is on."""
        return self.property(name, default).lower() in TRUE_WORDS

    def _default_pair(self, name: str) -> "Optional[Element]":
        return pair_of(self.look("rsc_defaults"), "meta_attributes", name)

    def effective_meta(self, resource: Element, name: str) -> str:
        """A meta attribute of a resource: its own, its template's, that of what it is in, the default of all."""
        found = self.meta_pair(resource, name)
        return "" if found is None else found[1].get("value", "")

    def meta_pair(self, resource: Element, name: str) -> "Optional[tuple[Element, Element]]":
        """(what has it, the pair) of the meta attribute that is in force for a resource."""
        element: "Optional[Element]" = resource
        while element is not None and element.tag in RESOURCE_TAGS:
            for holder in (element, self.template_of(element)):
                found = None if holder is None else pair_of(holder, "meta_attributes", name)
                if holder is not None and found is not None:
                    return holder, found
            element = element.getparent()
        found = self._default_pair(name)
        return None if found is None else (self.look("rsc_defaults"), found)

    def agent(self, primitive: Element) -> str:
        """What runs a primitive, as in ocf:heartbeat:IPaddr2, its template's where it has one."""
        source = self.template_of(primitive)
        source = primitive if source is None else source
        return ":".join(source.get(key, "") for key in ("class", "provider", "type") if source.get(key))

    def parameters(self, primitive: Element) -> "dict[str, str]":
        """The instance parameters of a primitive, with those of its template."""
        source = self.template_of(primitive)
        inherited = {} if source is None else pairs(source, "instance_attributes")
        return {**inherited, **pairs(primitive, "instance_attributes")}

    def operations(self, primitive: Element) -> "list[Element]":
        """The operations of a primitive, with those of its template that it has not itself."""
        own = primitive.findall("operations/op")
        template = self.template_of(primitive)
        known = {(each.get("name"), each.get("interval", "0")) for each in own}
        inherited = [] if template is None else template.findall("operations/op")
        return own + [each for each in inherited if (each.get("name"), each.get("interval", "0")) not in known]

    def template_of(self, primitive: Element) -> "Optional[Element]":
        """The template that a primitive is made after, None where it is made after none."""
        name = primitive.get("template")
        if not name:
            return None
        templates = self.look("resources").iter("template")
        return next((template for template in templates if template.get("id") == name), None)


# What elements can be left out of; everything else is copied whole.
_CONTAINERS = (
    "cib", "configuration", "resources", "constraints", "rsc_colocation", "rsc_location", "rsc_order", "rsc_ticket",
    "resource_set", "tags", "tag", "status", "node_state", "lrm", "lrm_resources",
)  # fmt: skip


def _pruned(element: Element, is_left_out: "Callable[[Element], bool]") -> Element:
    if element.tag not in _CONTAINERS:
        return copy.deepcopy(element)
    made = etree.Element(element.tag, {str(key): str(value) for key, value in element.attrib.items()})
    made.extend(_pruned(child, is_left_out) for child in element if not is_left_out(child))
    return made


def parse(data: bytes) -> Cib:
    """The configuration in these bytes; ClusterError for anything else. No entity, DTD or network is followed."""
    try:
        parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, remove_blank_text=True)
        return Cib(etree.fromstring(data, parser))
    except etree.XMLSyntaxError as error:
        raise failed("cib_is_xml", why=error.msg) from None


def pairs(element: Element, tag: str) -> "dict[str, str]":
    """name -> value of the element's own nvpairs in its sets of this tag; sets with rules are left out."""
    found: "dict[str, str]" = {}
    for pair in _pairs_in_force(element, tag):
        found.setdefault(pair.get("name", ""), pair.get("value", ""))
    return found


def pair_of(element: Element, tag: str, name: str) -> "Optional[Element]":
    """The nvpair of this name that is in force among the element's own, None where there is none."""
    return next((pair for pair in _pairs_in_force(element, tag) if pair.get("name") == name), None)


def _pairs_in_force(element: Element, tag: str) -> "list[Element]":
    sets = [_referenced(child) for child in element.findall(tag) if child.find("rule") is None]
    sets.sort(key=lambda child: -score_of(child.get("score", "0")))
    return [_referenced(pair) for child in sets for pair in child.findall("nvpair")]


def _referenced(element: Element) -> Element:
    """What an element with id-ref stands for: the one with this id, of the same kind."""
    name = element.get("id-ref")
    if not name:
        return element
    others = element.getroottree().getroot().iter(element.tag)
    return next((each for each in others if each.get("id") == name), element)


INFINITY = 1000000


def score_of(text: str) -> int:
    """A score as a number: INFINITY is 1000000, as in Pacemaker; 0 for what is none."""
    sign = -1 if text.startswith("-") else 1
    word = text.lstrip("+-")
    if word.lower() in ("infinity", "inf"):
        return sign * INFINITY
    return sign * (whole_number(word, INFINITY) or 0)


def _has_id(resource: Element) -> bool:
    """Whether a resource has an id, and each that it is in."""
    element: "Optional[Element]" = resource
    while element is not None and element.tag in RESOURCE_TAGS:
        if not element.get("id"):
            return False
        element = element.getparent()
    return True


def top_of(resource: Element) -> Element:
    """The outermost resource that a resource is in: itself, its group or its clone."""
    top = resource
    parent = top.getparent()
    while parent is not None and parent.tag in RESOURCE_TAGS:
        top, parent = parent, parent.getparent()
    return top


def is_promotable(resource: Element) -> bool:
    """Whether a resource is a promotable clone; not the element that older schemas have for one."""
    return resource.tag == "clone" and pairs(resource, "meta_attributes").get("promotable", "").lower() in TRUE_WORDS


def to_text(element: "Optional[Element]") -> str:
    """The element as indented XML."""
    if element is None:
        return ""
    clean = copy.deepcopy(element)
    etree.indent(clean)
    text = etree.tostring(clean, encoding="unicode")
    # A character reference says the same and steers no terminal; line ends in values are references already.
    return "".join(each if each == "\n" or each.isprintable() else f"&#{ord(each)};" for each in text)
