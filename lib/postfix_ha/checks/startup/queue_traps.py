"""Traps in the queue: what keeps Postfix's own check from passing, and no program of Postfix has left there.

postsuper runs before each start. It gives up at a name of one letter that is no directory it can open, and at a
directory that it cannot remove (postsuper.c, super); with maillog_file also at a bogus name, because the mail owner
cannot write its warning to the log while postlogd does not run. Whoever has taken a daemon over can lay such, and they
travel with the queue to every node. So what is no queue file is moved to "corrupt", where Postfix keeps damaged ones;
no mail is touched, and nothing with content is removed. All of it is done with the mail owner's rights, below the open
queue directory, and never through a link.
"""

import contextlib
import os
import re
import stat
import time

from postfix_ha.checks.startup.queue_files import SOCKET_DIRECTORIES, opened, opened_part
from postfix_ha.config.logical_lines import read_file
from postfix_ha.config.master_cf import parse_master_cf
from postfix_ha.instance import Instance
from postfix_ha.printable import printable
from postfix_ha.system.files import open_part
from postfix_ha.system.owner import acting_as
from postfix_ha.verdict import Finding

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable

# What postsuper looks through; it goes into one-letter directories of all but maildrop.
QUEUES = ("defer", "bounce", "maildrop", "incoming", "active", "deferred", "hold", "flush")
FLAT = ("maildrop",)
# Directories that it does not look through; one that the mail owner has not spoilt is enough.
PLACES = ("corrupt", "saved", "trace")
# More levels than hash_queue_depth can have; postsuper goes on until the path is too long for the kernel.
DEPTH_MAX = 16
# Of the rows of master.cf, those whose service listens on a socket with its name.
LOCAL_TYPES = ("unix", "unix-dgram", "fifo", "pass")
# Queues whose files are named by Postfix's clock and their inode; the others' may have any of these letters.
MESSAGES = ("maildrop", "incoming", "active", "deferred", "hold")
LETTERS = frozenset("0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_")
NAME_MAX = 255
# Short: five digits of the clock, the inode. Long: ten letters or more of the clock, "z", the inode without vowels.
SHORT = re.compile(r"[0-9A-Za-z]{5}[0-9A-Fa-f]+")
LONG = re.compile(r"[0-9A-Za-z]{10,}z[0-9B-DF-HJ-NP-TV-Zb-df-hj-np-tv-y]+")
HALF_RENAMED = "#FIX"
SWEEP_S = 10.0
MOVED_MAX = 200_000
SHOWN_MAX = 8


def set_aside(instance: Instance, deadline: float) -> "list[Finding]":
    """Move what is no queue file out of the queue's directories; queue_files_set_aside where there was any."""
    return _swept(instance, Sweep(min(deadline, time.monotonic() + SWEEP_S)))


def find_traps(instance: Instance, deadline: float) -> "list[Finding]":
    """queue_files_known: what a start would set aside; nothing is moved."""
    return _swept(instance, Sweep(min(deadline, time.monotonic() + SWEEP_S), is_dry=True), "queue_files_known")


def free_sockets(instance: Instance) -> "list[Finding]":
    """The same for what has the name of a service's socket and which master cannot unlink: a directory."""
    config_dir = instance.config_dir

    def is_meant(name: str) -> bool:
        rows = parse_master_cf(*read_file(os.path.join(config_dir, "master.cf"))).rows
        return any(row.name == name and row.type in LOCAL_TYPES for row in rows)

    return _swept(instance, SocketSweep(time.monotonic() + SWEEP_S, is_meant))


def _swept(instance: Instance, sweep: "Sweep", check: str = "queue_files_set_aside") -> "list[Finding]":
    # An owner that is no user, and a queue that cannot be opened, are other checks' findings.
    with contextlib.suppress(OSError, KeyError), contextlib.ExitStack() as stack:
        queue = stack.enter_context(opened(instance.queue_directory))
        stack.enter_context(acting_as(instance.mail_owner))
        sweep.run(queue, stack)
    if not sweep.moved:
        return []
    shown = ", ".join(sweep.moved[:SHOWN_MAX])
    more = len(sweep.moved) - SHOWN_MAX
    paths = shown + (f" and {more} more" if more > 0 else "")
    return [Finding(check, queue_directory=instance.queue_directory, paths=paths)]


