"""Traces: what an action, or a run of Postfix, has left in the node's file systems."""

import os

from tests.node.judged import SNAPSHOT
from tests.node.scene import PID_FILE
from tests.node.walk.world import World
from tests.support.mail.node import QUEUE

# What the agent may leave: its record, its log, its lasting hold.
PLACES = ("/run", "/tmp", "/etc/postfix", "/mnt/queue")


def files(world: World) -> "set[str]":
    """Every file in which the agent might leave something."""
    # Postfix's own files, the record of a run and the second instance's come and go with them.
    root = world.node.path("")
    found: "set[str]" = set()
    for place in PLACES:
        for directory, names, files in os.walk(root + place):
            inside = directory[len(root) :]
            found.update(os.path.join(inside, name) for name in (*names, *files))
            names[:] = [name for name in names if not (inside.startswith("/mnt/queue") or name == "resource.d")]
    # What a walk has filled the disk with comes back with an older state of the disk.
    return found - {"/run/resource-agents", SNAPSHOT, "/mnt/queue/many", "/mnt/queue/filler"}


def left_in_queue(world: World) -> "set[str]":
    """The sockets and the pid file that a run of Postfix makes."""
    found: "set[str]" = set()
    for place in (f"{QUEUE}/public", f"{QUEUE}/private"):
        if os.path.isdir(world.node.path(place)):
            found.update(f"{place}/{name}" for name in os.listdir(world.node.path(place)))
    return found | ({PID_FILE} if os.path.lexists(world.node.path(PID_FILE)) else set())
