"""What status says on a bad day: why, since when, what next; and that nothing of it is cut."""

import json
import re
import shutil
import time

import pytest
from lxml import etree

from postfix_ha.cluster.live.fencing import events_of, worth_telling
from postfix_ha.cluster.live.wait import State, failures, unescaped
from postfix_ha.cluster.model.hierarchy import find_hierarchy
from postfix_ha.cluster.model.moments import age_s, moment, seconds_of
from postfix_ha.cluster.model.node_attributes import states_of
from postfix_ha.cluster.show.status import Overview
from postfix_ha.cluster.show.status_text import first_line, lines_of, pieces, wrapped
from postfix_ha.cluster.where.why_not import NodeVerdict
from tests.cibs.cases import path_of
from tests.support.cibs import cib, file_system, mail
from tests.support.command import OnFile


def on_copy(tmp_path, name, *exchanges):
    """The command on a copy of a configuration of the corpus, with some of its text exchanged."""
    file = tmp_path / "cib.xml"
    shutil.copy(path_of(name), file)
    content = file.read_text()
    for old, new in exchanges:
        assert old in content, old
        content = content.replace(old, new)
    file.write_text(content)
    return OnFile(file)


def running(nodes=("n1",), names=("n1", "n2", "n3"), member="mail", fencing=(), managed="true", blocked="false"):
    """An overview of a Postfix that runs on these nodes."""
    where = "".join(f'<node name="{each}"/>' for each in nodes)
    known = "".join(f'<node name="{each}" online="true" unclean="false"/>' for each in names)
    status = etree.fromstring(
        f"<r><nodes>{known}</nodes><resources>"
        f'<resource id="{member}" role="Started" active="true" failed="false" managed="{managed}" blocked="{blocked}">'
        f"{where}</resource></resources></r>"
    )
    document = cib(file_system() + mail(member), nodes=names)
    hierarchy = find_hierarchy(document, "")
    can = dict.fromkeys(states_of(document, status), True)
    return Overview(hierarchy, status, NodeVerdict(can, {}), (), fencing)


# Fencing.
HISTORY = """<r><fence_history>
<fence_event status="success" delegate="n3" action="reboot" target="n2" client="pacemaker-controld.812" origin="n1"
 completed="{recent}"/>
<fence_event status="failed" delegate="n1" action="off" target="n3" client="stonith_admin.77" origin="n1"
 exit-reason="No route to host" completed="{recent}"/>
<fence_event status="success" action="reboot" target="n1" client="a" origin="n2" completed="2020-01-01 00:00:00Z"/>
<fence_event status="success" action="monitor" target="n1" client="a" origin="n2" completed="{recent}"/>
</fence_history></r>"""


def recent_events():
    return events_of(etree.fromstring(HISTORY.format(recent=moment(time.time() - 60))))


def test_a_node_that_was_fenced_is_told_with_when_by_whom_and_whether_it_worked():
    overview = running(fencing=recent_events())
    said = " ".join(" ".join(lines_of(overview, {})).split())
    assert re.search(
        r"n2 was fenced \(rebooted\) at 20\S+ \S+, asked for by pacemaker-controld on n1, done by n3: it worked", said
    )
    assert re.search(r"fencing of n3 \(off\) FAILED at \S+ \S+, asked for by stonith_admin on n1: No route", said)
    assert "'stonith_admin --history n3 --verbose' shows all of it" in said
    assert "n1 was fenced" not in said, "a success of years ago is nobody's news"
    told = overview.as_object()["fencing"]
    assert [(each["target"], each["status"]) for each in told][-1] == ("n1", "success")
    assert len(told) == 3


def test_a_failed_fencing_before_one_that_worked_is_no_news():
    recent = moment(time.time() - 5)
    text = (
        f'<r><fence_event status="failed" action="reboot" target="n2" completed="{moment(time.time())}"/>'
        f'<fence_event status="success" action="reboot" target="n2" completed="{recent}"/>'
        f'<fence_event status="failed" action="reboot" target="n2" completed="2020-01-01 00:00:00Z"/></r>'
    )
    told = worth_telling(events_of(etree.fromstring(text)))
    assert [each.status for each in told] == ["failed", "success"]


