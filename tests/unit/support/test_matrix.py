"""The matrix: which runs it makes and in which order, and that a rerun goes on where the last one ended."""

import re

import pytest

from ci.lib.prove.faults import MAIN, TABLE
from ci.lib.prove.matrix import RESULTS, Results, arguments, case_of, main, plan
from ci.lib.prove.run import Case
from ci.lib.prove.sample import record


def cases(*words):
    return plan(arguments().parse_args(words))


def test_the_whole_matrix_is_what_was_asked_for():
    names = {"move", "master-killed", "master-frozen", "address-deleted", "power-off", "link-cut", "smtpd-broken"}
    assert {fault.id for fault in MAIN} == names
    made = [case for case in cases() if not case.is_beside]
    for fault in TABLE.values():
        count = 5 if fault.id in names else 2
        for agent in ("ours", "peer") if fault.id in names else ("ours",):
            repeats = [case.repeat for case in made if (case.fault, case.agent) == (fault.id, agent)]
            assert repeats == list(range(1, count + 1))
    assert len(made) == len({case.key for case in made})


def test_our_agent_and_its_peer_run_in_turn():
    agents = [case.agent for case in cases("--fault", "move") if not case.is_beside]
    assert agents == ["ours", "peer", "peer", "ours"] * 2 + ["ours", "peer"]


def test_runs_with_a_second_instance_come_last_and_once():
    made = cases()
    beside = [case for case in made if case.is_beside]
    assert made[-len(beside) :] == beside == cases("--beside")
    assert [case.fault for case in beside] == [fault.id for fault in TABLE.values() if fault.beside]


def test_every_fault_says_what_is_done_and_what_is_expected():
    for fault in TABLE.values():
        assert fault.what.endswith("."), fault.id
        assert fault.bound_by, fault.id
        assert fault.fence in ("never", "always", "may"), fault.id
        assert fault.bound_s > 0, fault.id


def test_the_command_of_a_run_makes_that_run_and_no_other():
    for case in cases("--seed", "7", "--short"):
        assert cases(*case.command.split()[1:]) == [case]


def test_moments_are_the_same_for_both_agents_and_differ_otherwise():
    def first(*which):
        return Case(*which).moments().random()

    assert first("move", "ours", 1, 1) == first("move", "peer", 1, 1)
    assert len({first("move", "ours", 1, 1), first("move", "ours", 2, 1), first("move", "ours", 1, 2)}) == 3


def test_a_rerun_goes_on(tmp_path):
    results = Results(tmp_path)
    done, failed = record("move"), record("move", repeat=2, failure="no lab")
    for each in (done, failed):
        results.add({**each, "logs": "what nodes said" if each is failed else ""})
    with (tmp_path / RESULTS).open("a") as handle:
        handle.write('{"fault": "mo')
    again = Results(tmp_path)
    assert again.has(case_of(done))
    assert not again.has(case_of(failed)), "what could not be measured is tried again"
    assert not again.has(Case("move", "ours", 3, 1))
    assert (tmp_path / "move-ours-2.log").read_text() == "what nodes said"


@pytest.mark.parametrize("words", [("--fault", "no-such"), ("--repeats", "0"), ("--repeat", "x"), ("--agent", "third")])
def test_a_wrong_command_line_is_told_in_one_line(capsys, words):
    with pytest.raises(SystemExit) as ended:
        arguments().parse_args(words)
    assert ended.value.code == 2
    assert re.search(r"^ci/prove: error: .+$", capsys.readouterr().err, re.MULTILINE)


def test_the_page_is_made_again_from_what_there_is(tmp_path, monkeypatch):
    results = Results(tmp_path)
    results.add(record("move"))
    monkeypatch.setattr(
        "sys.argv", ["ci/prove", "--page", "--report", str(tmp_path), "--fault", "move", "--repeat", "1"]
    )
    assert main() == 1, "the peer's run is missing"
    monkeypatch.setattr("sys.argv", [*__import__("sys").argv, "--agent", "ours"])
    assert main() == 0
    assert "planned move" in (tmp_path / "prove.html").read_text()
