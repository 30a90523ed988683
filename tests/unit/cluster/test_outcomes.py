"""What became of a change is told with the id of its row; the cluster is a file that passes for a living one."""

import json
import signal
from types import SimpleNamespace

import pytest

from postfix_ha.cli import apply, cluster_command
from postfix_ha.cli.commands import delete, migrate, move, properties
from postfix_ha.cli.drill import counting, drill_command, run
from postfix_ha.cli.main import main
from postfix_ha.cli.signals import Interrupted
from postfix_ha.cluster.change import nft_tables
from postfix_ha.cluster.change.move import out_of_service
from postfix_ha.cluster.live.pacemaker import Cluster
from postfix_ha.cluster.live.wait import State
from postfix_ha.cluster.model.hierarchy import SHELL_AGENT
from postfix_ha.drill.ledger import Ledger
from postfix_ha.drill.results import Phase
from postfix_ha.messages.errors import Refused, refused
from postfix_ha.messages.statement import worded
from tests.support.cibs import cib, mail
from tests.unit.cluster.living import Living, drill_to, on_file, running, started, whole


@pytest.fixture
def living(monkeypatch):
    """The commands take a file for the living cluster."""
    for module in (delete, migrate, move, properties):
        monkeypatch.setattr(module, "cluster_of", lambda options: Living(options.cib_file))
    monkeypatch.setattr(nft_tables, "PROBES_S", 0)  # nobody probes on a file


def told(capsys, *arguments):
    """(exit code, what --json says, the lines on standard error) of a command."""
    code = main([*arguments, "--yes", "--json"])
    said = capsys.readouterr()
    return code, json.loads(said.out), said.err.splitlines()


def test_a_state_that_is_not_reached(tmp_path, capsys, living):
    code, answer, lines = told(capsys, "out-of-service", "--wait", "1", "--cib-file", running(tmp_path))
    text = worded("state_not_reached", name="mail", what="out of service", where="", now="in service on n1")
    assert code == answer["exit_code"] == 1
    assert answer["changed"] is True
    assert [each["id"] for each in answer["findings"]] == ["state_not_reached"]
    assert answer["errors"] == [text]
    assert lines == [f"postfix-ha: {text}"]


def test_a_resource_that_does_not_stop(tmp_path, capsys, living):
    code, answer, lines = told(capsys, "delete", "--stop", "--wait", "1", "--cib-file", running(tmp_path))
    assert (code, answer["findings"][0]["id"]) == (1, "resources_stopped")
    assert lines == [f"postfix-ha: {worded('resources_stopped', names='mail', tag='mail')}"]


@pytest.mark.parametrize(
    ("idle", "check"), [(False, "parts_stopped"), (True, "resource_deleted")], ids=["not idle", "idle"]
)
def test_parts_that_do_not_stop(tmp_path, capsys, living, monkeypatch, idle, check):
    monkeypatch.setattr(delete, "wait_stopped", lambda *_: {})
    monkeypatch.setattr(delete, "wait_idle", lambda *_: idle)
    code = main(["delete", "--stop", "--wait", "1", "--cib-file", running(tmp_path), "--yes"])
    said = capsys.readouterr()
    assert code == (not idle)
    assert worded(check, tag="mail") in (said.out if idle else said.err)


def test_postfix_that_keeps_running(tmp_path, capsys, living, monkeypatch):
    monkeypatch.setattr(delete, "leave_running", lambda *_: None)
    assert main(["delete", "--leave-running", "--cib-file", running(tmp_path), "--yes"]) == 0
    assert worded("resource_released", tag="mail", nodes="n1") in capsys.readouterr().out


