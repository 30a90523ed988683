"""The README's figures of the faults are those of the runs, and its picture is as long as they are."""

import pytest
from lxml import etree

from ci.lib.docs.proof import LABEL, PROOF, WIDTH, kept_proof, proof_picture, proof_text

SVG = "{http://www.w3.org/2000/svg}"


def record(fault, agent, gap_s, wrong=(), is_beside=False, **changed):
    found = {
        "fault": fault, "agent": agent, "gap_s": gap_s, "wrong": list(wrong), "is_beside": is_beside, "failure": "",
        "acknowledged": 1000, "lost": [], "duplicated": 0, "most_masters": 1, "most_mounts": 1,
    }  # fmt: skip
    return {**found, **changed}


@pytest.fixture
def kept():
    runs = [
        record("move", "ours", 1.0, duplicated=2),
        record("move", "ours", 2.0),
        record("move", "ours", 9.0, is_beside=True),
        record("move", "peer", 3.0),
        record("master-frozen", "ours", 4.0),
        record("master-frozen", "peer", 40.0, ["clients waited 40.0 s, more than 7 s", "fenced without need: n1"]),
        record("master-frozen", "peer", 5.0),
        record("standby", "ours", 1.0, ["1 acknowledged messages are lost"], lost=[7]),
        record("standby", "ours", 0.0, failure="it was not measured", acknowledged=0),
    ]
    return kept_proof({"runs": runs})[PROOF]


def test_totals_are_of_our_measured_runs_alone(kept):
    assert kept["totals"] == {
        "faults": 3, "runs": 5, "acknowledged": 5000, "lost": 1, "twice": 2, "masters": 1, "mounts": 1,
        "fenced_without_need": 0, "not_as_expected": 1, "beside": 1,
    }  # fmt: skip
    text = proof_text(kept)
    assert "5 runs of 3 faults" in text
    assert "1 lost, 2 delivered twice" in text


def test_a_run_beside_a_second_instance_is_no_figure_of_the_fault(kept):
    assert kept["main"]["move"]["ours"] == {"median": 1.5, "worst": 2.0, "of": 2, "wrong": {}}


def test_what_was_not_as_expected_is_counted_by_its_kind(kept):
    assert kept["main"]["master-frozen"]["peer"]["wrong"] == {"fenced without need": 1, "too late": 1}


def test_the_picture_stays_inside_and_names_the_gravest_wrong(kept):
    svg = etree.fromstring(proof_picture(kept))
    bars = svg.findall(f".//{SVG}rect[@height='14']")
    assert len(bars) == 2 * 4
    longest = max(bars, key=lambda bar: float(bar.get("width")))
    assert longest.get("class") == "peer worst"
    assert float(longest.get("x")) == LABEL
    assert all(float(bar.get("x")) + float(bar.get("width")) < WIDTH for bar in bars)
    (wrong,) = svg.findall(f".//{SVG}tspan")
    assert "fenced without need 1 of 2" in wrong.text


def test_no_words_run_into_others_and_every_colour_is_explained(kept):
    """Letters of 12 px sans are 6.1 px wide on average here; a tspan follows its text at the distance that it says."""
    svg = etree.fromstring(proof_picture(kept))
    for text in svg.iter(f"{SVG}text"):
        width = len("".join(text.itertext())) * 6.5 + sum(float(part.get("dx")) for part in text)
        assert float(text.get("x")) + width < WIDTH
        for part in text:
            assert float(part.get("dx")) >= 10
    swatches = {rect.get("class") for rect in svg.iter(f"{SVG}rect") if rect.get("height") == "12"}
    assert swatches == {rect.get("class") for rect in svg.iter(f"{SVG}rect") if rect.get("height") == "14"}
