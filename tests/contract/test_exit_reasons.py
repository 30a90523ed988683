"""Exit reasons: Pacemaker keeps 128 bytes of one. Cause and place come first and are whole, whatever the values are."""

import random
import string

import pytest

from postfix_ha.codes import SUCCESS
from postfix_ha.finding import Finding
from postfix_ha.messages.brief import KEPT_MAX, brief
from postfix_ha.messages.catalogue import ROWS
from postfix_ha.messages.row import Row
from postfix_ha.messages.statement import Statement

# What leads to no code but 0 is logged alone.
OF_THE_AGENT = [
    row for row in ROWS if row.scope in ("parameter", "node", "health", "operation") and row.code != SUCCESS
]
PATH = "/srv/the-mail-of-the-company/with/a/long/path/" + "x" * 300 + "/pid/master.pid"
TEXT = "fatal: open lock file /var/lib/postfix/master.lock: unable to set exclusive lock: " + "because " * 60


def fields(text: str) -> "list[str]":
    return [name for _, name, _, _ in string.Formatter().parse(text) if name]


def finding(row: Row, value: object) -> Finding:
    """A finding of the row with this value everywhere; where it is a number, a number."""
    values = dict.fromkeys(fields(row.sentence) + fields(row.remedy), value)
    return Finding(row.check, **{**values, "timeout_s": 10.0, "pid": 12345, "mail_log": " /var/log/mail.log on n1"})


def skeleton(row: Row) -> "list[str]":
    """What the sentence says of itself, between its values."""
    return [part.strip() for part, _, _, _ in string.Formatter().parse(row.sentence) if part.strip()]


@pytest.mark.parametrize("row", OF_THE_AGENT, ids=lambda row: row.check)
def test_no_reason_is_cut_by_pacemaker_and_no_cause_by_us(row: Row) -> None:
    for value in (PATH, TEXT, "ä" * 400, "\u202e" * 200, "x"):
        said = brief(finding(row, value))
        assert len(said.encode()) <= KEPT_MAX == 128
        assert said.isprintable()
        at = 0
        for part in skeleton(row):
            assert part in said[at:], f"{row.check} is too long to keep its words: {said}"
            at = said.index(part, at) + len(part)


@pytest.mark.parametrize("row", OF_THE_AGENT, ids=lambda row: row.check)
def test_cause_and_place_of_an_ordinary_finding_are_whole(row: Row) -> None:
    """With values as they are on a usual node, none is shortened."""
    said = brief(finding(row, "/etc/postfix"))
    statement = Statement(finding(row, "/etc/postfix"))
    assert said in (statement.reason, statement.text)


def test_a_path_keeps_its_ends_and_a_text_its_beginning() -> None:
    said = brief(Finding("queue_directory_writable", queue_directory=PATH, why="Read-only file system", main_cf="x"))
    assert said.startswith("the queue directory /srv/")
    assert said.endswith("/pid/master.pid cannot be written: Read-only file system")
    said = brief(Finding("start_completed", why=TEXT, mail_log=" x"))
    assert said.startswith("Postfix could not be started: fatal: open lock file /var/lib/postfix/master.lock")


def test_the_remedy_is_there_where_it_fits() -> None:
    said = brief(Finding("master_running", instance="/etc/postfix", mail_log=" /var/log/mail.log on n1"))
    assert said == "the master process of /etc/postfix is not running; see the mail log /var/log/mail.log on n1"


def test_any_values_at_all() -> None:
    chosen = random.Random(19)
    for _ in range(400):
        row = chosen.choice(OF_THE_AGENT)
        letters = chosen.choice(("a", "ä", "\x1b", "a b", "/a", "\udcff", "🂡"))
        values = {name: letters * chosen.randrange(300) for name in fields(row.sentence) + fields(row.remedy)}
        said = brief(Finding(row.check, **{**values, "timeout_s": 1.0}))
        assert len(said.encode()) <= KEPT_MAX
        assert "\n" not in said
