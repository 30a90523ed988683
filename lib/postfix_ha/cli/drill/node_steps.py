"""The steps of a drill that one certain node must do: here, or there over a remote shell by the same program."""

import json
import os
import time
from typing import Any, Callable

from postfix_ha.cluster.live.pacemaker import complaint
from postfix_ha.drill.faults import find_victim, inflict
from postfix_ha.drill.ledger import Mark
from postfix_ha.drill.mailbox import in_mailbox, in_queue
from postfix_ha.messages.errors import Refused, refused
from postfix_ha.peers.ask import PASSED_ON
from postfix_ha.peers.remote import ANSWER_MAX, DEFAULT_SHELL, PROGRAM, Remote, without_greeting
from postfix_ha.printable import printable
from postfix_ha.request import caller_environment
from postfix_ha.system.command import run

VICTIM, INFLICT, COUNT = "victim", "inflict", "count"
ASK_S = 40.0
KEYS_MAX, TEXT_MAX = 20, 400
DrillStep = dict[str, Any]


def do_step(step: DrillStep) -> DrillStep:
    """Do a step on this node; what it has found."""
    kind = step.get("step")
    if kind == VICTIM:
        return dict(find_victim(step["kind"], step["config_dir"], step["binary"], step["address"]))
    if kind == INFLICT:
        inflict(step["kind"], step["victim"])
        return {}
    if kind == COUNT:
        return _count(step)
    raise refused("drill_step_known", step=kind)


def _count(step: DrillStep) -> DrillStep:
    drill, since = step["drill"], step["since"]
    found: DrillStep = {"queued": None, "delivered": None, "why": ""}
    looks: "list[tuple[str, str, Callable[[str, str, float], list[Mark]]]]" = []
    if os.path.isdir(os.path.join(step["queue"], "active")):
        looks.append(("queued", step["queue"], in_queue))
    if step["mailbox"]:
        looks.append(("delivered", step["mailbox"], in_mailbox))
    for name, path, look in looks:
        try:
            found[name] = look(path, drill, since)
        except OSError as error:
            found["why"] = f"{path}: {(error.strerror or str(error)).lower()}"
    return found


def checked(step: DrillStep, told: object) -> DrillStep:
    """What another node answered, where it is what a node of ours would; ValueError where it is not."""
    if not isinstance(told, dict) or len(told) > KEYS_MAX:
        raise ValueError
    if step.get("step") != COUNT:
        if not all(isinstance(value, str) and len(value) <= TEXT_MAX for value in told.values()):
            raise ValueError
        return dict(told)
    for name in ("queued", "delivered"):
        if told[name] is not None and not all(map(_is_mark, told[name])):
            raise ValueError
    return {**told, "why": printable(str(told["why"]), TEXT_MAX)}


def _is_mark(mark: object) -> bool:
    if not isinstance(mark, list) or len(mark) != 2:
        return False
    return all(type(number) is int and 0 <= number < 10**9 for number in mark)


class Nodes:
    """The way to each node: ``here`` is this one, ``shell`` leads to the others."""

    def __init__(self, here: str, shell: "list[str] | None") -> None:
        self.here = here
        self.shell = shell or DEFAULT_SHELL

    def take(self, node: str, **step: object) -> DrillStep:
        """Run a step on a node; raises Refused if the step fails or the node cannot be reached."""
        if node == self.here:
            return do_step(step)
        words = [PROGRAM, "drill", "--step", json.dumps(step)]
        env = caller_environment(*PASSED_ON)
        done = run(Remote(node, self.shell).argv(words), deadline=time.monotonic() + ASK_S, env=env)
        if done.returncode != 0:
            said = complaint(done).removeprefix("postfix-ha: ")
            raise refused("drill_node_answers", node=node, shell=" ".join(self.shell), why=said)
        try:
            return checked(dict(step), json.loads(without_greeting(done.stdout[:ANSWER_MAX])))
        except (ValueError, TypeError, KeyError, RecursionError):
            raise refused("drill_answer_known", node=node, shell=" ".join(self.shell)) from None

    def thaw(self, node: str, pid: str, start: str) -> None:
        """Let a frozen master run on; one that has ended needs it no more."""
        try:
            self.take(node, step=INFLICT, kind="thaw", victim={"pid": pid, "start": start})
        except Refused:
            return


def run_step(text: str) -> DrillStep:
    """Do a step that another node asks for; Refused where it is none."""
    try:
        step = json.loads(text)
        return do_step(step)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise refused("drill_step_whole") from None
