"""Changes on a bad day: maintenance, two administrators at once, remote nodes; each refusal has what ends it."""

import json
import shlex
import shutil
import subprocess

import pytest

from postfix_ha.cluster.change.move import hold, out_of_service, release_own
from postfix_ha.cluster.change.overtaken import overtaken
from postfix_ha.cluster.change.unfinished import mark_of
from postfix_ha.cluster.create.build import create
from postfix_ha.cluster.live.pacemaker import Cluster
from postfix_ha.cluster.live.push import change
from postfix_ha.cluster.model.edit import set_pair
from postfix_ha.cluster.model.hierarchy import find_hierarchy
from tests.cibs.cases import path_of
from tests.support.cibs import cib, cib_text, file_system, mail, node, stickiness, text, wish
from tests.support.command import OnFile

PLAY = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}


@pytest.fixture
def line(tmp_path):
    """A file with a hierarchy on n1 and n2."""
    file = tmp_path / "cib.xml"
    file.write_bytes(text(create(cib(), wish(tag="mail", nodes=[("n1", 1), ("n2", 10)]), node())))
    return OnFile(file)


def on_copy(tmp_path, name):
    file = tmp_path / "cib.xml"
    shutil.copy(path_of(name), file)
    return OnFile(file)


def pasted(line, command):
    """A command out of a message, played on the file."""
    words = shlex.split(command)
    if words[0] == "postfix-ha":
        return line.ok(words[1], *words[2:], "--yes")
    env = {**PLAY, "CIB_file": str(line.file)}
    done = subprocess.run(words, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, command + done.stdout + done.stderr
    return done.stdout


def ends_in(done):
    """The command that a refusal says ends it."""
    assert done.returncode == 2, done.stdout + done.stderr
    first = done.stderr.splitlines()[0]
    return first[first.rindex("first: '") + 8 : -1]


# Maintenance.
HELD = [
    ("maintenance-mode", "the cluster is in maintenance mode"),
    ("meta-maintenance", "mail is in maintenance"),
    ("meta-unmanaged", "mail is not managed (is-managed)"),
    ("unmanaged-defaults", "every resource is not managed (is-managed)"),
    ("node-maintenance-running", "node n1, on which it runs, is in maintenance"),
]
COMMANDS = [("switchover", "n2"), ("out-of-service",), ("in-service", "n2"), ("delete", "--stop")]


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
@pytest.mark.parametrize(("name", "what"), HELD, ids=[each[0] for each in HELD])
def test_in_maintenance_nothing_is_left_for_its_end(tmp_path, name, what, words):
    line = on_copy(tmp_path, name)
    before = line.file.read_bytes()
    done = line.run(*words, "--yes")
    command = ends_in(done)
    assert what in done.stderr
    assert "the cluster neither starts, stops nor moves mail" in done.stderr
    assert line.file.read_bytes() == before, "no target-role and no constraint waits for the end of maintenance"
    for _ in range(5):
        pasted(line, command)
        done = line.run(*words, "--yes", "--dry-run")
        if done.returncode != 2 or "end that first" not in done.stderr:
            break
        command = ends_in(done)
    assert "maintenance" not in done.stderr
    assert "not managed" not in done.stderr


def test_what_a_failure_has_blocked_cannot_be_taken_out_of_service(tmp_path):
    line = on_copy(tmp_path, "stop-failed-block")
    for words in (("out-of-service",), ("delete", "--stop")):
        done = line.run(*words, "--yes")
        assert "mail is blocked by a failure" in done.stderr
        assert ends_in(done) == "crm_resource --cleanup --resource mail"


# Two administrators at once.
def test_who_has_been_overtaken_is_told_by_what_and_by_whom(line):
    cluster = Cluster(str(line.file))
    made = change(cluster, lambda now: hold(now, "mail", "n2", 600, "switchover n2"))
    assert overtaken(cluster, made, "mail") == []
    change(cluster, lambda now: hold(now, "mail", "n1", 600, "switchover n1"))
    (told,) = overtaken(cluster, made, "mail")
    assert "somebody else has changed mail meanwhile: 'postfix-ha switchover n1' is under way" in told.reason
    assert "n1" in told.reason
    assert "the last change is" in told.reason
    change(cluster, lambda now: out_of_service(now, "mail"))
    (told,) = overtaken(cluster, made, "mail")
    assert "target-role" in told.reason


def test_what_others_change_elsewhere_is_not_told(line):
    cluster = Cluster(str(line.file))
    made = change(cluster, lambda now: hold(now, "mail", "n2", 600, "switchover n2"))

    def elsewhere(now):
        set_pair(now, now.resource("fence"), "meta_attributes", "priority", "3")
        return now

    change(cluster, elsewhere)
    assert overtaken(cluster, made, "mail") == []


def test_the_one_who_lost_does_not_take_away_what_the_other_relies_on(line):
    cluster = Cluster(str(line.file))
    change(cluster, lambda now: hold(now, "mail", "n2", 600, "switchover n2"))
    change(cluster, lambda now: hold(now, "mail", "n1", 600, "switchover n1"))
    change(cluster, lambda now: release_own(now, "mail", "switchover n2"))
    left = find_hierarchy(cluster.read(), "mail")
    assert left.moves, "the winner's constraint has to stay until its move is done"
    assert mark_of(left) == "switchover n1"
    change(cluster, lambda now: release_own(now, "mail", "switchover n1"))
    assert find_hierarchy(cluster.read(), "mail").moves == []


# Dependencies.
@pytest.mark.parametrize("which", [0, 1])
def test_a_dependency_that_fails_back_otherwise_has_commands_that_work(tmp_path, which):
    needs = (
        '<rsc_colocation id="c1" rsc="mail" with-rsc="queue-fs" score="INFINITY"/>'
        '<rsc_order id="o1" first="queue-fs" then="mail"/>'
        '<rsc_location id="l1" rsc="mail" node="n1" score="100"/>'
    )
    resources = file_system() + mail() + file_system("spool", "/var/mail", meta=stickiness("spool", "INFINITY"))
    file = tmp_path / "cib.xml"
    file.write_text(cib_text(resources, needs))
    line = OnFile(file)
    done = line.run("depend", "spool", "--yes")
    assert done.returncode == 2
    commands = [each for each in done.stderr.split("'")[1::2] if " " in each]
    assert [each.split()[0] for each in commands] == ["crm_resource", "postfix-ha"]
    pasted(line, commands[which])
    line.ok("depend", "spool", "--yes")


# Remote nodes.
REMOTES = {
    "a resource": '<primitive id="far" class="ocf" provider="pacemaker" type="remote"/>',
    "a guest": '<primitive id="vm" class="ocf" provider="heartbeat" type="VirtualDomain"><meta_attributes id="vm-m">'
    '<nvpair id="vm-r" name="remote-node" value="far"/></meta_attributes></primitive>',
}


@pytest.mark.parametrize("kind", REMOTES)
def test_a_remote_node_is_a_node(tmp_path, kind):
    file = tmp_path / "cib.xml"
    parts = f'<group id="g">{file_system()}{mail()}</group>'
    ban = '<rsc_location id="no" rsc="g" node="far" score="-INFINITY"/>'
    file.write_text(cib_text(parts + REMOTES[kind], ban))
    line = OnFile(file)
    (told,) = json.loads(line.run("status", "--json").stdout)["hierarchies"]
    assert "far" in told["node_states"]
    assert "far" in told["members"]["mail"]
    refusal = line.run("switchover", "far", "--yes")
    assert "does not take part in mail: 'postfix-ha extend far' first" in refusal.stderr
    line.ok("extend", "far", "--priority", "7", "--yes")
    assert "there is no node" not in line.run("switchover", "far", "--yes").stderr
    line.ok("unextend", "far", "--yes")
