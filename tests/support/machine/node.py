"""Node: a throw-away machine on this one, with its own files, processes, network, name and System V objects.

    with Node("n1") as node:
        node.write("/etc/postfix/main.cf", "...")
        assert node.run(["postfix", "start"]).returncode == 0

Nothing on the machine below changes, and everything is gone when the node's PID 1 dies: by ``kill()``, at the end of
the ``with`` block, or with the process that made the node, however that one ends.
"""

import contextlib
import json
import os
import signal
import subprocess
import tempfile
import time
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Optional, Union

from tests.support.machine import linux
from tests.support.machine.disk import FileSystem, Image
from tests.support.machine.process import NodeProcess, collect, describe, send

CHECKOUT = Path(__file__).resolve().parents[3]
PYTHON = "/usr/bin/python3"
INIT = str(Path(__file__).resolve().with_name("init.py"))
BASE_ENV = {
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "LANG": "C.UTF-8",
    "HOME": "/root",
    "OCF_ROOT": "/usr/lib/ocf",
}
AGENT_DIR = "/usr/lib/ocf/resource.d/mail"
AGENT = AGENT_DIR + "/postfix_ha"

Text = Union[str, bytes]
# Name -> (major, minor) of a block device.
Devices = Mapping[str, tuple[int, int]]