@pytest.mark.parametrize(
    ("finds", "check"),
    [((False, True), "agent_finds_postfix"), ((False, False), "agent_put_back"), ((True,), "agent_replaced")],
)
def test_an_agent_that_does_not_find_the_running_postfix(tmp_path, capsys, living, monkeypatch, finds, check):
    answers = iter(finds)
    monkeypatch.setattr(migrate, "exchange", lambda *_: next(answers))
    monkeypatch.setattr(migrate, "check", lambda *_: None)
    code = main(["migrate", "--to", SHELL_AGENT, "--cib-file", running(tmp_path), "--yes", "--wait", "1"])
    said = capsys.readouterr()
    assert code == (0 if check == "agent_replaced" else 1)
    values = {"agent": SHELL_AGENT, "former": "ocf:mail:postfix_ha", "left": "", "tag": "mail", "nodes": "n1"}
    assert worded(check, **values) in said.out + said.err


def test_a_change_that_is_not_needed_or_not_wanted(tmp_path, capsys, monkeypatch):
    file = on_file(tmp_path, whole())
    assert main(["in-service", "--cib-file", file, "--yes"]) == 0
    assert capsys.readouterr().out == f"{worded('change_needed')}\n"
    assert main(["out-of-service", "--cib-file", file, "--dry-run"]) == 0
    said = capsys.readouterr().out
    assert all(f"\n{worded(check)}\n" in said for check in ("change_by_pcs", "change_by_crm"))
    asked = []
    monkeypatch.setattr(apply, "confirm", lambda question: bool(asked.append(question)))
    monkeypatch.setattr(cluster_command, "is_interactive", lambda _: True)
    assert main(["out-of-service", "--cib-file", file]) == 2
    assert asked == [worded("change_wanted")]
    assert capsys.readouterr().out.endswith(f"{worded('change_declined')}\n")


def test_a_state_that_is_reached(tmp_path, capsys, living):
    assert main(["in-service", "--cib-file", running(tmp_path), "--yes", "--wait", "1"]) == 0
    assert worded("state_reached", name="mail", what="in service", where=" on n1") in capsys.readouterr().out


def test_a_change_that_is_rolled_back(tmp_path, capsys):
    options = SimpleNamespace(json=True, dry_run=False)
    manner = cluster_command.Manner(asks=False, agreed=True, cib_file="", dry_run=False, json=True, wait=1)

    def planner(now):
        return out_of_service(now, "mail")

    work = apply.Work(manner, Living(running(tmp_path)), planner)
    work.take_back = lambda name: None
    assert apply.carry_out(work, [], "mail", lambda state: state.role == "Stopped", "out of service", True) == 1
    assert worded("change_kept_asked") in capsys.readouterr().err

    def interrupt(name):
        raise Interrupted(signal.SIGTERM)

    work = apply.Work(manner, Living(running(tmp_path)), planner)
    work.take_back = interrupt
    with pytest.raises(Interrupted) as caught:
        apply.carry_out(work, [], "mail", lambda state: state.role == "Stopped", "out of service", True)
    assert caught.value.told.check == "change_rolled_back"
    capsys.readouterr()
    assert cluster_command.end_interrupted(options, caught.value) == 143
    answer = json.loads(capsys.readouterr().out)
    assert [each["id"] for each in answer["findings"]] == ["interrupted", "change_rolled_back"]
    assert answer["errors"] == [worded("interrupted", signal="SIGTERM", state=worded("change_rolled_back"))]


def test_a_command_that_is_interrupted_between_its_changes(tmp_path, living, monkeypatch):
    def interrupt(*_):
        raise Interrupted(signal.SIGINT)

    found = []
    monkeypatch.setattr(cluster_command, "end_interrupted", lambda _, interrupted: found.append(interrupted.told) or 9)
    monkeypatch.setattr(migrate, "check", lambda *_: None)
    monkeypatch.setattr(migrate, "exchange_or_go_back", interrupt)
    assert main(["migrate", "--to", SHELL_AGENT, "--cib-file", running(tmp_path), "--yes"]) == 9
    monkeypatch.setattr(migrate, "State", lambda *_: SimpleNamespace(nodes=[]))
    monkeypatch.setattr(apply.Work, "push", interrupt)
    assert main(["migrate", "--to", SHELL_AGENT, "--cib-file", running(tmp_path), "--yes"]) == 9
    assert [each.check for each in found] == ["command_finishes", "agent_runs"]


