"""What a start, a stop, a move or a smaller set of nodes leads to is said before it is done."""

import json
import shutil

import pytest
from lxml import etree

from postfix_ha.cluster.create.build import create
from tests.cibs.cases import path_of
from tests.support.cibs import cib, cib_text, mail, node, text, wish
from tests.support.command import OnFile

RUNS = (
    '<lrm id="{id}"><lrm_resources><lrm_resource id="mail" class="ocf" provider="mail" type="postfix_ha"><lrm_rsc_op '
    'id="mail_last_0" operation_key="mail_start_0" operation="start" crm-debug-origin="x" crm_feature_set="3.13.0" '
    'transition-key="1:1:0:00000000-0000-0000-0000-000000000000" call-id="9" rc-code="0" op-status="0" interval="0" '
    'transition-magic="0:0;1:1:0:00000000-0000-0000-0000-000000000000" on_node="n1" last-rc-change="1700000000" '
    'exec-time="1" queue-time="0" op-digest="0"/></lrm_resource></lrm_resources></lrm>'
)


def on_file(tmp_path, standby=(), nodes=("n1", "n2", "n3"), running_on=""):
    """The command on a file with a Postfix, on these nodes."""
    document = create(cib(), wish(tag="mail", nodes=[(name, at) for at, name in enumerate(nodes, 1)]), node())
    root = etree.fromstring(text(document))
    for name in standby:
        pair = f'<nvpair id="{name}-s" name="standby" value="on"/>'
        attributes = f'<instance_attributes id="{name}-a">{pair}</instance_attributes>'
        root.find(f"configuration/nodes/node[@uname='{name}']").append(etree.fromstring(attributes))
    if running_on:
        state = root.find(f"status/node_state[@uname='{running_on}']")
        state.append(etree.fromstring(RUNS.format(id=state.get("id"))))
    file = tmp_path / "cib.xml"
    file.write_bytes(etree.tostring(root))
    return OnFile(file)


def remarked(line, *words):
    """(exit code, id -> text) of what a dry run remarks."""
    done = line.run(*words, "--dry-run", "--json")
    assert done.returncode == 0, done.stderr
    return {each["id"]: each["text"] for each in json.loads(done.stdout)["remarks"]}


@pytest.mark.parametrize("words", [("in-service",), ("in-service", "n2"), ("switchover", "n2")], ids=" ".join)
def test_that_no_other_node_is_left_is_said_first(tmp_path, words):
    said = remarked(on_file(tmp_path, standby=("n1", "n3")), *words)
    assert said["redundancy_kept"].startswith("no other node could run mail then: if n2 fails, no client is served")
    assert remarked(on_file(tmp_path, standby=("n3",)), *words) == {}


def test_a_move_from_a_node_that_runs_keeps_it_as_the_other_one(tmp_path):
    line = on_file(tmp_path, nodes=("n1", "n2"), running_on="n1")
    assert remarked(line, "switchover", "n2") == {}


def test_a_stop_says_that_nobody_is_served_and_a_second_one_nothing(tmp_path):
    line = on_file(tmp_path, running_on="n1")
    said = remarked(line, "out-of-service")
    assert said["clients_served"].startswith("it stops on n1, and no client is served after that; 'postfix-ha in-serv")
    line.ok("out-of-service", "--yes")
    assert remarked(line, "out-of-service") == {}


def test_the_last_node_but_one_is_told_to_be_it(tmp_path):
    assert (
        "only one node takes part" in remarked(on_file(tmp_path, nodes=("n1", "n2")), "unextend", "n2")["nodes_enough"]
    )
    assert remarked(on_file(tmp_path), "unextend", "n2") == {}


@pytest.mark.parametrize("name", ["stop-all", "ticket-missing", "no-quorum", "no-fence-device"])
def test_a_start_that_starts_nothing_says_so(tmp_path, name):
    file = tmp_path / "cib.xml"
    shutil.copy(path_of(name), file)
    assert (
        "at the moment the cluster would start mail on no node"
        in remarked(OnFile(file), "in-service")["start_possible"]
    )


@pytest.mark.parametrize("holder", ["defaults", "template"])
def test_what_is_stopped_by_a_default_is_started(tmp_path, holder):
    stopped = '<meta_attributes id="m"><nvpair id="t" name="target-role" value="Stopped"/></meta_attributes>'
    file = tmp_path / "cib.xml"
    kind = 'class="ocf" provider="mail" type="postfix_ha"'
    file.write_text(
        cib_text(mail(), defaults=f"<rsc_defaults>{stopped}</rsc_defaults>")
        if holder == "defaults"
        else cib_text(f'<template id="t1" {kind}>{stopped}</template><primitive id="mail" template="t1"/>')
    )
    line = OnFile(file)
    assert "start mail on" not in line.ok("status")
    assert "start mail on" in line.ok("in-service", "--yes")
    assert "out of service" not in line.run("status").stdout


def test_a_path_that_this_node_lacks_is_said(tmp_path):
    said = remarked(on_file(tmp_path), "properties", "--parameter", "config_dir=/etc/nowhere")
    words = "config_dir is set to /etc/nowhere, which is not on this node; Postfix cannot start on a node without it"
    assert said["parameter_value_here"] == words
    assert remarked(on_file(tmp_path), "properties", "--parameter", "config_dir=/etc") == {}


def test_a_clone_depends_as_a_whole(tmp_path):
    file = tmp_path / "cib.xml"
    needed = '<primitive id="ldap" class="ocf" provider="pacemaker" type="Dummy"/>'
    file.write_text(cib_text(f'<clone id="c">{mail()}</clone>{needed}'))
    line = OnFile(file)
    assert "c where ldap is" in line.ok("depend", "ldap", "--yes")
    assert json.loads(line.ok("properties", "--json"))["needs"] == ["ldap"]
    line.ok("undepend", "ldap", "--yes")
    assert "rsc_order" not in file.read_text()


def test_what_follows_from_a_main_cf_that_is_not_there_is_not_said(tmp_path):
    file = tmp_path / "cib.xml"
    file.write_text(cib_text())
    done = OnFile(file).run("create", "--yes", "--config-dir", str(tmp_path / "nothing"))
    assert done.returncode == 2
    assert f"there is no main.cf in {tmp_path}/nothing" in done.stderr
    assert "main.cf does not tell the queue directory" not in done.stderr
