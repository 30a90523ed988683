"""States of what an instance stands on: the queue's file system, addresses and ports, and its clients."""

import contextlib
import os
import subprocess
import sys
from signal import SIGSTOP

from tests.node.scene import SNAPSHOT, Scene
from tests.node.states_processes import kill_master
from tests.support.mail.node import ADDRESS

_FITHAW = 0xC0045878
# Thaws as soon as whoever froze has gone, however that happened: a frozen file system holds up all that use it.
_THAW = f"import fcntl, sys; sys.stdin.read(); fcntl.ioctl(int(sys.argv[1]), {_FITHAW}, 0)"


def queue_read_only(scene: Scene) -> None:
    """ext4 met an error and went read-only under the running instance."""
    scene.start()
    scene.greet_once()
    scene.node.queue.fail_read_only()
    scene.wait(lambda: not can_write(scene), "the queue is read-only")


def queue_read_only_stopped(scene: Scene) -> None:
    """The queue is mounted read-only, and nothing runs."""
    assert scene.node.queue.remount("ro").returncode == 0


def can_write(scene: Scene) -> bool:
    """Whether root can make a file in the queue."""
    return scene.node.run(["touch", "/mnt/queue/trial"]).returncode == 0


def queue_nearly_full(scene: Scene) -> None:
    """The queue has 4 MB left, less than Postfix wants for a message."""
    scene.start()
    leave_free(scene, 4 << 20)


def queue_full(scene: Scene) -> None:
    """The queue has no block left, under the running instance."""
    scene.start()
    leave_free(scene, 0)


def queue_full_stopped(scene: Scene) -> None:
    """The queue has no block left, and nothing runs."""
    leave_free(scene, 0)


def queue_full_after_a_run(scene: Scene) -> None:
    """The queue has no block left, and nothing runs, but did: what a start makes is there already."""
    scene.start()
    assert scene.act("stop").code == 0
    leave_free(scene, 0)


def leave_free(scene: Scene, size: int) -> None:
    """Leave this many bytes free in the queue's file system."""
    descriptor = scene.node.open("/mnt/queue/filler", os.O_WRONLY | os.O_CREAT)
    found = os.fstatvfs(descriptor)
    try:
        os.posix_fallocate(descriptor, 0, max(1, found.f_bavail * found.f_frsize - max(size, 1 << 20)))
        piece = bytes(1 << 10)
        with contextlib.suppress(OSError):
            while not size:
                os.pwrite(descriptor, piece, os.fstat(descriptor).st_size)
                os.fsync(descriptor)
    finally:
        os.close(descriptor)


def queue_without_inodes(scene: Scene) -> None:
    """The queue has no inode left, under the running instance."""
    scene.start()
    use_up_inodes(scene)


def queue_without_inodes_stopped(scene: Scene) -> None:
    """The queue has no inode left, and nothing runs."""
    use_up_inodes(scene)


def use_up_inodes(scene: Scene) -> None:
    """Leave no inode free in the queue's file system."""
    scene.run("mkdir", "/mnt/queue/many")
    directory = os.open(scene.node.path("/mnt/queue/many"), os.O_RDONLY)
    try:
        for number in range(os.fstatvfs(directory).f_favail):
            os.close(os.open(str(number), os.O_CREAT | os.O_WRONLY, dir_fd=directory))
        assert os.fstatvfs(directory).f_favail == 0
    finally:
        os.close(directory)


def queue_unmounted(scene: Scene) -> None:
    """The queue is mounted elsewhere, and nothing runs."""
    assert scene.node.queue.umount().returncode == 0


def queue_lazily_unmounted(scene: Scene) -> None:
    """Somebody took the mount away with umount -l; the instance runs on with a queue that no path leads to."""
    scene.start()
    scene.hold_disk()
    scene.node.queue.lazy_umount()


def queue_lazily_unmounted_unrecorded(scene: Scene) -> None:
    """As before, and the snapshot was lost."""
    queue_lazily_unmounted(scene)
    scene.run("rm", SNAPSHOT)


