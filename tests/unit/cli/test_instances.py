"""Which instances a look at this node is about."""

import os
from pathlib import Path

import pytest

from postfix_ha.cli.instances import concerns, is_another_named, stored_configuration
from postfix_ha.cli.main import build_parser
from tests.support.cibs import mail

NODE = os.uname().nodename
CIB = """<cib><configuration><crm_config/><nodes>{nodes}</nodes><resources>{resources}</resources>
<constraints>{constraints}</constraints></configuration></cib>"""


def meant(
    tmp_path: Path, resources: str, *words: str, nodes: str = "", constraints: str = ""
) -> "list[tuple[str, str]]":
    """(configuration directory, resource) of each instance that `check` would look at."""
    file = tmp_path / "cib.xml"
    file.write_text(CIB.format(resources=resources, nodes=nodes, constraints=constraints))
    options = build_parser("check").parse_args(["check", "--cib-file", str(file), *words])
    return [(each.config_dir, each.resource) for each in concerns(options.config_dir, options.cib_file)]


def test_without_a_file_it_is_the_default_instance(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CIB_file", "/nosuch")
    for command in ("check", "facts"):
        options = build_parser(command).parse_args([command])
        assert [(each.config_dir, each.resource) for each in concerns(options.config_dir, options.cib_file)] == [
            ("", "")
        ]


def test_the_default_directory_is_the_default_instance_however_it_is_named(tmp_path: Path) -> None:
    for resources in ("", mail(), mail(config_dir=""), mail(config_dir="/etc/postfix")):
        assert meant(tmp_path, resources) == [("", "")]


def test_another_directory_is_taken_and_one_that_is_named_wins(tmp_path: Path) -> None:
    assert meant(tmp_path, mail(config_dir="/etc/postfix2")) == [("/etc/postfix2", "mail")]
    assert meant(tmp_path, mail(config_dir="/etc/postfix2"), "--config-dir", "/etc/p") == [("", "")]


def test_several_come_in_the_order_of_their_directories(tmp_path: Path) -> None:
    resources = mail("b", config_dir="/etc/postfix3") + mail(
        "a", agent="ocf:heartbeat:postfix", config_dir="/etc/postfix2"
    )
    found = [("/etc/postfix", "c"), ("/etc/postfix2", "a"), ("/etc/postfix3", "b")]
    assert meant(tmp_path, resources + mail("c")) == found


def test_where_this_node_takes_no_part_it_is_left_out(tmp_path: Path) -> None:
    nodes = f'<node id="1" uname="{NODE}"/><node id="2" uname="other"/>'
    ban = f'<rsc_location id="l" rsc="mail" node="{NODE}" score="-INFINITY"/>'
    resources = mail(config_dir="/etc/postfix2")
    assert meant(tmp_path, resources, nodes=nodes) == [("/etc/postfix2", "mail")]
    assert meant(tmp_path, resources, nodes=nodes, constraints=ban) == [("", "")]
    # A cluster that knows this node by another name says nothing of it.
    assert meant(tmp_path, resources, nodes='<node id="2" uname="other"/>') == [("/etc/postfix2", "mail")]


def test_what_is_no_configuration_is_passed_over(tmp_path: Path) -> None:
    file = tmp_path / "cib.xml"
    options = build_parser("check").parse_args(["check"])
    options.cib_file = str(file)
    for text in ("", "<cib", 'name="config_dir" value="/x"', "\0"):
        file.write_text(text)
        assert [each.config_dir for each in concerns(options.config_dir, options.cib_file)] == [""]


def test_only_another_directory_is_worth_the_xml_library() -> None:
    assert not is_another_named(b"")
    assert not is_another_named(b'<nvpair id="a-config_dir" name="config_dir" value="/etc/postfix"/>')
    assert is_another_named(b'<nvpair name="config_dir" value="/etc/postfix2"/>')
    assert is_another_named(b'<nvpair value="/etc/postfix" name="config_dir"/>')


def test_a_directory_or_a_fifo_in_the_file_s_place_gives_nothing(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    assert stored_configuration(str(tmp_path / "fifo")) == b""
    assert stored_configuration(str(tmp_path)) == b""
    assert stored_configuration(str(tmp_path / "nosuch")) == b""
