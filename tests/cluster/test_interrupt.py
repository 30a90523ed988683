"""Ended between any two of its calls, a command leaves the live configuration whole, and the same again finishes it.

A call that only looks changes nothing, so the points are those before and during each call that changes something;
that there is no third kind of call is asserted.
"""

import pytest
from lxml import etree

from tests.support.lab.interruption import NEVER, interrupted_on
from tests.support.lab.resources import MAIL, OUR_AGENT, SHELL_AGENT
from tests.support.lab.tool import ids

MARK = "postfix-ha-unfinished"
FURTHER = "further"


@pytest.fixture
def interrupted(lab):
    """The command on n1, ended where it is told to be; the service is there before."""
    with interrupted_on(lab) as interrupted:
        yield interrupted


def marks(configuration):
    root = etree.fromstring(configuration)
    # What has begun stands before the command that began it.
    return [each.get("value").partition(": ")[2] for each in root.iter("nvpair") if each.get("name") == MARK]


class Rounds:
    """Two commands, the one of which takes the other back, killed at every point in turn and finished again."""

    def __init__(self, tool, interrupted, forth, back):
        self.tool = tool
        self.interrupted = interrupted
        self.told = set()
        self.configurations = {}
        self.points = {}
        for arguments in (forth, back):
            done = interrupted.run(*arguments)
            assert done.returncode == 0, done.stdout + done.stderr
            self.configurations[arguments] = tool.configuration()
            numbers = range(1, interrupted.changes() + 1)
            self.points[arguments] = [f"{when}-change {at}" for at in numbers for when in ("before", "during")]
        self.pair = [(forth, self.configurations[back]), (back, self.configurations[forth])]

    def run(self, check=lambda: None):
        """All points of both; check is called after each death and each end."""
        (forth, _), (back, _) = self.pair
        in_turn = forth[0] == back[0]  # one command there and back: each of its points once is enough
        for at in range(max(map(len, self.points.values()))):
            for turn, (arguments, start) in enumerate(self.pair):
                is_there = at < len(self.points[arguments]) and not (in_turn and at % 2 != turn)
                fatal = self.points[arguments][at] if is_there else NEVER
                self._once(arguments, start, self.configurations[arguments], fatal)
                check()

    def _once(self, arguments, start, goal, fatal):
        where = f"{' '.join(arguments)}, killed {fatal}"
        if fatal != NEVER:
            done = self.interrupted.run(*arguments, fatal=fatal)
            assert done.returncode != 0, f"{where}: {done.stdout}{done.stderr}"
            self._assert_whole(arguments, start, goal, where)
        done = self.interrupted.run(*arguments)
        assert done.returncode == 0, f"{where}, and again: {done.stdout}{done.stderr}\n{self.tool.lab.dump()}"
        assert self.tool.configuration() == goal, where

    def _assert_whole(self, arguments, start, goal, where):
        now = self.tool.configuration()
        if now in (start, goal):
            return
        members = [ids(etree.fromstring(each)) for each in (start, now, goal)]
        assert members[1] in (members[0], members[2]), where
        for rule in etree.fromstring(now).iterfind("constraints/rsc_location/rule"):
            assert rule.find("date_expression").get("operation") == "lt", "a rule that is left behind ends by itself"
        (begun,) = marks(now)
        assert begun.split() == [word for word in arguments if word in begun.split()], where
        if begun in self.told:
            return
        self.told.add(begun)
        told = f"'postfix-ha {begun}' is under way or was interrupted: run it again to finish it"
        assert told in " ".join(self.tool.run("status", "--cluster-only").stdout.split()), where
        assert told in self.tool.run("properties").stderr, where


@pytest.mark.parametrize(
    ("forth", "back"),
    [
        (("unextend", "n3"), ("extend", "n3", "--priority", "900", "--no-peer-check")),
        (("depend", FURTHER), ("undepend", FURTHER)),
        (("out-of-service",), ("in-service",)),
        (("properties", "--switchback", "automatic"), ("properties", "--switchback", "intelligent")),
    ],
    ids=lambda arguments: arguments[0],
)
def test_one_change_is_made_or_not(lab, tool, interrupted, forth, back):
    if FURTHER in forth:
        lab.pcs("resource", "create", FURTHER, "ocf:pacemaker:Dummy", "meta", "resource-stickiness=10000")
        lab.wait_for(lambda: lab.where(FURTHER), 20, "the further resource runs")
    Rounds(tool, interrupted, forth, back).run()


