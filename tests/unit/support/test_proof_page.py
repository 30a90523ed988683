"""The report's page: complete in itself, every run with the command that makes it again, nothing taken for mark-up."""

import json
import re

import pytest
from lxml import html

from ci.lib.prove import report as proof
from ci.lib.prove.faults import TABLE
from ci.lib.prove.sample import record, sample


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    return proof.write(tmp_path_factory.mktemp("proof"), sample())


@pytest.fixture(scope="module")
def page(written):
    return html.fromstring(written.read_text(encoding="utf-8"))


def text(element):
    return " ".join(element.text_content().split())


def test_it_needs_nothing_else(written, page):
    assert not page.xpath("//@src | //link | //script | //@*[starts-with(., 'http')]")
    assert "url(" not in written.read_text(encoding="utf-8")


def test_it_is_made_for_phones_and_both_schemes(page):
    assert page.xpath("//meta[@name='viewport']/@content") == ["width=device-width, initial-scale=1"]
    assert "prefers-color-scheme: dark" in page.xpath("string(//style)")


def test_every_fault_and_run_is_there_with_its_command(page):
    assert page.xpath("//details/@id") == list(TABLE)
    commands = page.xpath("//figure//code/text()")
    assert sorted(commands) == sorted(each["command"] for each in sample())


def test_each_measured_run_has_a_time_line(page):
    measured = [each for each in sample() if not each["failure"]]
    lines = page.xpath("//figure/svg[@class='line']")
    assert len(lines) == len(measured)
    for line in lines:
        assert line.xpath("rect[@class='master']")
        width = float(line.get("viewbox").split()[2])
        assert all(0 <= float(x) <= width for x in line.xpath(".//@x"))


def test_what_the_cluster_did_is_told_in_order(page):
    steps = page.xpath("(//details[@id='power-off']//ol)[1]/li/text()")
    assert steps == ["0.20 s: kill the master (n1)", "0.50 s: n1: stop of mail is done", "1.20 s: n1 is fenced"]


def test_figures_stand_beside_the_peers(page):
    rows = page.xpath("//table[@class='beside']/tbody/tr")
    assert [text(row.find("th")) for row in rows] == [fault.title for fault in TABLE.values() if fault.is_main]
    assert "0.80 s, 1.00 s" in text(rows[0])
    assert "1 of 6 not as expected" in text(rows[2])


def test_what_senders_saw_stands_there_for_both_agents(written, page):
    (item, *_) = page.xpath("//ul[@class='senders']/li")
    ours, peer = [text(each) for each in item.xpath("div")]
    assert text(item.find("b")) == "planned move"
    assert ours.startswith("postfix_ha: 0 cut, 0 refused, 0 reset, 0 timed out, 0 other; longest wait 3.05 s")
    assert peer.startswith("heartbeat:postfix: 25 cut, 0 refused")
    ours, peer = json.loads(written.with_suffix(".json").read_text())["faults"][:2]
    assert (ours["senders"]["cut"], peer["senders"]["cut"]) == (0, 25)
    assert any(line.split()[:5] == ["planned", "move", "peer", "25", "0"] for line in proof.sender_lines(sample()))


def test_a_report_from_before_the_senders_is_shown_without_them(tmp_path):
    old = [{name: value for name, value in each.items() if name != "senders"} for each in sample()]
    shown = proof.write(tmp_path, old).read_text(encoding="utf-8")
    assert "What senders see" not in shown
    assert "Senders saw" not in shown


def test_the_second_instance_has_a_line_for_each_run_beside_it(page):
    items = [text(item) for item in page.xpath("//h2[contains(., 'second instance')]/following-sibling::ul[1]/li")]
    assert len(items) == sum(bool(fault.beside) for fault in TABLE.values())
    assert "longest wait 0.20 s, 90 acknowledged, 0 lost" in items[0]


def test_what_the_peer_answers_wrongly_is_named_from_its_runs(page):
    items = [text(item) for item in page.xpath("//h2[contains(., 'peer answers')]/following-sibling::ul[1]/li")]
    assert len(items) == 1
    assert re.match(r"master frozen: not answered within .* \(1 of 6\)", items[0])


def test_nothing_is_taken_for_mark_up(page):
    assert any("after 60 s <b>" in text(each) for each in page.xpath("//details[@id='disk-full']//p[@class='bad']"))


def test_the_same_as_json(written):
    report = json.loads(written.with_suffix(".json").read_text())
    assert len(report["runs"]) == len(sample())
    row = next(row for row in report["faults"] if (row["fault"], row["agent"]) == ("move", "ours"))
    assert row["gap_s"] == {"median": 0.8, "worst": 1.0}


def test_without_a_run_of_the_peer_nothing_is_beside_it(tmp_path):
    page = html.fromstring(proof.write(tmp_path, [record("standby")]).read_text(encoding="utf-8"))
    assert not page.xpath("//table")


def test_the_same_as_lines_of_text():
    lines = proof.lines(sample())
    assert len(lines) == 1 + len(TABLE)
    frozen = next(line for line in lines if line.startswith("master frozen"))
    assert " ".join(frozen.split()[2:]) == "0.80 1.00 0.85 25.00 not as expected: peer 1 of 6"
    assert max(map(len, lines)) <= 120
