"""A random night in the laboratory: incidents by seed, each with what the laboratory saw of it, and logs that last."""

import contextlib
import random
import re
import subprocess
import time
from dataclasses import dataclass
from typing import Any, Callable

from ci.lib.prove import acts, figures
from ci.lib.prove.lab import Laboratory
from ci.lib.prove.scene import Scene
from tests.support.lab.cluster import Lab
from tests.support.lab.node import LOGS, ClusterNode
from tests.support.lab.resources import MAIL

CALM_S = 1.5
PATIENCE_S = 150
SERVED = ("greeting", "ack")


@dataclass(frozen=True)
class Incident:
    """One kind of incident: what is done, when it is over, and what history is to call its cause (``cause``), on the
    service's node or on another."""

    id: str
    cause: str
    act: "Callable[[Scene], None]"
    over: "Callable[[Scene], bool]"
    # Whether the cause lies on the node that ran the service; else on ``scene.target``.
    is_victims: bool = True
    # Whether it is over only when a node was fenced: clients notice nothing that would tell.
    must_fence: bool = False


def _moved(scene: Scene) -> bool:
    return scene.lab.where() == scene.target


def _served(scene: Scene) -> bool:
    return True


def power_off_idle(scene: Scene) -> None:
    """Pull the power cord of a node that does not run the service."""
    scene.target = scene.random.choice(scene.idle)
    scene.lab.shun(scene.target)
    scene.undo(lambda: scene.lab.shun(scene.target, False))
    ClusterNode.power_off(scene.lab.nodes[scene.target])


def change_parameter(scene: Scene) -> None:
    """Change a parameter of the agent, for which the cluster restarts the service."""
    scene.lab.pcs("resource", "update", MAIL, f"greeting_timeout={scene.random.randint(11, 15)}")


INCIDENTS = {
    each.id: each
    for each in (
        Incident("move", "moved", acts.move, _moved),
        Incident("standby", "standby", acts.standby, Scene.is_away),
        Incident("master-killed", "failed", acts.kill_master, Scene.has_new_master),
        Incident("master-frozen", "failed", acts.freeze_master, Scene.has_new_master),
        Incident("smtpd-broken", "failed", acts.break_smtpd, Scene.is_away),
        Incident("address-deleted", "failed", acts.delete_address, _served),
        Incident("bad-config", "failed", acts.edit_badly, Scene.has_new_master),
        Incident("power-off", "node_lost", acts.power_off, Scene.has_new_master),
        Incident("link-cut", "node_lost", acts.cut_link, Scene.has_new_master),
        Incident("idle-power-off", "node_lost", power_off_idle, _served, is_victims=False, must_fence=True),
        Incident("reboot", "node_left", acts.reboot, Scene.has_new_master),
        Incident("parameter", "configured", change_parameter, Scene.has_new_master),
    )
}


def keep_logs(lab: Lab) -> None:
    """Give a node that boots again the logs of its earlier lives, as a disk does."""
    for node in lab.nodes.values():
        install = node.install_agent

        def furnish(node: ClusterNode = node, install: "Callable[[], str]" = install) -> str:
            for path, text in parts(node.kept_logs).items():
                node.write(path, text)
            for path, packed in getattr(node, "rotated", {}).items():
                node.run(["sh", "-c", f"base64 -d >{path}"], input=packed, check=True)
            node.run(["chown", "-R", "hacluster:haclient", "/var/log/pacemaker"])
            node.kept_logs = ""
            return install()

        node.install_agent = furnish  # type: ignore[method-assign]


def parts(kept: str) -> "dict[str, str]":
    """Path -> text of each log in what a node kept."""
    found: "dict[str, str]" = {}
    for piece in re.split(r"^==> \S+?:", kept, flags=re.MULTILINE)[1:]:
        path, _, text = piece.partition("\n")
        if path.endswith(("pacemaker.log", "corosync.log", "mail.log")):
            found[path] = found.get(path, "") + text
    return found


