"""A statement: what a finding becomes, and commands that a shell takes as they are meant."""

import subprocess

from hypothesis import given
from hypothesis import strategies as st

from postfix_ha.messages.catalogue import CATALOGUE
from postfix_ha.messages.statement import Statement
from postfix_ha.report import line_of
from postfix_ha.system.quoting import quote, quote_words
from postfix_ha.verdict import Finding

FINDING = Finding("queue_group_matches", path="/q/maildrop", found=0, group="postdrop", wanted=107)


def test_the_reason_is_the_text_and_the_remedy() -> None:
    statement = Statement(FINDING)
    assert statement.text.startswith("/q/maildrop belongs to group 0")
    assert statement.reason == f"{statement.text}; {statement.remedy}"
    assert line_of(FINDING) == statement.reason
    assert statement.code == CATALOGUE["queue_group_matches"].code


def test_a_reason_without_a_remedy_is_the_text_alone() -> None:
    statement = Statement(Finding("leftovers_ended", instance="/etc/postfix", processes="smtpd[12]"))
    assert statement.remedy == ""
    assert statement.reason == "ended processes left by an earlier run of /etc/postfix: smtpd[12]"


def test_where_it_is_set_is_asked_for_the_parameter() -> None:
    statement = Statement(FINDING, lambda name: (f"/etc/postfix/main.cf of {name}", 7))
    assert statement.where == "/etc/postfix/main.cf of setgid_group:7"
    assert Statement(FINDING).where == ""
    placed = Statement(Finding("main_cf_present", config_dir="/x", file="/y", line=3), lambda name: ("no", 1))
    assert placed.where == "/y:3"


def test_a_finding_may_bring_its_own_severity_and_cure() -> None:
    statement = Statement(Finding("queue_group_matches", severity="note", cure="true", **FINDING.values))
    assert (statement.severity, statement.cure) == ("note", "true")
    assert Statement(Finding("tls_key_private", path="/a b", cure="")).cure == ""


def test_errors_come_first() -> None:
    order = sorted(
        (Statement(Finding(check, path="/x", why="", severity=severity)) for check, severity in (
            ("tls_key_private", "note"), ("tls_key_private", "error"), ("postfix_check_quiet", "warning"))),
        key=lambda statement: statement.rank,
    )  # fmt: skip
    assert [statement.severity for statement in order] == ["error", "warning", "note"]


def test_a_missing_value_is_no_reason_to_have_no_reason() -> None:
    assert "?" in Statement(Finding("queue_group_matches")).reason


def test_a_cure_quotes_its_values() -> None:
    assert Statement(Finding("tls_key_private", path="/a b;rm -rf x")).cure == "chmod o= '/a b;rm -rf x'"


words = st.text(st.characters(blacklist_characters="\0", blacklist_categories=["Cs"]), max_size=20)


@given(st.lists(words, min_size=1, max_size=4))
def test_a_shell_reads_quoted_words_as_they_are(texts: "list[str]") -> None:
    done = subprocess.run(["/bin/sh", "-c", quote_words(["printf", "%s\\0", *texts])], capture_output=True)
    assert done.stdout == b"".join(text.encode() + b"\0" for text in texts)


def test_what_needs_no_quotes_has_none() -> None:
    assert quote("/etc/postfix/main.cf") == "/etc/postfix/main.cf"
    assert quote("") == "''"
    assert quote("a'b") == "'a'\"'\"'b'"
