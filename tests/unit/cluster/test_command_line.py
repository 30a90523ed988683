"""The commands on a CIB file: wrong input is one line and exit 2, everything else is what it says."""

import json
import subprocess
import sys

import pytest
from lxml import etree

from postfix_ha.cluster.change.undo import undo
from postfix_ha.cluster.create.build import create
from postfix_ha.cluster.live.pacemaker import Cluster
from postfix_ha.cluster.live.push import change, plan
from postfix_ha.cluster.model.cib import parse
from postfix_ha.messages.errors import ClusterError, Refused
from tests.support.cibs import address, cib, cib_text, file_system, mail, node, text, wish
from tests.support.command import START, CommandLine
from tests.support.lab.tool import same_cluster

OFFLINE = "node n2 is offline; 'pcs cluster start n2' starts its cluster"


@pytest.fixture
def line(tmp_path):
    """A file with a hierarchy on n1 and n2."""
    file = tmp_path / "cib.xml"
    file.write_bytes(text(create(cib(), wish(tag="mail", nodes=[("n1", 1), ("n2", 10)]), node())))
    return CommandLine(file)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("switchover", "n9"), "there is no node 'n9'"),
        (("switchover", "n3"), "extend n3"),
        (("in-service", "--tag", "nothing"), "there is no resource 'nothing'"),
        (("out-of-service", "--tag", "fence"), "fence is not a Postfix"),
        (("extend", "n1; rm -rf /"), "there is no node 'n1; rm -rf /'"),
        (("extend", "n3", "--priority", "x"), "from 1 to 999"),
        (("extend",), "arguments are required: NODE"),
        (("unextend", "<n1/>"), "there is no node '<n1/>'"),
        (("depend", "mail"), "cannot depend on itself"),
        (("undepend", "ümlaut"), "no resource 'ümlaut'"),
        (("properties", "--priority", "n1=1000"), "from 1 to 999"),
        (("properties", "--priority", "n1=3", "--priority", "n1=4"), "named twice"),
        (("properties", "--parameter", "novalue"), "is not NAME=VALUE"),
        (("properties", "--operation", "monitor interval=often"), "is not a time"),
        (("properties", "--operation", "monitor"), "says nothing to set: add KEY=VALUE with a KEY of interval, "),
        (("properties", "--operation", "stop interval=10s"), "of the operations only monitor is repeated"),
        (("properties", "--priority", "n1"), "'n1' is not NODE=P, such as n1=10"),
        (("properties", "--priority", "=3"), "'=3' is not NODE=P"),
        (("depend", "fence"), "fence is a fence device, on which no service depends; the cluster uses it wherever"),
        (("migrate", "--to", "nonsense"), "does not run Postfix"),
        (("migrate", "--to", ""), "'' does not run Postfix"),
        (("create", "--node", "n1:0"), "from 1 to 999"),
        (("create", "--switchback", "sometimes"), "invalid choice"),
        (("create", "--config-dir", "relative/path"), "relative/path"),
        (("switchover", "n1", "--wait", "long"), "whole number of seconds"),
        (("print", "--format", "yaml"), "invalid choice"),
        (("dance",), "invalid choice"),
    ],
)
def test_wrong_input_is_one_line_and_exit_2(line, arguments, words):
    before = line.file.read_bytes()
    done = line.run(*arguments) if arguments != ("dance",) else line.run("dance")
    assert done.returncode == 2, done.stdout + done.stderr
    assert words in done.stderr
    assert done.stderr.count("\n") == 1, done.stderr
    assert done.stdout == ""
    assert line.file.read_bytes() == before


def test_a_node_that_is_down(line):
    root = etree.fromstring(line.file.read_bytes())
    for state in root.iterfind("status/node_state"):
        state.attrib.update({"in_ccm": "false", "crmd": "offline", "join": "down", "expected": "down"})
    line.file.write_bytes(etree.tostring(root))
    done = line.run("switchover", "n2")
    assert (done.returncode, done.stderr) == (2, f"postfix-ha: {OFFLINE}\n")
    told = line.run("status")
    assert told.returncode == 1
    assert "NOT IN SERVICE" in told.stdout
    assert "ip-198.51.100.100 does not run, and mail needs it" in told.stdout
    assert max(map(len, told.stdout.splitlines())) <= 80
    assert any(word in told.stdout for word in ("offline", "unclean"))


