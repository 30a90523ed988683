"""Which names in the queue are those of Postfix's own files: mail is never set aside."""

import pytest

from postfix_ha.checks.startup.queue_traps import is_queue_name

SHORT, LONG = "A5B3C1234F", "4Sjyk72Qz1zDk3M"


@pytest.mark.parametrize("queue", ["maildrop", "incoming", "active", "deferred", "hold"])
def test_messages(queue: str) -> None:
    for name in (SHORT, LONG, "00000A", "3Pt2mN2VXxznjll", SHORT + "#FIX"):
        assert is_queue_name(name, queue), name
    for name in (
        "A",
        "",
        "00000",
        "ZZZZZZZZ",
        "a.b",
        "A5B3C1234F.x",
        "#FIX",
        "A5B3C\n1",
        "\udcff",
        "9" * 300,
        "²2345A",
    ):
        assert not is_queue_name(name, queue), name


@pytest.mark.parametrize("queue", ["defer", "bounce", "flush"])
def test_logs(queue: str) -> None:
    for name in (SHORT, LONG, "example_com", "ZZZZZZZZ"):
        assert is_queue_name(name, queue), name
    for name in ("", "a.b", "example.com", "\udcff"):
        assert not is_queue_name(name, queue), name
