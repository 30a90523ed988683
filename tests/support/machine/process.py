"""Processes of a private node as seen from outside: what they are, and how a command's end and output are awaited."""

import contextlib
import os
import selectors
import signal
import subprocess
import time
from dataclasses import dataclass
from typing import IO

from tests.support.machine.waiting import wait_for


@dataclass(frozen=True)
class NodeProcess:
    """One process of a node: its number inside, its number outside, and what the kernel says about it."""

    pid: int
    outside: int
    name: str
    exe: str
    state: str
    argv: "tuple[str, ...]"


def describe(outside: int) -> NodeProcess:
    """What /proc says about the process with this number outside; OSError when it is gone."""
    with open(f"/proc/{outside}/status", encoding="utf-8", errors="surrogateescape") as handle:
        status = dict(line.rstrip("\n").split(":\t", 1) for line in handle if ":\t" in line)
    try:
        exe = os.readlink(f"/proc/{outside}/exe")
    except OSError:
        exe = ""
    with open(f"/proc/{outside}/cmdline", "rb") as handle:
        argv = tuple(os.fsdecode(part) for part in handle.read().split(b"\0")[:-1])
    return NodeProcess(int(status["NSpid"].split()[-1]), outside, status["Name"], exe, status["State"][0], argv)


def send(process: NodeProcess, number: int) -> None:
    """Send a signal to a process; gone is no error. One that is suspended has stopped when this returns."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(process.outside, number)
    # The kernel stops it when it next runs, which takes its time on a machine under load. One that waits for a disk
    # (D) stops only afterwards.
    if number == signal.SIGSTOP:
        wait_for(lambda: _state(process.outside) in "TtDZX", 10, f"{process.name} has stopped", every=0.002)


def _state(outside: int) -> str:
    try:
        return describe(outside).state
    except OSError:
        return "X"


def collect(process: "subprocess.Popen[bytes]", deadline: float) -> "tuple[bool, str, str]":
    """Whether the process ended before the deadline, and what it wrote; not waiting for its daemons to close."""
    texts = {process.stdout: bytearray(), process.stderr: bytearray()}
    pidfd = os.pidfd_open(process.pid)
    with selectors.DefaultSelector() as selector:
        selector.register(pidfd, selectors.EVENT_READ)
        for stream in texts:
            os.set_blocking(stream.fileno(), False)
            selector.register(stream, selectors.EVENT_READ)
        ended = False
        while not ended:
            events = selector.select(max(0.0, deadline - time.monotonic()))
            if not events:
                break
            ended = any(key.fileobj == pidfd for key, _ in events)
            for stream in {key.fileobj for key, _ in events} | (set(texts) if ended else set()):
                if stream in texts and not _drain(stream, texts[stream]) and not ended:
                    selector.unregister(stream)
    os.close(pidfd)
    if ended:
        process.wait()
    out, err = (text.decode("utf-8", "surrogateescape") for text in texts.values())
    return ended, out, err


def _drain(stream: "IO[bytes]", text: bytearray) -> bool:
    """Take what is in a pipe now; false once its other end is closed."""
    while True:
        piece = stream.read(65536)
        if not piece:
            return piece is None
        text += piece
