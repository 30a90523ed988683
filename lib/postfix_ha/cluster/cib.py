"""Cib: the cluster's configuration as a document that can be looked at, copied and edited."""

import copy
from collections.abc import Iterator
from typing import Optional

from lxml import etree

from postfix_ha.cluster.errors import ClusterError

Element = etree._Element
RESOURCE_TAGS = ("primitive", "group", "clone", "master", "bundle")
TRUE_WORDS = ("true", "on", "yes", "y", "1")


class Cib:
    """One version of the configuration; ``root`` is its document, with the status section where it was read live."""

    def __init__(self, root: Element) -> None:
        if root.tag != "cib" or root.find("configuration") is None:
            raise ClusterError("this is not a cluster configuration: it has no <cib> with a <configuration>")
        self.root = root

    @property
    def version(self) -> "tuple[int, int]":
        """(admin_epoch, epoch): it changes with every change of the configuration, and with nothing else."""
        return int(self.root.get("admin_epoch", "0")), int(self.root.get("epoch", "0"))

    def copy(self) -> "Cib":
        """The same again, to be edited."""
        return Cib(copy.deepcopy(self.root))

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
        """All primitives, groups, clones and bundles, whatever they are in."""
        return self.look("resources").iter(*RESOURCE_TAGS)

    def primitives(self) -> "Iterator[Element]":
        """All primitives."""
        return self.look("resources").iter("primitive")

    def resource(self, name: str) -> "Optional[Element]":
        """The resource with this id, None where there is none."""
        return next((element for element in self.resources() if element.get("id") == name), None)

    def constraints(self) -> "list[Element]":
        """All constraints, tickets included."""
        return [element for element in self.look("constraints") if isinstance(element.tag, str)]

    def nodes(self) -> "list[str]":
        """The names of the cluster's full members, in the order of their numbers."""
        found = [node for node in self.look("nodes").iter("node") if node.get("type", "member") == "member"]
        found.sort(key=lambda node: (len(node.get("id", "")), node.get("id", "")))
        return [node.get("uname", "") for node in found]

    def property(self, name: str, default: str = "") -> str:
        """The value of a cluster property."""
        for pair in self.look("crm_config").iter("nvpair"):
            if pair.get("name") == name:
                return pair.get("value", default)
        return default

    def is_true(self, name: str, default: str) -> bool:
        """Whether a boolean cluster property is on."""
        return self.property(name, default).lower() in TRUE_WORDS

    def default_meta(self, name: str) -> str:
        """A meta attribute that holds for all resources (rsc_defaults), "" for none."""
        for attributes in self.look("rsc_defaults").iter("meta_attributes"):
            if attributes.find("rule") is None:
                for pair in attributes.iter("nvpair"):
                    if pair.get("name") == name:
                        return pair.get("value", "")
        return ""

    def effective_meta(self, resource: Element, name: str) -> str:
        """A meta attribute of a resource: its own, else that of what it is in, else the default of all."""
        element: "Optional[Element]" = resource
        while element is not None and element.tag in RESOURCE_TAGS:
            value = pairs(element, "meta_attributes").get(name)
            if value is not None:
                return value
            element = element.getparent()
        return self.default_meta(name)

    def agent(self, primitive: Element) -> str:
        """What runs a primitive, as in ocf:heartbeat:IPaddr2, its template's where it has one."""
        source = self._template(primitive)
        source = primitive if source is None else source
        return ":".join(source.get(key, "") for key in ("class", "provider", "type") if source.get(key))

    def parameters(self, primitive: Element) -> "dict[str, str]":
        """The instance parameters of a primitive, with those of its template."""
        source = self._template(primitive)
        inherited = {} if source is None else pairs(source, "instance_attributes")
        return {**inherited, **pairs(primitive, "instance_attributes")}

    def _template(self, primitive: Element) -> "Optional[Element]":
        name = primitive.get("template")
        if not name:
            return None
        templates = self.look("resources").iter("template")
        return next((template for template in templates if template.get("id") == name), None)


def parse(data: bytes) -> Cib:
    """The configuration in these bytes; ClusterError for anything else. No entity, DTD or network is followed."""
    try:
        parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, remove_blank_text=True)
        return Cib(etree.fromstring(data, parser))
    except etree.XMLSyntaxError as error:
        raise ClusterError(f"the cluster configuration cannot be read as XML: {error.msg}") from None


def pairs(element: Element, tag: str) -> "dict[str, str]":
    """name -> value of the element's own nvpairs in its sets of this tag; sets with rules are left out."""
    found: "dict[str, str]" = {}
    sets = [child for child in element.findall(tag) if child.find("rule") is None]
    for child in sorted(sets, key=lambda child: -score_of(child.get("score", "0"))):
        for pair in child.findall("nvpair"):
            found.setdefault(pair.get("name", ""), pair.get("value", ""))
    return found


INFINITY = 1000000


def score_of(text: str) -> int:
    """A score as a number: INFINITY is 1000000, as in Pacemaker; 0 for what is none."""
    sign = -1 if text.startswith("-") else 1
    word = text.lstrip("+-")
    if word.lower() in ("infinity", "inf"):
        return sign * INFINITY
    return sign * min(int(word), INFINITY) if word.isascii() and word.isdigit() else 0


def top_of(resource: Element) -> Element:
    """The outermost resource that a resource is in: itself, its group or its clone."""
    top = resource
    parent = top.getparent()
    while parent is not None and parent.tag in RESOURCE_TAGS:
        top, parent = parent, parent.getparent()
    return top


def to_text(element: "Optional[Element]") -> str:
    """The element as indented XML."""
    if element is None:
        return ""
    clean = copy.deepcopy(element)
    etree.indent(clean)
    text = etree.tostring(clean, encoding="unicode")
    # A character reference says the same and steers no terminal; line ends in values are references already.
    return "".join(each if each == "\n" or each.isprintable() else f"&#{ord(each)};" for each in text)
