"""The arithmetic of a drill: gaps from a series of events, counts per interval, and the account of every message."""

import pytest

from postfix_ha.drill.ledger import Event, Ledger, compare, per_interval


def ledger(*events):
    """A ledger of (t, kind) or (t, kind, endpoint); each event is of a message of its own."""
    return Ledger([Event(e[0], n, 1, e[1], endpoint=e[2] if len(e) > 2 else "") for n, e in enumerate(events, 1)])


def test_a_gap_lasts_from_the_last_success_to_the_next():
    found = ledger((0, "ack"), (1, "greeting"), (1.2, "fail"), (3, "fail"), (4.5, "greeting"), (5, "ack"), (6, "ack"))
    gap = found.longest_gap(1.5, 4.8)
    assert (gap.start, gap.end, gap.length_s) == (1, 4.5, 3.5)


def test_a_gap_may_begin_before_the_span_and_end_after_it():
    found = ledger((0, "ack"), (10, "ack"))
    assert found.gap(4, 5) == 10


def test_a_silence_that_does_not_touch_the_span_is_not_its_gap():
    found = ledger((0, "ack"), (8, "ack"), (9, "ack"), (9.5, "ack"), (20, "ack"))
    assert found.gap(8.5, 9.2) == 1


def test_of_several_endpoints_the_one_that_was_away_longest_counts():
    found = ledger((0, "ack", "a"), (0, "ack", "b"), (2, "ack", "a"), (3, "ack", "a"), (3.5, "ack", "b"))
    assert found.gap(0.5, 2.5) == 3.5


@pytest.mark.parametrize("events", [(), ((0, "ack"),), ((3, "ack"),), ((0, "ack"), (0, "ack", "b"), (3, "ack"))])
def test_without_a_success_on_both_sides_there_is_no_figure(events):
    with pytest.raises(ValueError, match="client"):
        ledger(*events).longest_gap(1, 2)


def test_offered_acknowledged_refused():
    events = [
        Event(0, 1, 1, "ack"),
        Event(1, 2, 1, "fail", "ConnectionRefusedError: [Errno 111] Connection refused"),
        Event(2, 2, 2, "ack"),
        Event(3, 3, 1, "fail", "451 4.3.0 Temporary lookup failure"),
        Event(4, 3, 2, "ack"),
        Event(5, 4, 1, "fail", "550 5.1.1 no such user"),
        Event(6, 5, 1, "fail", "connection closed"),
    ]
    found = Ledger(events)
    assert found.offered == {1, 2, 3, 4, 5}
    assert found.acknowledged == {1, 2, 3}
    assert found.refused == {3, 4}
    assert (found.acknowledged_between(1, 4), found.failed_between(1, 4)) == (2, 2)


def test_lost_queued_and_doubled_are_told_apart():
    found = Ledger([Event(n, n, 1, "ack") for n in range(1, 6)])
    account = compare(found, [(1, 1), (2, 1), (2, 2), (3, 1), (3, 1)], [(4, 1)])
    assert (account.lost, account.duplicated, account.delivered_twice) == ((5,), (2, 3), (3,))
    assert (account.acknowledged, account.delivered, account.queued) == (5, 5, 1)


def test_what_was_not_acknowledged_is_never_lost():
    found = Ledger([Event(0, 1, 1, "fail", "connection closed")])
    assert compare(found, [], []).lost == ()


def test_counts_per_interval():
    assert per_interval([0, 0.4, 0.5, 1.9, 2.0, -1], 0, 2, 0.5) == [2, 1, 0, 1]
    assert per_interval([], 5, 5, 1) == [0]
