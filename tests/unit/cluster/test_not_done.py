"""What the cluster's programs do not do, and what a drill does not find, is told with the id of its row."""

import os
import sys
import time
from types import SimpleNamespace

import pytest

from postfix_ha.cli.cluster_command import manner_of
from postfix_ha.cli.commands import migrate
from postfix_ha.cli.drill import counting, run
from postfix_ha.cli.drill.drill_command import wanted_of
from postfix_ha.cli.drill.node_steps import COUNT, Nodes
from postfix_ha.cli.drill.preconditions import Course
from postfix_ha.cli.main import build_parser, main
from postfix_ha.cluster.change import release, replace_agent
from postfix_ha.cluster.change.modify import extend
from postfix_ha.cluster.create.plan import make_draft
from postfix_ha.cluster.live.pacemaker import Cluster
from postfix_ha.cluster.live.push import change, plan
from postfix_ha.cluster.model.hierarchy import SHELL_AGENT, find_hierarchy
from postfix_ha.drill.faults import ADDRESS, KILL, find_victim, inflict
from postfix_ha.drill.ledger import Ledger
from postfix_ha.messages.catalogue import CATALOGUE
from postfix_ha.messages.errors import ClusterError, Refused
from postfix_ha.system import command
from tests.support.cibs import ADDRESS as SERVICE
from tests.support.cibs import cib, file_system, mail, node, wish
from tests.unit.cluster.living import Living, drill_to, on_file, programs, running, started, whole

__all__ = ["programs"]


# What a program does not do.
def failed_change(programs, tmp_path):
    programs.fail("cibadmin", 'case "$*" in *--patch*) echo "no" >&2; exit 13;; esac; exec $real "$@"')
    change(Cluster(on_file(tmp_path, whole())), lambda now: extend(now, "mail", "n3"))


def failed_patch(programs, tmp_path):
    programs.fail("crm_diff", "echo broken >&2; exit 65")
    change(Cluster(on_file(tmp_path, whole())), lambda now: extend(now, "mail", "n3"))


def forgotten_never(programs, tmp_path, monkeypatch):
    programs.fail("crm_resource", "exit 0")
    monkeypatch.setattr(release, "ASK_AGAIN_S", 0.1)
    monkeypatch.setattr(release, "max", lambda *_: 0.1, raising=False)
    release.leave_running(Cluster(on_file(tmp_path, cib(mail()), started("mail"))), "mail", 0)


def status_of(programs, tmp_path, script):
    programs.fail("crm_mon", script)
    return Cluster(on_file(tmp_path, whole())).status()


def looked_at(programs, tmp_path):
    programs.fail("crm_resource", "echo 'no connection' >&2; exit 102")
    file = Cluster(on_file(tmp_path, whole()))
    return replace_agent.look_again(file, "mail", SHELL_AGENT, ["n1"], time.monotonic() + 5)


FAILURES = {
    "pacemaker_installed": (lambda p, t, m: p.without("cibadmin") or Living().read(), "(package pacemaker-cli-utils)"),
    "status_read": (lambda p, t, m: status_of(p, t, "echo 'no way' >&2; exit 1"), "the cluster status: no way"),
    "status_is_xml": (lambda p, t, m: status_of(p, t, "echo '<crm_mon'"), "crm_mon's answer cannot be read: "),
    "patch_made": (lambda p, t, m: failed_patch(p, t), "crm_diff made no patch: broken"),
    "change_taken": (lambda p, t, m: failed_change(p, t), "the cluster did not take the change: no"),
    "looked_everywhere": (
        lambda p, t, m: replace_agent.wait_known(Cluster(on_file(t, whole())), "mail", time.monotonic()),
        "the cluster has not probed every node for mail yet: try again",
    ),
    "maintenance_begun": (
        lambda p, t, m: replace_agent.wait_unwatched(Cluster(on_file(t, whole())), "mail", time.monotonic()),
        "the cluster does not put mail into maintenance",
    ),
    "looked_again": (lambda p, t, m: looked_at(p, t), "does not probe mail again: no connection"),
    "resource_forgotten": (
        forgotten_never,
        "n1 does not forget mail; Postfix keeps running, and 'postfix-ha delete --leave-running' finishes it",
    ),
}


@pytest.mark.parametrize("check", FAILURES)
def test_what_a_program_of_the_cluster_does_not_do(programs, tmp_path, monkeypatch, check):
    work, words = FAILURES[check]
    with pytest.raises(ClusterError) as raised:
        work(programs, tmp_path, monkeypatch)
    if check == "pacemaker_installed":  # why the configuration cannot be read
        assert CATALOGUE[check].sentence in str(raised.value)
    else:
        assert [each.check for each in raised.value.statements] == [check]
    assert words in str(raised.value)


