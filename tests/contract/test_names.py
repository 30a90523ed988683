"""One name for one thing: no two classes and no two files of the library have one name."""

import ast
from collections import defaultdict
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
LIBRARY = CHECKOUT / "lib/postfix_ha"
# Here a name is a subject or a command that also has a file elsewhere: its words, its checks, its place on the command
# line.
OF_A_SUBJECT = ("messages/", "checks/", "cli/commands/")


def twins(places: "dict[str, list[str]]") -> "dict[str, list[str]]":
    """The names that more than one place has."""
    return {name: found for name, found in places.items() if len(found) > 1}


def class_names(texts: "dict[str, str]") -> "dict[str, list[str]]":
    """Name of a class or of a type's alias (Name = tuple[...]) -> the files that have one."""
    found = defaultdict(list)
    for module, text in texts.items():
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.ClassDef):
                found[node.name].append(module)
            if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
                name = node.targets[0].id
                if name[:1].isupper() and not name.isupper() and isinstance(node.value, ast.Subscript):
                    found[name].append(module)
    return found


def file_names(modules: "list[str]") -> "dict[str, list[str]]":
    """Stem of a file -> the files that have it, subjects' own folders left out."""
    found = defaultdict(list)
    for module in modules:
        stem = Path(module).stem
        if stem != "__init__" and not module.startswith(OF_A_SUBJECT):
            found[stem].append(module)
    return found


def library() -> "dict[str, str]":
    """Path below lib/postfix_ha -> text."""
    paths = sorted(LIBRARY.rglob("*.py"))
    return {path.relative_to(LIBRARY).as_posix(): path.read_text(encoding="utf-8") for path in paths}


def test_no_two_classes_have_one_name() -> None:
    assert twins(class_names(library())) == {}


def test_no_two_files_have_one_name() -> None:
    assert twins(file_names(list(library()))) == {}


def test_they_would_be_seen() -> None:
    assert twins(class_names({"a.py": "class Pair: pass", "b.py": "Pair = tuple[str, str]"}))
    assert twins(file_names(["drill/report.py", "report.py", "messages/report.py"])) == {
        "report": ["drill/report.py", "report.py"]
    }