@pytest.mark.parametrize(
    ("forth", "back"),
    [(("switchover", "n2"), ("switchover", "n1")), (("out-of-service",), ("in-service", "n1"))],
    ids=lambda arguments: arguments[0],
)
def test_a_move_leaves_no_rule_behind(lab, tool, interrupted, forth, back):
    Rounds(tool, interrupted, forth, back).run()
    assert lab.where() == "n1"


@pytest.fixture
def untouched(lab, tool):
    """A function that asserts that Postfix and its clients noticed nothing; the service is on n1."""
    tool.ok("switchover", "n1")
    lab.wait_for(lab.is_idle, 20, "the cluster is idle")
    master, failures = lab.master()[1].pid, lab.client.ledger.failures()
    lost = len(lab.account().lost)

    def check():
        assert lab.master()[1].pid == master
        assert lab.client.ledger.failures() == failures

    yield check
    check()
    assert len(lab.account().lost) == lost


def test_an_exchange_of_the_agent_is_finished_under_the_same_master(lab, tool, interrupted, untouched):
    # What is migrated back has our template's operations; from then on, there and back are the same again and again.
    for agent in (SHELL_AGENT, OUR_AGENT):
        tool.ok("migrate", "--to", agent)
    Rounds(tool, interrupted, ("migrate", "--to", SHELL_AGENT), ("migrate", "--to", OUR_AGENT)).run(untouched)


def test_let_go_and_taken_up_again_under_the_same_master(lab, tool, interrupted, untouched):
    create = ("create", "--yes", "--tag", MAIL, "--no-peer-check")
    Rounds(tool, interrupted, ("delete", "--leave-running"), create).run(untouched)


def test_deleted_and_created(lab, tool, interrupted):
    tool.ok("switchover", "n1")
    create = ("create", "--yes", "--tag", MAIL, "--no-peer-check")
    Rounds(tool, interrupted, ("delete", "--stop"), create).run()


@pytest.mark.parametrize(
    ("begun", "back"),
    [
        (("switchover", "n2"), ("in-service",)),
        (("delete", "--stop"), ("in-service",)),
        (("migrate", "--to", SHELL_AGENT), ("migrate", "--to", OUR_AGENT)),
    ],
    ids=lambda arguments: arguments[0],
)
def test_what_was_begun_is_taken_back_by_what_status_names(lab, tool, interrupted, begun, back):
    tool.ok("switchover", "n1")
    before = tool.configuration()
    assert interrupted.run(*begun, fatal="during-change 1").returncode != 0
    assert marks(tool.configuration()) == [" ".join(begun)]
    assert f"'postfix-ha {' '.join(back)}' reverts it" in tool.run("properties").stderr
    tool.ok(*back)
    assert tool.configuration() == before
    lab.wait_for(lambda: lab.is_idle() and lab.where(), 40, "the service runs")


@pytest.mark.parametrize(
    ("arguments", "fatal", "code", "words"),
    [
        (("switchover", "n2"), "during-change 1 TERM", 143, "SIGTERM: the move is called off"),
        (
            ("delete", "--stop"),
            "during-change 1 INT",
            130,
            "SIGINT: mail is not deleted: the cluster runs it as before",
        ),
        (("migrate", "--to", SHELL_AGENT), "during-change 2 HUP", 129, f"SIGHUP: {SHELL_AGENT} runs mail"),
        (("properties", "--meta", "priority=7"), "during-change 1 TERM", 143, "the change is made"),
        (("properties", "--meta", "priority=8"), "during 3 TERM", 143, "nothing was changed"),
    ],
    ids=lambda value: value[0] if isinstance(value, tuple) else None,
)
def test_a_signal_ends_it_between_two_steps(lab, tool, interrupted, arguments, fatal, code, words):
    tool.ok("switchover", "n1")
    before = tool.configuration()
    done = interrupted.run(*arguments, fatal=fatal)
    assert done.returncode == code, done.stdout + done.stderr
    assert f"postfix-ha: interrupted by {words}"[-len(words) :] in done.stderr
    assert done.stderr.count("\n") == 1, done.stderr
    after = tool.configuration()
    assert marks(after) == []
    assert "cli-prefer" not in after
    if any(word in words for word in ("called off", "not deleted", "nothing was")):
        assert after == before
    else:
        assert after != before
    lab.wait_for(lambda: lab.is_idle() and lab.where(), 40, "the service runs")
