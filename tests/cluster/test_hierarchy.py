"""The hierarchy in the cluster: who depends on whom, and that its templates are what they claim to be."""

import pytest
from lxml import etree

from tests.support.lab.resources import ADDRESS, FILESYSTEM, MAIL, TEMPLATES, fill

VALUES = {
    "dependency": {"RESOURCE": "mail", "NEEDED": "mail-ip"},
    "address": {"ADDRESS": "mail-ip", "FILESYSTEM": "queue-fs"},
    "preference": {"RESOURCE": "mail", "NODE": "n1", "SCORE": "100"},
    "exclusion": {"RESOURCE": "mail", "NODE": "n1"},
    "hold": {"RESOURCE": "mail", "NODE": "n1", "EXPIRY": "2030-01-01 12:00:00Z"},
    "promotion": {"RESOURCE": "mail", "NEEDED": "copy-clone", "PROMOTED": "Promoted"},
    "switchback": {"RESOURCE": "mail", "STICKINESS": "100"},
}
CIB = (
    '<cib crm_feature_set="3.13.0" validate-with="pacemaker-3.7" epoch="1" num_updates="0" admin_epoch="0">'
    "<configuration><crm_config><cluster_property_set id='p'><nvpair id='s' name='stonith-enabled' value='false'/>"
    "</cluster_property_set></crm_config><nodes><node id='1' uname='n1'/></nodes><resources/><constraints/>"
    "</configuration><status/></cib>"
)


def test_every_template_has_its_values_here():
    assert {path.stem for path in TEMPLATES.glob("*.xml")} == set(VALUES)


@pytest.mark.parametrize("name", sorted(VALUES))
def test_filled_template_is_valid(lab, name):
    document = etree.fromstring(CIB)
    resources = document.find("configuration/resources")
    for resource in ("queue-fs", "mail-ip", "mail"):
        etree.SubElement(
            resources, "primitive", {"id": resource, "class": "ocf", "provider": "pacemaker", "type": "Dummy"}
        )
    clone = etree.Element("clone", {"id": "copy-clone"})
    resources.insert(0, clone)
    meta = etree.SubElement(clone, "meta_attributes", {"id": "copy-clone-meta"})
    etree.SubElement(meta, "nvpair", {"id": "copy-clone-promotable", "name": "promotable", "value": "true"})
    stateful = {"id": "copy", "class": "ocf", "provider": "pacemaker", "type": "Stateful"}
    etree.SubElement(clone, "primitive", stateful)
    filled = fill(name, **VALUES[name])
    if filled.tag == "constraints":
        document.find("configuration/constraints").extend(list(filled))
    else:
        resources[-1].append(filled)
    lab.on().write("/root/template.xml", etree.tostring(document))
    done = lab.run("crm_verify", "--verbose", "--xml-file", "/root/template.xml")
    assert done.returncode == 0, done.stderr


def test_a_word_without_a_value_is_refused():
    with pytest.raises(KeyError, match="NODE"):
        fill("exclusion", RESOURCE="mail")


def test_a_value_is_never_taken_for_xml_or_for_another_word():
    filled = fill("preference", RESOURCE='a"/><x y="', NODE="SCORE", SCORE="1")
    assert len(filled) == 1
    assert (filled[0].get("rsc"), filled[0].get("node"), filled[0].get("score")) == ('a"/><x y="', "SCORE", "1")


def test_live_configuration_is_valid(lab):
    done = lab.run("crm_verify", "--live-check")
    assert done.returncode == 0, done.stderr


def test_postfix_depends_on_address_and_file_system_never_they_on_it(lab):
    here = lab.where(ADDRESS)
    lab.pcs("resource", "disable", MAIL)
    lab.wait_for(lambda: not lab.where(MAIL) and lab.is_idle(), 60, "Postfix has stopped")
    try:
        assert lab.where(ADDRESS) == here
        assert lab.where(FILESYSTEM) == here
        assert lab.watch.now.masters == ()
    finally:
        lab.pcs("resource", "enable", MAIL)
    lab.wait_for(lambda: lab.where() == here, 60, "Postfix runs again where its address is")
