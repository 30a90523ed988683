"""What is wrong with a value on the command line, or with what it asks of this node, is told by its row."""

import io
import os
import re
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from postfix_ha.cli.commands import create, facts
from postfix_ha.cli.main import main
from postfix_ha.cli.trial import trial
from postfix_ha.cli.trial.steps import Address, Folder, StartedService, StepFailed, TrialStep, insist
from postfix_ha.cluster.create.plan import parse_address
from postfix_ha.messages.statement import worded
from postfix_ha.params import Params
from tests.support.cibs import cib_text, mail

WRONG = {
    "option_seconds": (("switchover", "n2", "--wait", "x"), {"text": "x", "most": 86400}),
    "option_count": (("history", "--last", "0"), {"text": "0", "most": 100000}),
    "option_file": (("check", "--cib-file", "/nonexistent/x"), {"text": "'/nonexistent/x'"}),
    "option_node": (("check", "--peer=-oProxyCommand=x"), {"text": "'-oProxyCommand=x'"}),
    "option_shell": (("check", "--rsh", "'"), {"text": '"\'"', "why": "no closing quotation"}),
    "option_shell_named": (("check", "--rsh", ""), {}),
    "option_forced": (("create", "--force", "nonsense"), {"text": "'nonsense'"}),
    "option_assignment": (("properties", "--parameter", "x"), {"text": "x"}),
    "option_node_priority": (("properties", "--priority", "n1"), {"text": "n1"}),
    "option_priority": (("extend", "n3", "--priority", "0"), {"text": "0", "least": 1, "most": 999}),
    "option_time": (("properties", "--operation", "monitor interval=x"), {"text": "x"}),
    "option_operation": (("properties", "--operation", "sing a=b"), {"name": "sing"}),
    "option_operation_set": (("properties", "--operation", "monitor"), {"name": "monitor"}),
    "option_operation_key": (("properties", "--operation", "monitor x"), {"word": "x"}),
    "option_operation_value": (("properties", "--operation", "monitor on-fail=x"), {"key": "on-fail", "value": "x"}),
    "option_interval": (("properties", "--operation", "start interval=9s"), {"value": "9s"}),
    "option_timeout": (("properties", "--operation", "monitor timeout=0"), {}),
    "option_mount": (("check", "--mount", "/dev/x"), {"text": "'/dev/x'"}),
    "option_prefix": (("check", "--prefix", "129"), {"text": "'129'"}),
    "option_recipient": (("drill", "--recipient", "a b"), {"text": "'a b'"}),
    "option_rate": (("drill", "--rate", "0"), {"text": "0", "most": 200}),
}


def begins(check: str, **values: object) -> str:
    """The sentence up to the first value that is not given."""
    return worded(check, **values).partition("?")[0]


@pytest.mark.parametrize("check", WRONG)
def test_a_wrong_value_is_one_line(capsys: pytest.CaptureFixture[str], check: str) -> None:
    arguments, values = WRONG[check]
    with pytest.raises(SystemExit) as ended:
        main(list(arguments))
    said = capsys.readouterr()
    assert (ended.value.code, said.out) == (2, "")
    assert begins(check, **values) in said.err
    assert said.err.count("\n") == 1


@pytest.mark.parametrize(
    ("text", "check", "values"),
    [
        ("no address", "option_address", {"text": "no address"}),
        ("127.0.0.1", "option_address_useful", {"address": "127.0.0.1"}),
    ],
)
def test_an_address_that_no_client_could_use(text: str, check: str, values: "dict[str, object]") -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(worded(check, **values))}$"):
        parse_address(text)


@pytest.mark.parametrize(
    ("text", "check", "values"),
    [
        ("n9", "answer_node", {"node": "n9", "known": "n1, n2"}),
        ("n1 n1", "answer_node_once", {"node": "n1"}),
        ("n1:3 n2:3", "answer_priority_free", {"priority": 3}),
    ],
)
def test_an_answer_that_names_the_wrong_nodes(text: str, check: str, values: "dict[str, object]") -> None:
    take = create.taken_nodes(SimpleNamespace(priorities={"n1": 1, "n2": 2}, excluded=[]))  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=f"^{re.escape(worded(check, **values))}$"):
        take(text)


