"""One fault of a node: how it comes about, what the check says of it, and what ends it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Optional, Union

from tests.support.mail.check_node import Checked, CheckNode

Action = Union[str, Callable[[CheckNode], None]]
# Stands for the command that the finding itself prints.
PRINTED = "the printed command"


@dataclass(frozen=True)
class Fault:
    """``check`` is what must be named, ``provoke`` and ``cure`` are shell scripts or functions; ``cure`` PRINTED runs
    the command that was printed, and a script follows the printed advice. ``undo`` puts back what the cure left."""

    check: str
    provoke: Action
    cure: Action = PRINTED
    says: "tuple[str, ...]" = ()
    severity: str = "error"
    file: str = ""
    undo: Action = ""
    options: "tuple[str, ...]" = ()
    name: str = ""
    command: Optional[str] = None

    @property
    def id(self) -> str:
        """What the test is called."""
        return f"{self.check}-{self.name}" if self.name else self.check


def do(node: CheckNode, action: Action) -> None:
    """Run an action on the node; its configuration then looks as if nobody had edited it just now."""
    if isinstance(action, str):
        if action:
            node.shell(action)
    else:
        action(node)
    for path in ("/etc/postfix/main.cf", "/etc/postfix2/main.cf"):
        if node.exists(path):
            node.age(path)


def provoke_and_cure(node: CheckNode, fault: Fault) -> None:
    """Provoke a fault, see it named as it should be, cure it as it says, and see the node as it was."""
    before = node.check(*fault.options).ids() if fault.options else node.usual
    assert fault.check not in before
    do(node, fault.provoke)
    found = the_finding(node.check(*fault.options), fault)
    cure = found["command"] if fault.cure == PRINTED else fault.cure
    assert cure, f"no command is printed: {found}"
    do(node, cure)
    after = node.check(*fault.options)
    assert fault.check not in after.ids(), (cure, after.named(fault.check))
    if fault.undo:
        do(node, fault.undo)
        after = node.check(*fault.options)
    assert after.ids() == before, [found for found in after.findings if found["id"] not in before]


def the_finding(checked: Checked, fault: Fault) -> "dict[str, Any]":
    """The one finding about the fault, with what it must say."""
    found = checked.named(fault.check)
    assert found, f"{fault.check} is not named: {checked.findings}"
    for words in fault.says:
        assert any(words in one["text"] for one in found), (words, found)
    assert {one["severity"] for one in found} == {fault.severity}, found
    if fault.severity == "error":
        assert checked.code == 2
    if fault.file:
        file, _, line = fault.file.partition(":")
        where = found[0]["where"]
        assert where, found
        assert where["file"] == file, found
        assert bool(where["line"]) == bool(line), found
    assert all(one["remedy"] for one in found)
    if fault.command is not None:
        assert found[0]["command"] == fault.command
    return found[0]
