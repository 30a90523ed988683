"""Comparison of facts: what a peer sends is data, whatever it is, and differences are told at their root."""

import copy
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from postfix_ha.messages.statement import Statement
from postfix_ha.peers.compare import compare
from postfix_ha.peers.remote import Remote, wrong_shape
from tests.support.facts import FACTS, PLACE

REMOTE = Remote("n2", ["ssh"])


def passive() -> "dict[str, Any]":
    facts = copy.deepcopy(FACTS)
    facts["addresses"] = []
    facts["storage"]["queue"] = {
        **PLACE,
        "is_there": False,
        "existing": "/q",
        "kind": "own",
        "mount_point": "/",
        "uuid": "",
    }
    return facts


def ids(there: "dict[str, Any]", here: "dict[str, Any]" = FACTS) -> "list[str]":
    return [finding.check for finding in compare(here, there, REMOTE, 999.0, 1001.0)]


def test_equal_nodes_have_no_differences() -> None:
    assert ids(passive()) == []


def test_what_only_follows_is_left_out() -> None:
    there = passive()
    there["main"].update(myhostname="n2.example.com", smtpd_banner="n2.example.com ESMTP")
    there["set"]["myhostname"] = "n2.example.com"
    assert ids(there) == ["myhostname_agrees"]


def test_a_default_that_differs_is_told_unless_the_version_does() -> None:
    there = passive()
    there["main"]["message_size_limit"] = "2"
    assert ids(there) == ["main_cf_agrees"]
    there["versions"]["postfix"] = there["main"]["mail_version"] = "3.8.0"
    assert ids(there) == ["version_agrees"]


def test_columns_of_master_cf_do_not_matter() -> None:
    there = passive()
    there["master"] = ["smtp       inet  n       -       y       -       -       smtpd"]
    assert ids(there) == []


@pytest.mark.parametrize(("moment", "told"), [(1000.0, False), (995.0, False), (990.0, True), (1010.0, True)])
def test_the_clock_is_far_off_only_beyond_what_asking_took(moment: float, told: bool) -> None:
    there = passive()
    there["time"] = moment
    assert (ids(there) == ["clock_agrees"]) == told


def test_tables_and_certificates_that_move_with_the_queue_are_not_compared() -> None:
    here, there = copy.deepcopy(FACTS), passive()
    here["tables"][0]["table"] = there["tables"][0]["table"] = "hash:/q/table"
    there["tables"][0]["files"][0]["digest"] = None
    here["certificates"][0]["path"] = there["certificates"][0]["path"] = "/q/cert"
    there["certificates"][0]["digest"] = None
    assert ids(there, here) == []


def test_drbd_is_not_looked_for_by_its_file_systems_number() -> None:
    here, there = copy.deepcopy(FACTS), passive()
    here["storage"]["queue"]["kind"] = "drbd"
    there["storage"]["uuids"] = []
    assert ids(there, here) == []
    here["storage"]["queue"]["kind"] = "shared"
    assert ids(there, here) == ["device_on_peer"]


def test_the_active_node_may_be_the_other_one() -> None:
    here, there = passive(), copy.deepcopy(FACTS)
    here["storage"]["uuids"] = []
    here["storage"]["queue"]["existing"] = "/"
    found = compare(here, there, REMOTE, 999.0, 1001.0)
    assert [finding.check for finding in found] == ["device_on_peer", "mount_point_on_peer"]
    assert [Statement(finding).text.split()[0] for finding in found] == ["n1", "n1"]
    assert found[1].values["cure"] == "mkdir -p /q"


@pytest.mark.parametrize("facts", [None, [], 1, "x", {}, {"format": 2}, {"format": 1}, {**FACTS, "main": []}])
def test_another_shape_is_refused(facts: object) -> None:
    assert wrong_shape(facts)


def test_the_right_shape_is_taken() -> None:
    assert wrong_shape(FACTS) == ""


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


def places(value: object, path: "tuple[object, ...]" = ()) -> "list[tuple[object, ...]]":
    """The paths to everything in an object."""
    found = [path] if path else []
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        found += places(inner, (*path, key))
    return found


@settings(max_examples=500)
@given(st.lists(st.tuples(st.sampled_from(places(FACTS)), anything), min_size=1, max_size=4))
def test_no_peer_breaks_it(changes: "list[tuple[tuple[Any, ...], Any]]") -> None:
    there = passive()
    for path, value in changes:
        target: Any = there
        try:
            for key in path[:-1]:
                target = target[key]
            target[path[-1]] = value
        except (KeyError, IndexError, TypeError):
            continue  # an earlier change took the place away
    there = json.loads(json.dumps(there))
    if not wrong_shape(there):
        for finding in compare(FACTS, there, REMOTE, 999.0, 1001.0):
            assert Statement(finding).text
