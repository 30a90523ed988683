"""The alert that create makes: made with the service, told by every tool in the same words, gone with the service."""

import json
import subprocess
import sys

import pytest
from lxml import etree

from postfix_ha.cluster.change.modify import delete, depend, undepend
from postfix_ha.cluster.change.undo import undo
from postfix_ha.cluster.create.alert import relay_host
from postfix_ha.cluster.create.build import create
from postfix_ha.cluster.live.push import Plan
from postfix_ha.cluster.model.alerts import agent_path, alerts
from postfix_ha.cluster.model.changes import sentence
from postfix_ha.messages.errors import Refused
from tests.support.cibs import ADDRESS, cib, cib_text, mail, node, primitive, text, wish
from tests.support.lab.tool import same_cluster
from tests.support.machine.node import CHECKOUT

TO, RELAY = ["admin@example.com", "night+mail@example.org"], "relay.example.net:587"
START = f'import sys; sys.path.insert(0, "{CHECKOUT}/lib"); from postfix_ha.cli.main import main; sys.exit(main())'
WISH = {"tag": "mail", "nodes": [("n1", 1), ("n2", 10)]}
MAILED = {**WISH, "has_alert": True, "alert_mail": TO, "alert_relay": RELAY}


def made(**more):
    return create(cib(), wish(**{**MAILED, **more}), node())


def options(alert):
    return {pair.get("name"): pair.get("value") for pair in alert.iter("nvpair")}


def test_it_tells_of_all_that_the_service_needs_and_is_made_once():
    configuration = made()
    (alert,) = alerts(configuration)
    assert alert.get("path") == agent_path()
    assert options(alert) == {"only": "mail,fs-mnt-queue,ip-198.51.100.100", "relay": RELAY}
    assert [each.get("value") for each in alert.findall("recipient")] == TO
    assert len({each.get("id") for each in alert.iter()}) == len(list(alert.iter()))
    before = text(configuration)
    assert text(create(configuration, wish(**MAILED), node())) == before
    # A further recipient joins those that are there; another relay takes the old one's place.
    more = create(configuration, wish(has_alert=True, alert_mail=["x@y.example"], alert_relay="other.example"), node())
    (alert,) = alerts(more)
    assert [each.get("value") for each in alert.findall("recipient")] == [*TO, "x@y.example"]
    assert options(alert)["relay"] == "other.example"


def test_without_a_mail_it_has_no_relay_and_without_the_wish_there_is_none():
    (alert,) = alerts(made(alert_mail=[], alert_relay=""))
    assert options(alert) == {"only": "mail,fs-mnt-queue,ip-198.51.100.100"}
    assert alerts(create(cib(), wish(**WISH), node())) == []


@pytest.mark.parametrize(
    ("more", "check"),
    [
        ({"alert_relay": ""}, "alert_mail_whole"), ({"alert_mail": []}, "alert_mail_whole"),
        ({"alert_mail": ["nobody"]}, "alert_mail_valid"), ({"alert_mail": ["a@b c"]}, "alert_mail_valid"),
        ({"alert_mail": ["-x@b"]}, "alert_mail_valid"), ({"alert_mail": ["$(id)@b;"]}, "alert_mail_valid"),
        ({"alert_relay": "a:b"}, "alert_relay_valid"), ({"alert_relay": "a:70000"}, "alert_relay_valid"),
        ({"alert_relay": "-x"}, "alert_relay_valid"), ({"alert_relay": "[::1"}, "alert_relay_valid"),
        ({"alert_relay": "localhost:25"}, "alert_relay_elsewhere"), ({"alert_relay": ADDRESS}, "alert_relay_elsewhere"),
        ({"alert_relay": "[::1]:25"}, "alert_relay_elsewhere"), ({"alert_relay": "127.0.0.9"}, "alert_relay_elsewhere"),
    ],
)  # fmt: skip
def test_a_mail_that_could_not_go_is_refused(more, check):
    with pytest.raises(Refused) as caught:
        made(**more)
    assert [each.check for each in caught.value.statements] == [check]


def test_an_agent_that_hacluster_could_not_run_is_refused(monkeypatch, tmp_path):
    monkeypatch.setattr("postfix_ha.cluster.model.alerts.directory", lambda: str(tmp_path / "metadata"))
    monkeypatch.setattr("postfix_ha.cluster.create.alert.agent_path", lambda: str(tmp_path / "alerts/postfix-ha-alert"))
    with pytest.raises(Refused) as caught:
        made()
    assert [each.check for each in caught.value.statements] == ["alert_installed"]


