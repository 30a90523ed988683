"""Other nodes and the facts of their Postfix, asked over a remote shell as administrators have it."""

import json
import time

from postfix_ha.system.command import begin
from postfix_ha.system.quoting import quote, quote_words

# ssh asks for no password: nobody is there to give it.
DEFAULT_SHELL = ["ssh", "-o", "BatchMode=yes", "-o", "ConnectTimeout=10"]
PROGRAM = "postfix-ha"
FORMAT = 1
# Of what another node answers: some hundred kibibytes are usual, and an object takes many times its text in memory.
ANSWER_MAX = 4 * 1024 * 1024
SAME_VERSION = "install the same version of postfix-ha on all nodes"
# What the comparison takes for granted in an object from another node; the rest of the schema is the sender's affair.
SHAPE: "dict[str, type | tuple[type, ...]]" = {
    "node": str, "time": (int, float), "missing": list, "config_dir": str, "main": dict, "set": dict, "master": list,
    "endpoints": list, "addresses": list, "ids": dict, "versions": dict, "map_types": list, "map_types_used": list,
    "units": list, "tables": list, "certificates": list, "storage": dict, "secrets": dict,
}  # fmt: skip
Facts = dict[str, object]


class Remote:
    """Another node and the shell that leads to it, whose words end where the node's name goes (as rsync's -e)."""

    __slots__ = ("node", "shell")

    def __init__(self, node: str, shell: "list[str]") -> None:
        self.node = node
        self.shell = shell

    def argv(self, words: "list[str]") -> "list[str]":
        """The command line that runs the words there; the shell there takes them apart once more."""
        return [*self.shell, self.node, *map(quote, words)]

    def paste(self, script: str) -> str:
        """A command to paste here that runs a shell's line there."""
        return f"{quote_words([*self.shell, self.node])} {quote(script)}"


class Question:
    """The question for the facts of one node, asked at once and answered later."""

    __slots__ = ("asked", "began", "command", "remote", "running")

    def __init__(
        self, remote: Remote, config_dir: str, binary: str, salt: str, env: "dict[str, str]", deadline: float
    ) -> None:
        self.remote = remote
        words = [PROGRAM, "facts", "--json", "--salt", salt]
        words += ["--config-dir", config_dir] if config_dir else []
        words += ["--binary", binary] if binary else []
        self.command = remote.paste(quote_words([word for word in words if word not in ("--salt", salt)]))
        self.began = time.time()
        self.running = begin(remote.argv(words), deadline=deadline, env=env)
        self.asked = words

    def answer(self) -> "tuple[Facts | None, str]":
        """The facts, or None and why there are none."""
        done = self.running.finish()
        if done.timed_out:
            return None, "no answer in time"
        said = done.stderr.decode("utf-8", "replace").strip().splitlines()
        if done.returncode != 0:
            return None, said[-1] if said else f"the remote shell ended with exit code {done.returncode}"
        try:
            facts = json.loads(without_greeting(done.stdout[:ANSWER_MAX]))
        except (ValueError, RecursionError):
            return None, f"what came is not the object of '{PROGRAM} facts --json'"
        why = wrong_shape(facts)
        return (None, why) if why else (facts, "")


def without_greeting(data: bytes) -> bytes:
    """The answer without what the login itself has printed before it, as an echo in ~/.bashrc does."""
    lines = data.splitlines(keepends=True)
    first = next((number for number, line in enumerate(lines) if line.startswith(b"{")), 0)
    return b"".join(lines[first:])


def wrong_shape(facts: object) -> str:
    """Why an object cannot be compared, "" where it can."""
    if not isinstance(facts, dict) or facts.get("format") != FORMAT:
        return f"its facts are not of format {FORMAT}: {SAME_VERSION}"
    wrong = [name for name, type_ in SHAPE.items() if not isinstance(facts.get(name), type_)]
    return f"its facts are not complete ({', '.join(wrong)}): {SAME_VERSION}" if wrong else ""
