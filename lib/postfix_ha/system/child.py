"""Work that may hang, done in a child process: what it has told by the deadline is all that counts."""

import _signal as signal
import os
import select
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

# How long the killed child may take to be gone; one that hangs in the kernel is left behind.
REAP_S = 1.0
# More than any child has to tell; one that has gone mad, or was made to, does not take our memory.
TOLD_MAX = 8 * 1024 * 1024


def told_by_child(work: "Callable[[int], object]", deadline: float, reap_s: float = REAP_S) -> bytes:
    """Fork, let the child do ``work`` with a descriptor to write to, and return what it wrote before the deadline.

    The child ends without any clean-up and an exception in it ends it silently; past the deadline it is killed, and
    waited for ``reap_s`` seconds at most.
    """
    return finish(*begin(work), deadline, reap_s)


def finish(child: int, reading: int, deadline: float, reap_s: float = REAP_S) -> bytes:
    """What a child of begin() has written by the deadline; then it is ended."""
    try:
        return read_until(reading, deadline)[0]
    finally:
        os.close(reading)
        os.kill(child, signal.SIGKILL)  # not yet waited for, so the number is still our child's
        _reap(child, reap_s)


def hear_of_children() -> None:
    """Let the kernel tell how our children end, also where the caller left SIGCHLD ignored."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)


def begin(work: "Callable[[int], object]") -> "tuple[int, int]":
    """Fork a child that does ``work`` with a descriptor to write to, and ends; (its number, our end to read from)."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            work(writing)
        finally:
            os._exit(0)
    os.close(writing)
    return child, reading


def known_by_child(work: "Callable[[], object]", deadline: float) -> "object | None":
    """What ``work`` gives (as JSON can carry it), worked out by a child; None where it hangs or fails.

    For looks at files of others: storage that does not answer holds nobody but the child.
    """
    return known(begin_to_know(work), deadline)


def begin_to_know(work: "Callable[[], object]") -> "tuple[int, int]":
    """Begin what known_by_child() does; known() takes its end."""

    def tell(writing: int) -> None:
        import json

        with open(writing, "wb") as stream:
            stream.write(json.dumps(work()).encode("ascii"))

    return begin(tell)


def known(begun: "tuple[int, int]", deadline: float) -> "object | None":
    """What a child of begin_to_know() has found by the deadline, None where it hangs or fails."""
    told = finish(*begun, deadline)
    if told == b"[]":
        return []
    import json

    try:
        return json.loads(told)  # type: ignore[no-any-return]
    except ValueError:
        return None


def read_until(descriptor: int, deadline: float) -> "tuple[bytes, bool]":
    """What can be read until the end of the stream or the deadline, TOLD_MAX bytes at most; whether it was the end."""
    poller = select.poll()
    poller.register(descriptor, select.POLLIN)
    data = bytearray()
    while len(data) < TOLD_MAX and poller.poll(max(0, int((deadline - time.monotonic()) * 1000))):
        part = os.read(descriptor, min(65536, TOLD_MAX - len(data)))
        if not part:
            return bytes(data), True
        data += part
    return bytes(data), False


def _reap(child: int, reap_s: float) -> None:
    """Take the killed child's exit state, but do not wait for one that hangs in the kernel."""
    until = time.monotonic() + reap_s
    while os.waitpid(child, os.WNOHANG)[0] == 0 and time.monotonic() < until:
        time.sleep(0.002)
