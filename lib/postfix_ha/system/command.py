"""Run another program before a deadline: the only module that starts programs."""

import errno
import os
import select
import signal
import subprocess
import time

# What every program that we start gets, whatever the caller's environment says: no MAIL_CONFIG, no locale.
ENVIRONMENT = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C"}

# The ends of postfix-script's lines that only sum up what was said before.
SUMMARIES = (
    "Postfix integrity check failed!",
    "mail system startup failed",
    "unable to create missing queue directories",
)

NOT_FOUND = 127
NOT_EXECUTABLE = 126
# Kept of each stream. The configuration of a large cluster with its status has a few of these mebibytes.
OUTPUT_MAX = 16 * 1024 * 1024
# Read at once without a look at the clock: who writes faster than we read must not hold us past the deadline.
DRAINED_AT_ONCE = 64
# How long a killed process group may take to be gone; one that hangs in the kernel is left behind.
REAP_S = 1.0


class Completed:
    """How a program ended: ``returncode`` None where it had to be killed (negative: the signal it died of)."""

    __slots__ = ("returncode", "stderr", "stdout", "timed_out")

    def __init__(self, returncode: "int | None", stdout: bytes, stderr: bytes, timed_out: bool = False) -> None:
        self.returncode = returncode
        self.stdout = stdout
        self.stderr = stderr
        self.timed_out = timed_out

    def __repr__(self) -> str:
        return f"Completed({self.returncode!r}, {self.stdout!r}, {self.stderr!r}, {self.timed_out!r})"


class Running:
    """A program that runs meanwhile; finish() gives how it ended, and it or abandon() must be called."""

    __slots__ = ("deadline", "done", "end", "input", "process", "watch")

    def __init__(
        self,
        process: "subprocess.Popen[bytes] | None",
        deadline: float,
        input: bytes,
        done: "Completed | None",
        watch: int = -1,
    ) -> None:
        self.process = process
        self.deadline = deadline
        self.input = input
        self.done = done
        self.watch = watch
        self.end = _kill_session

    def finish(self) -> Completed:
        """Wait until the program ends or the deadline is reached; an exception on the way ends the program."""
        if self.done is not None or self.process is None:
            return self.done or Completed(None, b"", b"")
        output: "dict[int, bytearray]" = {}
        is_whole = False
        try:
            is_whole = _converse(self.process, output, self.input, self.deadline, self.watch)
        finally:
            if not is_whole:
                self.end(self.process)
            for stream in (self.process.stdin, self.process.stdout, self.process.stderr):
                if stream:
                    _close(stream)
        stdout, stderr = (bytes(kept) for kept in output.values())
        self.done = Completed(self.process.returncode if is_whole else None, stdout, stderr, not is_whole)
        return self.done

    def abandon(self) -> None:
        """End the program where nobody waits for it any more; one that has ended is left alone."""
        if self.done is None:
            self.deadline = 0.0
            self.finish()


def run(
    argv: "list[str]",
    *,
    deadline: float,
    env: "dict[str, str] | None" = None,
    input: bytes = b"",
    cwd: str = "/",
    terminal: bool = False,
    watch: int = -1,
) -> Completed:
    """Run argv (never through a shell) until it ends or ``time.monotonic()`` reaches the deadline; never raises.

    With ``terminal`` its standard error is a pseudo-terminal: only there does postfix(1) give its reasons.
    ``env`` is added to the fixed environment. A program that cannot be started gives 127 or 126 and the reason as
    stderr, as a shell would. The program leads a session of its own, which is killed as a whole at the deadline.
    A daemon that the program leaves behind is not waited for. When the descriptor ``watch`` becomes readable, that is
    as if the deadline had come.
    """
    return begin(argv, deadline=deadline, env=env, input=input, cwd=cwd, terminal=terminal, watch=watch).finish()


def begin(
    argv: "list[str]",
    *,
    deadline: float,
    env: "dict[str, str] | None" = None,
    input: bytes = b"",
    cwd: str = "/",
    terminal: bool = False,
    watch: int = -1,
) -> Running:
    """As run(), but return at once: the program runs while we do something else."""
    if deadline <= time.monotonic():
        return Running(None, deadline, input, Completed(None, b"", b"", timed_out=True))
    process = _begin(argv, {**ENVIRONMENT, **(env or {})}, cwd, bool(input), terminal)
    if isinstance(process, Completed):
        return Running(None, deadline, input, process)
    return Running(process, deadline, input, None, watch)


def _begin(
    argv: "list[str]", env: "dict[str, str]", cwd: str, is_fed: bool, terminal: bool
) -> "subprocess.Popen[bytes] | Completed":
    """Start the program in a session of its own; what run() answers where that cannot be done."""
    ours, theirs = _open_terminal() if terminal else (-1, -1)
    try:
        process = subprocess.Popen(
            argv,
            stdin=subprocess.PIPE if is_fed else subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=theirs if theirs >= 0 else subprocess.PIPE,
            cwd=cwd,
            env=env,
            start_new_session=True,
        )
    except (OSError, ValueError) as error:  # ValueError: a NUL byte in a word
        if ours >= 0:
            os.close(ours)
        missing = isinstance(error, OSError) and error.errno == errno.ENOENT
        text = error.strerror if isinstance(error, OSError) else str(error)
        return Completed(NOT_FOUND if missing else NOT_EXECUTABLE, b"", f"{argv[0]}: {text}".encode())
    finally:
        if theirs >= 0:
            os.close(theirs)
    if ours >= 0:
        process.stderr = open(ours, "rb", buffering=0)  # noqa: SIM115 - closed with the others
    return process


