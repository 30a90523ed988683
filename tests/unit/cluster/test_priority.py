"""Priorities and scores, names of resources, times of operations."""

import pytest

from postfix_ha.cluster.model.names import ID_LENGTH_MAX, address_name, default_tag, is_legal, unique
from postfix_ha.cluster.model.operations import milliseconds, parse_operation
from postfix_ha.cluster.model.priority import next_priority, parse_priority, priority_of_score, score_of_priority


def test_the_lower_priority_has_the_higher_score_and_both_can_be_had_back():
    scores = [score_of_priority(priority) for priority in range(1, 1000)]
    assert scores == sorted(scores, reverse=True)
    assert min(scores) > 0
    assert [priority_of_score(score) for score in scores] == list(range(1, 1000))
    assert priority_of_score(1000) is None
    assert priority_of_score(0) is None


@pytest.mark.parametrize("text", ["", "0", "1000", "-1", "1.5", "x", "٣", "1e3", " 1", "999999999999"])
def test_no_priority(text):
    with pytest.raises(ValueError, match="not a whole number from 1 to 999"):
        parse_priority(text)


def test_further_priorities_leave_room_and_are_never_taken():
    taken = []
    for _ in range(999):
        taken.append(next_priority(taken))
    assert taken[:4] == [1, 10, 20, 30]
    assert sorted(taken) == list(range(1, 1000))


@pytest.mark.parametrize(
    "queue",
    ["/mnt/queue/postfix", "/", "/srv/größe/queue", "/1/2", "/a b/c'd\"e", "/" + "x" * 300, "/-.-", "/mnt/queue:1"],
)
def test_a_default_tag_is_legal_and_unique(queue):
    tag = default_tag(queue)
    assert is_legal(tag)
    taken = {tag}
    for _ in range(20):
        taken.add(unique(tag, taken))
    assert len(taken) == 21
    assert all(is_legal(name) for name in taken)
    assert all(len(name) <= ID_LENGTH_MAX for name in taken)


def test_names_of_addresses():
    assert address_name("198.51.100.100") == "ip-198.51.100.100"
    assert address_name("2001:db8::1") == "ip-2001-db8-1"
    assert is_legal(address_name("2001:db8::1"))


@pytest.mark.parametrize("name", ["", "1a", "a b", "a/b", "a:b", "<x>", "-a", "a" * 65, "ä"])
def test_illegal_names(name):
    assert not is_legal(name)


def test_times_and_operations():
    assert [milliseconds(text) for text in ("20", "20s", "500ms", "2min", "1h")] == [20000, 20000, 500, 120000, 3600000]
    assert parse_operation("monitor interval=10s timeout=40s OCF_CHECK_LEVEL=10") == (
        "monitor",
        {"interval": "10s", "timeout": "40s", "OCF_CHECK_LEVEL": "10"},
    )
    for text in (
        "",
        "dance interval=1s",
        "monitor interval",
        "monitor interval=fast",
        "monitor x=1",
        "monitor timeout=",
    ):
        with pytest.raises(ValueError, match=r"\w"):
            parse_operation(text)
