"""The templates of metadata/: plain fragments of a CIB in which the words in capitals are filled in."""

import os
import re

from lxml import etree

from postfix_ha.cluster.cib import Element
from postfix_ha.cluster.errors import ClusterError

# The words that the templates may use; one that is not given a value is a mistake of ours.
WORDS = (
    "ADDRESS",
    "BINARY",
    "CONFIG_DIR",
    "DEVICE",
    "DIRECTORY",
    "EXPIRY",
    "FILESYSTEM",
    "FSTYPE",
    "INTERFACE",
    "NEEDED",
    "NETMASK",
    "NODE",
    "OPTIONS",
    "RESOURCE",
    "SCORE",
    "STICKINESS",
)
_WORD = re.compile(r"(?<![A-Za-z_])(?:" + "|".join(WORDS) + r")(?![A-Za-z_])")


def directory() -> str:
    """Where the templates lie: beside the library, in a checkout as when installed."""
    package = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    return os.path.join(os.path.dirname(os.path.dirname(package)), "metadata")


def fill(name: str, **values: str) -> "list[Element]":
    """The elements of a template with its words filled in; a pair whose value is empty is left out."""
    path = os.path.join(directory(), name + ".xml")
    try:
        root = etree.parse(path, etree.XMLParser(remove_comments=True, remove_blank_text=True)).getroot()
    except (OSError, etree.XMLSyntaxError) as error:
        raise ClusterError(f"the template {path} cannot be read: {error}; install postfix-ha again") from None
    for element in list(root.iter()):
        for attribute, text in element.attrib.items():
            # One pass over attribute values only: what is put in is never looked at again, nor taken for XML.
            element.set(attribute, _WORD.sub(lambda word: values[word.group()], text))
        parent = element.getparent()
        if element.tag == "nvpair" and parent is not None and not element.get("value"):
            parent.remove(element)
    for attributes in list(root.iter("instance_attributes")):
        parent = attributes.getparent()
        if not len(attributes) and parent is not None:
            parent.remove(attributes)
    return list(root)
