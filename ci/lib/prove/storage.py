"""What is done to the service's file system, each as a short function on the scene of one fault."""

import fcntl
import os
import struct

from ci.lib.prove.acts import move
from ci.lib.prove.scene import Scene
from tests.support.lab.node import QUEUE_MOUNT
from tests.support.machine.disk import cut_power

FILL = f"{QUEUE_MOUNT}/fill"
_FIFREEZE, _FITHAW = 0xC0045877, 0xC0045878


def lose_storage(scene: Scene) -> None:
    """Every further access to the service's file system fails on its node."""
    cut_power(scene.node.path(QUEUE_MOUNT))


def make_read_only(scene: Scene) -> None:
    """ext4 finds an error and goes read-only under its users."""
    lines = [line.split() for line in scene.node.read("/proc/1/mountinfo").splitlines()]
    minor = next(words[2] for words in lines if words[4] == QUEUE_MOUNT).partition(":")[2]
    scene.node.run(["tee", f"/sys/fs/ext4/loop{minor}/trigger_fs_error"], input="test\n", check=True)


def fill_disk(scene: Scene) -> None:
    """Take all room on the service's file system, for a while."""
    node = scene.node
    scene.undo(lambda: scene.lab.nodes[scene.lab.where()].run(["rm", "-f", FILL], check=True))
    # Mail takes some of it meanwhile: first nearly all at once, then whatever is left.
    nearly = f"fallocate -l $(( $(df --output=avail -B1 {QUEUE_MOUNT} | tail -n 1) * 9 / 10 )) {FILL}"
    rest = f"! cat /dev/zero 2>/dev/null >>{FILL}"
    node.run(["sh", "-c", f"{nearly} && {rest}"], check=True)


def freeze_storage_then_move(scene: Scene) -> None:
    """The file system accepts no write and lets no writer end, then the service is to move."""
    node, lab = scene.node, scene.lab
    root = node.path(QUEUE_MOUNT)

    def power_off_frozen() -> None:
        # Whoever waits for the frozen file system cannot even be killed; a machine without power has no such waiters.
        lab.fabric.disconnect(node)
        if node.alive and node.mounts_queue():
            cut_power(node.path(QUEUE_MOUNT))
            thaw(node.path(QUEUE_MOUNT))
        vars(node)["power_off"] = logged
        logged()

    logged = node.power_off
    node.power_off = power_off_frozen  # type: ignore[method-assign]
    scene.undo(lambda: vars(node).update(power_off=logged))
    scene.undo(lambda: thaw(root))
    _control(root, _FIFREEZE)
    move(scene)


def thaw(path: str) -> None:
    """Let writers of a frozen file system go on."""
    _control(path, _FITHAW)


def _control(path: str, request: int) -> None:
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.ioctl(fd, request, struct.pack("=I", 0))
    finally:
        os.close(fd)
