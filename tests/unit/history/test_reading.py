"""What the readers take from lines, times and answers, and what they leave: bounds, forgeries, nonsense."""

import json
import os
import time

import pytest

from postfix_ha.history import corosync_log, maillog, pacemaker_log
from postfix_ha.history.again import Trouble, advice
from postfix_ha.history.gather import read_answer
from postfix_ha.history.given_times import time_of
from postfix_ha.history.harm import harm
from postfix_ha.history.incidents import Incident
from postfix_ha.history.journal import steps_in
from postfix_ha.history.log_files import Bounds, forerunners, matching, pieces
from postfix_ha.history.observe import LogRequest, answer, request_of
from postfix_ha.history.seen import Seen
from postfix_ha.history.stamps import Clock
from postfix_ha.messages.errors import Refused
from postfix_ha.messages.statement import Statement

NOW = 1795957000.0  # Sun Nov 29 12:56:40 UTC 2026


@pytest.mark.parametrize(
    ("line", "at"),
    [
        (b"Nov 29 12:56:40.250 n1 pacemakerd", NOW + 0.25),
        (b"Nov 29 12:56:40  Filesystem(queue-fs)[1916]:", NOW),
        (b"Nov 29 2026 12:56:40 n1 x", NOW),
        # Later in the year than the file was written: of the year before.
        (b"Dec 31 23:59:59 n1 x", 1767225599.0),
        (b"2026-11-29T12:56:40.000001+00:00 n1 x", NOW + 1e-6),
        (b"2026-11-29T14:56:40+02:00 n1 x", NOW),
        (b"2026-11-29T12:56:40Z n1 x", NOW),
        (b"1795957000.500000 n1 x", NOW + 0.5),
    ],
)
def test_a_stamp_is_read_in_each_form(line, at):
    assert Clock(NOW).read(line)[0] == pytest.approx(at)


@pytest.mark.parametrize("line", [b"", b"Xyz 29 12:56:40 n1", b"Feb 31 x", b"Nov 99 12:56:40 n1", b"x" * 9000])
def test_what_is_no_stamp_is_none(line):
    assert Clock(NOW).read(line) is None


def test_another_zone_of_the_node_is_its_own_affair(monkeypatch):
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    assert Clock(NOW).read(b"Nov 29 21:56:40.000 n1 x")[0] == NOW


def read(*lines):
    reader = pacemaker_log.PacemakerReader("n1")
    for number, line in enumerate(lines):
        reader.read(NOW + number, line)
    return list(reader.found)


def test_the_words_of_an_agent_make_no_event():
    forged = "Peer n2 was terminated (reboot) by n1 on behalf of pacemaker-controld.1@n1: OK"
    found = read(
        f"n1 pacemaker-execd     [43] (log_op_output) \tnotice: mail_monitor_2000[1] error output [ {forged} ]",
        f"n1 pacemaker-controld  [46] (log_executor_event) \tnotice: Result of monitor operation for mail on n1: error "
        f"({forged}) | CIB update 1, graph action unconfirmed; call=1 key=mail_monitor_2000 rc=1",
        f"postfix_ha(mail)[77]: INFO: {forged}",
        f"n1 mallory[46]: notice: {forged}",
    )
    assert [(seen.kind, seen.outcome) for seen in found] == [("end", "error")]
    assert found[0].text == forged
    real = read(f"n1 pacemaker-controld  [46] (handle_fence_notification) \tnotice: {forged} | event=1")
    assert [(seen.kind, seen.node, seen.who) for seen in real] == [("fenced", "n2", "n1")]


def test_what_is_shown_cannot_steer_a_terminal():
    (seen,) = read("n1 pacemaker-controld[46]: notice: Result of start operation for mail on n1: error (\x1b[2J\u202e)")
    assert seen.text == "\\x1b[2J\\u202e"


def test_the_forms_of_syslog_and_the_journal_are_read():
    (one,) = read("n1 pacemaker-controld[46]:  notice: Node n2 state is now lost")
    (two,) = read("n1 pacemaker-controld[46]: Node n2 state is now lost")
    assert one.kind == two.kind == "lost"


