"""Each refusal has the id of its row, in JSON as well, and its sentence says what is the matter."""

import json
import os

import pytest

from postfix_ha.cli.drill.drill_command import check_writable
from postfix_ha.cli.drill.node_steps import do_step, run_step
from postfix_ha.cli.main import main
from postfix_ha.cluster.change import modify, move, replace_agent
from postfix_ha.cluster.change.move import begin_to_stop
from postfix_ha.cluster.create.build import create
from postfix_ha.cluster.create.plan import make_draft
from postfix_ha.cluster.live.nodes import check_online
from postfix_ha.cluster.live.pacemaker import Cluster
from postfix_ha.cluster.live.push import Plan, checked
from postfix_ha.cluster.model import templates
from postfix_ha.cluster.model.cib import parse
from postfix_ha.cluster.model.hierarchy import SHELL_AGENT, find_hierarchy
from postfix_ha.cluster.model.operations import set_operation
from postfix_ha.drill.client import Letter
from postfix_ha.drill.faults import ADDRESS, find_victim, inflict
from postfix_ha.drill.recipient import objection
from postfix_ha.endpoint import Endpoint
from postfix_ha.messages.catalogue import CATALOGUE
from postfix_ha.messages.errors import ClusterError, Refused
from postfix_ha.peers.remote import Remote
from tests.support.cibs import address, cib, file_system, mail, node, primitive, stickiness, text, wish

ORDER = '<rsc_order id="o" first="queue-fs" then="mail"/>'
TOGETHER = '<rsc_colocation id="c" rsc="mail" with-rsc="queue-fs" score="INFINITY"/>'
CLONE = f'<clone id="mail-clone">{mail()}</clone>'


def whole():
    """A hierarchy on n1 and n2."""
    return create(cib(), wish(tag="mail", nodes=[("n1", 1), ("n2", 10)]), node())


def on_one_node():
    return create(cib(), wish(tag="mail", nodes=[("n1", 1)]), node())


def going_home():
    return create(cib(), wish(tag="mail", nodes=[("n1", 1), ("n2", 10)], switchback="automatic"), node())


def exchanged_half():
    """An exchange of the agent has begun, and is not ended."""
    return replace_agent.begin(whole(), "mail", SHELL_AGENT)


def with_monitors():
    """A Postfix with two monitor operations."""
    document = whole()
    primitive_ = document.resource("mail")
    set_operation(document, primitive_, "monitor", {"interval": "11s"})
    set_operation(document, primitive_, "monitor", {"interval": "13s"})
    return document, primitive_


def shared(*names):
    """Two Postfix that need one file system."""
    ties = "".join(
        f'<rsc_order id="o-{name}" first="queue-fs" then="{name}"/>'
        f'<rsc_colocation id="c-{name}" rsc="{name}" with-rsc="queue-fs" score="INFINITY"/>'
        for name in names
    )
    return cib(file_system() + mail() + primitive("web", "ocf:heartbeat:apache"), ties)


def without_quorum():
    document = whole()
    document.root.set("have-quorum", "0")
    return checked(Cluster(), Plan(document, modify.extend(document.copy(), "mail", "n3")))


def status(**attributes):
    element = parse(text(whole())).root.makeelement("status", {})
    nodes = element.makeelement("nodes", {})
    nodes.append(nodes.makeelement("node", {"name": "n2", "online": "true", **attributes}))
    element.append(nodes)
    return element


