"""Figures of the fault laboratory: gaps, spans, rates, why a message is there twice, and what is wrong with a run."""

import pytest

from ci.lib.prove import figures as proof_figures
from ci.lib.prove.sample import record
from tests.support.lab.watch import Sight
from tests.support.mail.ledger import Event, Ledger, take_account


def ledger(*events):
    return Ledger([Event(t, number, attempt, kind, "", crew) for t, number, attempt, kind, crew in events])


def acks(*times, crew="plain"):
    return [(t, number, 1, "ack", crew) for number, t in enumerate(times, 1)]


def test_the_gap_is_that_of_ordinary_clients():
    others = [(3, 9, 1, "ack", "slow"), (2, 8, 1, "fail", "plain"), (4, 7, 1, "greeting", "plain")]
    seen = ledger(*acks(0, 1, 5, 6), *others)
    assert proof_figures.gap(seen, 0.5, 5.5) == (1, 5)
    assert proof_figures.gap(seen, 0.5, 5.5, ("ack", "greeting")) == (1, 4)


def test_a_gap_that_nobody_saw_the_end_of_is_none():
    with pytest.raises(ValueError, match="both sides"):
        proof_figures.gap(ledger(*acks(0, 1)), 0.5, 5)


def test_median_and_worst():
    assert proof_figures.summary([3, 1, 2, 10]) == {"median": 2.5, "worst": 10}
    assert proof_figures.summary([]) == {}


def test_spans_are_told_from_the_changes_that_the_watch_saw():
    sights = [
        Sight(0.0, ("n1",), ("n1",)),
        Sight(11.0, ("n1",), ()),
        Sight(12.0, (), ()),
        Sight(13.0, ("n2",), ()),
        Sight(99.0, (), ()),
    ]
    assert proof_figures.spans(sights, "mounts", 10.0, 15.0) == [["n1", -2.0, 2.0], ["n2", 3.0, 5.0]]
    assert proof_figures.spans(sights, "masters", 10.0, 15.0) == [["n1", -2.0, 1.0]]


def test_rates_count_by_quarters_of_a_second_from_two_seconds_before():
    seen = ledger(*acks(8.0, 8.1, 10.0), (10.3, 4, 1, "fail", "plain"), (7.0, 5, 1, "ack", "plain"))
    assert proof_figures.rates(seen, 10.0, 10.5) == [[2, 0], *[[0, 0]] * 7, [1, 0], [0, 1], [0, 0]]
    assert proof_figures.calm_rate(seen, 11.0) == 1


def test_a_message_that_is_there_twice_has_its_reason():
    seen = ledger(*acks(1, 2, 3))
    delivered = [f"X-Number: {n}\nX-Attempt: {a}\n".encode() for n, a in ((1, 1), (2, 1), (2, 2), (3, 1), (3, 1))]
    counts = proof_figures.duplicates(seen, take_account(seen, delivered, []))
    assert list(counts.values()) == [1, 1]


def test_what_senders_saw_is_theirs_alone():
    steps = [(10, 7, 1, "knock", "sender"), (13, 7, 1, "greeting", "sender"), (14, 7, 1, "ack", "sender")]
    seen = ledger(*acks(9, 11, 13, 15), (12, 6, 1, "fail", "plain"), *steps)
    twice = take_account(seen, [b"X-Number: 7\nX-Attempt: 1\n"] * 2 + [b"X-Number: 1\nX-Attempt: 1\n"] * 2, [])
    found = proof_figures.senders_figures(seen, twice, 11, 12)
    assert (found["taken"], found["cut"], found["refused"], found["longest_wait_s"]) == (1, 0, 0, 3)
    assert found["delivered_twice"] == 1
    both = proof_figures.together([found, {**found, "cut": 2, "longest_wait_s": 1}])
    assert (both["taken"], both["cut"], both["longest_wait_s"], both["delivered_twice"]) == (2, 2, 3, 2)
    assert proof_figures.together([]) == {}


@pytest.mark.parametrize(
    ("different", "words"),
    [
        ({}, []),
        ({"recovered_s": None}, ["not answered within"]),
        ({"gap_s": 99.0}, ["clients waited 99.0 s"]),
        ({"fenced": [[1.0, "n1"]]}, ["fenced without need: n1"]),
        ({"node_after": "n2"}, ["from n1 to n2, expected: same node"]),
        ({"lost": [7]}, ["1 acknowledged messages are lost"]),
        ({"most_masters": 2, "most_mounts": 2}, ["2 masters at once", "2 mounts at once"]),
        ({"is_whole": False}, ["cleaned up by hand"]),
        ({"failure": "no cluster\nat all"}, ["could not be measured: no cluster"]),
    ],
)
def test_a_run_is_held_against_what_was_expected(different, words):
    wrong = record("master-killed", **different)["wrong"]
    assert len(wrong) == len(words)
    assert all(word in sentence for word, sentence in zip(words, wrong))


def test_a_node_that_had_to_be_fenced_and_was_not_is_told():
    assert record("power-off", fenced=[])["wrong"] == ["no node was fenced"]
