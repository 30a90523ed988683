"""postfix-ha print: a hierarchy as what makes it again: pcs commands, lines for crm configure, or XML."""

import argparse
import copy

from lxml import etree

from postfix_ha.cli.cluster_command import DONE, add_command, add_resource, cluster_of, tell_unfinished
from postfix_ha.cli.output import say_json, say_lines
from postfix_ha.cluster.change.modify import delete
from postfix_ha.cluster.change.move import release
from postfix_ha.cluster.change.unfinished import unmark
from postfix_ha.cluster.model import changes as kinds
from postfix_ha.cluster.model.changes import Change, changes
from postfix_ha.cluster.model.cib import RESOURCE_TAGS, Cib, Element, to_text
from postfix_ha.cluster.model.edit import remove_resource
from postfix_ha.cluster.model.hierarchy import find_hierarchy
from postfix_ha.cluster.model.references import References
from postfix_ha.cluster.show.crm import crm_lines
from postfix_ha.cluster.show.pcs import pcs_script
from postfix_ha.cluster.show.spelling import spelled_out
from postfix_ha.messages.statement import worded

EXAMPLES = """\
  postfix-ha print >mail.sh                    recreate with: sh mail.sh
  postfix-ha print --format crm >mail.crm      crm configure <mail.crm
  postfix-ha print --format xml >mail.xml      cibadmin --modify --allow-create --xml-file mail.xml
"""
FORMATS = ("pcs", "crm", "xml")
SECTIONS = (("resources", kinds.ADD_RESOURCE), ("constraints", kinds.ADD_CONSTRAINT), ("alerts", kinds.ADD_ALERT))


def add_print(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command to the command line."""
    parser = add_command(
        commands, "print", run_print, "print the commands that recreate the service",
        "Print the commands or the XML that recreate the service's resources and constraints,\n"
        "whatever tool made them. Resources that other services need as well are left out.",
        EXAMPLES,
    )  # fmt: skip
    parser.add_argument(
        "--format", choices=FORMATS, default="pcs", help="pcs commands (default), crm configure, or XML"
    )
    add_resource(parser)


def run_print(options: argparse.Namespace) -> int:
    """Print."""
    cib = cluster_of(options).read()
    tell_unfinished(cib)
    tag = find_hierarchy(cib, options.tag).tag
    # What a move needs for a while is no part of the hierarchy.
    release(cib, tag)
    unmark(cib, tag)
    cib = spelled_out(cib)
    made = changes(without(cib, tag), cib)
    # A part that another service needs stays; a constraint that was pruned of the parts is not one that was made.
    made = [change for change in made if change.kind in (kinds.ADD_RESOURCE, kinds.ADD_CONSTRAINT, kinds.ADD_ALERT)]
    left = [text for each in made if each.element is not None for text in by_rule(each.element)]
    left += [worded("print_needs_before", name=name) for name in others(cib, made)]
    printed = {
        "pcs": [*pcs_script(made, f"{tag}.xml"), *left],
        "crm": [*crm_lines(made), *left],
        "xml": xml_lines(made),
    }
    if options.json:
        say_json(printed)
    else:
        say_lines(printed[options.format])
    return DONE


def without(cib: Cib, tag: str) -> Cib:
    """The configuration without the hierarchy: with the whole of a group, also where it has members for others."""
    found = delete(cib.copy(), tag, with_parts=True)
    left = found.resource(find_hierarchy(cib, tag).top)
    for primitive in [] if left is None else list(left.iter("primitive")):
        remove_resource(found, primitive.get("id", ""))
    return found


def others(cib: Cib, made: "list[Change]") -> "list[str]":
    """The resources that the constraints name and that are not made with them, the outermost of each."""
    elements = [each.element for each in made if each.element is not None]
    names = {each.get("id", "") for element in elements for each in element.iter(*RESOURCE_TAGS)}
    references = References(cib)
    named = [name for each in elements if each.tag.startswith("rsc_") for name in references.of_constraint(each)]
    return [name for name in dict.fromkeys(named) if name not in names]


def by_rule(element: Element) -> "list[str]":
    """The attribute sets of a resource that have a rule; the commands that create a resource cannot express those."""
    sets = element.iter("instance_attributes", "meta_attributes", "utilization")
    found = [each for each in sets if each.find("rule") is not None]
    return [worded("print_left_out", tag=each.tag, name=each.get("id")) for each in found]


def xml_lines(made: "list[Change]") -> "list[str]":
    """The elements in their sections."""
    root = etree.Element("configuration")
    for section, kind in SECTIONS:
        elements = [copy.deepcopy(change.element) for change in made if change.kind == kind]
        if not elements and section == "alerts":  # older schemas have none
            continue
        etree.SubElement(root, section).extend(each for each in elements if each is not None)
    return to_text(root).splitlines()