REFUSALS = {
    "resource_runs_postfix": (lambda: find_hierarchy(whole(), "fence"), "fence is not a Postfix: name one of: mail"),
    "resource_exists": (lambda: find_hierarchy(whole(), "nothing"), "no resource 'nothing': name one of: mail"),
    "hierarchy_exists": (lambda: find_hierarchy(cib(), ""), "'postfix-ha create' creates its resources"),
    "hierarchy_named": (
        lambda: find_hierarchy(cib(mail() + mail("two", config_dir="/etc/postfix-two")), ""),
        "there are several Postfix resources, so name one of: mail, two",
    ),
    "node_known": (lambda: modify.extend(whole(), "mail", "n9"), "there is no node 'n9': the cluster has n1, n2, n3"),
    "node_takes_part": (
        lambda: move.check_target(find_hierarchy(whole(), ""), "n3"),
        "node n3 does not take part in mail: 'postfix-ha extend n3' first",
    ),
    "service_on_one_node": (
        lambda: move.check_target(find_hierarchy(cib(CLONE), ""), "n1"),
        "mail-clone is a clone, which runs on all nodes at once: there is nothing to move",
    ),
    "service_stays": (lambda: move.check_stays(find_hierarchy(going_home(), ""), "n2"), "fail back to n1 at once"),
    "nodes_preferred": (lambda: modify.extend(cib(CLONE), "mail", "n1"), "mail-clone is a clone, which has no"),
    "priority_free": (lambda: modify.extend(whole(), "mail", "n3", 10), "priority 10 is taken by n2: each node needs"),
    "node_left": (lambda: modify.unextend(on_one_node(), "mail", "n1"), "n1 is the only node of mail: 'postfix-ha"),
    "needed_exists": (lambda: modify.depend(whole(), "mail", "x"), "there is no resource 'x'"),
    "needed_is_another": (lambda: modify.depend(whole(), "mail", "mail"), "mail cannot depend on itself"),
    "needed_goes_before": (
        lambda: modify.depend(
            cib(file_system() + mail(), ORDER.replace('first="queue-fs" then="mail"', 'first="mail" then="queue-fs"')),
            "mail",
            "queue-fs",
        ),
        "queue-fs itself depends on mail: the two would wait for one another",
    ),
    "needed_untied": (
        lambda: modify.undepend(cib(f'<group id="g">{file_system()}{mail()}</group>'), "mail", "queue-fs"),
        "mail depends on queue-fs through a group",
    ),
    "switchback_same": (
        lambda: modify.depend(cib(mail() + address(meta=stickiness("mail-ip", "100"))), "mail", "mail-ip"),
        "that of mail-ip is intelligent, that of mail is automatic: 'crm_resource --resource mail-ip --",
    ),
    "switchback_ours": (
        lambda: modify.set_switchback(shared("mail", "web"), "mail", "intelligent"),
        "queue-fs also serves web and is automatic: change all of them",
    ),
    "monitor_named": (
        lambda: set_operation(*with_monitors(), "monitor", {"timeout": "9s"}),
        "name one by its interval",
    ),
    "unfinished": (
        lambda: begin_to_stop(exchanged_half(), "mail", "delete --stop"),
        "is under way or was interrupted: run it again to finish it, 'postfix-ha migrate --to ocf:mail:postfix_ha'",
    ),
    "unfinished_for_good": (
        lambda: begin_to_stop(replace_agent.exchanged(exchanged_half(), "mail", SHELL_AGENT), "mail", "delete --stop"),
        "is under way or was interrupted: run it again to finish it",
    ),
    "quorum_here": (without_quorum, "has no quorum: a change made here is lost when the other part comes back; run it"),
    "node_runs_resources": (
        lambda: check_online(status(standby="true"), "n2"),
        "node n2 is in standby: end that first ('pcs node unstandby n2')",
    ),
    "node_online": (lambda: check_online(status(online="false"), "n2"), "node n2 is offline; 'pcs cluster start n2'"),
    "node_clean": (
        lambda: check_online(status(online="false", unclean="true"), "n2"),
        "node n2 is unclean: the cluster waits until it has been fenced; 'stonith_admin --history n2' shows",
    ),
    "node_joined": (
        lambda: check_online(status(pending="true"), "n2"),
        "node n2 is about to join the cluster: try again when it is online",
    ),
    "host_named": (
        lambda: Remote("-oProxyCommand=x", ["ssh"]).argv(["true"]),
        "'-oProxyCommand=x' is not a host name",
    ),
}
FAILURES = {
    "cib_has_configuration": (lambda: parse(b"<x/>"), "it has no <cib> with a <configuration>"),
    "cib_version_is_number": (
        lambda: parse(b"<cib epoch='5\xc2\xb2'><configuration/></cib>").version,
        "the cluster configuration has epoch='5\u00b2', which is not a whole number",
    ),
    "cib_is_xml": (lambda: parse(b"<cib"), "the cluster configuration cannot be read as XML: "),
    "cib_file_there": (lambda: Cluster("/nonexistent/x").read(), "/nonexistent/x is not there, or not a file"),
    "cib_file_is_cib": (lambda: Cluster("/etc/passwd").read(), "/etc/passwd is not a cluster configuration"),
    "template_read": (lambda: templates.fill("no/such"), "; install postfix-ha again"),
}


