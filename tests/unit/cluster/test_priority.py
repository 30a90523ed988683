"""Priorities and scores, names of resources, times of operations."""

import pytest
from lxml import etree

from postfix_ha.cluster.model.cib import score_of
from postfix_ha.cluster.model.names import ID_LENGTH_MAX, address_name, default_tag, is_legal, unique
from postfix_ha.cluster.model.operations import interval_ms, milliseconds, parse_operation
from postfix_ha.cluster.model.priority import next_priority, parse_priority, priority_of_score, score_of_priority
from postfix_ha.whole_number import whole_number


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


NO_NUMBERS = ["", "-1", "+1", "1.5", "²", "٣", "1²", "0x1", "1_0", " 1"]


@pytest.mark.parametrize("text", [*NO_NUMBERS, "9" * 5000, "0005009", "1000"])
def test_what_is_no_priority_is_refused_in_a_sentence(text):
    with pytest.raises(ValueError, match="is not a whole number from 1 to 999"):
        parse_priority(text)


@pytest.mark.parametrize("text", [*NO_NUMBERS, "9" * 5000])
def test_whole_numbers_of_others(text):
    assert whole_number(text, 70) == (70 if text.startswith("999") else None)
    assert score_of(text) == {"-1": -1, "+1": 1}.get(text, 1000000 if text.startswith("999") else 0)


def test_whole_numbers_have_an_end():
    assert [whole_number(text, 70) for text in ("0", "70", "071", "0" * 5000 + "7")] == [0, 70, 70, 7]
    assert milliseconds("9" * 5000 + "h") == (2**31 - 1) * 3600000


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("10s", 10000), ("10", 10000), ("500ms", 500), ("5msec", 5), ("2000us", 2), ("10Seconds", 10000),
        ("1min", 60000), ("1h", 3600000), ("PT10S", 10000), ("P1DT1M", 86460000), ("P", 0), ("PT", 0), ("soon", 0),
        ("", 0), ("-5s", 0), ("²s", 0), ("9" * 5000, (2**31 - 1) * 1000),
        (f"PT{'9' * 5000}S", (2**31 - 1) * 1000), ("P²D", 0),
    ],
)  # fmt: skip
def test_intervals_as_pacemaker_reads_them(text, wanted):
    assert interval_ms(etree.Element("op", {"interval": text})) == wanted


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