@pytest.mark.parametrize(
    "line",
    [
        # corosync 3.1.7 (Debian 12) and 3.1.9 (13), in its file and in the journal; before that.
        "[23] n1 corosync warning [MAIN  ] Corosync main process was not scheduled (@1681222048760) for 7917.4106 ms "
        "(threshold is 800.0000 ms). Consider token timeout increase.",
        "n1 corosync[38932]:   [MAIN  ] Corosync main process was not scheduled (@1681222048760) for 7917.4106 ms "
        "(threshold is 800.0000 ms). Consider token timeout increase.",
        "n1 corosync[10800]:  [MAIN  ] Corosync main process was not scheduled for 7917.4106 ms (threshold is "
        "1320.0000 ms). Consider token timeout increase.",
    ],
)  # fmt: skip
def test_each_corosync_tells_of_a_pause(line):
    reader = corosync_log.CorosyncReader("n1")
    assert any(needle in line.encode() for needle in corosync_log.NEEDLES)
    reader.read(NOW, line)
    assert [(seen.kind, seen.text) for seen in reader.found] == [("paused", "7917.4106 ms")]


@pytest.mark.parametrize("words", ["Timed Out after 20s", "Timed out after 20s"])
def test_a_monitor_that_timed_out_is_told_by_pacemaker_2_and_3(words):
    (seen,) = read(
        "n1 pacemaker-controld  [46] (log_executor_event) \terror: Result of monitor operation for mail on n1: "
        f"{words} (Resource agent did not complete in time) | CIB update 43, graph action unconfirmed; call=23"
    )
    assert seen.outcome == "timed out after 20s"
    assert [each.check for each in advice([incident(seen)], "mail", [])] == ["again_monitor_timely"]


def test_a_clock_that_was_set_back_is_seen_in_the_log_itself():
    reader = pacemaker_log.PacemakerReader("n1")
    for at in (NOW, NOW - 1, NOW + 5, NOW - 40, NOW - 39):
        reader.read(at, "n1 pacemaker-controld[46]: notice: State transition S_TRANSITION_ENGINE -> S_IDLE")
    assert [(seen.at, seen.text) for seen in reader.found if seen.kind == "clock"] == [(NOW - 40, "back 45 s")]


def test_the_hour_that_summer_time_has_twice_is_no_clock_that_was_set(monkeypatch):
    monkeypatch.setenv("TZ", "Europe/Berlin")
    time.tzset()
    reader = pacemaker_log.PacemakerReader("n1")
    for at in (1792893590.0, 1792890000.0):  # 25 October 2026
        reader.read(at, "n1 pacemaker-controld[46]: notice: Quorum lost | membership=1")
    assert [seen.kind for seen in reader.found] == ["quorum", "quorum"]


@pytest.mark.parametrize(
    ("line", "by"),
    [
        ("n1 chronyd[840]: System clock was stepped by 4.005564 seconds", "+4.0 s"),
        ("n1 chronyd[867]: System clock was stepped by -32400.283303 seconds", "-32400.3 s"),
        ("n1 ntpd[867]: CLOCK: time stepped by 3.101400", "+3.1 s"),
        ("n1 ntpd[867]: time reset -2.5 s", "-2.5 s"),
        ("n1 systemd-timesyncd[7]: System clock time unset or jumped backwards, restored from recorded timestamp: Sun",
         "back"),
        ("n1 chronyd[867]: System clock wrong by 4.0 seconds", ""), ("n1 chronyd[867]: Selected source 192.0.2.1", ""),
    ],
)  # fmt: skip
def test_a_clock_that_the_time_service_has_set(line, by):
    seen = [each.text for each in steps_in("n1", f"{NOW:.6f} {line}\nno stamp\n".encode())]
    assert seen == ([by] if by else [])


def test_corosync_tells_of_quorum_and_pauses():
    reader = corosync_log.CorosyncReader("n1")
    reader.read(NOW, "[23] n1 corosync notice  [QUORUM] This node is within the non-primary component and will NOT")
    reader.read(NOW, "n1 corosync[23]:   [TOTEM ] Process pause detected for 9000 ms, flushing membership messages.")
    assert [(seen.kind, seen.outcome, seen.text) for seen in reader.found] == [
        ("quorum", "lost", ""), ("paused", "", "9000 ms"),
    ]  # fmt: skip