@pytest.mark.parametrize("check", REFUSALS)
def test_a_refusal_has_its_id_and_its_sentence(check):
    work, words = REFUSALS[check]
    with pytest.raises(Refused) as raised:
        work()
    assert [each.check for each in raised.value.statements] == [check]
    assert words in raised.value.reasons[0]
    assert raised.value.statements[0].code == 2


@pytest.mark.parametrize("check", FAILURES)
def test_a_failure_of_the_cluster_has_its_id_and_its_sentence(check):
    work, words = FAILURES[check]
    with pytest.raises(ClusterError) as raised:
        work()
    assert [each.check for each in raised.value.statements] == [check]
    assert words in str(raised.value)
    assert raised.value.statements[0].code == 4


COMMANDS = {
    "switchover_in_service": (("switchover", "n2"), "mail is out of service: 'postfix-ha in-service n2' starts it"),
    "priorities_named_once": (("properties", "--priority", "n1=3", "--priority", "n1=4"), "is named twice"),
    "parts_of_running_kept": (("delete", "--leave-running", "--with-parts"), "omit --with-parts"),
    "agent_for_postfix": (("migrate", "--to", "ocf:heartbeat:apache"), "ocf:heartbeat:apache does not run Postfix: "),
    "drill_in_service": (("drill", "--dry-run", "--mailbox", "/x"), "mail is out of service: 'postfix-ha in-service'"),
    "drill_on_cluster": (("drill",), "with --cib-file use --dry-run"),
    "drill_waits": (("drill", "--dry-run", "--wait", "0"), "--wait takes a number of seconds from 1"),
    # Of our own agent's parameters each value is looked at before.
    "text_for_xml": (("properties", "--parameter", "parameters=\x01"), "the cluster's configuration is XML"),
}


@pytest.mark.parametrize("check", COMMANDS)
def test_a_command_says_the_id_in_json(check, tmp_path, capsys):
    arguments, words = COMMANDS[check]
    file = tmp_path / "cib.xml"
    theirs = cib(file_system() + address() + mail(agent=SHELL_AGENT))
    file.write_bytes(text(theirs if check == "text_for_xml" else move.out_of_service(whole(), "mail")))
    before = file.read_bytes()
    code = main([arguments[0], "--cib-file", str(file), "--json", *arguments[1:]])
    out, err = capsys.readouterr()
    told = json.loads(out)
    assert (code, told["exit_code"], told["changed"]) == (2, 2, False)
    assert [each["id"] for each in told["findings"]] == [check]
    assert told["findings"][0]["severity"] == "error"
    assert told["findings"][0]["text"] == CATALOGUE[check].sentence.format(tag="mail", agent=arguments[-1])
    assert words in told["errors"][0]
    assert err == f"postfix-ha: {told['errors'][0]}\n"
    assert file.read_bytes() == before


def drawn(document, here=None, **values):
    """The remarks of planning: id -> (severity, text)."""
    found = make_draft(document, wish(**values), here or node()).remarks
    return {each.check: (each.severity, each.text) for each in found}