def telling_line(done: Completed) -> str:
    """The line of a Postfix command's standard error that says most about why it failed, "" for none."""
    return last_telling(done.stderr.decode("utf-8", "replace"))


def last_telling(text: str) -> str:
    """The last complaint in the text, else its last line; for people to read, never to decide by."""
    lines = [line.strip() for line in text.splitlines()]
    return last_complaint(text) or next((line for line in reversed(lines) if line), "")


def last_complaint(text: str) -> str:
    """The last line that is a complaint and not only the sum of others, the gravest first; "" for none."""
    lines = [line.strip() for line in text.splitlines()]
    for word in ("panic: ", "fatal: ", "error: ", "warning: "):
        for line in reversed(lines):
            if word in line and not line.endswith(SUMMARIES):
                return _from_program(line)
    return ""


def _from_program(line: str) -> str:
    """The line without a log file's time stamp and host: from the program's name on."""
    at = line.find("postfix")
    return line[at:] if at > 0 and "]: " in line else line


def _open_terminal() -> "tuple[int, int]":
    """Both ends of a pseudo-terminal, -1 where the node has none to give."""
    try:
        return os.openpty()
    except OSError:
        return -1, -1


def _converse(
    process: "subprocess.Popen[bytes]", output: "dict[int, bytearray]", input: bytes, deadline: float, watch: int
) -> bool:
    """Feed and drain the program until it ends; False at the deadline. Fills output: descriptor -> what was read."""
    exit_watch = _watch_exit(process.pid)
    poller = _poller(process, [descriptor for descriptor in (watch, exit_watch) if descriptor >= 0])
    output.update({stream.fileno(): bytearray() for stream in (process.stdout, process.stderr) if stream})
    feed = process.stdin.fileno() if process.stdin else -1
    unsent = memoryview(input)
    try:
        while process.poll() is None:
            left_s = deadline - time.monotonic()
            if left_s <= 0:
                return False
            # Without an exit watch (an old kernel), look every 20 ms.
            for ready, _ in poller.poll(1000 * left_s if exit_watch >= 0 else min(1000 * left_s, 20)):
                if ready == watch:
                    return False
                if ready in output and not _drain(ready, output[ready]):
                    poller.unregister(ready)
                elif ready == feed:
                    unsent = _feed(feed, unsent)
                    if not unsent:
                        poller.unregister(feed)
                        assert process.stdin
                        _close(process.stdin)
        # It has ended: all that it wrote is in the pipes now, whoever else still holds them open.
        for descriptor, kept in output.items():
            _drain(descriptor, kept)
        return True
    finally:
        if exit_watch >= 0:
            os.close(exit_watch)


def _poller(process: "subprocess.Popen[bytes]", watched: "list[int]") -> "select.poll":
    """A poller of the program's streams, none of which may hold us up, and of what else is watched."""
    poller = select.poll()
    for descriptor in watched:
        poller.register(descriptor, select.POLLIN)
    for stream, event in (
        (process.stdin, select.POLLOUT),
        (process.stdout, select.POLLIN),
        (process.stderr, select.POLLIN),
    ):
        if stream:
            os.set_blocking(stream.fileno(), False)
            poller.register(stream, event)
    return poller


def _watch_exit(pid: int) -> int:
    """A descriptor that becomes readable when the process ends, or -1 where the kernel has none."""
    try:
        return os.pidfd_open(pid)
    except (OSError, AttributeError):
        return -1


def _drain(descriptor: int, kept: bytearray) -> bool:
    """Read what is there now, keeping OUTPUT_MAX bytes; False at the end of the stream."""
    for _ in range(DRAINED_AT_ONCE):
        try:
            data = os.read(descriptor, 65536)
        except BlockingIOError:
            return True
        except OSError:
            return False
        if not data:
            return False
        kept += data[: OUTPUT_MAX - len(kept)]
    return True


def _feed(descriptor: int, unsent: memoryview) -> memoryview:
    """Write what the pipe takes and return the rest; nothing is left where nobody reads any more."""
    try:
        return unsent[os.write(descriptor, unsent) :]
    except BlockingIOError:
        return unsent
    except OSError:
        return unsent[:0]


def _kill_session(process: "subprocess.Popen[bytes]") -> None:
    """Kill the program and its process group and reap it, unless it hangs in the kernel."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except OSError:
        process.kill()
    try:
        process.wait(REAP_S)
    except subprocess.TimeoutExpired:
        # Popen's own finaliser would warn about a child that still runs; nothing more can be done about it.
        process.returncode = -signal.SIGKILL


def _close(stream: "object") -> None:
    """Close a pipe; a reader that is gone is no failure."""
    try:
        stream.close()  # type: ignore[attr-defined]
    except OSError:
        return
