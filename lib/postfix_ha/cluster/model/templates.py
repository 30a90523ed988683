"""The templates of metadata/: plain fragments of a CIB in which the words in capitals are filled in."""

import os
import re

from lxml import etree

from postfix_ha.cluster.model.cib import Element
from postfix_ha.messages.errors import failed

# The words that the templates may use; one that is not given a value is a mistake of ours.
WORDS = (
    "ADDRESS",
    "BINARY",
    "CONFIG_DIR",
    "COPIES",
    "DEVICE",
    "DIRECTORY",
    "EXPIRY",
    "FILESYSTEM",
    "FSTYPE",
    "GROUP",
    "INTERFACE",
    "LEVEL",
    "MEMBERS",
    "MODE",
    "NAME",
    "NEEDED",
    "NETMASK",
    "NODE",
    "OPTIONS",
    "PATH",
    "PORTAL",
    "PROMOTED",
    "RELAY",
    "RESOURCE",
    "SCORE",
    "STICKINESS",
    "TARGET",
    "UNPROMOTED",
)
_WORD = re.compile(r"(?<![A-Za-z_])(?:" + "|".join(WORDS) + r")(?![A-Za-z_])")


def directory() -> str:
    """Where the templates lie: beside the library, in a checkout as when installed, or where pip has put them."""
    package = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    beside = os.path.join(os.path.dirname(os.path.dirname(package)), "metadata")
    return beside if os.path.isdir(os.path.join(beside, "constraints")) else _directory_of_pip() or beside


def _directory_of_pip() -> str:
    """The folder of the data files by pip's own list of what it installed, whatever its scheme; empty without one."""
    from importlib.metadata import PackageNotFoundError, files

    try:
        listed = files("postfix-ha") or []
    except PackageNotFoundError:
        return ""
    found = (str(each.locate()) for each in listed if each.parts[-2:] == ("metadata", "postfix_ha.xml"))
    return next((os.path.realpath(os.path.dirname(path)) for path in found), "")


def fill(name: str, **values: str) -> "list[Element]":
    """The elements of a template with its words filled in; a pair whose value is empty is left out."""
    path = os.path.join(directory(), name + ".xml")
    try:
        root = etree.parse(path, etree.XMLParser(remove_comments=True, remove_blank_text=True)).getroot()
    except (OSError, etree.XMLSyntaxError) as error:
        raise failed("template_read", path=path, why=error) from None
    for element in list(root.iter()):
        for attribute, text in element.attrib.items():
            # One pass over attribute values only: what is put in is never looked at again, nor taken for XML.
            element.set(attribute, _WORD.sub(lambda word: values[word.group()], text))
        parent = element.getparent()
        if element.tag == "nvpair" and parent is not None and not element.get("value"):
            parent.remove(element)
    for attributes in list(root.iter("instance_attributes")):
        parent = attributes.getparent()
        above = None if parent is None else parent.getparent()
        if len(attributes) or parent is None:
            continue
        parent.remove(attributes)
        if parent.tag == "op" and above is not None:  # without its level it would be the other one once more
            above.remove(parent)
    return list(root)
