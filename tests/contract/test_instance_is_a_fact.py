"""An Instance is made whole and never changed afterwards: who learns more makes another (with_facts)."""

import ast
from pathlib import Path

import pytest

from postfix_ha.instance import Instance

LIBRARY = Path(__file__).resolve().parents[2] / "lib/postfix_ha"
MODULES = sorted(str(path.relative_to(LIBRARY)) for path in LIBRARY.rglob("*.py"))
FACTS = set(Instance.__slots__)
# Facts whose names others have too: there it counts that the thing before the dot is called one.
SHARED = {"config_dir", "endpoints", "settings", "problems"}
CALLED = {"instance", "found", "today", "recorded", "record", "running", "probe", "snapshot", "known", "old", "now"}
CHANGES = {"append", "extend", "insert", "remove", "pop", "clear", "update", "setdefault", "sort", "reverse"}


def name_of(node: ast.AST) -> str:
    """The last name of ``instance`` or ``found.instance``."""
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def is_fact(node: ast.AST) -> bool:
    """Whether an expression is a fact of an instance, or an item of one."""
    while isinstance(node, ast.Subscript):
        node = node.value
    if not isinstance(node, ast.Attribute) or node.attr not in FACTS:
        return False
    owner = name_of(node.value)
    return owner in CALLED if node.attr in SHARED or owner == "self" else True


def changes(text: str) -> "list[int]":
    """The lines in which an instance is changed."""
    found = []
    for node in ast.walk(ast.parse(text)):
        targets: "list[ast.AST]" = []
        if isinstance(node, ast.Assign):
            targets = [part for each in node.targets for part in (each.elts if isinstance(each, ast.Tuple) else [each])]
        elif isinstance(node, (ast.AugAssign, ast.AnnAssign)):
            targets = [node.target]
        elif isinstance(node, ast.Delete):
            targets = list(node.targets)
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in CHANGES:
            targets = [node.func.value]
        elif isinstance(node, ast.Call) and name_of(node.func) == "setattr" and name_of(node.args[0]) in CALLED:
            found.append(node.lineno)
        found += [node.lineno for target in targets if is_fact(target)]  # type: ignore[attr-defined]
    return found


@pytest.mark.parametrize("module", MODULES)
def test_no_instance_is_changed(module: str) -> None:
    assert changes((LIBRARY / module).read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    "broken",
    [
        "found.instance.master_pid = found.instance.master_start = 0",
        "today.master_pid, today.master_start = 1, 2",
        "instance.endpoints = [today.get(each, each) for each in before]",
        "instance.pidfile_noticed |= 1",
        "instance.settings[LINK] = path",
        "found.instance.endpoints.append(endpoint)",
        "del instance.stamps[0]",
        "setattr(instance, key, value)",
    ],
)
def test_it_would_be_seen(broken: str) -> None:
    assert changes(broken)


def test_a_copy_with_other_facts_leaves_the_first_as_it_was() -> None:
    first = Instance(config_dir="/etc/postfix", master_pid=7, settings={"a": "b"})
    second = first.with_facts(master_pid=8)
    assert (first.master_pid, second.master_pid) == (7, 8)
    assert (second.config_dir, second.settings) == ("/etc/postfix", {"a": "b"})
    with pytest.raises(TypeError):
        first.with_facts(no_such_fact=1)
