"""The table of faults: what is done, and what is expected of the cluster, written down before it happens."""

from dataclasses import dataclass
from typing import Callable, Optional

from ci.lib.prove import acts
from ci.lib.prove import chaos as fault_chaos
from ci.lib.prove import storage as fault_storage
from ci.lib.prove.scene import Scene

# The operations of the service in the laboratory, for our agent and its peer alike.
MONITOR_S = 2
GREETING_MONITOR_S = 5
DEEP_MONITOR_S = 10
OPERATION_S = 20
ADDRESS_MONITOR_S = 10
GREETING_TIMEOUT_S = 10
# What parts of a recovery may take on two busy cores.
MOVE_S = 8
RESTART_S = 4
FENCE_S = 10
BOOT_S = 15
FULL_S = 12

NEVER, ALWAYS, MAY = "never", "always", "may"
SAME, OTHER, TARGET, ANY = "same node", "another node", "the target", "any node"


@dataclass(frozen=True)
class Fault:
    """One row: ``over`` is the fact that ends it, besides that clients are served; ``bound_s`` is that of the gap."""

    id: str
    title: str
    act: "Callable[[Scene], None]"
    over: "Callable[[Scene], bool]"
    fence: str
    where: str
    bound_s: float
    bound_by: str
    prepare: "Optional[Callable[[Scene], None]]" = None
    # How it stands in for the real thing, where namespaces cannot have that.
    simulated: str = ""
    is_main: bool = False
    # What is broken is put right after this time, by whoever looks after the cluster; the service waits for it.
    until_s: float = 0
    # Where a second instance runs that is not to notice; nowhere, when such a run would show nothing.
    beside: str = ""

    @property
    def what(self) -> str:
        """What is done, in the words of the act itself."""
        return (self.act.__doc__ or WHAT[self.id]).strip()

    @property
    def repeats(self) -> int:
        """How often the matrix does it."""
        return 5 if self.is_main else 2


# Acts that are made of others have no text of their own.
WHAT = {
    "link-deaf": "The service's node hears nothing on any cable, but is heard.",
    "link-mute": "The service's node is not heard on any cable, but hears.",
}


def _moved(scene: Scene) -> bool:
    return scene.lab.where() == scene.target


def _served(scene: Scene) -> bool:
    return scene.is_served()


def _back(scene: Scene) -> bool:
    return scene.lab.all_online() and bool(scene.lab.where())


def _is_home(scene: Scene) -> bool:
    return scene.lab.all_online() and scene.lab.where() == scene.victim


def _is_third(scene: Scene) -> bool:
    return scene.lab.where() == "n3"


MAIN = [
    Fault(
        "move", "planned move", acts.move, _moved, NEVER, TARGET,
        MOVE_S, "stop, unmount, mount and start", is_main=True, beside=SAME,
    ),
    Fault(
        "master-killed", "master killed", acts.kill_master, Scene.has_new_master, NEVER, SAME,
        MONITOR_S + RESTART_S, "the monitor's interval and a restart", is_main=True, beside=SAME,
    ),
    Fault(
        "master-frozen", "master frozen", acts.freeze_master, Scene.has_new_master, NEVER, SAME,
        MONITOR_S + 1 + RESTART_S, "the monitor's interval, its second look after 1 s and a restart", is_main=True,
        beside=SAME,
    ),
    Fault(
        "smtpd-broken", "smtpd unable to start", acts.break_smtpd, Scene.is_away, NEVER, OTHER,
        GREETING_MONITOR_S + GREETING_TIMEOUT_S + OPERATION_S + MOVE_S,
        "the greeting monitor's interval and time-out, a start that fails in its time, and a move", is_main=True,
    ),
    Fault(
        "address-deleted", "address deleted", acts.delete_address, _served, NEVER, ANY,
        ADDRESS_MONITOR_S + MOVE_S, "the address's own monitor, if not ours before it, and a move", is_main=True,
        beside=SAME,
    ),
    Fault(
        "power-off", "node powered off", acts.power_off, Scene.is_away, ALWAYS, OTHER,
        FENCE_S + MOVE_S, "fencing and a start", is_main=True, beside=OTHER,
    ),
    Fault(
        "link-cut", "link cut both ways", acts.cut_link, Scene.is_away, ALWAYS, OTHER,
        FENCE_S + MOVE_S, "fencing and a start", is_main=True, beside=OTHER,
    ),
]  # fmt: skip

