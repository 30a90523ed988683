"""One place for each sentence: what the commands refuse and remark has an id, and its sentence stands in messages/."""

import ast
import itertools
import re
from pathlib import Path

import pytest

from postfix_ha.messages.catalogue import ROWS

CHECKOUT = Path(__file__).resolve().parents[2]
LIBRARY = CHECKOUT / "lib" / "postfix_ha"
MODULES = sorted(path.relative_to(LIBRARY).as_posix() for path in LIBRARY.rglob("*.py"))
# What is raised or noted of a finding; the shorthands take the id of one.
OF_FINDINGS = {"Refused", "ClusterError", "Remark"}
OF_IDS = {"Finding", "refused", "failed"}
# Its Refused is a server's reply, which nobody but the drill's own record reads.
OF_A_SERVER = "drill/client.py"


def violations(text: str) -> "list[int]":
    """The lines on which a sentence is written where an id is due."""
    found = []
    for node in ast.walk(ast.parse(text)):
        if not isinstance(node, ast.Call) or not isinstance(node.func, (ast.Name, ast.Attribute)):
            continue
        name = node.func.id if isinstance(node.func, ast.Name) else node.func.attr
        for each in node.args:
            inner = each.value if isinstance(each, ast.Starred) else each
            written = isinstance(inner, (ast.Constant, ast.BinOp))
            written = written or any(isinstance(part, ast.JoinedStr) for part in ast.walk(inner))
            if name in OF_FINDINGS and written and not _is_made(inner):
                found.append(node.lineno)
        first = node.args[0] if node.args else None
        if name in OF_IDS and isinstance(first, ast.Constant) and not re.fullmatch("[a-z0-9_]+", str(first.value)):
            found.append(node.lineno)
    return sorted(set(found))


def _is_made(node: ast.AST) -> bool:
    """Whether a finding is made there, of whose values some may be composed."""
    return any(
        isinstance(part, ast.Call) and isinstance(part.func, ast.Name) and part.func.id in OF_IDS
        for part in ast.walk(node)
    )


@pytest.mark.parametrize("module", MODULES)
def test_no_refusal_and_no_remark_writes_its_sentence(module: str) -> None:
    if module != OF_A_SERVER:
        assert violations((LIBRARY / module).read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    "text",
    [
        'raise Refused("no such node")',
        'raise Refused(f"no node {node}")',
        'raise errors.ClusterError("it is " + why)',
        'Remark("error", "an_id", f"{text}: do this")',
        'raise Refused(*(f"not {line}" for line in new))',
        'raise refused("no such node")',
    ],
)
def test_a_written_sentence_is_found(text: str) -> None:
    assert violations(text) == [1]


def words_of(sentence: str) -> "list[str]":
    """The parts of a sentence between its values."""
    return [part.strip(" :'(),") for part in re.split(r"{.*?}", sentence)]


def test_each_row_of_the_commands_is_looked_for_by_a_test() -> None:
    paths = itertools.chain.from_iterable((CHECKOUT / "tests" / name).rglob("*.py") for name in ("unit", "cluster"))
    text = " ".join(" ".join(path.read_text(encoding="utf-8").split()) for path in paths)
    unseen = []
    for row in ROWS:
        if row.scope in ("refusal", "planning", "failure") and f'"{row.check}"' not in text:
            parts = [part for part in words_of(row.sentence) + words_of(row.remedy) if len(part) > 11]
            if not any(part in text for part in parts):
                unseen.append(row.check)
    assert unseen == []