@pytest.mark.parametrize(
    ("relay", "host"),
    [("relay.example.net", "relay.example.net"), ("r:25", "r"), ("[2001:db8::5]:25", "2001:db8::5"),
     ("2001:db8::5", "2001:db8::5"), ("[2001:db8::5]", "2001:db8::5"), ("[x]25", ""), ("", ""), ("a b", "")],
)  # fmt: skip
def test_a_relay_is_read_in_each_form(relay, host):
    assert relay_host(relay) == host


def test_delete_takes_it_away_and_leaves_those_of_others():
    others = cib('<primitive id="d" class="ocf" provider="pacemaker" type="Dummy"/>')
    path = agent_path()
    theirs = f"""<alerts>
      <alert id="all" path="{path}"/>
      <alert id="both" path="{path}"><instance_attributes id="b"><nvpair id="bo" name="only" value="mail, d"/>
        </instance_attributes></alert>
      <alert id="mine" path="/opt/postfix-ha-alert-2">
        <instance_attributes id="m"><nvpair id="mo" name="only" value="mail"/></instance_attributes></alert></alerts>"""
    others.root.find("configuration").append(etree.fromstring(theirs))
    before = same_cluster(text(others).decode())
    configuration = create(others, wish(**MAILED), node())
    assert len(alerts(configuration)) == 4
    assert same_cluster(text(delete(configuration, "mail", with_parts=True)).decode()) == before
    # Made by hand with pcs, for this service alone, it goes with it as well; the section does not stay empty.
    empty = delete(made(), "mail", with_parts=True)
    assert same_cluster(text(empty).decode()) == same_cluster(cib_text())
    assert empty.root.find("configuration/alerts") is None


def test_what_the_service_depends_on_is_told_of():
    configuration = create(cib(primitive("d", "ocf:pacemaker:Dummy")), wish(**MAILED, switchback="automatic"), node())
    (alert,) = alerts(depend(configuration, "mail", "d"))
    assert "d" in options(alert)["only"].split(",")
    (alert,) = alerts(undepend(configuration, "mail", "d"))
    assert set(options(alert)["only"].split(",")) == {"mail", "fs-mnt-queue", "ip-198.51.100.100"}


def test_a_change_is_told_and_can_be_undone():
    old = create(cib(), wish(**WISH), node())
    new = create(old.copy(), wish(**MAILED), node())
    plan = Plan(old, new)
    assert [sentence(each) for each in plan.changes] == [
        f"add alert mail-alert ({agent_path()}, mails to {', '.join(TO)})"
    ]
    new.root.set("epoch", "9")
    new.section("crm_config").append(etree.fromstring('<cluster_property_set id="somebodys"/>'))
    assert alerts(undo(plan)(new)) == []


def printed(file, *arguments):
    """What the command print says of a CIB file."""
    argv = [sys.executable, "-c", START, "print", "--cib-file", str(file), *arguments]
    return subprocess.run(argv, capture_output=True, text=True, check=True, timeout=60).stdout


def test_what_print_says_makes_the_same_with_each_tool(tmp_path):
    file = tmp_path / "cib.xml"
    file.write_bytes(text(made()))
    wanted = {each for each in same_cluster(file.read_text()) if "mail-alert" in each}
    assert len(wanted) == 5
    empty = tmp_path / "mail.xml"
    empty.write_text(cib_text(mail()))
    for command in printed(file).splitlines():
        if " alert " in command:
            subprocess.run(["sh", "-c", command], cwd=tmp_path, check=True, timeout=60)
    assert wanted <= same_cluster(empty.read_text())
    told = json.loads(printed(file, "--json"))
    empty.write_text(cib_text(mail()))
    environment = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "CIB_file": str(empty), "HOME": str(tmp_path)}
    (words,) = [each for each in told["crm"] if each.startswith("alert ")]
    done = subprocess.run(
        ["crm", "configure"], input=f"{words}\ncommit\n", env=environment, capture_output=True, text=True, check=False
    )
    assert wanted <= same_cluster(empty.read_text()), done.stdout + done.stderr
    xml = etree.fromstring("\n".join(told["xml"]))
    assert [each.get("id") for each in xml.iterfind("alerts/alert")] == ["mail-alert"]