PLANNED = {
    "queue_directory_known": (lambda: drawn(cib(), node(queue="")), "error", "main.cf does not tell the queue"),
    "nodes_enough": (
        lambda: drawn(cib(), nodes=[("n1", 1)]),
        "warning",
        "only one node takes part: 'postfix-ha extend",
    ),
    "fence_device_there": (
        lambda: drawn(parse(text(cib()).replace(b'class="stonith"', b'class="ocf" provider="x"'))),
        "warning",
        "there is no fence device",
    ),
    "cluster_manages": (
        lambda: drawn(cib(properties='<nvpair id="m" name="maintenance-mode" value="true"/>')),
        "warning",
        "maintenance-mode is on: nothing is started until it is off",
    ),
    "dependency_direction": (
        lambda: drawn(cib(file_system() + address() + mail(), '<rsc_order id="o" first="mail" then="queue-fs"/>')),
        "error",
        "queue-fs is started after mail, and would stop with it: reverse that constraint",
    ),
    "priority_free": (
        lambda: drawn(cib(), nodes=[("n1", 5), ("n2", 5)]),
        "error",
        "priority 5 is taken by n1: each node needs its own",
    ),
    "tag_free": (lambda: drawn(cib(primitive("x", "ocf:heartbeat:Dummy")), tag="x"), "error", "the id x is taken: "),
    "address_valid": (lambda: drawn(cib(), addresses=["300.1.1.1"]), "error", "is not ADDRESS[/PREFIX]"),
}


@pytest.mark.parametrize("check", PLANNED)
def test_planning_says_it_with_the_severity_of_its_row(check):
    work, severity, words = PLANNED[check]
    said = work()
    assert check in said
    assert said[check][0] == severity == CATALOGUE[check].severity
    assert words in said[check][1]


STEPS = {
    "agent_in_resource": (
        lambda: raise_(replace_agent.why_not(templated(), SHELL_AGENT)),
        "mail is made from a template: replace the agent there",
    ),
    "drill_master_same": (
        lambda: inflict("thaw", {"pid": str(os.getpid()), "start": "1"}),
        f"the master process {os.getpid()} has ended",
    ),
    "drill_step_known": (lambda: do_step({"step": "x"}), "there is no step 'x' of a drill: install the same version"),
    "drill_step_whole": (lambda: run_step("]"), "the request is not a step of a drill: install the same version"),
    "drill_address_there": (
        lambda: find_victim(ADDRESS, "/etc/postfix", "", "198.51.100.77"),
        "198.51.100.77 is not on ",
    ),
    "drill_report_possible": (
        lambda: check_writable("/proc/version/x"),
        "the report cannot be left in /proc/version/x: /proc/version is no directory to write in: say --report DIR",
    ),
    "unit_named": (
        lambda: raise_(replace_agent.why_not(find_hierarchy(cib(mail(config_dir="/etc/p2")), ""), "systemd:postfix")),
        "systemd:postfix runs the default instance, not /etc/p2: name its unit, as in systemd:postfix@name",
    ),
    "drill_endpoint_talks": (
        lambda: raise_([objection(Endpoint("127.0.0.1", 1), Letter("a@b", "c@d", "s", "m"))]),
        "no mail dialogue with 127.0.0.1:1: ",
    ),
}


def templated():
    """A Postfix whose agent is in a template."""
    document = cib(mail())
    document.resource("mail").set("template", "t")
    return find_hierarchy(document, "mail")


def raise_(found):
    raise Refused(*found)


@pytest.mark.parametrize("check", STEPS)
def test_a_step_is_refused_with_its_id(check):
    work, words = STEPS[check]
    with pytest.raises(Refused) as raised:
        work()
    assert [each.check for each in raised.value.statements] == [check]
    assert words in raised.value.reasons[0]


REMARKS = {
    "parts_kept": (("delete", "--stop"), "these stay: "),
    "operations_replaced": (
        ("migrate", "--to", SHELL_AGENT),
        "the operations of the resource are replaced by those of the new agent",
    ),
}


@pytest.mark.parametrize("check", REMARKS)
def test_a_remark_has_its_id_in_json(check, tmp_path, capsys):
    arguments, words = REMARKS[check]
    file = tmp_path / "cib.xml"
    file.write_bytes(text(whole()))
    assert main([arguments[0], "--cib-file", str(file), "--json", "--dry-run", *arguments[1:]]) == 0
    (told,) = json.loads(capsys.readouterr().out)["remarks"]
    assert (told["id"], told["severity"], told["command"]) == (check, "note", None)
    assert told["text"].startswith(words)
