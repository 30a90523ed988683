"""Other nodes and the facts of their Postfix, asked over a remote shell as administrators have it."""

import json
import math
import re
import time

from postfix_ha.finding import Finding
from postfix_ha.messages.errors import Refused
from postfix_ha.messages.statement import Statement
from postfix_ha.printable import printable
from postfix_ha.system.command import begin
from postfix_ha.system.quoting import quote, quote_words

# ssh asks for no password: nobody is there to give it.
DEFAULT_SHELL = ["ssh", "-o", "BatchMode=yes", "-o", "ConnectTimeout=10"]
PROGRAM = "postfix-ha"
FORMAT = 1
# Of what another node answers: some hundred kibibytes are usual, and an object takes many times its text in memory.
ANSWER_MAX = 4 * 1024 * 1024
# What a host's name, an address, and a user before either are made of: nothing that any shell or ssh's own
# configuration (ProxyCommand with %h) could take for something else, and never an option.
HOST = re.compile(r"(?!-)[A-Za-z0-9_.:%\[\]-]{1,255}(?:@(?!-)[A-Za-z0-9_.:%\[\]-]{1,255})?")
# No number of ours is greater, and none that is could be compared, shown or put into a command.
NUMBER_MAX = 2**63
ID_MAX = 2**32 - 1
CLOCK_MAX_S = 2.0**40
REASON_MAX = 400
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

    @property
    def refusal(self) -> str:
        """Why no remote shell is given this name, "" where it is a host's: the CIB may have ``-oProxyCommand=...``."""
        return "" if HOST.fullmatch(self.node) else Statement(self._unnamed()).reason

    def _unnamed(self) -> Finding:
        return Finding("host_named", node=printable(self.node, 80))

    def argv(self, words: "list[str]") -> "list[str]":
        """The command line that runs the words there; the shell there takes them apart once more."""
        if self.refusal:
            raise Refused(self._unnamed())
        return [*self.shell, self.node, *map(quote, words)]

    def paste(self, script: str) -> str:
        """A command to paste here that runs a shell's line there, "" for a name that no shell is given."""
        if self.refusal:
            return ""
        return f"{quote_words([*self.shell, self.node])} {quote(script)}"


class PeerQuestion:
    """The question for the facts of one node, asked at once and answered later."""

    __slots__ = ("began", "command", "remote", "running")

    def __init__(
        self, remote: Remote, config_dir: str, binary: str, salt: str, env: "dict[str, str]", deadline: float
    ) -> None:
        self.remote = remote
        words = [PROGRAM, "facts", "--json"]
        words += ["--config-dir", config_dir] if config_dir else []
        words += ["--binary", binary] if binary else []
        self.command = remote.paste(quote_words(words))
        self.began = time.time()
        self.running = None
        if not remote.refusal:
            # By standard input: a command line, here and there, can be read by every user.
            words += ["--salt-file", "-"]
            self.running = begin(remote.argv(words), deadline=deadline, env=env, input=salt.encode() + b"\n")

    def answer(self) -> "tuple[Facts | None, str]":
        """The facts, or None and why there are none."""
        if self.running is None:
            return None, self.remote.refusal
        done = self.running.finish()
        if done.timed_out:
            return None, "no answer in time"
        said = done.stderr.decode("utf-8", "replace").strip().splitlines()
        if done.returncode != 0:
            why = said[-1] if said else f"the remote shell ended with exit code {done.returncode}"
            return None, printable(why, REASON_MAX)
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
    if wrong:
        return f"its facts are not complete ({', '.join(wrong)}): {SAME_VERSION}"
    return "" if _are_bounded(facts) and _are_possible(facts) else "its facts hold a number that cannot be"


def _are_bounded(facts: object) -> bool:
    """Whether each number in it is one that can be compared and shown."""
    if isinstance(facts, dict):
        return all(map(_are_bounded, facts.values()))
    if isinstance(facts, list):
        return all(map(_are_bounded, facts))
    # Not a number is in no range.
    return not isinstance(facts, (int, float)) or -NUMBER_MAX < facts < NUMBER_MAX


def _are_possible(facts: "dict[str, object]") -> bool:
    """Whether the clock, the numbers of user and group, and the ports are in the range of their kind."""
    clock, ids = facts["time"], facts["ids"]
    numbers = [entry.get(key) for entry in ids.values() if isinstance(entry, dict) for key in ("uid", "gid")]  # type: ignore[attr-defined]
    ports = [e.get("port") for e in facts["endpoints"] if isinstance(e, dict)]  # type: ignore[attr-defined]
    return (
        isinstance(clock, (int, float))
        and math.isfinite(clock)
        and 0 <= clock < CLOCK_MAX_S
        and all(number is None or (type(number) is int and 0 <= number <= ID_MAX) for number in numbers)
        and all(type(port) is int and 0 < port < 65536 for port in ports)
    )