OTHERS = [
    Fault(
        "standby", "node on standby", acts.standby, Scene.is_away, NEVER, OTHER,
        MOVE_S, "a move",
    ),
    Fault(
        "qmgr-gone", "queue manager gone", acts.break_qmgr, Scene.is_away, NEVER, OTHER,
        OPERATION_S + MOVE_S, "a start that fails in its time, and a move; smtpd takes mail until then",
    ),
    Fault(
        "link-deaf", "link cut one way: node hears nothing", acts.cut_incoming, Scene.is_away, ALWAYS, OTHER,
        FENCE_S + MOVE_S, "fencing and a start",
        simulated="the switch forwards nothing to the node's ports",
    ),
    Fault(
        "link-mute", "link cut one way: node is not heard", acts.cut_outgoing, Scene.is_away, ALWAYS, OTHER,
        FENCE_S + MOVE_S, "fencing and a start",
        simulated="the switch takes nothing from the node's ports",
    ),
    Fault(
        "node-frozen", "node frozen, fenced late", acts.freeze_node, Scene.is_away, ALWAYS, OTHER,
        acts.FENCE_DELAY_S + FENCE_S + MOVE_S, "slow fencing and a start",
        prepare=acts.with_slow_fencing,
        simulated="SIGSTOP to every process of the node; its kernel goes on",
    ),
    Fault(
        "reboot-stay", "node rebooted and back, intelligent switchback", acts.reboot, _back, NEVER, OTHER,
        MOVE_S, "a move", prepare=acts.at_first_node,
    ),
    Fault(
        "reboot-home", "node rebooted and back, automatic switchback", acts.reboot, _is_home, NEVER, SAME,
        MOVE_S, "a move, twice", prepare=acts.with_automatic_switchback,
    ),
    Fault(
        "storage-gone", "storage gone", fault_storage.lose_storage, Scene.is_away, NEVER, OTHER,
        DEEP_MONITOR_S + OPERATION_S + MOVE_S, "the deep monitor's interval, a restart that fails, and a move",
        simulated="ext4 shut down by ioctl: every access fails; the kernel here has no device mapper", beside=SAME,
    ),
    Fault(
        "storage-read-only", "storage read-only", fault_storage.make_read_only, Scene.is_away, NEVER, OTHER,
        DEEP_MONITOR_S + OPERATION_S + MOVE_S, "the deep monitor's interval, a restart that fails, and a move",
        simulated="an error that ext4 is told to find",
    ),
    Fault(
        "disk-full", "disk full", fault_storage.fill_disk, _served, NEVER, SAME,
        FULL_S + RESTART_S, f"the {FULL_S} s until there is room again; the cluster must not make it worse",
        until_s=FULL_S, beside=SAME,
    ),
    Fault(
        "stop-frozen", "stop of frozen processes", acts.freeze_all_then_move, _moved, NEVER, TARGET,
        OPERATION_S + MOVE_S, "stop's time-out and a start", beside=SAME,
    ),
    Fault(
        "stop-hangs", "stop that hangs", fault_storage.freeze_storage_then_move, Scene.is_away, ALWAYS, OTHER,
        OPERATION_S + FENCE_S + MOVE_S, "stop's time-out, fencing and a start",
        simulated="a frozen file system, whose writers cannot be killed",
    ),
    Fault(
        "start-fails", "start that fails on the first node", acts.standby, _is_third, NEVER, OTHER,
        OPERATION_S + 2 * MOVE_S, "a start that fails in its time, and two moves",
        prepare=acts.with_second_node_broken,
    ),
    Fault(
        "bad-config", "a bad configuration edited in and reloaded", acts.edit_badly, Scene.has_new_master, NEVER, ANY,
        GREETING_MONITOR_S + GREETING_TIMEOUT_S + RESTART_S + MOVE_S,
        "the greeting monitor's interval and time-out, for a master that dies of its configuration may hang with "
        "postlogd; a start that is refused, and a move", beside=SAME,
    ),
    Fault(
        "two-lost", "two nodes of three lost and back", acts.lose_two, _back, MAY, ANY,
        5 + BOOT_S + FENCE_S + MOVE_S, "5 s without power, boot, quorum and a start",
    ),
    Fault(
        "pacemakerd-killed", "pacemakerd killed", acts.kill_pacemakerd, _back, NEVER, SAME,
        1, "nothing: mail does not notice",
        simulated="started again after 1 s by the laboratory, which has no systemd",
    ),
    Fault(
        "corosync-killed", "corosync killed", acts.kill_corosync, Scene.is_away, ALWAYS, OTHER,
        FENCE_S + MOVE_S, "fencing and a start",
        simulated="nothing starts it again, since the laboratory has no systemd", beside=OTHER,
    ),
    Fault(
        "split-brain", "split brain 2+1", acts.split_brain, Scene.is_away, ALWAYS, OTHER,
        FENCE_S + MOVE_S, "fencing and a start", beside=OTHER,
    ),
    Fault(
        "own-postfix", "a node joins with its own Postfix running", acts.join_with_own_postfix, _back, NEVER, SAME,
        1, "nothing: mail does not notice",
    ),
    Fault(
        "two-faults", "master killed while an idle node loses power", acts.kill_master_and_idle_node,
        Scene.has_new_master, ALWAYS, ANY, FENCE_S + RESTART_S + MOVE_S, "fencing, if the idle node led, and a restart",
    ),
    Fault(
        "chaos", "random chaos", fault_chaos.rage, _back, MAY, ANY,
        2 * FENCE_S + 2 * MOVE_S + 2 * OPERATION_S, "two recoveries that follow each other",
    ),
]  # fmt: skip

TABLE = {fault.id: fault for fault in MAIN + OTHERS}