def test_a_pending_fencing_is_told_first():
    text = (
        '<r><fence_event status="failed" action="off" target="n2" completed="2026-01-01 00:00:00Z"/>'
        '<fence_event status="pending" action="reboot" target="n2" client="x.1" origin="n1"/></r>'
    )
    told = worth_telling(events_of(etree.fromstring(text)))
    assert told[0].text == "n2 is being fenced (reboot), asked for by x on n1: the cluster waits for it"


def test_moments_are_crm_mons():
    assert age_s("2026-11-29 12:00:00Z") < float("inf")
    assert abs(age_s("2026-11-29 13:00:00 +01:00") - age_s("2026-11-29 12:00:00Z")) < 1
    assert abs(age_s("2026-11-29 12:00:00.123456Z") - age_s("2026-11-29 12:00:00Z")) < 1
    assert seconds_of("Sun Nov 29 12:00:00 2026") == seconds_of(moment(seconds_of("2026-11-29 12:00:00"))) > 0
    assert age_s("never") == float("inf")
    assert moment("x") == moment("9" * 30) == ""


# Failures.
def test_a_node_barred_by_its_fail_count_has_the_time_the_threshold_and_the_command(tmp_path):
    said = on_copy(tmp_path, "failed-threshold").run("status").words
    assert "mail has failed on n1 (fail count 3, migration-threshold 3), last at 2025-11-24 " in said
    assert "the cluster does not start it there again ('crm_resource --cleanup --resource mail --node n1'" in said
    assert re.search(r"failed: monitor of mail on n1 at 2025-11-24 [^:]+:\d\d:\d\d ?\S*: ", said)


def test_a_barred_node_that_time_lets_in_says_so(tmp_path):
    pair = '<nvpair id="mail-ma-migration-threshold" name="migration-threshold" value="3"/>'
    more = '<nvpair id="mail-ma-ft" name="failure-timeout" value="2h"/>'
    now = ("1764000000", str(int(time.time()) - 60))
    said = on_copy(tmp_path, "failed-threshold", (pair, pair + more), now).run("status").words
    (at,) = re.findall(r"again until 2h \(failure-timeout\) after the last failure, at (\S+ \S+?)(?:Z| [+-])", said)
    assert abs(time.mktime(time.strptime(at, "%Y-%m-%d %H:%M:%S")) - int(now[1]) - 7200) < 2
    assert "fail count of mail" not in said, "it is told once"


def test_below_the_threshold_nothing_is_barred(tmp_path):
    done = on_copy(tmp_path, "failed-below-threshold").run("status")
    assert "does not start it there again" not in done.words
    ends = "'crm_resource --cleanup --resource mail --node n1' ends it"
    assert f"fail count of mail on n1: 1, never expires ({ends})" in done.words


def test_a_fail_count_of_a_million_is_infinity(tmp_path):
    line = on_copy(tmp_path, "stop-failed-block")
    assert "1000000" not in line.run("status").stdout
    (told,) = json.loads(line.run("status", "--json").stdout)["hierarchies"]
    assert told["fail_counts"]["mail"] == {"n1": "INFINITY"}


def test_a_blocked_service_is_blocked_on_every_node(tmp_path):
    done = on_copy(tmp_path, "stop-failed-block").run("status")
    assert done.returncode == 1
    assert "mail is blocked by a failed stop" in done.words
    assert "'crm_resource --cleanup --resource mail' ends it" in done.words
    row = next(line for line in done.stdout.splitlines() if line.split()[:2] == ["mail", "blocked"])
    assert row.split() == ["mail", "blocked", "blocked", "blocked"]


def test_on_fail_block_is_said_before_it_happens(tmp_path):
    own = '<op id="mail-monitor" name="monitor" interval="10s"/>'
    line = on_copy(tmp_path, "no-fencing", (own, own.replace("/>", ' on-fail="block"/>')))
    assert "a failed monitor of mail blocks it (on-fail=block)" in line.run("status").words


def test_a_reason_is_decoded_once_and_names_stay_apart():
    status = etree.fromstring(
        '<r><failures><failure op_key="mail_start_0" node="n1" exitreason="&amp;apos;abc&amp;apos; &amp;amp;lt;"'
        ' exitstatus="error" last-rc-change="2026-11-29 12:00:00Z"/>'
        '<failure op_key="mail_spool_start_0" node="n1" exitreason="x" exitstatus="error"/></failures></r>'
    )
    assert failures(status, ["mail"]) == ["start of mail on n1 at 2026-11-29 12:00:00Z: 'abc' &lt;"]
    assert State(status, "mail_spool").reasons == ["start of mail_spool on n1: x"]
    # What was never escaped holds a quote: it is left alone.
    assert unescaped("it's &apos; here") == "it's &apos; here"


