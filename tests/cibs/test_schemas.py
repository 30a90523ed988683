"""Every schema that this Pacemaker has: a configuration written in it is read, judged and added to."""

import glob
import re

import pytest
from lxml import etree

from postfix_ha.cli.cluster_command import NO_CLUSTER
from postfix_ha.cli.main import main
from postfix_ha.cluster.create.build import create
from postfix_ha.cluster.live.pacemaker import Cluster, Scratch
from postfix_ha.cluster.model.cib import parse
from postfix_ha.cluster.where.placement import nodes_that_can_run
from tests.cibs.scheduler import runs_there, status_of
from tests.support.cibs import address, cib_text, file_system, node, primitive, wish

SCHEMAS = sorted(
    re.search(r"pacemaker-[0-9.]+[0-9]", path)[0] for path in glob.glob("/usr/share/pacemaker/pacemaker-[0-9]*.rng")
)
BAN = (
    '<rsc_location id="not-3" rsc="g"><rule id="r" score="-INFINITY">'
    '<expression id="e" attribute="#uname" operation="eq" value="n3"/></rule></rsc_location>'
)


def written_in(schema, resources, constraints=""):
    root = etree.fromstring(cib_text(resources, constraints))
    root.set("validate-with", schema)
    if schema in ("pacemaker-1.0", "pacemaker-1.2"):
        for each in root.iter("node"):
            each.set("type", "normal")
    return etree.tostring(root)


@pytest.mark.parametrize("schema", [*SCHEMAS, "none"])
def test_a_configuration_of_every_age_is_judged(tmp_path, schema):
    file = tmp_path / "cib.xml"
    group = f'<group id="g">{file_system()}{address()}{primitive("mail", "ocf:mail:postfix_ha")}</group>'
    file.write_bytes(written_in(schema, group, BAN))
    found = status_of(file)
    assert found["can_run"] == {"n1": True, "n2": True, "n3": False}
    assert found["can_run"] == {name: runs_there(file, "mail", name) for name in found["can_run"]}
    assert "not-3" in found["why_not"]["n3"][0]["text"]


@pytest.mark.parametrize("schema", [*SCHEMAS, "none"])
def test_what_is_added_to_it_is_of_its_age(schema):
    old = parse(written_in(schema, file_system() + address()))
    new = create(old.copy(), wish(tag="mail", nodes=[("n1", 1), ("n2", 2)]), node())
    with Scratch() as scratch:
        path = scratch.write("cib.xml", new)
        done = Cluster().call("crm_verify", "--xml-file", path)
        assert done.returncode == 0 or schema == "none", done.stderr
        can = nodes_that_can_run(Cluster(path), new, "mail", ["n1", "n2", "n3"])
    assert can == {"n1": True, "n2": True, "n3": False}


def test_a_configuration_that_its_schema_refuses_is_told_in_one_line(tmp_path, capsys):
    file = tmp_path / "cib.xml"
    file.write_text(
        cib_text(file_system() + primitive("mail", "ocf:mail:postfix_ha"), defaults="<tags><tag id='t'/></tags>")
    )
    assert main(["status", "--cib-file", str(file)]) == NO_CLUSTER
    (line,) = capsys.readouterr().err.splitlines()
    assert "cannot read the cluster status: " in line
    assert "schema" in line
