"""What is shown to people is never read: no decision is made by a sentence, so that its words can be edited freely."""

import ast
import re
from pathlib import Path

import pytest

LIBRARY = Path(__file__).resolve().parents[2] / "lib/postfix_ha"
MODULES = sorted(str(path.relative_to(LIBRARY)) for path in LIBRARY.rglob("*.py"))

# What holds words for people, as a name, an attribute or a key of a finding's values.
SHOWN = {"why", "reason", "sentence", "where", "failure", "complaint", "remedy", "refusal_text"}
# What looks into a text. What is done to it on the way to being shown (join, replace, a slice) is none of that.
READS = {"startswith", "endswith", "partition", "rpartition", "split", "rsplit", "splitlines", "find", "index", "count"}
READS |= {"match", "search", "fullmatch", "removeprefix", "removesuffix"}
# Text in, text out: what is read of their result is read of what went in.
THROUGH = {"str", "lower", "upper", "strip", "lstrip", "rstrip", "casefold", "replace", "decode", "get"}
# A sentence: at least two words, or one with a blank or a mark at its end that only a sentence has.
SENTENCE = re.compile(r"[A-Za-z][a-z-]+,? [a-z]{2,}|^, [a-z]|^ [a-z]+$")
# What other programs say is all there is to know of some things: it is read where it comes in, and nowhere else.
READ_FROM_POSTFIX = {
    "checks/naming.py",
    "checks/node.py",
    "cluster/live/push.py",
    "history/corosync_log.py",
    "history/pacemaker_log.py",
    "system/command.py",
    "system/complaints.py",
}


def shown_in(node: ast.AST) -> "str | None":
    """The name of the shown text that an expression is, looked at through what only passes it on."""
    if isinstance(node, ast.Name):
        return node.id if node.id in SHOWN else None
    if isinstance(node, ast.Attribute):  # a place is words only as a value of a finding
        return node.attr if node.attr in SHOWN - {"where"} else None
    if isinstance(node, ast.Subscript):
        if isinstance(node.slice, ast.Constant) and node.slice.value in SHOWN:
            return str(node.slice.value)
        return shown_in(node.value)
    if isinstance(node, (ast.List, ast.Tuple, ast.Set)):
        return next(filter(None, map(shown_in, node.elts)), None)
    if isinstance(node, ast.BinOp):
        return shown_in(node.left) or shown_in(node.right)
    if isinstance(node, ast.Call):
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        if name == "get" and node.args and isinstance(node.args[0], ast.Constant) and node.args[0].value in SHOWN:
            return str(node.args[0].value)
        if name in THROUGH or name in READS:
            inner = [node.func.value] if isinstance(node.func, ast.Attribute) else []
            return next(filter(None, map(shown_in, [*inner, *node.args])), None)
    return None


def is_trivial(node: ast.AST) -> bool:
    """Whether comparing with it only asks if there is anything."""
    return isinstance(node, ast.Constant) and node.value in ("", None)


def constants_of(module: str, tree: ast.Module) -> "dict[tuple[str, str], ast.AST]":
    """(module, name) -> what a module's constant is made of."""
    found = {}
    for node in tree.body:
        for target in node.targets if isinstance(node, ast.Assign) else ():
            if isinstance(target, ast.Tuple) and isinstance(node.value, ast.Tuple):
                pairs = list(zip(target.elts, node.value.elts))
            else:
                pairs = [(target, node.value)]
            found.update({(module, name.id): value for name, value in pairs if isinstance(name, ast.Name)})
    return found


CONSTANTS: "dict[tuple[str, str], ast.AST]" = {}
for _module in MODULES:
    CONSTANTS.update(constants_of(_module, ast.parse((LIBRARY / _module).read_text(encoding="utf-8"))))


def imported_from(tree: ast.Module) -> "dict[str, tuple[str, str]]":
    """Name -> (module, name there) of what a module imports from ours."""
    found = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("postfix_ha."):
            path = node.module.split(".", 1)[1].replace(".", "/") + ".py"
            found.update({alias.asname or alias.name: (path, alias.name) for alias in node.names})
    return found


Names = dict[str, tuple[str, str]]
Constants = dict[tuple[str, str], ast.AST]