def test_who_changed_the_configuration():
    found = read(
        "n1 pacemaker-based [30] (cib_perform_op) \tinfo: ++ /cib/configuration/constraints:  "
        '<rsc_location id="cli-prefer-mail" rsc="mail"/>',
        "n1 pacemaker-based [30] (cib_process_request) \tinfo: Completed cib_modify operation for section constraints: "
        "OK (rc=0, origin=n2/crm_resource/5, version=0.8.0)",
        "n1 pacemaker-based [30] (cib_perform_op) \tinfo: +  /cib/configuration/nodes/node[@id='1']:  @uname=n1",
        "n1 pacemaker-based [30] (cib_process_request) \tinfo: Completed cib_modify operation for section nodes: "
        "OK (rc=0, origin=n2/crmd/5, version=0.8.1)",
    )
    assert [(seen.kind, seen.who, seen.node, seen.resource, seen.action) for seen in found] == [
        ("change", "crm_resource", "n2", "cli-prefer-mail", "added")
    ]


# Files


def test_lines_are_found_once_whole_and_bounded():
    piece = b"one needle and needle\nnothing\n" + b"needle" + b"x" * 9000 + b"\nlast needle"
    lines = matching(piece, (b"needle", b"one"))
    assert lines[0] == b"one needle and needle"
    assert len(lines[1]) == 4096
    assert lines[2] == b"last needle"


def test_rotated_names_are_told_from_others(tmp_path):
    names = ["m.log", "m.log.1", "m.log.2.gz", "m.log-20261129.xz", "m.log.old", "m.log.bak~", "m.log.d", "other.log"]
    for name in names:
        (tmp_path / name).write_text("x")
    os.mkfifo(tmp_path / "m.log.3")
    found = {os.path.basename(path) for _, path in forerunners(str(tmp_path / "m.log"), 0)}
    assert found == set(names[:5])


def test_a_log_that_python_cannot_unpack_is_said(tmp_path):
    log = tmp_path / "var/log/pacemaker/pacemaker.log"
    log.parent.mkdir(parents=True)
    log.write_text("Nov 29 12:56:40 n1 pacemakerd [1] (main) notice: Starting Pacemaker 2.1.5\n")
    log.with_name("pacemaker.log.2.zst").write_bytes(b"\x28\xb5\x2f\xfd")
    log.with_name("pacemaker.log.1.gz").write_bytes(b"no gzip")
    log.with_name("pacemaker.log.3.xz").write_bytes(b"no xz")
    found = answer(LogRequest("n1", 0.0, NOW, "/nonexistent"), NOW, str(tmp_path))
    said = "\n".join(found["missing"])
    assert "pacemaker.log.2.zst: it is packed with zstd, which is not read: unpack it with 'zstd -d'" in said
    assert "pacemaker.log.1.gz: " in said
    assert "pacemaker.log.3.xz: " in said
    assert [each["kind"] for each in found["seen"]] == ["joining"]


def test_a_large_log_is_read_from_where_the_span_begins(tmp_path):
    path = tmp_path / "m.log"
    with path.open("wb") as file:
        for hour in range(24):
            for minute in range(60):
                file.write((f"Nov 28 {hour:02}:{minute:02}:00 n1 x".encode() + b"y" * 80 + b"\n") * 80)
    os.utime(path, (NOW, NOW))
    bounds = Bounds(time.monotonic() + 60)
    left = bounds.left
    since = NOW - 86400
    text = b"".join(pieces(str(path), Clock(NOW), since, since + 60, bounds))
    assert b"Nov 28 12:57:00" in text
    assert left - bounds.left < path.stat().st_size / 3


def test_a_log_without_an_end_is_cut_and_that_is_said(tmp_path):
    log = tmp_path / "var/log/pacemaker/pacemaker.log"
    log.parent.mkdir(parents=True)
    log.write_bytes(b"Nov 29 12:56:40 n1 x\n" * 200_000)
    bounds = Bounds(time.monotonic() + 60, left=1024)
    assert list(pieces(str(log), Clock(NOW), 0, NOW * 2, bounds)) == []
    assert bounds.met
    os.truncate(log, 0)
    log.write_bytes(b"\x00" * 100_000)
    found = answer(LogRequest("n1", 0.0, NOW, "/nonexistent"), NOW, str(tmp_path))
    assert found["seen"] == []


# Answers of others