class Node:
    """A private machine that shows, and never changes, the file system at ``root``; ``devices`` are for its /dev."""

    def __init__(self, name: str = "mail.example.com", *, devices: "Optional[Devices]" = None, root: str = "/"):
        self.name = name
        self.root = root
        self.devices = dict(devices or {})
        self.pid = 0
        self._pidfd = -1
        self._root_fd = -1
        self._launcher: "Optional[subprocess.Popen[bytes]]" = None
        self._pid_ns = 0

    # Life

    def __enter__(self) -> "Node":
        self.boot()
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    @property
    def alive(self) -> bool:
        """Whether the node runs (its PID 1 has not ended)."""
        return self._launcher is not None and self._launcher.poll() is None

    def boot(self) -> None:
        """Make the node and start its PID 1; after kill() this is a new machine with the same name."""
        controller = os.pidfd_open(os.getpid())
        ready_read, ready_write = os.pipe()
        spec = {
            "hostname": self.name,
            "checkout": str(CHECKOUT),
            "root": self.root,
            "devices": self.devices,
            "controller_fd": controller,
            "ready_fd": ready_write,
        }
        try:
            self._launcher = subprocess.Popen(
                [PYTHON, "-IS", INIT, json.dumps(spec)],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                pass_fds=[controller, ready_write],
                env=BASE_ENV,
                cwd="/",
                start_new_session=True,
            )
        finally:
            os.close(ready_write)
            os.close(controller)
        with os.fdopen(ready_read, encoding="utf-8") as ready:
            # PID 1 may be ready before its maker comes to tell its number.
            answer = sorted(ready.read().splitlines())
        if len(answer) != 2 or answer[1] != "ready":
            self._launcher.kill()
            self._launcher.wait()
            raise RuntimeError(answer[-1] if answer else f"node {self.name}: its init ended at once")
        self.pid = int(answer[0])
        self._pidfd = os.pidfd_open(self.pid)
        self._root_fd = os.open(f"/proc/{self.pid}/root", os.O_PATH | os.O_CLOEXEC)
        self._pid_ns = os.stat(f"/proc/{self.pid}/ns/pid").st_ino

    def kill(self) -> None:
        """Cut the node's power: every process ends without a chance to act; returns when all are gone."""
        if self._launcher is None:
            return
        if self._root_fd >= 0:
            os.close(self._root_fd)
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._pidfd, signal.SIGKILL)
            os.close(self._pidfd)
            self._root_fd = self._pidfd = -1
        self._launcher.wait(30)
        self._launcher = None

    # Commands

    def command(self, argv: Sequence[str], user: Optional[str] = None) -> "list[str]":
        """The command line that runs ``argv`` inside the node when it is executed outside."""
        if self._root_fd < 0:
            raise RuntimeError(f"node {self.name} is not running")
        enter = ["/usr/bin/nsenter", "-t", str(self.pid), "-m", "-u", "-i", "-n", "-p", "-r", "-w", "--"]
        if user is not None:
            enter += ["setpriv", f"--reuid={user}", f"--regid={user}", "--init-groups", "--"]
        return enter + list(argv)

    def popen(
        self, argv: Sequence[str], *, env: "Optional[Mapping[str, str]]" = None, user: Optional[str] = None, **more: Any
    ) -> "subprocess.Popen[Any]":
        """Start a command inside the node; ``more`` goes to subprocess.Popen."""
        more.setdefault("stdin", subprocess.DEVNULL)
        # A group of its own, so that a time-out ends what the command started as well.
        more.setdefault("start_new_session", True)
        return subprocess.Popen(self.command(argv, user), env=BASE_ENV if env is None else env, cwd="/", **more)

    def run(
        self,
        argv: Sequence[str],
        *,
        env: "Optional[Mapping[str, str]]" = None,
        timeout: float = 60,
        input: Optional[Text] = None,
        user: Optional[str] = None,
        check: bool = False,
        pass_fds: Sequence[int] = (),
    ) -> "subprocess.CompletedProcess[str]":
        """Run a command inside the node to its own end; what it leaves in the background is not waited for.

        ``env`` is the whole environment. After ``timeout`` seconds the command's session is killed and
        subprocess.TimeoutExpired raised. ``check`` turns a failure into a RuntimeError with the command's output.
        """
        with tempfile.TemporaryFile() as source:
            if input is not None:
                source.write(input.encode() if isinstance(input, str) else input)
                source.seek(0)
            pipe = subprocess.PIPE
            more = {"stdin": source, "stdout": pipe, "stderr": pipe, "bufsize": 0, "pass_fds": pass_fds}
            process = self.popen(argv, env=env, user=user, **more)
        with process:
            try:
                ended, out, err = collect(process, time.monotonic() + timeout)
            finally:
                if process.poll() is None:
                    os.killpg(process.pid, signal.SIGKILL)
            process.stdout.close()
            process.stderr.close()
        if not ended:
            raise subprocess.TimeoutExpired(list(argv), timeout, out, err)
        done = subprocess.CompletedProcess(list(argv), process.returncode, out, err)
        if check and done.returncode:
            output = (err + out).strip()
            raise RuntimeError(f"{self.name}: {' '.join(argv)} failed with {done.returncode}: {output}")
        return done

    # Files

    def path(self, path: str) -> str:
        """Where a file of the node is seen from outside; must not lead through an absolute symbolic link."""
        return f"/proc/{self.pid}/root{path}"

    def open(self, path: str, flags: int = os.O_RDONLY, mode: int = 0o644) -> int:
        """Open a file of the node as the node would (its own symbolic links); returns a descriptor."""
        return linux.open_in_root(self._root_fd, path, flags, mode)

    def read(self, path: str) -> str:
        """The text of a file of the node; bytes that are not UTF-8 survive as surrogates."""
        with os.fdopen(self.open(path), encoding="utf-8", errors="surrogateescape", newline="") as handle:
            return handle.read()

    def write(self, path: str, text: Text, mode: Optional[int] = None, *, append: bool = False) -> None:
        """Write a file of the node, making missing directories; ``mode`` None keeps an existing file's mode."""
        flags = os.O_WRONLY | os.O_CREAT | (os.O_APPEND if append else os.O_TRUNC)
        try:
            fd = self.open(path, flags)
        except FileNotFoundError:
            self.run(["mkdir", "-p", os.path.dirname(path)], check=True)
            fd = self.open(path, flags)
        with os.fdopen(fd, "wb") as handle:
            handle.write(text.encode("utf-8", "surrogateescape") if isinstance(text, str) else text)
            if mode is not None:
                os.fchmod(handle.fileno(), mode)

    def append(self, path: str, text: Text) -> None:
        """Add to the end of a file of the node."""
        self.write(path, text, append=True)

    def exists(self, path: str) -> bool:
        """Whether the node has something at ``path``; a dangling symbolic link counts as nothing."""
        try:
            os.close(self.open(path, os.O_PATH))
        except (FileNotFoundError, NotADirectoryError):
            return False
        return True

    # Processes

    def pids(self) -> "list[NodeProcess]":
        """All processes of the node, PID 1 left out, by their number inside; zombies have state Z and no exe."""
        found = []
        for entry in os.listdir("/proc"):
            if entry.isdigit() and int(entry) != self.pid:
                with contextlib.suppress(OSError):
                    if os.stat(f"/proc/{entry}/ns/pid").st_ino == self._pid_ns:
                        found.append(describe(int(entry)))
        return sorted(found, key=lambda process: process.pid)

    def named(self, name: str) -> "list[NodeProcess]":
        """The node's processes with this command name (the kernel keeps 15 characters), zombies left out."""
        return [process for process in self.pids() if process.name == name[:15] and process.state != "Z"]

    def signal(self, process: Union[NodeProcess, int], number: int) -> None:
        """Send a signal to one process of the node, given as found or by its number inside; gone is no error."""
        if isinstance(process, int):
            match = [found for found in self.pids() if found.pid == process]
            if not match:
                return
            process = match[0]
        send(process, number)

    # Furniture

    def install_agent(self) -> str:
        """Put the checkout's agent where the cluster looks for it, as a link; returns its path."""
        self.run(["mkdir", "-p", AGENT_DIR], check=True)
        self.run(["ln", "-sfn", str(CHECKOUT / "agents" / "postfix_ha"), AGENT], check=True)
        # A checkout below /root is out of reach for other users; here, in the node's own layer, it need not be.
        self.run(["chmod", "o+x", *map(str, CHECKOUT.parents)], check=True)
        return AGENT

    def add_interface(self, name: str, *addresses: str) -> None:
        """Add a network interface that leads nowhere, up, with addresses such as ``198.51.100.100/24``."""
        # A veth pair with both ends here: not every kernel has the dummy driver.
        lines = [f"link add {name} type veth peer name {name}-wire"]
        lines += [f"link set {name} up", f"link set {name}-wire up"]
        lines += [f"address add {address} dev {name}" for address in addresses]
        self.run(["ip", "-batch", "-"], input="\n".join(lines) + "\n", check=True)

    def add_device(self, name: str, major: int, minor: int) -> str:
        """Make a block device file in the node's /dev; returns its path in the node."""
        # The kernel gives a number out again, and a device file that is there from before is the same device.
        if not self.exists(f"/dev/{name}"):
            self.run(["mknod", "-m", "660", f"/dev/{name}", "b", str(major), str(minor)], check=True)
        return f"/dev/{name}"

    def mount_disk(self, at: str = "/mnt/queue", *, size_mb: int = 64, options: str = "defaults") -> "FileSystem":
        """Mount a new ext4 on a loop device of its own at ``at`` in the node."""
        identity = str(uuid.uuid4())
        image = Image(size_mb)
        try:
            image.make_ext4(identity)
            device = image.attach()
            try:
                path = self.add_device(f"loop{device.minor}", device.major, device.minor)
                self.run(["mkdir", "-p", at], check=True)
                self.run(["mount", "-t", "ext4", "-o", options, path, at], check=True)
            finally:
                device.close()
        finally:
            image.close()
        return FileSystem(self, at, path, identity, "ext4", f"loop{device.minor}")

    def mount_tmpfs(self, at: str = "/mnt/queue", *, size_mb: int = 64) -> "FileSystem":
        """Mount a new tmpfs at ``at`` in the node: quicker than mount_disk, for tests that need no block device."""
        self.run(["mkdir", "-p", at], check=True)
        self.run(["mount", "-t", "tmpfs", "-o", f"size={size_mb}m,mode=755", "tmpfs", at], check=True)
        return FileSystem(self, at, "tmpfs", "", "tmpfs", "")


def run_outside(node: Node, argv: Sequence[str], text: str, *, check: bool = True) -> None:
    """Run a command of the machine below in nothing but the node's network, with ``text`` as its input."""
    enter = ["/usr/bin/nsenter", "-t", str(node.pid), "-n", "--", *argv]
    done = subprocess.run(enter, input=text, env=BASE_ENV, capture_output=True, text=True, timeout=60)
    if check and done.returncode:
        raise RuntimeError(f"{' '.join(argv)} in the network of {node.name}: {done.stderr.strip()}\n{text}")
