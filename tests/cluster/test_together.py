"""Several administrators at once: every change is made, none is lost or overwritten; and one who is at a terminal."""

import re
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from lxml import etree

from tests.support.lab.resources import MAIL, PREFERENCES
from tests.support.lab.tool import COMMAND, ids
from tests.support.machine.terminal import Terminal

QUESTION = re.compile(r"\[[^\]\n]*\] ")


@pytest.fixture
def let_go(lab, command):
    """The lab with a Postfix on n1 that nobody protects; its own hierarchy is back afterwards."""
    command.ok("switchover", "n1")
    command.ok("delete", "--leave-running")
    yield lab
    command.restore()


@pytest.mark.namespaces("a terminal on a node")
def test_three_questions_and_less_than_twenty_seconds_protect_a_postfix_on_three_nodes(let_go, command):
    lab = let_go
    node, master = lab.master()
    begin = time.monotonic()
    with Terminal(node, [COMMAND, "create", "--tag", MAIL, *command.rsh]) as terminal:
        terminal.answer("Switchback [intelligent] ", "")
        terminal.answer("Nodes, preferred node first [", "")
        terminal.answer("Apply this change? [yes] ", "")
        assert terminal.end() == 0, terminal.text
    took_s = time.monotonic() - begin
    assert took_s < 20
    assert len(QUESTION.findall(terminal.text)) == 3, terminal.text
    assert f"{MAIL} is in service on n1" in terminal.text
    found = command.json("properties")
    assert list(found["priorities"]) == ["n1", "n2", "n3"]
    assert (lab.where(), lab.master()[1].pid) == ("n1", master.pid)
    lab.wait_for(lab.is_idle, 20, "the cluster is idle")
    for target in ("n2", "n3", "n1"):
        command.ok("switchover", target)
        acknowledged = len(lab.client.ledger.acknowledged)
        lab.wait_for(lambda seen=acknowledged: len(lab.client.ledger.acknowledged) > seen, 20, f"mail at {target}")


@pytest.mark.namespaces("a terminal on a node")
def test_interrupted_at_a_question_nothing_has_changed(let_go, command):
    before = command.configuration()
    in_a_session = ("setsid", "--ctty", "--wait")  # or the terminal has nobody to send the signal to
    with Terminal(let_go.nodes["n1"], [*in_a_session, COMMAND, "create", "--no-peer-check"]) as terminal:
        terminal.answer("Switchback [intelligent] ", "")
        terminal.answer("Nodes, preferred node first [", "\x03")
        assert terminal.end() == 130
    assert "postfix-ha: interrupted by SIGINT: nothing was changed\n" in terminal.text
    assert "Traceback" not in terminal.text
    assert command.configuration() == before


def test_pcs_and_create_at_once_both_have_their_way(let_go, command):
    lab = let_go
    names = [f"other-{number}" for number in range(4)]

    def another(on, mine):
        argv = ["ocf:pacemaker:Dummy", "meta", "target-role=Stopped"]
        return [lab.nodes[on].run(["pcs", "resource", "create", name, *argv]) for name in mine]

    def create(_):
        return [command.run("create", "--yes", "--tag", MAIL, "--no-peer-check")]

    with ThreadPoolExecutor(3) as pool:
        work = [pool.submit(create, 0), pool.submit(another, "n2", names[:2]), pool.submit(another, "n3", names[2:])]
        ended = [done for each in work for done in each.result()]
    # pcs refuses where somebody was quicker, and is then to be run again; it must not be able to overwrite.
    made = {name for name, done in zip(names, ended[1:]) if done.returncode == 0}
    assert ended[0].returncode == 0, ended[0].stderr
    assert made
    now = ids(etree.fromstring(command.configuration()))
    assert {MAIL, *made} <= now
    constraints = etree.fromstring(command.configuration()).find("constraints")
    first = {each.get("first") for each in constraints.iterfind(f"rsc_order[@then='{MAIL}']")}
    assert first == {"queue-fs", "mail-ip"}
    assert lab.where() == "n1"


def test_a_move_and_two_changes_at_once(lab, command):
    command.ok("switchover", "n1")
    wanted = {
        "n1": ("switchover", "n2"),
        "n2": ("properties", "--parameter", "greeting_timeout=13"),
        "n3": ("unextend", "n3"),
    }
    try:
        with ThreadPoolExecutor(3) as pool:
            work = [pool.submit(command.run, *arguments, on=on) for on, arguments in wanted.items()]
            ended = [each.result() for each in work]
        assert [done.stderr for done in ended if done.returncode] == []
        lab.wait_for(lab.is_idle, 30, "the cluster is idle")
        found = command.json("properties")
        assert lab.where() == "n2"
        assert found["moves"] == []
        assert found["parameters"]["greeting_timeout"] == "13"
        assert set(found["priorities"]) == set(PREFERENCES) - {"n3"}
        assert "unfinished" not in command.configuration()
    finally:
        command.restore()
