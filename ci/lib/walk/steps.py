"""The steps of a cluster's walk: moves, faults, edits, and two administrators at once."""

import contextlib
import random
import signal
import subprocess
import threading
import time
from dataclasses import dataclass
from typing import Callable

from ci.lib.prove import chaos
from ci.lib.prove.scene import Scene
from tests.support.lab.cluster import LabError
from tests.support.lab.resources import MAIL

MAIN_CF = "/etc/postfix/main.cf"
# What a command of an administrator may come to where another one, or a fault, was there first.
MISHAPS = (LabError, RuntimeError, OSError, subprocess.TimeoutExpired)


@dataclass(frozen=True)
class Step:
    """One kind of step; ``may_fence`` says that the cluster may have to fence a node for it."""

    word: str
    act: "Callable[[Scene, str], object]"
    may_fence: bool = False


def edit_well(scene: Scene, name: str) -> None:
    """Change main.cf on a node in a way that harms nobody, and reload where Postfix runs."""
    node = scene.lab.nodes[name]
    node.append(MAIN_CF, f"# edited at {time.monotonic():.3f}\n")
    if scene.lab.where() == name:
        node.run(["postfix", "reload"])


def edit_badly(scene: Scene, name: str) -> None:
    """Write nonsense into main.cf of a node; it is taken back at the end of the step."""
    node = scene.lab.nodes[name]
    good = node.read(MAIN_CF)
    scene.undo(lambda: node.write(MAIN_CF, good))
    node.append(MAIN_CF, "default_process_limit = many\n")


def change_parameter(scene: Scene, _: str) -> None:
    """Change a parameter of the agent, for which the cluster calls reload-agent or restarts the service."""
    scene.lab.pcs("resource", "update", MAIL, f"greeting_timeout={scene.random.randint(11, 15)}")


def clean_up(scene: Scene, _: str) -> None:
    """Have the cluster forget failures."""
    scene.lab.on().run(["crm_resource", "--cleanup"])


def stop_postfix_by_hand(scene: Scene, name: str) -> None:
    """Somebody types postfix stop where it runs, and nowhere else it does a thing."""
    scene.lab.nodes[name].run(["postfix", "stop"], timeout=30)


def freeze_queue_manager(scene: Scene, _: str) -> None:
    """SIGSTOP to the queue manager."""
    chaos.kill_one(scene, "qmgr", signal.SIGSTOP)


def two_administrators(scene: Scene, _: str) -> None:
    """Two people at once, each with a command of their own."""
    names = sorted(scene.lab.nodes)
    deeds = scene.random.sample((chaos.ask_for_a_move, chaos.switch_standby, change_parameter, clean_up, edit_well), 2)
    people = [_person(scene, deed, scene.random.choice(names)) for deed in deeds]
    for person in people:
        person.start()
    for person in people:
        person.join(60)


def _person(scene: Scene, deed: "Callable[[Scene, str], object]", name: str) -> threading.Thread:
    def work() -> None:
        with contextlib.suppress(*MISHAPS):
            deed(scene, name)

    return threading.Thread(target=work)


STEPS = (
    Step("ask for a move", chaos.ask_for_a_move),
    Step("switch standby", chaos.switch_standby),
    Step("kill the master", chaos.kill_the_master),
    Step("freeze the master", chaos.freeze_the_master),
    Step("kill the queue manager", chaos.kill_the_queue_manager),
    Step("freeze the queue manager", freeze_queue_manager),
    Step("delete the address", chaos.delete_the_address),
    Step("postfix stop by hand", stop_postfix_by_hand),
    Step("edit well", edit_well),
    Step("edit badly", edit_badly),
    Step("change a parameter", change_parameter),
    Step("clean up", clean_up),
    Step("two administrators", two_administrators),
    Step("pull the plug", chaos.pull_the_plug, may_fence=True),
    Step("pull the cables", chaos.pull_the_cables, may_fence=True),
)


def drawn(moments: random.Random, names: "list[str]") -> "list[tuple[Step, str]]":
    """One to three steps that follow each other before the cluster has mended the last, each with its node."""
    return [(moments.choice(STEPS), moments.choice(names)) for _ in range(moments.randint(1, 3))]