def test_each_move_by_hand_has_its_whole_command(tmp_path):
    said = on_copy(tmp_path, "ban-for-ever").run("status").words
    assert "('crm_resource --clear --resource mailgroup' removes them)" in said
    expired = on_copy(tmp_path, "ban-expired").run("status").words
    assert "('crm_resource --clear --resource mailgroup --expired' removes it)" in expired


# Redundancy.
def test_could_it_move_now_is_answered(tmp_path):
    line = on_copy(tmp_path, "node-maintenance-running")
    (told,) = json.loads(line.run("status", "--json").stdout)["hierarchies"]
    assert told["could_move_to"] is None, "what the cluster does not manage stays: no question"
    assert "  could move now to n2, n3" in lines_of(running(), {})


def test_no_redundancy_left_has_a_line_and_an_exit_code(tmp_path):
    standby = """<node id="{0}" uname="n{0}"><instance_attributes id="a{0}">
        <nvpair id="s{0}" name="standby" value="on"/></instance_attributes></node>"""
    both = [(f'<node id="{number}" uname="n{number}"/>', standby.format(number)) for number in (2, 3)]
    done = on_copy(tmp_path, "failed-below-threshold", *both).run("status")
    assert done.returncode == 3
    assert "NO REDUNDANCY: no other node could run it now, so that it stops if n1 fails" in done.words
    assert "could move now" not in done.words


# What clients see.


@pytest.mark.parametrize(
    ("greets", "words"),
    [
        ({"a:25": True, "b:25": True}, "mail: in service on n1"),
        ({"a:25": False, "b:25": False}, "mail: NO CLIENT IS GREETED; Postfix runs on n1"),
        ({"a:25": True, "b:25": False}, "mail: 1 OF 2 ENDPOINTS DOES NOT GREET; in service on n1"),
        ({}, "mail: in service on n1"),
    ],
)
def test_the_first_line_is_what_clients_see(greets, words):
    overview = running()
    overview.greets = greets
    assert first_line(overview, {"asked_on": "n1"}) == words
    assert overview.is_as_asked is all(greets.values())


def test_from_where_nobody_was_greeted_is_said():
    overview = running()
    overview.greets = {"a:25": False}
    assert "NO CLIENT IS GREETED, seen from n2; Postfix runs on n1" in first_line(overview, {"asked_on": "n2"})


# The text.
def test_no_name_and_no_state_is_cut():
    names = ("mail-node-of-the-first-site.example.com", "n2", "n3")
    overview = running((names[0],), names, member="postfix-of-the-whole-company-and-all-its-daughters", managed="false")
    text = "\n".join(lines_of(overview, {}))
    for word in (*names, "started unmanaged", overview.hierarchy.tag):
        assert word in text
    wide = running(names=tuple(f"node{number}.example.com" for number in range(9)), nodes=("node1.example.com",))
    table = "\n".join(lines_of(wide, {}))
    assert "ready     on node8.example.com" in table
    assert "started   on node1.example.com" in table
    assert max(map(len, table.splitlines())) <= 80


def test_a_table_that_fits_stays_one():
    lines = lines_of(running(managed="false"), {})
    head = next(line for line in lines if line.split() == ["n1", "n2", "n3"])
    row = next(line for line in lines if line.split()[:1] == ["mail"] and "started" in line)
    assert row.index("started unmanaged") == head.index("n1")
    assert row.index("ready") == head.index("n2")


COMMAND = "'crm_attribute --node 'a b' --name maintenance --lifetime forever --delete'"


@pytest.mark.parametrize("command", [COMMAND, "'crm_resource --cleanup --resource mail --node n1'"])
@pytest.mark.parametrize("before", range(1, 70, 3))
def test_a_command_is_never_wrapped(command, before):
    text = "x " * before + f"({command} ends it) and the rest of what is to be said about it"
    lines = wrapped("  ", text)
    assert any(command in line for line in lines)
    assert " ".join(" ".join(lines).split()) == " ".join(text.split())
    assert all(len(line) <= 80 for line in lines)


def test_a_quote_that_nothing_closes_is_only_a_letter():
    text = "don't break 'what is open and the server's rest"
    assert pieces(text) == text.split()