def test_what_print_leaves_out(tmp_path, capsys):
    pair = '<nvpair id="r-n" name="binary" value="/x/postfix"/>'
    rule = '<rule id="r-r" score="INFINITY"><expression id="r-e" attribute="#uname" operation="eq" value="n1"/></rule>'
    postfix = mail().replace(
        "</primitive>", f'<instance_attributes id="r">{rule}{pair}</instance_attributes></primitive>'
    )
    assert main(["print", "--cib-file", on_file(tmp_path, cib(postfix))]) == 0
    assert f"{worded('print_left_out', tag='instance_attributes', name='r')}\n" in capsys.readouterr().out


# A drill.
def a_phase(drill, kind="move"):
    """A phase that has ended without mail."""
    drill._steady = lambda: False
    phase = Phase(kind, f"{kind} from n1 to n2", drill.began, "n1")
    drill._end(phase)
    return phase


def test_mail_that_does_not_flow_after_a_phase(tmp_path):
    drill = drill_to(tmp_path)
    phase = a_phase(drill)
    assert [each.check for each in phase.errors] == ["drill_mail_flows_on"]
    assert drill.errors[0].reason == worded("drill_mail_flows_on", seconds=run.FLOW_S, what=phase.what)


@pytest.mark.parametrize(("reached", "check"), [(False, "drill_came_up"), (True, "drill_stayed")])
def test_a_service_that_does_not_come_up_or_does_not_stay(tmp_path, monkeypatch, reached, check):
    drill = drill_to(tmp_path)
    drill.guard = SimpleNamespace(leave=lambda *_: None, forget=lambda *_: None)
    state = SimpleNamespace(nodes=[], role="Stopped", reasons=["start of mail failed"])
    monkeypatch.setattr(run, "change", lambda *_: None)
    monkeypatch.setattr(run, "wait_until", lambda *_: (reached, state))
    drill._steady = lambda: True
    drill.ledger.longest_gap = lambda *_: SimpleNamespace(length_s=0.5)
    said = []
    drill._say = said.append
    drill._move("move", "n2")
    assert drill.errors[-1].reason == worded(check, tag="mail", node="n2", where="n1", why="; start of mail failed")
    assert said[-1].endswith(worded("drill_measured", gap_s=0.5, where="n1"))


@pytest.mark.parametrize(("noticed", "check"), [(True, "drill_recovered"), (False, "drill_noticed")])
def test_a_fault_that_is_not_noticed_or_not_mended(tmp_path, monkeypatch, noticed, check):
    drill = drill_to(tmp_path, fault="standby")
    drill.guard = SimpleNamespace(leave=lambda *_: None, forget=lambda *_: None, traces={})
    monkeypatch.setattr(run, "set_standby", lambda *_: "")
    monkeypatch.setattr(run, "await_so", lambda *_: False)
    drill._has_noticed = lambda _: noticed
    drill._undo_now = lambda: None
    drill._steady = lambda: False
    drill._inflict()
    assert drill.errors[0].reason == worded(check, fault="standby", node="n1", wait_s=1)


def test_messages_that_are_nowhere_and_what_cannot_be_seen(tmp_path, monkeypatch):
    monkeypatch.setattr(counting, "ARRIVAL_S", 0.1)
    course = drill_to(tmp_path).course
    ledger = Ledger()
    count = counting.Counting(course, ledger, 0.0)
    course.count = lambda *_: {"delivered": [], "queued": [], "why": ""}
    monkeypatch.setattr(counting, "compare", lambda *_: SimpleNamespace(lost=[3, 4]))
    assert [each.reason for each in count.take("n1")] == [worded("drill_messages_found", count=2, numbers="3, 4")]
    monkeypatch.setattr(Ledger, "offered", property(lambda _: {1, 2}), raising=False)
    monkeypatch.setattr(Ledger, "acknowledged", property(lambda _: {1}), raising=False)

    def unseen(*_):
        raise refused("drill_step_whole")

    count = counting.Counting(course, ledger, 0.0)
    course.count = unseen
    assert count.take("n1") == []
    assert count.remarks == [
        worded("drill_queue_seen", why=str(refused("drill_step_whole"))),
        worded("drill_unanswered", count=1),
        worded("drill_mailbox_named"),
    ]


