"""What is done to a cluster, fault by fault: one short function for each, on the scene of one fault."""

import signal
import time
from typing import Callable

from ci.lib.prove.scene import Scene
from tests.support.lab.network import NETWORKS, PREFIX, SERVICE_ADDRESS, cable
from tests.support.lab.node import ClusterNode
from tests.support.lab.resources import ADDRESS, FILESYSTEM, MAIL, STICKINESS

DAEMONS = "/usr/lib/postfix/sbin"
FENCE_DELAY_S = 8

# What a cable's port on the switch does, for each direction that is cut; a node hears nothing, or is not heard.
PORT = {
    "in": "learning off flood off mcast_flood off bcast_flood off",
    "out": "learning off locked on",
    "": "learning on flood on mcast_flood on bcast_flood on locked off",
}


# Places


def at_first_node(scene: Scene) -> None:
    """The service is at home: on the node that it prefers."""
    scene.place("n1")


def with_automatic_switchback(scene: Scene) -> None:
    """The service is at home, and goes home whenever it can."""
    scene.place("n1")
    _set_stickiness(scene, 0)
    scene.undo(lambda: _set_stickiness(scene, STICKINESS))


def _set_stickiness(scene: Scene, score: int) -> None:
    for name in (FILESYSTEM, ADDRESS, MAIL):
        wish = ["--resource", name, "--meta", "--set-parameter", "resource-stickiness", "--parameter-value", str(score)]
        scene.resource(*wish)
    scene.lab.wait_for(scene.lab.is_idle, 30, "the cluster is idle after a change of stickiness")


def with_slow_fencing(scene: Scene) -> None:
    """The victim's fencing takes its time."""
    device = f"fence-{scene.victim}"
    scene.resource("--resource", device, "--set-parameter", "pcmk_delay_base", "--parameter-value", f"{FENCE_DELAY_S}s")
    scene.undo(lambda: scene.resource("--resource", device, "--delete-parameter", "pcmk_delay_base"))
    scene.lab.wait_for(scene.lab.is_idle, 30, "the cluster is idle after a change of the fence device")


def with_second_node_broken(scene: Scene) -> None:
    """The service is at home, and cannot start where it would go next."""
    scene.place("n1")
    scene.hide(scene.lab.nodes["n2"], f"{DAEMONS}/smtpd")


# The mail service


def move(scene: Scene) -> None:
    """Move the service to another node."""
    scene.target = scene.random.choice(scene.idle)
    scene.move(scene.target)


def standby(scene: Scene) -> None:
    """Put the service's node on standby."""
    scene.standby(scene.victim)


def kill_master(scene: Scene) -> None:
    """SIGKILL to the master process."""
    scene.lab.kill_master()


def freeze_master(scene: Scene) -> None:
    """SIGSTOP to the master process."""
    node, process = scene.lab.master()
    scene.undo(lambda: node.signal(process, signal.SIGCONT))
    node.signal(process, signal.SIGSTOP)


def _break_daemon(scene: Scene, name: str) -> None:
    scene.hide(scene.node, f"{DAEMONS}/{name}")
    for process in scene.daemons():
        if process.name == name:
            scene.node.signal(process, signal.SIGKILL)


def break_smtpd(scene: Scene) -> None:
    """smtpd's program is gone and its processes end."""
    _break_daemon(scene, "smtpd")


def break_qmgr(scene: Scene) -> None:
    """The queue manager's program is gone and its process ends."""
    _break_daemon(scene, "qmgr")


def delete_address(scene: Scene) -> None:
    """Take the service's address from the interface."""
    wire = NETWORKS["client"][1]
    scene.node.run(["ip", "address", "del", f"{SERVICE_ADDRESS}/{PREFIX}", "dev", wire], check=True)


def edit_badly(scene: Scene) -> None:
    """Write nonsense into main.cf, and make the running Postfix read it."""
    node = scene.node
    good = node.read("/etc/postfix/main.cf")
    scene.undo(lambda: node.write("/etc/postfix/main.cf", good))
    node.append("/etc/postfix/main.cf", "default_process_limit = many\n")
    # Not by "postfix reload", which might refuse: the signal is what a log rotation or a hook sends.
    node.signal(scene.lab.master()[1], signal.SIGHUP)


def freeze_all_then_move(scene: Scene) -> None:
    """Every process of Postfix is stopped, then the service is to move."""
    for process in scene.daemons():
        scene.node.signal(process, signal.SIGSTOP)
    move(scene)


# Links


def cut_link(scene: Scene) -> None:
    """Pull all network cables of the service's node; new ones come with its reboot."""
    scene.undo(lambda: scene.lab.heal(scene.victim))
    scene.lab.cut(scene.victim)


