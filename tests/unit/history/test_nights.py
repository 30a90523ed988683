"""History names each incident of real nights, on the right node, for the right cause, as long as the client saw it."""

import gzip
import json
import lzma
import os
import time
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator as Validator

from ci.lib.night.judge import epoch
from postfix_ha.history.account import table
from postfix_ha.history.stamps import Clock
from tests.unit.history.nights import Night

CHECKOUT = Path(__file__).resolve().parents[3]
# The third was on Debian 13, with Pacemaker 3.0.
NIGHTS = ("night-1", "night-2", "night-3")


def compared(night, found):
    """(what the laboratory did, the incidents that history has in that time) for each of the night."""
    return [
        (truth, [each for each in found["incidents"] if truth["began"] - 1 <= epoch(each["began"]) <= truth["ended"]])
        for truth in night.truth
    ]


def assert_told(night, found, within_s=1.0):
    for truth, incidents in compared(night, found):
        (incident,) = incidents
        cause = incident["cause"]
        assert (cause["kind"], cause["node"]) == (truth["cause"], truth["node"]), truth["id"]
        assert incident["after"] == [truth["after"]], truth["id"]
        assert set(truth["fenced"]) == set(incident["fenced"]), truth["id"]
        away_s = (incident["away"] or {"s": 0.0})["s"]
        assert abs(away_s - truth["gap_s"]) <= within_s, (truth["id"], away_s, truth["gap_s"])


@pytest.mark.parametrize("name", NIGHTS)
def test_each_incident_is_named_and_none_invented(name, tmp_path):
    night = Night(name, tmp_path)
    # The first night has one more that its client did not measure: a cable was pulled.
    unmeasured = 1 if name == "night-1" else 0
    found = night.history(since=night.truth[0]["began"] - 1)
    assert_told(night, found)
    assert len(found["incidents"]) == len(night.truth) + unmeasured
    schema = json.loads((CHECKOUT / "metadata/schema/history.json").read_text())
    assert [error.json_path for error in Validator(schema).iter_errors(found)] == []
    assert not [each for each in found["notes"] if each["severity"] == "warning"]


@pytest.mark.parametrize("missing", ["n1", "n2", "n3"])
@pytest.mark.parametrize("name", NIGHTS)
def test_one_node_s_logs_may_be_missing(name, missing, tmp_path):
    night = Night(name, tmp_path)
    found = night.history(since=night.truth[0]["began"] - 1, silent=(missing,))
    for truth, incidents in compared(night, found):
        # What began and ended on the node that tells nothing is not to be known; nothing else is left out or guessed.
        assert len(incidents) == 1 or (not incidents and truth["before"] == truth["after"] == missing), truth["id"]
        for incident in incidents:
            cause = incident["cause"]
            is_known = missing not in (truth["before"], truth["node"]) or cause["kind"] != "unknown"
            assert not is_known or (cause["kind"], cause["node"]) == (truth["cause"], truth["node"]), truth["id"]
    (note,) = [each for each in found["notes"] if each["id"] == "history_node_told"]
    assert missing in note["text"]