def orphans_on_lazily_unmounted(scene: Scene) -> None:
    """As before, and master was killed; a frozen daemon holds the disk."""
    scene.start()
    scene.hold_disk()
    scene.kill(scene.daemon("qmgr"), SIGSTOP)
    kill_master(scene, {"qmgr"})
    scene.node.queue.lazy_umount()


def freeze(scene: Scene, at: str = "/mnt/queue") -> None:
    """Let storage (the queue's) hang until scene.thaw() or the end: whoever writes waits in the kernel."""
    directory = os.open(scene.node.path(at), os.O_RDONLY)
    thawer = subprocess.Popen(
        [sys.executable, "-IS", "-c", _THAW, str(directory)],
        pass_fds=[directory],
        stdin=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    os.close(directory)
    scene.thaw = scene.stack.enter_context(contextlib.closing(Thawer(thawer))).close
    scene.run("fsfreeze", "-f", at)


class Thawer:
    """The process that lets frozen storage go on."""

    def __init__(self, process: "subprocess.Popen[bytes]") -> None:
        self.process = process

    def close(self) -> None:
        """Thaw, once."""
        if self.process.poll() is None:
            self.process.communicate()


def address_lost(scene: Scene) -> None:
    """The service's address was taken off the node."""
    scene.start()
    _drop_address(scene)


def address_lost_stopped(scene: Scene) -> None:
    """The service's address is not on the node, and nothing runs."""
    _drop_address(scene)


def _drop_address(scene: Scene) -> None:
    scene.run("ip", "address", "del", f"{ADDRESS}/24", "dev", "eth0")


def name_lost(scene: Scene) -> None:
    """A name in inet_interfaces no longer resolves, under the running instance."""
    scene.node.write("/etc/postfix/main.cf", _with_name(scene))
    scene.node.age("/etc/postfix/main.cf")
    scene.start()
    scene.greet_once()
    scene.node.write("/etc/hosts", "127.0.0.1 localhost\n")


def name_lost_stopped(scene: Scene) -> None:
    """A name in inet_interfaces does not resolve, and nothing runs."""
    scene.node.write("/etc/postfix/main.cf", _with_name(scene))
    scene.node.age("/etc/postfix/main.cf")
    scene.node.write("/etc/hosts", "127.0.0.1 localhost\n")


def _with_name(scene: Scene) -> str:
    return scene.node.read("/etc/postfix/main.cf").replace(f"{ADDRESS}, localhost", "$myhostname, localhost")


def port_taken(scene: Scene) -> None:
    """A stranger listens on our address and port."""
    server = "import socket, sys; s = socket.create_server(('198.51.100.100', 25)); s.accept()"
    scene.spare("/usr/bin/python3", "-c", server)
    scene.wait(lambda: scene.node.run(["ss", "-Hltn", "sport = :25"]).stdout, "the stranger listens")


def busy(scene: Scene) -> None:
    """Both processes that the limit allows are held by clients."""
    scene.node.append("/etc/postfix/main.cf", "default_process_limit = 2\n")
    scene.node.age("/etc/postfix/main.cf")
    scene.start()
    for _ in range(2):
        scene.stack.enter_context(scene.client())


def accept_queue_full(scene: Scene) -> None:
    """As before, and the kernel takes no further connection for the waiting ones."""
    scene.run("sh", "-c", "echo 1 > /proc/sys/net/core/somaxconn")
    busy(scene)
    for _ in range(20):
        waiting = scene.node.socket()
        scene.stack.callback(waiting.close)
        waiting.settimeout(0.3)
        try:
            waiting.connect((ADDRESS, 25))
        except OSError:
            return
    raise AssertionError("the accept queue does not fill")


def accept_queue_full_of_frozen(scene: Scene) -> None:
    """As before, and the servers are not busy but frozen."""
    accept_queue_full(scene)
    for process in scene.node.named("smtpd"):
        scene.kill(process, SIGSTOP)