def set_ports(scene: Scene, name: str, direction: str) -> None:
    """Cut one direction of a node's cables at the switch, or give both back."""
    for network in NETWORKS:
        port = ["ip", "link", "set", cable(scene.lab.nodes[name], network), "type", "bridge_slave"]
        scene.lab.fabric.run([*port, *PORT[direction].split(), "fdb_flush"], check=bool(direction))


def _cut_one_way(direction: str) -> "Callable[[Scene], None]":
    def cut(scene: Scene) -> None:
        victim = scene.victim
        scene.lab.shun(victim)
        scene.undo(lambda: scene.lab.shun(victim, False))
        scene.undo(lambda: set_ports(scene, victim, ""))
        set_ports(scene, victim, direction)

    return cut


cut_incoming = _cut_one_way("in")
cut_outgoing = _cut_one_way("out")


def split_brain(scene: Scene) -> None:
    """Pull the cable of the cluster's own network alone: one node here, two nodes there, and clients reach both."""
    ring = cable(scene.node, "ring")
    victim = scene.victim
    scene.lab.shun(victim)
    scene.undo(lambda: scene.lab.shun(victim, False))
    scene.undo(lambda: scene.lab.fabric.run(["ip", "link", "set", ring, "up"], check=True))
    scene.lab.fabric.run(["ip", "link", "set", ring, "down"], check=True)


# Nodes


def power_off(scene: Scene) -> None:
    """Pull the power cord of the service's node."""
    ClusterNode.power_off(scene.node)


def freeze_node(scene: Scene) -> None:
    """Stop every process of the service's node."""
    scene.freeze(scene.victim)


def reboot(scene: Scene) -> None:
    """Shut the service's node down in order, and boot it again."""
    scene.shut_down(scene.victim)
    scene.boot(scene.victim)


def lose_two(scene: Scene) -> None:
    """Two nodes lose their power, the service's among them, and get it back."""
    pair = [scene.victim, scene.random.choice(scene.idle)]
    for name in pair:
        ClusterNode.power_off(scene.lab.nodes[name])
    time.sleep(5)
    for name in pair:
        scene.boot(name)


def kill_pacemakerd(scene: Scene) -> None:
    """SIGKILL to pacemakerd; a second later it is started again, as systemd does."""
    for process in scene.node.named("pacemakerd"):
        scene.node.signal(process, signal.SIGKILL)
    time.sleep(1)
    scene.node.run(["setsid", "-f", "sh", "-c", "exec pacemakerd >>/var/log/rc.log 2>&1"], check=True)


def kill_corosync(scene: Scene) -> None:
    """SIGKILL to corosync."""
    victim = scene.victim
    scene.lab.shun(victim)
    scene.undo(lambda: scene.lab.shun(victim, False))
    for process in scene.node.named("corosync"):
        scene.node.signal(process, signal.SIGKILL)


def join_with_own_postfix(scene: Scene) -> None:
    """A node that is idle reboots, and starts a Postfix of its own before it joins."""
    name = scene.target = scene.random.choice(scene.idle)
    node = scene.lab.nodes[name]
    scene.shut_down(name)

    def furnish() -> str:
        own = "/etc/postfix-own"
        node.write(f"{own}/main.cf", OWN_MAIN_CF)
        node.write(f"{own}/master.cf", node.read("/usr/share/postfix/master.cf.dist"))
        node.run(["install", "-d", "/var/spool/postfix-own"], check=True)
        node.run(["install", "-d", "-o", "postfix", "-g", "postfix", "/var/lib/postfix-own"], check=True)
        node.run(["postfix", "-c", own, "start"], check=True)
        return install_agent()

    install_agent = node.install_agent
    node.install_agent = furnish  # type: ignore[method-assign]
    scene.undo(lambda: node.run(["postfix", "-c", "/etc/postfix-own", "stop"]))
    scene.undo(lambda: vars(node).update(install_agent=install_agent))
    scene.boot(name)


OWN_MAIN_CF = """\
compatibility_level = 3.6
myhostname = own.example.com
inet_interfaces = loopback-only
inet_protocols = ipv4
queue_directory = /var/spool/postfix-own
data_directory = /var/lib/postfix-own
maillog_file = /var/log/mail-own.log
"""


def kill_master_and_idle_node(scene: Scene) -> None:
    """SIGKILL to the master process, and in the same moment a node that is idle loses its power."""
    scene.lab.kill_master()
    ClusterNode.power_off(scene.lab.nodes[scene.random.choice(scene.idle)])
