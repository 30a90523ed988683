"""Each CIB of the corpus: status says who could run Postfix and why the others could not, as the scheduler decides."""

import os

import pytest

from postfix_ha.cluster.live.pacemaker import Cluster
from postfix_ha.cluster.live.simulation import simulate
from tests.cibs.cases import CASES, HERE, path_of
from tests.cibs.scheduler import nodes_known, runs_there, status_of


def test_every_file_has_its_story():
    assert {name[: -len(".xml")] for name in os.listdir(HERE) if name.endswith(".xml")} == set(CASES)
    assert len(CASES) >= 60
    assert all(case["story"] and case["source"] for case in CASES.values())


@pytest.mark.parametrize("name", CASES)
def test_who_could_run_it_and_why_not(name):
    case, path = CASES[name], path_of(name)
    truth = [node for node in nodes_known(path) if runs_there(path, "mail", node)]
    assert sorted(truth) == sorted(case["can"]), "the scheduler decides otherwise than the table says"
    found = status_of(path)
    assert sorted(node for node, can in found["can_run"].items() if can) == sorted(truth)
    assert set(found["why_not"]) == set(nodes_known(path)) - set(truth)
    guesses = [node for node, why in found["why_not"].items() for each in why if "does not place it" in each["text"]]
    assert guesses == [], found["why_not"]
    for node, words in case["why"].items():
        said = " ".join(f"{each['text']} {each['command']}" for each in found["why_not"][node])
        assert [word for word in words if word not in said] == [], said
    text = " ".join(" ".join(found["text"]).split())
    assert [word for word in case.get("says", []) if word not in text] == [], text
    assert [word for word in case.get("says_not", []) if word in text] == [], text


def test_a_plan_that_cannot_be_carried_out_is_told_as_far_as_it_goes():
    path = path_of("maintenance-failed-part")
    outcome = simulate(Cluster(path), Cluster(path).read())
    assert outcome is not None
    assert [words for words in outcome.actions if "fence" not in words] == []
    assert outcome.places["mail"] == []