def texts_of(node: ast.AST, module: str, names: Names, known: Constants) -> "list[str]":
    """The constant texts in an expression, its module's and other modules' constants looked up."""
    if isinstance(node, ast.Constant):
        return [node.value] if isinstance(node.value, str) else []
    if isinstance(node, ast.Name):
        key = names.get(node.id, (module, node.id))
        return texts_of(known[key], key[0], {}, known) if key in known else []
    if isinstance(node, ast.Attribute):
        return []
    if isinstance(node, (ast.Tuple, ast.List, ast.Set, ast.JoinedStr)):
        parts = node.values if isinstance(node, ast.JoinedStr) else node.elts
        return [text for part in parts for text in texts_of(part, module, names, known)]
    if isinstance(node, ast.Starred):
        return texts_of(node.value, module, names, known)
    if isinstance(node, ast.BinOp):
        return texts_of(node.left, module, names, known) + texts_of(node.right, module, names, known)
    return []


def readings(module: str, text: "str | None" = None) -> "list[str]":
    """Each place of a module that decides by what people are shown."""
    tree = ast.parse(text if text is not None else (LIBRARY / module).read_text(encoding="utf-8"))
    known = {**CONSTANTS, **constants_of(module, tree)}
    names = imported_from(tree)
    found = []

    def say(node: ast.AST, what: str) -> None:
        found.append(f"{module}:{node.lineno}: {what}")  # type: ignore[attr-defined]

    def look(node: ast.AST, operands: "list[ast.AST]") -> None:
        texts = [text for operand in operands for text in texts_of(operand, module, names, known)]
        sentences = list(filter(SENTENCE.search, texts))
        if sentences and module not in READ_FROM_POSTFIX:
            say(node, f"compares with the sentence {sentences[0]!r}")

    for node in ast.walk(tree):
        if isinstance(node, ast.Compare):
            sides = [node.left, *node.comparators]
            shown = next(filter(None, map(shown_in, sides)), None)
            if shown and not any(map(is_trivial, sides)) and not isinstance(node.ops[0], (ast.Is, ast.IsNot)):
                say(node, f"compares '{shown}'")
            look(node, sides)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in READS:
            shown = shown_in(node.func.value) or next(filter(None, map(shown_in, node.args)), None)
            if shown:
                say(node, f"takes '{shown}' apart with {node.func.attr}()")
            look(node, list(node.args))
    return found


@pytest.mark.parametrize("module", MODULES)
def test_no_decision_reads_a_sentence(module: str) -> None:
    assert readings(module) == []


@pytest.mark.parametrize(
    "broken",
    [
        'IN_TIME = " in time"\ndef is_late(why):\n    return why.endswith(IN_TIME)\n',
        'def f(conversation):\n    return conversation.failure == "connected, but silent"\n',
        'def f(x):\n    said = x.failure\n    return said != "not connected"\n',
        'def f(values):\n    return "read-only" in str(values["why"]).lower()\n',
        'def f(finding):\n    return str(finding.values.get("where")).partition(", line ")\n',
        'def f(missing):\n    return [why for why in missing if not why.startswith("main.cf: ")]\n',
        'PARTS = ("overriding earlier entry", "x")\ndef f(text):\n    return any(text.endswith(PARTS) for _ in text)\n',
        'LEAVE = "delete --leave-running"\ndef f(mark):\n    return mark.startswith((LEAVE, "migrate to"))\n',
        "def f(remark, other):\n    return remark.reason in other\n",
        "from postfix_ha.config.resolve import NO_ANSWER\ndef f(x):\n    return x == NO_ANSWER\n",
        'def f(error):\n    return error.reason.lower().find("x") > 0\n',
    ],
)
def test_it_would_be_seen(broken: str) -> None:
    assert readings("broken.py", broken)


@pytest.mark.parametrize(
    "sound",
    [
        'def f(why):\n    return f"{why}!" if why else ""\n',
        'def f(why):\n    return why == "" or why is None\n',
        'def f(finding):\n    return finding.check == "queue_directory_shared"\n',
        'def f(line):\n    return line.startswith("btime ")\n',
        'def f(path):\n    return path.startswith("/proc/self/")\n',
    ],
)
def test_what_is_no_reading_is_none(sound: str) -> None:
    assert readings("sound.py", sound) == []
