"""Params: the values of the resource's parameters, and what is wrong with them."""

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postfix_ha.messages.catalogue import CATALOGUE
from postfix_ha.messages.statement import Statement
from postfix_ha.params import BINARY_DEFAULT, GREETING_TIMEOUT_DEFAULT_S, Params, split_words


def checks_of(**values: str) -> "list[str]":
    return [finding.check for finding in Params(values).findings]


def test_nothing_given_means_the_defaults() -> None:
    for values in ({}, {"binary": "", "config_dir": "", "parameters": "", "greeting_timeout": ""}):
        params = Params(values)
        assert (params.binary, params.config_dir, params.arguments) == (BINARY_DEFAULT, "", [])
        assert params.greeting_timeout_s == GREETING_TIMEOUT_DEFAULT_S
        assert params.findings == []
        assert params.command("start") == [BINARY_DEFAULT, "start"]


def test_the_instance_is_always_named_to_the_command() -> None:
    params = Params({"config_dir": "/etc/postfix2//", "parameters": "-v -v"})
    assert params.command("stop") == [BINARY_DEFAULT, "-c", "/etc/postfix2", "-v", "-v", "stop"]


@pytest.mark.parametrize("value", ["etc/postfix", "./x", " ", "/etc/post\nfix", "../x"])
def test_a_config_dir_that_is_no_absolute_path_is_wrong_everywhere(value: str) -> None:
    assert checks_of(config_dir=value) == ["config_dir_given"]
    assert CATALOGUE["config_dir_given"].code == 6


def test_a_bare_name_is_not_installed_as_the_published_cases_have_it() -> None:
    assert checks_of(config_dir="no_such") == ["config_dir_absolute"]
    assert CATALOGUE["config_dir_absolute"].code == 5


@pytest.mark.parametrize("value", ["sbin/postfix", " ", "/usr/sbin/post\tfix", "./postfix"])
def test_a_binary_without_a_path_is_wrong_everywhere(value: str) -> None:
    assert checks_of(binary=value) == ["binary_dir_given"]
    assert CATALOGUE["binary_dir_given"].code == 6


def test_a_bare_command_name_is_looked_for_as_the_shell_agent_does() -> None:
    assert os.path.basename(Params({"binary": "sh"}).binary) == "sh"
    assert os.path.isabs(Params({"binary": "sh"}).binary)
    assert Params({"binary": "no_such"}).binary == "no_such"
    assert checks_of(binary="no_such") == []


def test_a_config_dir_among_the_parameters_counts_and_may_not_differ() -> None:
    assert Params({"parameters": "-c /etc/postfix2 -v"}).config_dir == "/etc/postfix2"
    assert Params({"parameters": "-c/etc/postfix2/"}).config_dir == "/etc/postfix2"
    assert checks_of(parameters="-c /a", config_dir="/a/") == []
    assert checks_of(parameters="-c /a", config_dir="/b") == ["config_dir_given_once"]


@pytest.mark.parametrize("value", ["stop", "-v stop", "; reboot", "$(reboot)", "-x", "'open", "-v -", "-vc /x"])
def test_no_other_word_reaches_the_command(value: str) -> None:
    assert checks_of(parameters=value) == ["parameters_valid"]


@pytest.mark.parametrize("value", ["0", "-1", "ten", "1.5", "601", "9" * 30, "٣", "s"])
def test_a_greeting_timeout_that_is_no_number_of_seconds(value: str) -> None:
    assert checks_of(greeting_timeout=value) == ["greeting_timeout_valid"]


def test_a_greeting_timeout() -> None:
    assert Params({"greeting_timeout": "30"}).greeting_timeout_s == 30
    assert Params({"greeting_timeout": "30s"}).greeting_timeout_s == 30
    assert Params({"greeting_timeout": "0" * 5000 + "30"}).greeting_timeout_s == 30


@pytest.mark.parametrize("value", ["00000000199999999", "0" * 5000, "0" * 5000 + "9" * 5000, "9" * 5000])
def test_a_greeting_timeout_beyond_all_bounds(value: str) -> None:
    assert checks_of(greeting_timeout=value) == ["greeting_timeout_valid"]


def test_words_are_split_as_a_shell_would() -> None:
    assert split_words("a  'b c' \"d\"") == (["a", "b c", "d"], True)
    assert split_words("'a") == (["'a"], False)


names = st.sampled_from(["binary", "config_dir", "parameters", "greeting_timeout"])


@given(st.dictionaries(names, st.text()))
def test_every_text_is_taken_or_refused_in_one_describable_line(values: "dict[str, str]") -> None:
    for finding in Params(values).findings:
        assert Statement(finding).reason
        assert CATALOGUE[finding.check].scope == "parameter"