@pytest.mark.parametrize("content", [None, b"", b"<cib", b"<x/>", b"\xff\xfe\x00\x01"])
def test_a_file_that_is_no_cib(tmp_path, content):
    file = tmp_path / "x.xml"
    if content is not None:
        file.write_bytes(content)
    done = CommandLine(file).run("properties")
    assert done.returncode == 4
    assert done.stderr.count("\n") == 1


def test_json_of_a_refusal_and_of_a_change(line):
    refused = line.run("extend", "n9", "--json")
    told = json.loads(refused.stdout)
    (finding,) = told.pop("findings")
    assert told == {"changed": False, "exit_code": 2, "errors": [refused.stderr[12:-1]]}
    assert (finding["id"], finding["severity"]) == ("node_known", "error")
    assert told["errors"] == [f"{finding['text']}: {finding['remedy']}"]
    done = json.loads(line.ok("extend", "n3", "--priority", "5", "--json"))
    assert done["changed"] is True
    assert done["changes"]
    assert any(word.startswith("pcs -f") for word in done["pcs"])
    again = json.loads(line.ok("extend", "n3", "--priority", "5", "--json"))
    assert (again["changed"], again["changes"]) == (False, [])


def test_what_is_so_already_is_said(line):
    before = line.file.read_bytes()
    for arguments in (("extend", "n1"), ("undepend", "fence"), ("unextend", "n3"), ("in-service",)):
        done = line.run(*arguments)
        assert done.returncode == 0
        assert "already configured as requested" in done.stdout, arguments
    assert line.file.read_bytes() == before


