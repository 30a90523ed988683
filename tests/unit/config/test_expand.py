"""Expansion of $name in all its forms."""

import pytest

from postfix_ha.config.expand import EXPANDED_MAX, ExpandError, expand

VALUES = {"a": "A", "b": "$a-b", "empty": "", "indirect": "$empty", "n9": "9", "n10": "10", "loop": "x$loop", "d": "$$"}


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("plain", "plain"),
        ("$a", "A"),
        ("${a}", "A"),
        ("$(a)", "A"),
        ("${ a }", "A"),
        ("$b.$a", "A-b.A"),
        ("$nosuch", ""),
        ("$$a", "$a"),
        ("$d", "$"),
        ("$a$$$a", "A$A"),
        ("${a?yes}", "yes"),
        ("${a?$b}", "A-b"),
        ("${empty?yes}", ""),
        ("${nosuch?yes}", ""),
        ("${indirect?yes}", "yes"),
        ("${a:no}", ""),
        ("${empty:no}", "no"),
        ("${nosuch: no }", " no "),
        ("${a?{yes}:{no}}", "yes"),
        ("${empty ? {yes} : {no}}", "no"),
        ("${empty?{yes}:no way}", "no way"),
        ("${a??:{b}c}", "?:{b}c"),
        ("${{$a} == {A} ? {same} : {other}}", "same"),
        ("${{$a}!={A}?{other}:{same}}", "same"),
        ("${{$a} == {A}}", "true"),
        ("${{$a} == {B}}", ""),
        ("${{$a} == {B}:{other}}", "other"),
        ("${{$n9}<{$n10}?{number}}", "number"),
        ("${{9x}<{10}?{number}:{text}}", "text"),
        ("${{10} >= {10}}${{10} <= {10}}${{11} > {10}}", "truetruetrue"),
        ("${{3.10} >=level {3.9}}", "true"),
        ("${{3.10} >= {3.9}}", ""),
        ("${{3} ==level {3.0.0}}", "true"),
        ("${{{x}} == {{x}}}", "true"),
        ("${a?{$a ${b?{x}}}}", "A x"),
    ],
)
def test_expansion(value: str, expected: str) -> None:
    assert expand(value, VALUES.get) == expected


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("$", "empty macro name"),
        ("$-", "empty macro name"),
        ("${}", "empty macro name"),
        ("${a", "truncated macro reference"),
        ("$(a}", "truncated macro reference"),
        ("${a-b}", "attribute name syntax error"),
        ("${a b}", "attribute name syntax error"),
        ("${a?{x}y}", '":" expected'),
        ("${a:{x}y}", "unexpected input"),
        ("${{a}}", "comparison operator expected"),
        ("${{a} = {b}}", "comparison operator expected"),
        ("${{a} == b}", "expected at"),
        ("${{a} == {b} x}", '"?" or ":" expected'),
        ("${{a} ==length {b}}", "bad operator suffix"),
        ("${{x} ==level {3}}", "malformed compatibility level"),
        ("${{3.1024} ==level {3}}", "malformed compatibility level"),
        ("${{1} < {99999999999999999999}}", "bad conversion"),
        ("$loop", "unreasonable macro call nesting"),
    ],
)
def test_what_postfix_refuses_is_refused_with_a_reason(value: str, reason: str) -> None:
    with pytest.raises(ExpandError, match=reason):
        expand(value, VALUES.get)


def test_a_branch_that_is_not_taken_is_not_looked_at() -> None:
    assert expand("${a?{x}:{$}}", VALUES.get) == "x"


def test_loops_through_comparisons_end() -> None:
    with pytest.raises(ExpandError, match="nesting"):
        expand("$a", {"a": "${{$a} == {x} ? {y}}"}.get)


def test_growth_ends() -> None:
    values = {f"v{n}": f"$v{n + 1}$v{n + 1}" for n in range(60)}
    values["v60"] = "x" * 100
    with pytest.raises(ExpandError, match="unreasonabl"):
        expand("$v0", values.get)
    assert len(expand("$v50", values.get)) == 100 * 2**10 < EXPANDED_MAX


def test_bytes_decide_the_order_of_text() -> None:
    assert expand("${{\udcff} > {\u00e4}}", VALUES.get) == "true"
