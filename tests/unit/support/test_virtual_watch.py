"""The watch over virtual machines: what two machines surely had at once counts, what came late does not."""

import time

import pytest

from tests.support.virtual.watch import Life, VirtualWatch


@pytest.fixture
def watch():
    """A watch that follows no machine: what they told is put in by hand."""
    watch = VirtualWatch({})
    yield watch
    watch.close()


def put(watch, node, lag, *looks):
    watch._lives.setdefault(node, []).append(Life(list(looks), lag))


def test_one_after_the_other_is_one(watch):
    put(watch, "n1", 100, (0.0, True, 1), (4.98, True, 1), (5.0, False, 0))
    put(watch, "n2", 50, (50.0, False, 0), (55.1, True, 1), (60.0, True, 1))
    assert watch.worst() == (1, 1)


def test_two_at_once_are_two_whatever_the_machines_clocks_say(watch):
    put(watch, "n1", 100, (0.0, True, 1), (5.0, True, 1))
    put(watch, "n2", -900, (1004.9, True, 0), (1006.0, True, 1))
    assert watch.worst() == (2, 1)


def test_two_masters_on_one_machine_are_two(watch):
    put(watch, "n1", 0, (0.0, True, 1), (1.0, True, 2), (2.0, True, 1))
    assert watch.worst() == (1, 2)


def test_a_machine_that_told_no_more_had_it_until_its_last_word(watch):
    put(watch, "n1", 0, (0.0, True, 1), (5.0, True, 1))
    put(watch, "n2", 0, (5.5, True, 1), (9.0, True, 1))
    assert watch.worst() == (1, 1)


def test_only_what_was_seen_between_two_times_counts(watch):
    put(watch, "n1", 0, (0.0, True, 1), (5.0, True, 1), (5.1, False, 0))
    put(watch, "n2", 0, (4.0, True, 1), (9.0, True, 1))
    assert watch.worst() == (2, 2)
    assert watch.worst(5.05, 9.0) == (1, 1)


def test_what_two_connections_to_a_machine_told_is_counted_once(watch):
    put(watch, "n1", 0, (0.0, True, 1), (9.0, True, 1))
    put(watch, "n1", 0, (1.0, True, 0), (9.5, True, 1))
    assert watch.worst() == (1, 1)


def test_what_was_done_on_purpose_is_forgiven_and_what_comes_later_is_not(watch):
    begin = time.monotonic()
    put(watch, "n1", 0, (begin - 9, True, 1), (begin + 100, True, 1))
    put(watch, "n2", 0, (begin, True, 0), (begin, False, 0))
    assert watch.worst() == (2, 1)
    watch.forgive(begin)
    assert watch.worst() == (1, 1)
    put(watch, "n3", 0, (begin + 50, True, 0), (begin + 51, True, 0))
    assert watch.worst() == (2, 1)
