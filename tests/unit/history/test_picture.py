"""The picture of an account: well-formed, alone, true to the account, and only text of what others wrote."""

import os
import re

import pytest
from lxml import etree

from ci.lib.night.judge import epoch
from postfix_ha.cli.commands.history import check_picture, leave_picture
from postfix_ha.history.svg import absences, draw, places
from postfix_ha.messages.errors import Refused
from tests.unit.history.nights import Night

NS = {"s": "http://www.w3.org/2000/svg"}
HOSTILE = "</title><script>alert(1)</script>&\x1b[2J\u202e]]>\"'"


@pytest.fixture
def found(tmp_path):
    night = Night("night-1", tmp_path)
    return night.history(since=night.truth[0]["began"] - 1)


def parsed(text):
    return etree.fromstring(text.encode())


def test_it_holds_the_facts_of_the_account(found):
    picture = parsed(draw(found))
    numbers = [each.text for each in picture.findall(".//s:text[@class='number']", NS)]
    assert numbers == [str(each["number"]) for each in found["incidents"]]
    text = " ".join(picture.itertext())
    for each in found["incidents"]:
        assert each["cause"]["node"] in text
        assert f"{each['away']['s']:.1f} s without a server" in text
    labels = [each.text for each in picture.findall("s:text", NS)]
    assert {"n1", "n2", "n3"} <= set(labels)
    gaps = picture.findall(".//s:rect[@class='away']", NS)
    assert len(gaps) == sum(bool(each["away"]["source"]) for each in found["incidents"])
    # Time goes to the right, each gap is as wide as it was long.
    widths = [float(each.get("width")) for each in gaps]
    lengths = [each["away"]["s"] for each in found["incidents"] if each["away"]["source"]]
    assert widths.index(max(widths)) == lengths.index(max(lengths))
    fenced = sum(len(each["fenced"]) for each in found["incidents"])
    assert len(picture.findall(".//s:line[@class='fence']", NS)) == 2 * fenced > 0


def test_the_service_is_on_one_node_at_a_time_and_where_the_account_says(found):
    spans, gaps = places(found, epoch(found["since"]), epoch(found["until"]))
    ordered = sorted(spans, key=lambda each: each[1])
    assert all(one[2] <= two[1] + 0.001 for one, two in zip(ordered, ordered[1:]))
    for each in found["incidents"]:
        (after,) = each["after"]
        assert any(node == after and begin == epoch(each["away"]["to"]) for node, begin, _ in spans)
    assert not [1 for _, down, up in gaps for _, begin, end in spans if begin < up - 0.001 and down + 0.001 < end]


def test_a_node_that_was_fenced_is_out_until_it_is_back(found):
    (first,) = absences(found["incidents"], "n1", epoch(found["until"]))
    lost, back = (epoch(each["at"]) for each in found["incidents"][3]["events"] if each["kind"] in ("lost", "member")
                  and each["node"] == "n1")  # fmt: skip
    assert first == (lost, back)
    assert back - lost < 10


def test_it_needs_no_other_file_and_runs_nothing(found):
    text = draw(found)
    picture = parsed(text)
    assert {etree.QName(each).localname for each in picture.iter()} == {"svg", "title", "style", "rect", "line", "text"}
    assert not re.search(r"href|url\(|@import|on[a-z]+=", text.replace('xmlns="http://www.w3.org/2000/svg"', ""))
    assert "prefers-color-scheme: dark" in text


def test_what_others_wrote_is_text(found):
    found["resource"] = HOSTILE
    found["nodes"][0]["node"] = HOSTILE
    for each in found["incidents"]:
        each["cause"].update(node=HOSTILE, text=HOSTILE)
        each["before"] = each["after"] = [HOSTILE]
    picture = parsed(draw(found))
    assert {etree.QName(each).localname for each in picture.iter()} == {"svg", "title", "style", "rect", "line", "text"}
    text = "".join(picture.itertext())
    assert "<script>" in text
    assert all(letter.isprintable() or letter == "\n" for letter in text)


def test_an_account_without_an_incident_or_without_an_end_is_drawn(found):
    found["incidents"][-1].update(ended=None, after=[])
    assert "NOT IN SERVICE" not in draw({**found, "incidents": []})
    assert "no incident" in draw({**found, "incidents": []})
    parsed(draw(found))


@pytest.mark.parametrize(
    ("name", "why"),
    [("none/night.svg", "No such file or directory"), ("link.svg", "something else"), ("folder", "something else"),
     ("pipe", "something else")],
)  # fmt: skip
def test_where_no_picture_can_be_left_is_refused_and_nothing_is_touched(tmp_path, name, why):
    (tmp_path / "kept").write_text("kept")
    (tmp_path / "link.svg").symlink_to(tmp_path / "kept")
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(Refused, match=why) as caught:
        check_picture(str(tmp_path / name))
    assert [each.check for each in caught.value.statements] == ["picture_left"]
    assert (tmp_path / "link.svg").is_symlink()
    assert (tmp_path / "kept").read_text() == "kept"


def test_a_picture_replaces_an_older_one_for_its_owner_alone(tmp_path):
    path = tmp_path / "night.svg"
    path.write_text("older")
    check_picture(str(path))
    leave_picture(str(path), "<svg/>")
    assert path.read_text() == "<svg/>"
    assert path.stat().st_mode & 0o777 == 0o600
    assert os.listdir(tmp_path) == ["night.svg"]