@pytest.mark.parametrize(
    ("check", "words"),
    [("graphviz_installed", "(package graphviz): --dot writes its input"), ("drawing_made", "dot failed: no font")],
)
def test_a_drawing_that_cannot_be_made(programs, tmp_path, capsys, check, words):
    programs.fail("dot", "echo 'no font' >&2; exit 1")
    if check == "graphviz_installed":
        programs.without("dot")
    code = main(["graph", "--cib-file", on_file(tmp_path, whole())])
    said = capsys.readouterr()
    assert (code, said.out) == (4, "")
    assert words in said.err
    assert said.err.count("\n") == 1


# A migration that comes at the wrong moment.
def test_a_migration_while_the_service_is_being_started(tmp_path):
    file = on_file(tmp_path, cib(mail(agent=SHELL_AGENT)), started("mail", SHELL_AGENT, code=193, status=-1))
    cluster = Living(file)
    with pytest.raises(Refused) as raised:
        migrate.check(cluster, find_hierarchy(cluster.read(), ""), SHELL_AGENT, False)
    assert [each.check for each in raised.value.statements] == ["resource_settled"]
    assert str(raised.value) == "mail is starting just now: try again when that is done"


def test_a_migration_to_the_unit_of_another_instance(programs, tmp_path):
    programs.fail("crm_resource", "exit 0")  # the unit is Postfix's own, which systemd alone would describe
    cluster = Living(on_file(tmp_path, cib(mail(config_dir="/etc/postfix-two"))))
    with pytest.raises(Refused) as raised:
        migrate.check(cluster, find_hierarchy(cluster.read(), ""), "systemd:postfix@-", False)
    assert [each.check for each in raised.value.statements] == ["unit_of_instance"]
    assert " on this node, not /etc/postfix-two: name the unit that runs that one" in str(raised.value)


# Planning.
def test_a_node_left_out_and_a_device_that_is_mounted_elsewhere_are_told():
    wanted = wish(tag="mail")
    wanted.barred = {"n2": "no copy is there"}
    said = {each.check: each.text for each in make_draft(cib(), wanted, node()).remarks}
    assert said["node_left_out"] == "n2 takes no part: no copy is there"
    here = node()
    mount = here.mounts.place_of("/mnt/queue/postfix").mount
    elsewhere = file_system("data-fs", "/srv/data").replace('value="/dev/x"', f'value="{mount.source}"')
    said = {each.check: each.text for each in make_draft(cib(elsewhere), wish(tag="mail"), here).remarks}
    assert said["device_single"].startswith(
        f"{mount.source} is mounted on {mount.mount_point} here, and by the cluster"
    )


# A drill that does not begin.
def course_on(file, *arguments, kind=Cluster):
    """What a drill on a file finds before it begins."""
    options = build_parser().parse_args(["drill", "--cib-file", file, "--dry-run", *arguments])
    return Course(wanted_of(options), kind(file), manner_of(options))


def going_home():
    """Automatic switchback to n1."""
    return "".join(
        f'<rsc_location id="l{at}" rsc="mail" node="{name}" score="{score}"/>'
        for at, (name, score) in enumerate((("n1", 300), ("n2", 200)))
    )


IP = f'<primitive id="ip" class="ocf" provider="heartbeat" type="IPaddr2"><instance_attributes id="ip-i"><nvpair id="ip-p" name="ip" value="{SERVICE}"/></instance_attributes></primitive>'  # noqa: E501
TIED = '<rsc_order id="o" first="ip" then="mail"/><rsc_colocation id="c" rsc="mail" with-rsc="ip" score="INFINITY"/>'
COURSES = {
    "drill_runs_once": (lambda t: course_on(on_file(t, cib(mail()))), "mail runs on no node: see 'postfix-ha status'"),
    "drill_target_another": (lambda t: course_on(running(t), "n1"), "mail runs on n1 already: name another node"),
    "drill_target_online": (
        lambda t: course_on(running(t, standby=("n2", "n3"))),
        "no other node that takes part in mail is online",
    ),
    "drill_stays": (lambda t: course_on(running(t, constraints=going_home()), "n2"), "would not stay: say --back"),
    "drill_address_managed": (
        lambda t: course_on(running(t), "--fault", "delete-address"),
        "mail needs no address that the cluster manages: there is none to delete",
    ),
    "drill_fault_noticed": (
        lambda t: course_on(running(t, healthy=False), "--fault", "kill-master"),
        "mail has no recurring monitor, so the cluster would not notice the fault",
    ),
    "drill_standby_survived": (
        lambda t: course_on(running(t, standby=("n2", "n3")), "--fault", "standby"),
        "no other node would run mail with n1 in standby: see 'postfix-ha status'",
    ),
    "drill_cluster_idle": (
        lambda t: course_on(running(t), kind=Living),
        "the cluster is busy: wait until it has started and stopped everything",
    ),
}