class Night:
    """Makes incidents happen one after the other under mail; ``truth`` is what was seen of each."""

    def __init__(self, laboratory: Laboratory, seed: int, say: "Callable[[str], None]") -> None:
        self.laboratory = laboratory
        self.lab = laboratory.use("ours")
        self.random = random.Random(seed)
        self.truth: "list[dict[str, Any]]" = []
        self.say = say
        keep_logs(self.lab)
        self.lab.settle()
        # As --since of history takes it: what was before, the laboratory's own beginning, is not of the night.
        self.since = f"@{time.time():.0f}"

    def incident(self, kind: Incident) -> "dict[str, Any]":
        """One incident from calm to calm; what the laboratory saw of it."""
        lab = self.lab
        scene = Scene(lab, self.random, 10)
        self._calm()
        time.sleep(self.random.uniform(0, 2))
        scene.old_master = lab.master()[1].outside
        fenced = len(self.laboratory.fenced)
        scene.began = time.monotonic()
        began = time.time()
        try:
            kind.act(scene)
            scene.struck = time.monotonic()
            lab.wait_for(lambda: self._is_over(scene, kind, fenced), PATIENCE_S, f"{kind.id} is over")
        finally:
            scene.put_right()
        lab.settle()
        # As an administrator does whose repair is done: else a node that failed takes no later move.
        lab.crm_resource("--cleanup")
        lab.settle()
        end = time.monotonic()
        self._calm()
        start, stop = figures.gap(lab.client.ledger, scene.began, end, SERVED)
        found = {
            "id": kind.id,
            "cause": kind.cause,
            "node": scene.victim if kind.is_victims else scene.target,
            "began": began,
            "ended": time.time(),
            "before": scene.victim,
            "after": lab.where(),
            "gap_s": stop - start,
            "gap_from": began + start - scene.began,
            "fenced": [name for _, name in self.laboratory.fenced[fenced:]],
        }
        self.truth.append(found)
        self.say(f"{kind.id}: {found}")
        return found

    def _is_over(self, scene: Scene, kind: Incident, fenced: int) -> bool:
        if kind.must_fence and len(self.laboratory.fenced) == fenced:
            return False
        with contextlib.suppress(RuntimeError, OSError, ValueError, subprocess.TimeoutExpired, StopIteration):
            return scene.is_served() and kind.over(scene)
        return False

    def _calm(self) -> None:
        since = time.monotonic()
        self.lab.wait_for(lambda: figures.last_plain(self.lab.client.ledger) > since + CALM_S, 60, "mail flows")

    def logs(self) -> "dict[str, str]":
        """File name -> text of each node's logs, those that were rotated first."""
        found = {}
        for name, node in self.lab.nodes.items():
            for path in LOGS[:3]:
                done = node.run(["sh", "-c", f"zcat -f {path}.1.gz 2>/dev/null; cat {path} 2>/dev/null"])
                found[f"{name}-{path.rpartition('/')[2]}"] = done.stdout
        return found

    def rotate(self, name: str) -> None:
        """Rotate a node's logs as logrotate does with copytruncate, and pack the older half."""
        files = " ".join(LOGS[:3])
        script = f"for log in {files}; do [ ! -e $log ] || {{ gzip -c $log >$log.1.gz && : >$log; }}; done"
        node = self.lab.nodes[name]
        node.run(["sh", "-c", script], check=True)
        # A disk keeps them as well, when its node boots again.
        node.kept_logs = ""
        node.rotated = {  # type: ignore[attr-defined]
            f"{path}.1.gz": node.run(["base64", f"{path}.1.gz"]).stdout for path in LOGS[:3]
        }

    def forget(self, name: str) -> None:
        """Take a node's logs away."""
        self.lab.nodes[name].run(["sh", "-c", f"rm -f {' '.join(f'{path}*' for path in LOGS[:3])}"], check=True)