@pytest.mark.parametrize("late", ["n1", "n2", "n3"])
@pytest.mark.parametrize("name", NIGHTS)
def test_one_node_s_logs_may_begin_in_the_middle(name, late, tmp_path):
    night = Night(name, tmp_path)
    middle = night.truth[len(night.truth) // 2]["began"] - 1
    for log in ("pacemaker.log", "mail.log"):
        path = night.place(late, log)
        clock = Clock(night.ended)
        lines = [(clock.read(line), line) for line in path.read_bytes().splitlines(keepends=True)]
        path.write_bytes(b"".join(line for stamp, line in lines if stamp and stamp[0] >= middle))
        os.utime(path, (night.ended, night.ended))
    found = night.history(since=night.truth[0]["began"] - 1)
    for truth, incidents in compared(night, found):
        is_hidden = truth["began"] < middle and truth["before"] == truth["after"] == late
        assert len(incidents) == 1 or (not incidents and is_hidden), truth["id"]
        for incident in incidents:
            cause = incident["cause"]
            is_known = truth["began"] >= middle or late not in (truth["before"], truth["node"])
            assert (cause["kind"], cause["node"]) == (truth["cause"], truth["node"]) or not is_known, truth["id"]
            if truth["began"] >= middle + 10:  # right after it, the mail log has too little to measure by
                assert abs((incident["away"] or {"s": 0.0})["s"] - truth["gap_s"]) <= 1.0, truth["id"]
    assert any(each["id"] == "history_log_begins" and late in each["text"] for each in found["notes"])


def test_rotated_and_compressed_logs_are_read(tmp_path):
    night = Night("night-1", tmp_path)
    since = night.truth[0]["began"] - 1
    whole = night.history(since=since)
    for node, pack, ending in (("n1", gzip.compress, ".gz"), ("n2", lzma.compress, ".xz"), ("n3", bytes, "")):
        for log in ("pacemaker.log", "mail.log"):
            path = night.place(node, log)
            lines = path.read_bytes().splitlines(keepends=True)
            half = len(lines) // 2
            older = path.with_name(f"{path.name}.1{ending}")
            older.write_bytes(pack(b"".join(lines[:half])))
            path.write_bytes(b"".join(lines[half:]))
            os.utime(older, (night.ended - 1, night.ended - 1))
            os.utime(path, (night.ended, night.ended))
    assert night.history(since=since)["incidents"] == whole["incidents"]


def test_a_clock_that_differs_is_corrected_and_said(tmp_path):
    from postfix_ha.history.gather import read_answer
    from postfix_ha.history.observe import answer

    night = Night("night-1", tmp_path)
    ordinary = night.ask

    def ask(request_for, silent=()):
        told = ordinary(request_for, silent=("n2",))
        now = time.time()
        late = answer(request_for("n2"), now, str(night.top / "n2"))
        for each in late.get("seen", ()):
            each["at"] += 100
        for span in late.get("spans", ()):
            span["served"] = [[at + 100 for at in pair] for pair in span["served"]]
        late["clock"] = [at + 100 for at in late["clock"]]
        told[1] = read_answer("n2", late, now, time.time())
        return told

    night.ask = ask
    found = night.history(since=night.truth[0]["began"] - 1)
    assert_told(night, found, within_s=1.2)
    (note,) = [each for each in found["notes"] if each["id"] == "history_clock_agrees"]
    assert "clock of n2 is 100" in note["text"]
    assert "ahead of this node's" in note["text"]


def test_the_table_says_it_in_words(tmp_path):
    night = Night("night-1", tmp_path)
    lines = table(night.history(since=night.truth[0]["began"] - 1, last=1, no_timeout=["mail"]))
    text = "\n".join(lines)
    assert text.startswith("mail: 1 incident from ")
    assert "monitor of mail failed on n3: error: no greeting from 198.51.100.100:25" in text
    assert "clients had no server for 20.0 s" in text
    assert "runs on n1 (before: n3)" in text
    assert "'many' is not a whole number" in text
    assert "has no failure-timeout" in text


def test_a_log_that_begins_late_is_said(tmp_path):
    night = Night("night-1", tmp_path)
    found = night.history(since=night.truth[0]["began"] - 3600)
    assert {each["id"] for each in found["notes"]} == {"history_log_begins"}


def test_no_log_at_all_is_said(tmp_path):
    night = Night("night-1", tmp_path)
    for node in ("n1", "n2", "n3"):
        night.place(node, "pacemaker.log").unlink()
    found = night.history(since=night.truth[0]["began"])
    assert found["incidents"] == []
    assert {"history_log_there", "history_log_whole"} <= {each["id"] for each in found["notes"]}