@pytest.mark.parametrize("check", COURSES)
def test_a_drill_that_does_not_begin(tmp_path, check):
    work, words = COURSES[check]
    with pytest.raises(Refused) as raised:
        work(tmp_path)
    assert [each.check for each in raised.value.statements] == [check]
    assert words in str(raised.value)


STEPS = {
    "drill_master_runs": (
        lambda: find_victim(KILL, "/nonexistent/x", "", ""),
        "no Postfix master of /nonexistent/x ru",
    ),
    "drill_address_deleted": (
        lambda: inflict(ADDRESS, {"address": "198.51.100.77", "prefix": "24", "nic": "no-such0"}),
        "ip could not delete it: ",
    ),
    "drill_node_answers": (
        lambda: Nodes("n1", ["false"]).take("n2", step=COUNT),
        "n2 over 'false': exit code 1",
    ),
    "drill_answer_known": (
        lambda: Nodes("n1", ["echo"]).take("n2", step=COUNT),
        "n2 over 'echo': the answer is not one of postfix-ha",
    ),
}


@pytest.mark.parametrize("check", STEPS)
def test_a_step_that_cannot_be_done(check):
    work, words = STEPS[check]
    with pytest.raises(Refused) as raised:
        work()
    assert [each.check for each in raised.value.statements] == [check]
    assert words in str(raised.value)


# A drill whose mail does not flow.
def test_a_drill_where_no_mail_flows(tmp_path, monkeypatch):
    monkeypatch.setattr(run, "FLOW_S", 0.5)
    with pytest.raises(Refused) as raised:
        drill_to(tmp_path).run()
    assert [each.check for each in raised.value.statements] == ["drill_mail_flows"]
    assert "no mail flows, so there is nothing to measure: " in str(raised.value)


def test_a_drill_whose_mail_does_not_arrive(tmp_path, monkeypatch):
    monkeypatch.setattr(counting, "ARRIVAL_S", 0.3)
    mailbox = tmp_path / "box"
    for name in ("new", "cur", "tmp"):
        (mailbox / name).mkdir(parents=True)
    drill = drill_to(tmp_path, mailbox=str(mailbox))
    with pytest.raises(Refused) as raised:
        counting.Counting(drill.course, Ledger(), 0.0).expect_arrival("n1")
    assert [each.check for each in raised.value.statements] == ["drill_mail_arrives"]
    assert "no message has arrived within 0 s: is --mailbox that of box@example.com?" in str(raised.value)


def test_a_standby_that_the_cluster_does_not_take(programs, tmp_path):
    programs.fail("crm_attribute", "echo 'no such node' >&2; exit 105")
    drill = drill_to(tmp_path, fault="standby")
    drill.guard = SimpleNamespace(leave=lambda *_: None)
    with pytest.raises(ClusterError) as raised:
        drill._inflict()
    assert [each.check for each in raised.value.statements] == ["drill_standby_set"]
    assert str(raised.value) == "n1 cannot be put in standby: no such node"


def test_an_address_that_would_take_others_along(tmp_path):
    """The kernel deletes the later addresses of a network along with the first: in a network of its own."""
    library = os.path.dirname(os.path.dirname(command.__file__)).removesuffix("/postfix_ha")
    script = (
        f"import sys; sys.path.insert(0, {library!r})\nfrom postfix_ha.drill.faults import ADDRESS, find_victim\n"
        "from postfix_ha.messages.errors import Refused\n"
        "try:\n    find_victim(ADDRESS, '', '', '198.51.100.7')\n"
        "except Refused as error:\n    print(error.statements[0].check, error)\n"
    )
    addresses = "".join(f"ip address add 198.51.100.{at}/24 dev lo && " for at in (7, 8))
    argv = ["unshare", "--map-root-user", "--net", "sh", "-c", f'{addresses} exec "$0" -c "$1"', sys.executable, script]
    done = command.run(argv, deadline=time.monotonic() + 20)
    assert done.stdout.decode().strip() == (
        "drill_address_alone 198.51.100.7 is the first of its network on lo: 198.51.100.8 would be deleted with it"
    ), done.stderr.decode()


def test_a_plan_on_a_file_asks_no_live_cluster(tmp_path):
    """What the tests above rely on."""
    file = on_file(tmp_path, whole(), started("mail"))
    assert plan(Cluster(file), lambda now: now).is_empty