@pytest.mark.parametrize("made_by", ["tool", "group", "clone"])
def test_a_print_out_makes_the_same_again(tmp_path, line, made_by):
    if made_by != "tool":
        resources = {
            "group": f'<group id="g">{file_system()}{address()}{mail(agent="ocf:heartbeat:postfix")}</group>',
            "clone": f'<clone id="c">{mail(agent="ocf:heartbeat:postfix")}</clone>',
        }[made_by]
        line.file.write_text(cib_text(resources))
    else:
        line.ok("migrate", "--to", "ocf:heartbeat:postfix")  # an agent that is installed where the tests run
    wanted = same_cluster(line.file.read_text())
    commands = line.ok("print").splitlines()
    if len(commands) > 1:  # a single one needs no copy to be made on
        get, *commands, push = commands
        assert (get, push) == ("pcs cluster cib mail.xml", "pcs cluster cib-push mail.xml")
    else:
        commands = [commands[0].replace("pcs ", "pcs -f mail.xml ", 1)]
    empty = tmp_path / "mail.xml"
    empty.write_text(cib_text())
    for command in commands:
        done = subprocess.run(["sh", "-c", command], cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == 0, command + done.stderr
    assert without_operations(same_cluster(empty.read_text())) == without_operations(wanted)
    (tmp_path / "add.xml").write_text(line.ok("print", "--format", "xml"))
    empty.write_text(cib_text())
    words = ("--modify", "--allow-create", "--xml-file", str(tmp_path / "add.xml"))
    assert Cluster(str(empty)).call("cibadmin", *words).returncode == 0
    assert same_cluster(empty.read_text()) == wanted
    assert "primitive mail" in line.ok("print", "--format", "crm")


def test_what_properties_says_of_crm_sets_what_it_would_set(tmp_path, line):
    """crmsh takes no new attribute inside configure: the command it has for that is named, and it works."""
    before = line.file.read_text()
    arguments = ("properties", "--parameter", "greeting_timeout=20", "--meta", "failure-timeout=5min")
    told = json.loads(line.ok(*arguments, "--dry-run", "--json"))["crm"]
    line.ok(*arguments)
    wanted = same_cluster(line.file.read_text())
    line.file.write_text(before)
    environment = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "CIB_file": str(line.file), "HOME": str(tmp_path)}
    for each in told:
        start, _, command = each.partition(": ")
        assert start == "# not inside configure"
        done = subprocess.run(["sh", "-c", command], env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, command + done.stdout + done.stderr
    assert same_cluster(line.file.read_text()) == wanted


def without_operations(cluster):
    """pcs adds a monitor operation to what has none; operations are compared on the lab's nodes, with our agent."""
    return {each for each in cluster if len(each) < 3 or each[1] not in ("monitor", "start", "stop", "reload")}


def test_manual_and_completion_know_every_command():
    told = subprocess.run([sys.executable, "-c", START, "--help"], capture_output=True, text=True, check=True).stdout
    for name in ("create", "status", "switchover", "extend", "delete", "migrate", "check"):
        assert f"    {name} " in told
    page, script = (
        subprocess.run([sys.executable, "-c", START, name], capture_output=True, text=True, check=True).stdout
        for name in ("manual", "completion")
    )
    assert ".SS switchover" in page
    ask = 'COMP_WORDS=(postfix-ha {}); COMP_CWORD={}; _shtab_postfix_ha; echo "${{COMPREPLY[@]}}"'
    for words, at, expected in (("sw", 1, "switchover"), ("create --sw", 2, "--switchback")):
        done = subprocess.run(
            ["bash", "-c", script + ask.format(words, at)], capture_output=True, text=True, check=True
        )
        assert done.stdout.split() == [expected]


class Partition(Cluster):
    """A file that passes for the live cluster."""

    @property
    def is_live(self):
        return True


def test_without_quorum_nothing_is_changed(tmp_path):
    file = tmp_path / "cib.xml"
    file.write_text(cib_text().replace('have-quorum="1"', 'have-quorum="0"'))
    with pytest.raises(Refused, match="no quorum"):
        plan(Partition(str(file)), lambda document: create(document, wish(), node()))


def test_a_change_by_somebody_else_meanwhile_is_kept_and_built_upon(tmp_path):
    file = tmp_path / "cib.xml"
    file.write_text(cib_text())
    cluster = Cluster(str(file))
    planned = []

    def planner(document):
        planned.append(document.version)
        if len(planned) < 3:  # somebody else is quicker, twice
            other = f'<nvpair id="other-{len(planned)}" name="batch-limit-{len(planned)}" value="1"/>'
            properties = f'<cluster_property_set id="options">{other}</cluster_property_set>'
            done = cluster.call("cibadmin", "--modify", "--scope", "crm_config", "--xml-text", properties)
            assert done.returncode == 0, done.stderr
        return create(document, wish(tag="mail"), node())

    change(cluster, planner)
    assert len(planned) == 3
    after = file.read_text()
    assert "batch-limit-1" in after
    assert "batch-limit-2" in after
    assert "<rsc_order" in after
    assert after.count('id="mail"') == 1


def test_somebody_who_never_stops_is_given_up_on(tmp_path):
    file = tmp_path / "cib.xml"
    file.write_text(cib_text())
    cluster = Cluster(str(file))

    def planner(document):
        root = etree.fromstring(file.read_bytes())
        root.set("epoch", str(int(root.get("epoch")) + 1))
        file.write_bytes(etree.tostring(root))
        return create(document, wish(tag="mail"), node())

    with pytest.raises(ClusterError, match="somebody else kept changing the configuration: given up after 10 attempts"):
        change(cluster, planner)
    assert "rsc_order" not in file.read_text()


def test_what_the_schema_forbids_is_refused_before_anything_is_pushed(tmp_path):
    file = tmp_path / "cib.xml"
    file.write_text(cib_text())

    def planner(document):
        document.section("constraints").append(etree.fromstring('<rsc_order id="o" first="nothing" then="fence"/>'))
        return document

    with pytest.raises(Refused, match="the cluster would not take this"):
        plan(Cluster(str(file)), planner)


def test_undo_takes_back_exactly_its_own(tmp_path):
    file = tmp_path / "cib.xml"
    file.write_text(cib_text(file_system()))
    cluster = Cluster(str(file))
    made = change(cluster, lambda document: create(document, wish(tag="mail"), node()))
    pair = '<cluster_property_set id="options"><nvpair id="other" name="batch-limit" value="1"/></cluster_property_set>'
    cluster.call("cibadmin", "--modify", "--scope", "crm_config", "--xml-text", pair)
    change(cluster, undo(made))
    left = parse(file.read_bytes())
    assert left.property("batch-limit") == "1"
    assert [each.get("id") for each in left.primitives()] == ["fence", "queue-fs"]
    assert left.constraints() == []
