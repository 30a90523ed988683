"""The status on a bad day, played on the real cluster: each line is true, and each command in it does what it says."""

import re
import shlex
import signal
from concurrent.futures import ThreadPoolExecutor

from tests.support.lab.resources import MAIL

SLOW_S = 6
ENDS = re.compile(r"\('([^()]*)' ends it\)")


def status(tool, on, *options):
    """(exit code, text in one line) of the status."""
    done = tool.run("status", *options, on=on)
    return done.returncode, " ".join(done.stdout.split())


def play(lab, command):
    """A command as an administrator pastes it."""
    lab.run(*shlex.split(command))


def test_a_barred_node_and_no_redundancy_have_the_command_that_ends_each(lab, tool):
    lab.run("crm_resource", "--cleanup")  # what a test before has left would count
    lab.wait_for(lab.is_idle, 20, "the cluster is idle")
    first = lab.where()
    tool.ok("properties", "--meta", "migration-threshold=1")
    lab.run("crm_resource", "--fail", "--resource", MAIL, "--node", first)
    lab.wait_for(lambda: lab.where() not in ("", first) and lab.is_idle(), 60, "the service has left the node")
    here = lab.where()
    third = next(name for name in lab.nodes if name not in (first, here))
    lab.pcs("node", "standby", third)
    try:
        lab.wait_for(lab.is_idle, 20, "the cluster is idle")
        code, said = status(tool, here)
        assert code == 3
        assert f"NO REDUNDANCY: no other node could run it now, so that it stops if {here} fails" in said
        barred = rf"{MAIL} has failed on {first} \(fail count \d+, migration-threshold 1\), last at \d{{4}}-\S+ \S+:"
        assert re.search(barred, said), said
        assert "the cluster does not start it there again" in said
        assert re.search(rf"failed: \w+ of {MAIL} on {first} at \d{{4}}-\S+ \S+:", said), said
        for command in {found for found in ENDS.findall(said) if first in found or third in found}:
            play(lab, command)
        lab.wait_for(lab.is_idle, 20, "the cluster is idle")
        code, said = status(tool, here)
        assert (code, f"could move now to {', '.join(n for n in lab.nodes if n != here)}" in said) == (0, True), said
    finally:
        lab.pcs("node", "unstandby", third)
        lab.run("crm_resource", "--cleanup", "--resource", MAIL)
        tool.ok("properties", "--meta", "migration-threshold=")


def test_while_nobody_is_greeted_the_first_line_says_so_and_in_maintenance_nothing_is_left_for_later(lab, tool):
    here, target = lab.where(), lab.another_node()
    lab.run("crm_attribute", "--name", "maintenance-mode", "--update", "true")
    node, master = lab.master()
    try:
        lab.wait_for(lab.is_idle, 20, "the cluster is idle")
        before = tool.configuration()
        for words in (("switchover", target), ("out-of-service",), ("in-service", target)):
            refusal = tool.refused(*words)
            assert "the cluster is in maintenance mode, so that the cluster neither starts" in refusal
            assert tool.configuration() == before
        for process in node.pids():
            if process.name in ("master", "smtpd", "postscreen"):
                node.signal(process, signal.SIGSTOP)
        code, said = status(tool, here)
        assert code == 1
        assert said.startswith(f"{MAIL}: NO CLIENT IS GREETED; Postfix runs on {here}"), said
    finally:
        for process in node.pids():
            if process.name in ("master", "smtpd", "postscreen"):
                node.signal(process, signal.SIGCONT)
    command = re.search(r"end that first: '(.*)'", refusal).group(1)
    play(lab, command)
    lab.wait_for(lab.is_idle, 30, "the cluster is idle")
    assert lab.master()[1].pid == master.pid
    code, said = status(tool, here)
    assert (code, said.startswith(f"{MAIL}: in service on {here}")) == (0, True), said


def test_a_node_that_was_fenced_is_told_with_when_by_whom_and_whether_it_worked(lab, tool, events):
    here = lab.where()
    idle = next(name for name in lab.nodes if name != here)
    events.observe("idle node", lambda: lab.power_off(idle), lambda: lab.nodes[idle].is_on)
    code, said = status(tool, here)
    when, who = r"at \d{4}-\d\d-\d\d \S+", r"asked for by \S+ on (\w+), done by \w+"
    told = re.search(rf"{idle} was fenced \(\w+ ?\w*\) {when}, {who}: it worked", said)
    assert told, said
    assert told.group(1) in lab.nodes
    (found,) = tool.json("status", "--cluster-only", on=here)["hierarchies"]
    assert (found["fencing"][0]["target"], found["fencing"][0]["status"]) == (idle, "success")
    # On a file that somebody looks at later there is no fencer to ask.
    assert code in (0, 3)


def test_of_two_switchovers_at_once_the_loser_is_told_who_was_quicker_and_where_the_service_is(lab, tool):
    here = lab.where()
    first, second = (name for name in lab.nodes if name != here)
    # Both are told to the cluster before the service has left its node.
    tool.ok("properties", "--operation", f"stop start-delay={SLOW_S}s timeout=40s")
    lab.wait_for(lab.is_idle, 20, "the cluster is idle")
    before = tool.configuration()
    with ThreadPoolExecutor(2) as pool:
        ended = list(pool.map(lambda name: (name, tool.run("switchover", name, "--yes", on=name)), (first, second)))
    lab.wait_for(lab.is_idle, 30, "the cluster is idle")
    won = lab.where()
    codes = {name: done.returncode for name, done in ended}
    assert codes == {won: 0, next(name for name in (first, second) if name != won): 1}, [
        vars(done) for _, done in ended
    ]
    ((lost, done),) = [(name, done) for name, done in ended if name != won]
    told, *more = done.stderr.splitlines()
    assert told == f"postfix-ha: {MAIL} is not in service on {lost}: it is in service on {won}"
    assert [line for line in more if f"somebody else has changed {MAIL} meanwhile: " in line and won in line], more
    assert tool.configuration() == before, "neither leaves anything behind"