def test_a_report_that_cannot_be_left(tmp_path):
    drill = drill_to(tmp_path)
    drill.course.here = "n1"
    facts = drill.facts()
    (tmp_path / "file").write_text("")
    lines, paths = drill_command.leave(facts, {}, str(tmp_path / "file"))
    assert paths == []
    assert lines[-1].startswith(worded("drill_report_left", directory=str(tmp_path / "file"), why=""))


def test_what_a_drill_says_on_the_way(tmp_path):
    drill = drill_to(tmp_path)
    said = []
    drill._say = said.append
    drill.client = SimpleNamespace(start=lambda: None, stop=lambda: None)
    drill._steady = lambda: False
    with pytest.raises(Refused):
        drill._flow()
    drill.guard = SimpleNamespace(undo=lambda: None)
    drill.interrupted = "move from n1 to n2"
    drill._leave()
    assert [each.partition(" s  ")[2] for each in said] == [
        worded("drill_begins", drill="d", recipient="box@example.com"),
        worded("drill_undoes", at="move from n1 to n2"),
        worded("drill_ends", tag="mail", where="n1"),
    ]
    drill.signal, drill.interrupted = 0, ""
    interrupted = Interrupted(signal.SIGTERM)

    def interrupt():
        raise interrupted

    drill._leave = interrupt
    drill._go = lambda: None
    with pytest.raises(Interrupted):
        drill.run()
    drill.guard.undo()
    assert interrupted.told.check == "drill_undone"


def test_what_a_drill_would_do(tmp_path, capsys):
    lines = []
    manner = SimpleNamespace(asks=False)
    work = SimpleNamespace(say=lines.append, show=lambda _: None, report={}, end=lambda code: code, manner=manner)
    course = SimpleNamespace(
        tag="mail", origin="n1", target="n2", fault="kill-master", fault_node="n2", remarks=["x", "y"], work=work,
        endpoints=["198.51.100.100:25"], letter=SimpleNamespace(recipient="box@example.com"),
        options=SimpleNamespace(back=True, rate=20, yes=True, dry_run=False, json=False),
    )  # fmt: skip
    assert drill_command.show(course) == 0
    work.confirm = lambda _: True
    assert drill_command.agreed(course, says_yes=True)
    assert lines == [
        worded("drill_moves", tag="mail", origin="n1", target="n2"),
        worded("drill_breaks", fault="kill-master", node="n2", meaning="kills the Postfix master process"),
        worded("drill_moves_back", origin="n1"),
        worded("drill_with", rate=20, recipient="box@example.com", endpoints="198.51.100.100:25"),
        worded("drill_warned", count=2),
    ]


def test_what_a_drill_asks(tmp_path, monkeypatch):
    asked = []
    monkeypatch.setattr(drill_command, "confirm", lambda question: bool(asked.append(question)))
    course = SimpleNamespace(
        options=SimpleNamespace(back=False),
        remarks=[],
        target="",
        fault="",
        work=SimpleNamespace(say=print, manner=SimpleNamespace(asks=True)),
    )
    assert not drill_command.agreed(course, says_yes=False)
    assert asked == [worded("drill_wanted")]


def test_a_state_is_read_of_the_file(tmp_path):
    """What the tests above rely on."""
    assert State(Cluster(on_file(tmp_path, whole(), started("mail"))).status(), "mail").nodes == ["n1"]