class Sweep:
    """One look through the queue; ``moved`` is what was set aside or made accessible, as it is shown.

    With ``is_dry`` nothing is changed: ``moved`` is what would be.
    """

    __slots__ = ("deadline", "is_dry", "moved", "place")
    names: "tuple[str, ...]" = QUEUES

    def __init__(self, deadline: float, is_dry: bool = False) -> None:
        self.deadline = deadline
        self.is_dry = is_dry
        self.moved: "list[str]" = []
        self.place = -1

    def run(self, queue: int, stack: contextlib.ExitStack) -> None:
        """Look through all that ``names`` has; the place for what is moved stays open until the stack ends."""
        for name in PLACES:
            with contextlib.suppress(OSError):
                self._unlock(queue, name, name)
                self.place = stack.enter_context(opened_part(queue, name))
                break
        for name in self.names:
            self._unlock(queue, name, name)
            with contextlib.suppress(OSError), opened_part(queue, name) as directory:
                self._look_through(directory, name, DEPTH_MAX if name in FLAT else 0)

    def _unlock(self, directory: int, name: str, shown: str) -> None:
        """Give a directory's owner the use of it again."""
        with contextlib.suppress(OSError):
            mode = os.stat(name, dir_fd=directory, follow_symlinks=False).st_mode
            if stat.S_ISDIR(mode) and mode & stat.S_IRWXU != stat.S_IRWXU:
                # Where a link is put in its place meanwhile, its owner does no more than he could.
                if not self.is_dry:
                    os.chmod(name, stat.S_IMODE(mode) | stat.S_IRWXU, dir_fd=directory)
                self.moved.append(f"{shown} (mode {stat.S_IMODE(mode):04o})")

    def _look_through(self, directory: int, path: str, depth: int) -> None:
        with os.scandir(directory) as entries:
            for entry in entries:
                if time.monotonic() > self.deadline or len(self.moved) >= MOVED_MAX:
                    return
                shown = f"{path}/{printable(entry.name, 40)}"
                if entry.is_dir(follow_symlinks=False) and len(entry.name) == 1 and depth < DEPTH_MAX:
                    self._enter(directory, entry.name, shown, depth)
                elif not (entry.is_file(follow_symlinks=False) and is_queue_name(entry.name, path.split("/")[0])):
                    self._move(directory, entry.name, shown)

    def _enter(self, directory: int, name: str, shown: str, depth: int) -> None:
        self._unlock(directory, name, shown)
        try:
            part = open_part(directory, name)
        except OSError:
            self._move(directory, name, shown)
            return
        try:
            self._look_through(part, shown, depth + 1)
        finally:
            os.close(part)

    def _move(self, directory: int, name: str, shown: str) -> None:
        """Move a name out of a queue; where that cannot be, remove it if it has no content."""
        if self.is_dry:
            self.moved.append(shown)
            return
        self._unlock(directory, name, shown)
        plain = "".join(letter for letter in shown.replace("/", "-") if letter in LETTERS or letter == "-")[:60]
        with contextlib.suppress(OSError):
            if self.place >= 0:
                new = f"{plain}-{os.urandom(8).hex()}"
                os.rename(name, new, src_dir_fd=directory, dst_dir_fd=self.place)
                self.moved.append(shown)
                return
        with contextlib.suppress(OSError):
            about = os.stat(name, dir_fd=directory, follow_symlinks=False)
            if stat.S_ISDIR(about.st_mode):
                os.rmdir(name, dir_fd=directory)
            elif not stat.S_ISREG(about.st_mode) or not about.st_size:
                os.unlink(name, dir_fd=directory)
            else:
                return
            self.moved.append(shown)


class SocketSweep(Sweep):
    """The look through public and private."""

    __slots__ = ("is_meant",)
    names = SOCKET_DIRECTORIES

    def __init__(self, deadline: float, is_meant: "Callable[[str], bool]") -> None:
        super().__init__(deadline)
        self.is_meant = is_meant

    def _look_through(self, directory: int, path: str, depth: int) -> None:
        with os.scandir(directory) as entries:
            found = [entry.name for entry in entries if entry.is_dir(follow_symlinks=False)]
        for name in found[:MOVED_MAX]:
            if self.is_meant(name):
                self._move(directory, name, f"{path}/{name}")


def is_queue_name(name: str, queue: str) -> bool:
    """Whether Postfix gives such names to the files of this queue (mail_queue.h)."""
    bare = name[: -len(HALF_RENAMED)] if name.endswith(HALF_RENAMED) else name
    if len(bare) > NAME_MAX or not LETTERS.issuperset(bare) or not bare:
        return False
    return queue not in MESSAGES or bool(SHORT.fullmatch(bare) or LONG.fullmatch(bare))
