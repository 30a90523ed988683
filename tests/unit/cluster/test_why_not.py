"""Commands on clusters that others have built are refused with what stands against it."""

import shutil

import pytest

from tests.cibs.cases import path_of
from tests.support.command import CommandLine

RIGHT = [
    ("location-rule-pingd", ("switchover", "n2", "--yes"), "constraint connected forbids mailgroup on n2 (pingd is 0)"),
    ("utilization-full", ("switchover", "n2", "--yes"), "node n2 has no room for it"),
    ("ticket-missing", ("in-service", "n1", "--yes"), "ticket siteA is not granted here"),
    ("location-rule-uname-ne", ("extend", "n3", "--yes"), "constraint only-two forbids mailgroup on n3"),
    ("location-pattern-rule", ("extend", "n2", "--yes"), "constraint pattern forbids"),
]


@pytest.mark.parametrize(("name", "arguments", "words"), RIGHT, ids=[each[0] for each in RIGHT])
def test_a_refusal_says_what_stands_against_it(tmp_path, name, arguments, words):
    file = tmp_path / "cib.xml"
    shutil.copy(path_of(name), file)
    before = file.read_bytes()
    done = CommandLine(file).run(*arguments)
    assert done.returncode == 2, done.stdout + done.stderr
    first = done.stderr.splitlines()[0]
    assert first.startswith("postfix-ha: the cluster would not run mail on n")
    assert first.endswith(" all the same" if arguments[0] == "extend" else ": see 'postfix-ha status'")
    assert words in done.stderr
    assert file.read_bytes() == before


def test_extend_lets_in_where_a_cluster_lets_in_nothing_by_itself(tmp_path):
    file = tmp_path / "cib.xml"
    shutil.copy(path_of("opt-in"), file)
    line = CommandLine(file)
    line.ok("extend", "n3", "--yes")
    assert "not on" not in line.run("status").stdout


@pytest.mark.parametrize(
    ("operations", "words"),
    [
        ("", "mail has no monitor"),
        ('<op id="o" name="monitor" interval="10s" enabled="false"/>', "no monitor of mail runs"),
        ('<op id="o" name="monitor" interval="0"/>', "no monitor of mail runs"),
        ('<op id="o" name="monitor" interval="10s" on-fail="ignore"/>', "a failed monitor of mail has no effect"),
        ('<op id="o" name="monitor" interval="PT10S"/>', ""),
    ],
)
def test_what_the_cluster_would_not_notice_is_said(tmp_path, operations, words):
    file = tmp_path / "cib.xml"
    text = path_of("no-fencing")
    with open(text, encoding="utf-8") as model:
        content = model.read()
    own = '<op id="mail-monitor" name="monitor" interval="10s"/>'
    assert own in content
    file.write_text(content.replace(own, operations))
    said = " ".join(CommandLine(file).run("status").stdout.split())
    assert words in said
    assert ("monitor" in said) is bool(words)
