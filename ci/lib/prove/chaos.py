"""Random chaos: for a while one thing after another breaks, at random moments, with no time to recover in between."""

import contextlib
import re
import signal
import subprocess
import time
from typing import Callable

from ci.lib.prove.scene import Scene
from tests.support.lab.cluster import LabError
from tests.support.lab.network import NETWORKS, PREFIX, SERVICE_ADDRESS
from tests.support.lab.node import ClusterNode

PAUSE_S = (1.0, 7.0)


def rage(scene: Scene) -> None:
    """One thing after another breaks for minutes, before the cluster has mended the last."""
    end = time.monotonic() + scene.chaos_s
    scene.undo(lambda: scene.lab.pcs("resource", "clear", "mail"))
    for name in scene.lab.nodes:
        scene.undo(lambda name=name: scene.lab.pcs("node", "unstandby", name))
        scene.undo(lambda name=name: scene.lab.heal(name))
        # Fencing gives a node power again, but not while the two others wait for all three after a reboot of their own.
        scene.undo(lambda name=name: scene.lab.nodes[name].power_on())
    while time.monotonic() < end:
        deed = scene.random.choice(DEEDS)
        name = scene.random.choice(sorted(scene.lab.nodes))
        # In such a time a command fails now and then, or finds nothing to strike.
        with contextlib.suppress(LabError, RuntimeError, OSError, subprocess.TimeoutExpired):
            if deed(scene, name):
                scene.tell(f"{deed.__name__.replace('_', ' ')} ({name})")
        time.sleep(scene.random.uniform(*PAUSE_S))
    # Whoever let it rage looks after what he has done; what broke is the cluster's to mend.
    scene.put_right()


def kill_one(scene: Scene, program: str, number: int) -> bool:
    """Send a signal to the first process of this name on any node; whether there is one."""
    found = [(node, process) for node in _powered(scene) for process in node.named(program)]
    for node, process in found[:1]:
        node.signal(process, number)
    return bool(found)


def _powered(scene: Scene) -> "list[ClusterNode]":
    return [node for node in scene.lab.nodes.values() if node.is_on]


def _can_spare_one(scene: Scene) -> bool:
    """Whether two nodes alone would be quorate: Pacemaker learns late of a node that has just gone, and corosync counts
    a node that has just come only once it has told its vote (wait_for_all)."""
    nodes = _powered(scene)
    if len(nodes) < len(scene.lab.nodes) or not scene.lab.all_online():
        return False
    votes = [node.run(["corosync-quorumtool", "-s"]).stdout for node in nodes]
    return all(re.search(rf"^Total votes:\s+{len(nodes)}$", text, re.MULTILINE) for text in votes)


def kill_the_master(scene: Scene, _: str) -> bool:
    """SIGKILL to the master, wherever it is."""
    return kill_one(scene, "master", signal.SIGKILL)


def freeze_the_master(scene: Scene, _: str) -> bool:
    """SIGSTOP to the master, wherever it is."""
    return kill_one(scene, "master", signal.SIGSTOP)


def kill_the_queue_manager(scene: Scene, _: str) -> bool:
    """SIGKILL to the queue manager, which master starts again."""
    return kill_one(scene, "qmgr", signal.SIGKILL)


def delete_the_address(scene: Scene, name: str) -> bool:
    """Take the address away, if this node has it."""
    node = scene.lab.nodes[name]
    wire = NETWORKS["client"][1]
    return node.run(["ip", "address", "del", f"{SERVICE_ADDRESS}/{PREFIX}", "dev", wire]).returncode == 0


def ask_for_a_move(scene: Scene, name: str) -> bool:
    """An administrator wants the service on this node."""
    scene.resource("--resource", "mail", "--move", "--node", name)
    return True


def switch_standby(scene: Scene, name: str) -> bool:
    """A node goes on standby, or comes back from it."""
    scene.lab.pcs("node", scene.random.choice(["standby", "unstandby", "unstandby"]), name)
    return True


def pull_the_plug(scene: Scene, name: str) -> bool:
    """A node loses power, while the others have a majority."""
    if not _can_spare_one(scene):
        return False
    ClusterNode.power_off(scene.lab.nodes[name])
    return True


def pull_the_cables(scene: Scene, name: str) -> bool:
    """A node loses its network for some seconds, while the others have a majority."""
    if not _can_spare_one(scene):
        return False
    scene.lab.cut(name)
    time.sleep(scene.random.uniform(0.5, 4))
    scene.lab.heal(name)
    return True


DEEDS: "list[Callable[[Scene, str], bool]]" = [
    kill_the_master,
    freeze_the_master,
    kill_the_queue_manager,
    delete_the_address,
    ask_for_a_move,
    switch_standby,
    pull_the_plug,
    pull_the_cables,
]
