"""decide(): which exit code the cluster gets for what was found."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postfix_ha import codes
from postfix_ha.messages.catalogue import CATALOGUE, ROWS
from postfix_ha.verdict import Finding, decide

findings = st.lists(st.sampled_from([Finding(row.check) for row in ROWS]))


def one(code: int) -> Finding:
    return Finding(next(row.check for row in ROWS if row.code == code))


def test_nothing_found() -> None:
    assert decide("setup", []).code == 0
    assert decide("monitor", []).code == 0
    assert decide("probe", [], lives=False).code == 7


def test_setup_takes_the_gravest() -> None:
    order = [codes.ERR_CONFIGURED, codes.ERR_INSTALLED, codes.ERR_PERM, codes.ERR_GENERIC, codes.SUCCESS]
    for at in range(len(order)):
        verdict = decide("setup", [one(code) for code in reversed(order[at:])])
        assert verdict.code == order[at]
        assert (verdict.reason is None) == (verdict.code == 0)
        assert len(verdict.notes) == len(order) - at - bool(verdict.reason)


@given(findings, st.booleans())
def test_a_probe_answers_7_0_or_1_only(found: "list[Finding]", lives: bool) -> None:
    code = decide("probe", found, lives).code
    assert code in ((codes.SUCCESS, codes.ERR_GENERIC) if lives else (codes.NOT_RUNNING,))


@given(findings, st.booleans())
def test_a_monitor_never_says_stopped_of_what_lives_nor_wrongly_configured(found: "list[Finding]", lives: bool) -> None:
    code = decide("monitor", found, lives).code
    allowed = (codes.SUCCESS, codes.ERR_GENERIC, codes.DEGRADED) if lives else (codes.NOT_RUNNING,)
    assert code in allowed


@given(findings)
def test_nothing_found_gets_lost(found: "list[Finding]") -> None:
    verdict = decide("monitor", found)
    told = verdict.notes + ([verdict.reason] if verdict.reason else [])
    assert sorted(finding.check for finding in told) == sorted(finding.check for finding in found)


@pytest.mark.parametrize("kind", ["monitor", "probe"])
def test_degraded_is_for_monitors_alone(kind: str) -> None:
    assert decide(kind, [one(codes.DEGRADED)]).code == (codes.DEGRADED if kind == "monitor" else codes.SUCCESS)


def test_a_silent_probe_gives_no_reason_for_what_is_not_there() -> None:
    assert decide("probe", [Finding("master_running", instance="x")], lives=False).reason is None
    assert decide("monitor", [Finding("master_running", instance="x")], lives=False).reason is not None


def test_codes_of_the_model() -> None:
    """The codes that the design gives to each message of the functional model."""
    wanted = {
        1: 6, 2: 5, 3: 5, 4: 5, 5: 6, 6: 5, 7: 5, 12: 7, 13: 5, 14: 1, 15: 1, 16: 0, 17: 1, 18: 5, 19: 5, 20: 5, 21: 4,
    }  # fmt: skip
    rows = {row.model: row for row in ROWS if row.model}
    assert sorted(rows) == list(range(1, 22))
    assert len([row for row in ROWS if row.model]) == 21
    assert {model: rows[model].code for model in wanted} == wanted
    assert {row.scope for row in ROWS if row.model in (8, 9, 10, 11)} == {"cluster"}
    assert len(CATALOGUE) == len(ROWS)
