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
OF_IDS = {"Finding", "refused", "failed", "stated", "worded", "wrong"}
# What shows its arguments to people, or is raised to be shown. A finding's values are none of that: they fill a row.
SHOWS = {"say", "complain", "print", "say_failure", "say_prompt", "say_lines", "write", "fail", "error", "warn", "log"}
SHOWS |= {"ArgumentTypeError", "StepFailed", "ValueError", "confirm", "_fail", "_remark", "_say", "when_interrupted"}
OF_STREAMS = {"write"}
# Three words, of which two stand together: a sentence, not a name, an option or a label.
SENTENCE = re.compile(r"[A-Za-z][a-z']+,? [a-z][a-z']+")
# Text in, text out.
PASSES_ON = {"join", "format", "replace", "strip", "fromkeys", "str", "repr", "list", "tuple", "dict", "sorted"}
# Which command speaks.
LABEL = re.compile(r"postfix-ha [a-z]+: ")
# Not sentences of ours, or not for people; and the one place that must speak where the catalogue cannot be read.
EXEMPT = {
    "barrier.py": "says that a row cannot be put into words",
    "agent.py": "the name of an action that no agent has: nothing is loaded for it",
    "cli/main.py": "says that a library is missing, before anything is loaded",
    "drill/ledger.py": "an error of its caller; the drill makes a finding of it",
    "report.py": "the word before a note that a terminal shows",
}


def name_of(node: ast.AST) -> str:
    """The last part of a called name."""
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def assigned(tree: ast.AST) -> "dict[str, list[ast.AST]]":
    """Name -> what is assigned to it anywhere in a module: a sentence may take a way round by a name."""
    found: "dict[str, list[ast.AST]]" = {}
    for node in ast.walk(tree):
        pairs: "list[tuple[ast.AST, ast.AST]]" = []
        if isinstance(node, ast.Assign):
            pairs = [(target, node.value) for target in node.targets]
        elif isinstance(node, (ast.AnnAssign, ast.AugAssign)) and node.value is not None:
            pairs = [(node.target, node.value)]
        for target, value in pairs:
            if isinstance(target, (ast.Name, ast.Attribute)):
                found.setdefault(name_of(target), []).append(value)
    return found


def written(node: ast.AST, names: "dict[str, list[ast.AST]]", depth: int = 3) -> "list[str]":
    """The texts that an expression shows: literals, f-strings, what is joined and formatted, and what names hold."""
    if isinstance(node, ast.Constant):
        return [node.value] if isinstance(node.value, str) else []
    if isinstance(node, ast.JoinedStr):
        inner = [part.value for part in node.values if isinstance(part, ast.FormattedValue)]
        whole = "".join(str(part.value) if isinstance(part, ast.Constant) else "{}" for part in node.values)
        return [whole, *(text for each in inner for text in written(each, names, depth))]
    if isinstance(node, (ast.Name, ast.Attribute)):
        held = names.get(name_of(node), ()) if depth else ()
        return [text for each in held for text in written(each, names, depth - 1)]
    if isinstance(node, ast.Call):
        if name_of(node.func) not in PASSES_ON:  # such as what makes a finding: its values fill a row
            return []
        parts: "list[ast.AST]" = [*node.args, *(each.value for each in node.keywords)]
        if isinstance(node.func, ast.Attribute):
            parts.append(node.func.value)  # "...".format(), ", ".join()
        return [text for each in parts if not isinstance(each, ast.Lambda) for text in written(each, names, depth)]
    if isinstance(node, (ast.Compare, ast.Lambda)):
        return []
    if isinstance(node, ast.IfExp):
        return written(node.body, names, depth) + written(node.orelse, names, depth)
    return [text for child in ast.iter_child_nodes(node) for text in written(child, names, depth)]


def violations(text: str) -> "list[int]":
    """The lines on which a sentence is written where an id is due."""
    tree = ast.parse(text)
    names = assigned(tree)
    found = []
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call) or not name_of(node.func):
            continue
        name = name_of(node.func)
        first = node.args[0] if node.args else None
        if name in OF_IDS and isinstance(first, ast.Constant) and not re.fullmatch("[a-z0-9_]+", str(first.value)):
            found.append(node.lineno)
        texts = [said for each in node.args for said in written(each, names)]
        shows = name in SHOWS | OF_FINDINGS and (name not in OF_STREAMS or isinstance(node.func, ast.Attribute))
        if shows and any(SENTENCE.search(LABEL.sub("", each)) for each in texts):
            found.append(node.lineno)
    return sorted(set(found))


@pytest.mark.parametrize("module", [module for module in MODULES if not module.startswith("messages/")])
def test_nothing_that_is_shown_is_written_outside_of_the_catalogue(module: str) -> None:
    assert module in EXEMPT or violations((LIBRARY / module).read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    "text",
    [
        'raise Refused("no such node")',
        'raise Refused(f"no node {node}")',
        'raise errors.ClusterError("it is " + why)',
        'Remark("error", "an_id", f"{text}: do this now")',
        'raise Refused(*(f"it is not {line}" for line in new))',
        'raise refused("no such node")',
        'print("the service is away")',
        'say(f"{tag} is away now")',
        'work.say("", "now: " + ("; ".join(actions) or "nothing is done"))',
        'work.say_failure(f"{name} is not {what}", [])',
        'complain("postfix-ha: {} cannot be read".format(path))',
        'complain("postfix-ha: %s cannot be read" % path)',
        'raise argparse.ArgumentTypeError(f"{text!r} is no number at all")',
        'raise ValueError("timeout must be more than 0")',
        'parser.error("two options do not go together")',
        'sys.stderr.write("no such action\\n")',
        'with when_interrupted("the move is called off", changed=True): pass',
        'say(NOTHING); NOTHING = "there is nothing to do"',
        'self.text = f"{tag} is deleted now"; work.say(self.text)',
        'say("it runs there" if runs else "")',
        "say(f\"{'it is away' if away else why}\")",
    ],
)
def test_a_written_sentence_is_found(text: str) -> None:
    assert violations(text) == [1]


@pytest.mark.parametrize(
    "text",
    [
        'raise refused("node_known", node=node, known="none of the nodes")',
        'say(worded("change_declined"))',
        'say(f"{severity}: {remark.text}")',
        'raise ValueError(worded("option_timeout"))',
        'parser.add_argument("--x", help="what this option does for you")',
        "say(f\"report: {', '.join(paths)}\")",
    ],
)
def test_what_is_no_sentence_is_none(text: str) -> None:
    assert violations(text) == []


def words_of(sentence: str) -> "list[str]":
    """The parts of a sentence between its values."""
    return [part.strip(" :'(),") for part in re.split(r"{.*?}", sentence)]


def test_each_row_of_the_commands_is_looked_for_by_a_test() -> None:
    paths = itertools.chain.from_iterable(
        (CHECKOUT / "tests" / name).rglob("*.py") for name in ("unit", "cibs", "cluster", "node")
    )
    text = " ".join(" ".join(path.read_text(encoding="utf-8").split()) for path in paths)
    unseen = []
    for row in ROWS:
        if row.scope in ("refusal", "planning", "failure", "outcome", "option") and not (
            f'"{row.check}"' in text or f"'{row.check}'" in text
        ):
            parts = [part for part in words_of(row.sentence) + words_of(row.remedy) if len(part) > 11]
            if not any(part in text for part in parts):
                unseen.append(row.check)
    assert unseen == []
