"""The committed meta-data says what the code does: parameters, actions, time-outs; plain ASCII, no encoding."""

from pathlib import Path

from lxml import etree

from postfix_ha.actions.metadata import metadata_path
from postfix_ha.params import DECLARED
from postfix_ha.request import ACTIONS, TIMEOUTS_S

METADATA = Path(metadata_path())


def document() -> "etree._Element":
    return etree.fromstring(METADATA.read_bytes())


def test_parameters_are_the_declared_ones() -> None:
    told = [
        (parameter.get("name"), parameter.find("content").get("type"), parameter.find("content").get("default"))
        for parameter in document().iter("parameter")
    ]
    assert told == [(declared.name, declared.type, declared.default) for declared in DECLARED]
    assert all(parameter.get("required") == "0" for parameter in document().iter("parameter"))


def test_every_parameter_is_described() -> None:
    for parameter in document().iter("parameter"):
        assert len(parameter.findtext("longdesc").split()) > 8, parameter.get("name")
        assert parameter.findtext("shortdesc").strip()


def test_advertised_actions_exist_and_have_the_time_that_the_code_takes_for_granted() -> None:
    advertised = {}
    for action in document().iter("action"):
        assert action.get("name") in ACTIONS
        advertised.setdefault(action.get("name"), int(action.get("timeout").removesuffix("s")))
    assert {name: time_s for name, time_s in TIMEOUTS_S.items() if name in advertised} == {
        name: time_s for name, time_s in advertised.items() if name != "meta-data"
    }
    # The DTD that ocf-tester and the distributions hold agents to knows no reload-agent and no reloadable parameter.
    assert set(ACTIONS) - set(advertised) == {"usage", "help", "methods", "reload-agent"}


def test_monitor_levels_have_intervals_of_their_own() -> None:
    monitors = [action for action in document().iter("action") if action.get("name") == "monitor"]
    assert [action.get("depth") for action in monitors] == ["0", "10", "20"]
    assert len({action.get("interval") for action in monitors}) == 3


def test_the_text_is_one_that_every_reader_takes() -> None:
    text = METADATA.read_bytes()
    assert text.isascii()
    assert b"encoding" not in text.splitlines()[0]  # crmsh refuses a declared encoding
    assert text.endswith(b"</resource-agent>\n")