def test_two_instances_of_this_node(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "cib.xml"
    two = mail("a", config_dir="/etc/postfix2") + mail("b", config_dir="/etc/postfix3")
    file.write_text(cib_text(two, nodes=(os.uname().nodename,)))
    assert main(["facts", "--cib-file", str(file)]) == 2
    names = "/etc/postfix2 or /etc/postfix3"
    assert capsys.readouterr().err == f"postfix-ha facts: {worded('facts_one_instance', names=names)}\n"
    assert main(["check", "--trial", "--cib-file", str(file)]) == 2
    assert worded("trial_one_instance", names=names) in " ".join(capsys.readouterr().out.split())


@pytest.mark.parametrize(("check", "timeout_s"), [("facts_read", 30.0), ("facts_in_time", 0.0)])
def test_facts_that_cannot_be_had(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], check: str, timeout_s: float
) -> None:
    monkeypatch.setattr(facts, "TIMEOUT_S", timeout_s)
    monkeypatch.setattr(facts, "facts_of", None)  # the child ends with an error
    assert main(["facts", "--config-dir", "/etc/postfix"]) == 2
    assert f"postfix-ha facts: {worded(check)}\n" in capsys.readouterr().err


def test_a_salt_file_without_salt(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["facts", "--config-dir", "/etc/postfix", "--salt-file", "/nonexistent/x"]) == 2
    assert capsys.readouterr().err == f"postfix-ha facts: {worded('facts_salt', file='/nonexistent/x')}\n"


def test_a_request_that_is_none(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(b"hello\n")))
    assert main(["history", "--observe"]) == 2
    assert capsys.readouterr().err == f"postfix-ha history: {worded('history_request')}\n"


# A trial.
def a_trial(**options: object) -> trial.Trial:
    """A trial of which nothing has begun."""
    return trial.Trial(Params({"config_dir": "/nonexistent/x"}), [], **options)  # type: ignore[arg-type]


def not_roots(tmp_path: Path) -> None:
    path = tmp_path / "run"
    path.mkdir()
    if os.geteuid() == 0:
        os.chown(path, 12345, -1)
    Folder(str(path), is_ours=True).do(-1)


AGENT = SimpleNamespace(do=lambda *_, **__: (1, ""))
NOT_DONE = {
    "trial_program": lambda path: insist(["false"]),
    "trial_directory": not_roots,
    "trial_address_free": lambda path: Address("127.0.0.1", 8, "lo").do(-1),
    "trial_agent": lambda path: StartedService(AGENT).do(-1),  # type: ignore[arg-type]
    "trial_interface": lambda path: a_trial()._place("203.0.113.9"),
}


@pytest.mark.parametrize("check", NOT_DONE)
def test_a_step_that_cannot_be_done(tmp_path: Path, check: str) -> None:
    values = {
        "trial_program": {"command": "false", "why": 1},
        "trial_directory": {"path": str(tmp_path / "run")},
        "trial_address_free": {"address": "127.0.0.1"},
        "trial_agent": {"action": "start", "code": 1},
        "trial_interface": {"address": "203.0.113.9"},
    }
    with pytest.raises(StepFailed) as raised:
        NOT_DONE[check](tmp_path)
    assert str(raised.value) == worded(check, **values[check])  # type: ignore[arg-type]


def test_a_trial_by_another_user(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    (found,) = a_trial().run()
    assert found.values["why"] == worded("trial_by_root")
    assert found.values["step"] == worded("trial_looks_before")


def test_a_trial_that_cannot_be_undone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    class Stuck(TrialStep):
        """A step that stays done."""

        name = "stick"

        def undo(self) -> None:
            raise StepFailed("busy")

    monkeypatch.setattr(trial, "NOTE", str(tmp_path / "note"))
    monkeypatch.setattr(trial, "census", lambda _: SimpleNamespace(members=["x"]))
    tried = a_trial()
    tried.begun = [Stuck()]
    tried._undo()
    tried.begun = []
    tried._undo()
    first, second = tried.findings
    assert first.values["step"] == worded("trial_undoes", step="stick")
    assert first.values["why"] == worded("trial_undone_by", why="busy", note=trial.NOTE)
    assert (second.values["step"], second.values["why"]) == (worded("trial_looks_after"), worded("trial_ended"))


def test_a_process_that_is_not_there(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    tried = a_trial()
    tried.agent = SimpleNamespace(do=lambda *_, **__: (0, ""))  # type: ignore[assignment]
    tried._look()
    said = capsys.readouterr().out
    assert f"trial: {worded('trial_monitors')}\n" in said
    assert f"trial: {worded('trial_process_there', name='master')}\n" in said


def test_a_place_for_an_address_that_is_not_found(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setattr(trial, "NOTE", str(tmp_path / "note"))
    monkeypatch.setattr(trial, "RUN_DIRECTORY", str(tmp_path))
    monkeypatch.setattr(trial, "census", lambda _: SimpleNamespace(members=[]))
    tried = a_trial(nic="no-such0")
    survey = SimpleNamespace(absent_addresses=["203.0.113.9"])
    monkeypatch.setattr(trial.Trial, "survey", lambda _: survey)
    tried._go()
    (found,) = tried.findings
    assert found.values["step"] == worded("trial_finds")
    assert found.values["why"] == worded("trial_interface", address="203.0.113.9")