@pytest.mark.parametrize(
    "given",
    [
        None, [], {}, {"clock": [1]}, {"clock": ["a", "b"]}, {"clock": [NOW, NOW], "seen": 7, "spans": "x"},
        {"clock": [NOW, NOW], "seen": [None, {"kind": "x"}, {"kind": "lost", "at": "x"}, {"kind": "lost", "at": 1e99}]},
        {"clock": [NOW, NOW], "spans": [{"served": [[1], "x"], "mails": {"../x": [0, 0, []], "ABCDEF": [1]}}]},
    ],
)  # fmt: skip
def test_an_answer_that_is_none_tells_nothing(given):
    told = read_answer("n2", given, NOW, NOW)
    assert told.seen == []
    assert all(span == {"served": [], "mails": {}, "dns": 0, "full": 0} for span in told.spans)


def test_a_request_comes_through_json():
    request = LogRequest("n1", 1.0, 2.0, "/etc/postfix", [[1.0, 2.0, 3.0]])
    again = request_of(json.loads(json.dumps(request.as_object())))
    assert again.as_object() == request.as_object()
    for wrong in (None, {}, {**request.as_object(), "spans": [[1]]}, {**request.as_object(), "since": "x"}):
        assert request_of(wrong) is None


# Mail


def test_mail_in_the_queue_is_counted_with_its_ids():
    span = maillog.Span(NOW - 60, NOW, NOW + 60)
    lines = [
        (-10, "cleanup[1]: AAAAAA1: message-id=<x>"), (-9, "virtual[2]: AAAAAA1: to=<b@x>, relay=v, status=sent (ok)"),
        (-5, "cleanup[1]: BBBBBB2: message-id=<y>"), (-5, "cleanup[1]: CCCCCC3: message-id=<z>"),
        (-4, "cleanup[1]: DDDDDD4: message-id=<z>"), (-3, "qmgr[3]: DDDDDD4: removed"),
        (-2, "smtpd[3]: connect from unknown[198.51.100.200]"), (-1, "smtpd[3]: connect from unknown[127.0.0.1]"),
        (-1, "smtpd[3]: connect from unknown[198.51.100.11]"),
    ]  # fmt: skip
    for at, line in lines:
        maillog.take(span, NOW + at, f"mail postfix/{line}".encode(), b"postfix", {"198.51.100.11"})
    maillog.take(span, NOW, b"mail other/smtpd[3]: connect from unknown[198.51.100.200]", b"postfix", set())
    assert span.served[-1] == [NOW - 2, NOW - 2]
    after = maillog.Span(NOW - 60, NOW, NOW + 60)
    for line in (
        "virtual[2]: AAAAAA1: to=<b@x>, relay=v, status=sent (ok)", "smtp[2]: BBBBBB2: to=<b@x>, status=bounced (no)",
    ):  # fmt: skip
        maillog.take(after, NOW + 20, f"mail postfix/{line}".encode(), b"postfix", set())
    found = harm([("n1", span.as_object()), ("n2", after.as_object())], NOW)
    assert found["queued"] == {"count": 3, "ids": ["AAAAAA1", "BBBBBB2", "CCCCCC3"]}
    assert found["delivered_twice"]["ids"] == ["AAAAAA1"]
    assert found["bounced"]["ids"] == ["BBBBBB2"]
    assert found["not_seen_since"]["ids"] == ["CCCCCC3"]


SAID = "Host or domain name not found. Name service error for name="


