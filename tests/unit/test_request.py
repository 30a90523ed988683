"""Request: what the cluster asked for, whatever is missing or wrong in its variables."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postfix_ha.request import RUN_DIRECTORY, TIMEOUTS_S, Request

META = "OCF_RESKEY_CRM_meta_"


def request_of(action: str = "monitor", **environ: str) -> Request:
    return Request(["postfix_ha", action], environ)


@pytest.mark.parametrize("interval", [None, "", "0", "00", "garbage", "-5", "1.5", "٣"])
def test_a_monitor_without_an_interval_is_a_probe(interval: "str | None") -> None:
    environ = {} if interval is None else {META + "interval": interval}
    assert request_of(**environ).is_probe


def test_a_recurring_monitor_is_no_probe_and_no_other_action_is_one() -> None:
    assert not request_of(**{META + "interval": "10000"}).is_probe
    assert not request_of("start", **{META + "interval": "0"}).is_probe


@pytest.mark.parametrize(
    ("text", "level"),
    [("0", 0), ("9", 0), ("10", 10), ("15", 10), ("20", 20), ("99", 20), ("", 0), ("x", 0), ("-1", 0)],
)
def test_check_levels(text: str, level: int) -> None:
    assert request_of(OCF_CHECK_LEVEL=text).level == level


def test_validate_all_looks_at_the_node_unless_told_not_to() -> None:
    assert request_of("validate-all").level == 10
    assert request_of("validate-all", OCF_CHECK_LEVEL="0").level == 0


def test_a_validation_of_parameters_without_a_resource_says_nothing_of_the_node() -> None:
    """What `pcs resource create --agent-validation` makes crm_resource pass, from any node."""
    environ = {"OCF_RESOURCE_INSTANCE": "test", "OCF_RESKEY_crm_feature_set": "3.16.1"}
    assert request_of("validate-all", **environ).level == 0
    assert request_of("validate-all", **environ, OCF_CHECK_LEVEL="10").level == 10
    assert request_of("validate-all", **{**environ, "OCF_RESOURCE_INSTANCE": "mail"}).level == 10


@pytest.mark.parametrize("timeout", ["4294967295", "2147483648", "999999999999999"])
def test_no_time_out_is_longer_than_the_kernel_waits(timeout: str) -> None:
    request = request_of("monitor", **{META + "timeout": timeout})
    assert 80_000 < request.remaining_s <= request.timeout_s == 86_400
    assert request.remaining_s * 1000 < 2**31


@pytest.mark.parametrize("timeout", [None, "", "0", "soon", "-1000", "1e3"])
def test_without_a_usable_time_out_the_advertised_one_counts(timeout: "str | None") -> None:
    environ = {} if timeout is None else {META + "timeout": timeout}
    for action, timeout_s in TIMEOUTS_S.items():
        request = request_of(action, **environ)
        assert request.timeout_s == timeout_s
        assert 0.85 * timeout_s < request.remaining_s < timeout_s


def test_the_deadline_lies_before_the_time_out_that_pacemaker_passes() -> None:
    request = request_of("stop", **{META + "timeout": "6000"})
    assert 5.0 < request.deadline - time.monotonic() < 6.0


def test_parameters_are_all_but_the_clusters_own() -> None:
    request = request_of("stop", OCF_RESKEY_binary="/x", OCF_RESKEY_CRM_meta_name="stop", OTHER="y")
    assert request.parameters == {"binary": "/x"}


@pytest.mark.parametrize("directory", ["", "relative/path"])
def test_the_run_directory_is_an_absolute_one(directory: str) -> None:
    assert request_of(HA_RSCTMP=directory).run_directory == RUN_DIRECTORY
    assert request_of(HA_RSCTMP="/run/x").run_directory == "/run/x"


@pytest.mark.parametrize("argv", [["a"], ["a", "start", "stop"]])
def test_anything_but_one_word_is_no_action(argv: "list[str]") -> None:
    assert Request(argv, {}).action == ""


@given(
    st.dictionaries(st.sampled_from([META + "timeout", META + "interval", "OCF_CHECK_LEVEL", "HA_RSCTMP"]), st.text())
)
def test_no_text_in_the_clusters_variables_breaks_it(environ: "dict[str, str]") -> None:
    request = Request(["postfix_ha", "monitor"], environ)
    assert request.timeout_s > 0
    assert request.level in (0, 10, 20)
