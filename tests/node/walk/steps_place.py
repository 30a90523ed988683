"""The steps of a walk that disturb what Postfix stands on: its queue's file system, rights, files, and programs."""

import os
import signal

from tests.node import states_surroundings as surroundings
from tests.node.judged import SNAPSHOT
from tests.node.scene import PID_FILE
from tests.node.walk.steps import add, breaking, shell, signal_all
from tests.node.walk.world import World
from tests.support.mail.node import DAEMON_DIRECTORY, QUEUE

RECORDS = os.path.dirname(SNAPSHOT)
FILLER = "/mnt/queue/filler"


def _remount(world: World) -> None:
    _end_all(world)
    at, device = world.node.queue.at, world.node.queue.device
    # Whoever has just ended may hold it for a moment.
    script = f"for i in 1 2 3 4 5; do while umount {at}; do :; done; mountpoint -q {at} || break; sleep 0.2; done"
    world.node.run(["sh", "-ec", f"{script}; ! mountpoint -q {at}; mount {device} {at}"], check=True)
    world.node.run(["rm", "-rf", FILLER, "/mnt/queue/many"], check=True)
    world.forget("mount", "read-only", "cover", "room", "inodes")


def _end_all(world: World) -> None:
    """End everything of the instance and what users hand in, for what can be put right only then."""
    signal_all("all", signal.SIGKILL)(world)
    for name in ("postdrop", "sendmail"):
        for process in world.node.named(name):
            world.node.signal(process, signal.SIGKILL)
    world.scene.wait(lambda: not world.facts().lives, "nobody of the instance lives")


def _is_free(world: World) -> bool:
    return world.is_mounted() and not world.holders


def _has_room(world: World) -> bool:
    return _is_writable(world) and not {"room", "inodes"} & set(world.broken)


def _is_writable(world: World) -> bool:
    return world.is_mounted() and "read-only" not in world.broken


breaking("mount", lambda world: world.node.queue.lazy_umount(), _remount, _is_free)
breaking("read-only", lambda world: world.node.queue.fail_read_only(), _remount, _is_free)
breaking("cover", shell("mount -t tmpfs tmpfs /mnt/queue"), _remount, _is_free)
breaking(
    "inodes",
    lambda world: surroundings.use_up_inodes(world.scene),
    shell("rm -rf /mnt/queue/many"),
    _has_room,
    _is_writable,
)
breaking(
    "room",
    lambda world: surroundings.leave_free(world.scene, 0),
    shell(f"rm -f {FILLER}"),
    _has_room,
    _is_writable,
)


# Rights and files

for _name, _path, _mode in (
    ("queue closed", QUEUE, "755"),
    ("active closed", QUEUE + "/active", "700"),
    ("public closed", QUEUE + "/public", "710"),
):
    breaking(
        f"rights {_name}",
        shell(f"chmod 0 {_path}; chown root {_path}"),
        shell(f"chmod {_mode} {_path}; chown {'root' if _path == QUEUE else 'postfix'} {_path}"),
        _is_writable,
        _is_writable,
    )
breaking("rights data", shell("chown root /var/lib/postfix"), shell("chown postfix /var/lib/postfix"))

for _word, _script in {
    "lose pid file": f"rm -f {PID_FILE}",
    "garbage pid file": f"echo no number > {PID_FILE}",
    "replace pid file": f"rm -f {PID_FILE}; pgrep -x master -u root | head -n 1 > {PID_FILE}",
    "lose master.lock": "rm -f /var/lib/postfix/master.lock",
}.items():
    add(_word, shell(_script), _is_writable)
for _word, _script in {
    "lose snapshot": f"rm -rf {SNAPSHOT}",
    "garbage snapshot": f"rm -rf {SNAPSHOT}; mkdir -p {RECORDS}; head -c 3000 /dev/urandom > {SNAPSHOT}",
    "cut snapshot": f"test ! -f {SNAPSHOT} || truncate -s 100 {SNAPSHOT}",
    "open snapshot": f"test ! -f {SNAPSHOT} || chmod 666 {SNAPSHOT}",
    "fifo snapshot": f"rm -rf {SNAPSHOT}; mkdir -p {RECORDS}; mkfifo -m 600 {SNAPSHOT}",
}.items():
    add(_word, shell(_script))
add(
    "lying snapshot",
    lambda world: _forge(world, str(world.scene.innocent.pid)),
    lambda world: os.path.isfile(world.node.path(SNAPSHOT)),
)


def _forge(world: World, pid: str) -> None:
    script = f"sed -i 's/^master_pid .*/master_pid {pid}/' {SNAPSHOT}"
    world.node.run(["sh", "-c", script])


# Programs

for _path in (
    "/usr/sbin/postfix",
    "/usr/sbin/postconf",
    DAEMON_DIRECTORY + "smtpd",
    DAEMON_DIRECTORY + "cleanup",
    DAEMON_DIRECTORY + "qmgr",
    DAEMON_DIRECTORY + "master",
):
    _name = _path.rpartition("/")[2]
    breaking(f"program {_name}", shell(f"mv {_path} {_path}.away"), shell(f"mv {_path}.away {_path}"))