@pytest.mark.parametrize(
    ("line", "dns", "full"),
    [
        # Postfix 3.7 and 3.10, from smtp, smtpd and dnsblog.
        (f"smtp[4613]: ACA87E14DE: to=<a@b.example>, relay=none, delay=16, delays=16/0/0/0, dsn=4.4.3, status=deferred "
         f"({SAID}b.example type=MX: Host not found, try again)", 1, 0),
        (f"smtpd[9]: warning: 9.2.0.192.bl.example: RBL lookup error: {SAID}9.2.0.192.bl.example type=A: Host not "
         "found, try again", 1, 0),
        (f"dnsblog[9]: warning: dnsblog_query: lookup error for DNS query 9.bl.example: {SAID}9.bl.example type=A: "
         "Host not found, try again", 1, 0),
        # The name's own fault.
        (f"smtp[4613]: ACA87E14DE: to=<a@b.example>, relay=none, dsn=5.4.4, status=bounced ({SAID}b.example type=AAAA: "
         "Host not found)", 0, 0),
        ("smtpd[9]: warning: not enough free space in mail queue: 1000 bytes < 1.5*message size limit", 0, 1),
        ("cleanup[9]: warning: ACA87E14DE: write queue file: No space left on device", 0, 1),
        ("postdrop[9]: warning: mail_queue_enter: create file maildrop/1.1: No space left on device", 0, 1),
        # Another host's disk.
        ("smtp[9]: ACA87E14DE: to=<a@b>, relay=h[192.0.2.1]:25, dsn=4.3.1, status=deferred (host h[192.0.2.1] said: "
         "452 4.3.1 warning: No space left on device)", 0, 0),
    ],
)  # fmt: skip
def test_name_servers_that_do_not_answer_and_a_full_disk_are_counted(line, dns, full):
    text = f"mail postfix/{line}".encode()
    assert any(needle in text for needle in maillog.NEEDLES)
    span = maillog.Span(NOW - 60, NOW, NOW + 600)
    maillog.take(span, NOW + 5, text, b"postfix", set())
    maillog.take(span, NOW + 6, text, b"postfix", set())
    maillog.take(span, NOW + 500, text.replace(b"b.example", b"c.example"), b"postfix", set())  # long after it
    told = span.as_object()
    assert (told["dns"], bool(told["full"])) == (dns, bool(full))


def test_what_a_node_tells_beside_the_incidents_gets_advice():
    trouble = Trouble("n1")
    trouble.names = 4
    assert advice([], "mail", [], [trouble]) == []
    trouble.names, trouble.full, trouble.clocks = 5, 1, [Seen(NOW, "n1", "clock", node="n1", text="back 45 s")]
    found = [Statement(each) for each in advice([], "mail", [], [trouble])]
    assert [each.check for each in found] == ["again_clock_steady", "again_names_answered", "again_room_in_queue"]
    assert all(each.remedy and "n1" in each.text for each in found)


# Will it happen again?


def incident(*seen):
    found = Incident(seen[0], ["n1"])
    for each in seen:
        found.add(each)
    return found


def test_known_patterns_get_advice():
    failed = {"kind": "end", "resource": "mail", "node": "n1"}
    events = [
        Seen(NOW, "n1", action="monitor", outcome="timed out after 20s", **failed),
        Seen(NOW, "n1", action="stop", outcome="error", text="No space left on device", **failed),
        Seen(NOW, "n1", "fenced", node="n1", outcome="ok"), Seen(NOW + 9, "n1", "fenced", node="n1", outcome="ok"),
        Seen(NOW, "n1", "banned", node="n1", resource="mail"), Seen(NOW, "n1", "paused", node="n1", text="9000 ms"),
    ]  # fmt: skip
    moved = [incident(events[0]) for _ in range(3)]
    for number, each in enumerate(moved):
        each.up, each.after = NOW + number, ["n2"]
    ids = {each.check for each in advice([incident(*events), *moved], "mail", ["mail"])}
    assert ids == {
        "again_monitor_timely", "again_threshold_kept", "again_failures_expire", "again_no_bouncing", "again_stop_ends",
        "again_no_repeated_fencing", "again_no_pause", "again_room_in_queue",
    }  # fmt: skip
    for each in advice([incident(*events)], "mail", []):
        assert Statement(each).remedy


# Times as people write them


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("2026-11-29 03:00", NOW - 35800), ("2026-11-29T03:00:00", NOW - 35800), ("03:00", NOW - 35800),
        ("2h", NOW - 7200), ("7d", NOW - 7 * 86400), ("@1795957000", NOW), ("2026-11-29", NOW - 46600), ("0s", NOW),
    ],
)  # fmt: skip
def test_a_time_is_understood(text, at):
    assert time_of(text, NOW) == at


@pytest.mark.parametrize("text", ["", "noon", "25:00", "2026-13-01", "-1h", "@", "9" * 30 + "d", "٣h", "\x1b[2J"])
def test_what_is_no_time_is_refused(text):
    with pytest.raises(Refused, match="is not a time: say") as caught:
        time_of(text, NOW)
    assert [each.check for each in caught.value.statements] == ["time_readable"]
