"""Target: one reader of what others write, how its input is drawn, and what must hold whatever the input is."""

import json
import os
import resource
import signal
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Callable

from hypothesis import strategies as st

LIBRARY = "/lib/postfix_ha/"
# What one input may cost: a base, and a share for each byte of it. Whatever grows faster than its input is a fault.
CPU_BASE_S, CPU_BYTE_S = 1.0, 20e-6
MEMORY_BASE, MEMORY_BYTE = 48 << 20, 200


class Broken(AssertionError):
    """What must hold does not: ``kind`` names the promise, the text the instance of it."""

    def __init__(self, kind: str, text: str = "") -> None:
        super().__init__(f"{kind}: {text}" if text else kind)
        self.kind = kind


class TooSlow(BaseException):
    """The processor time of one input is used up; no barrier of the program catches this."""


class Fault:
    """What came of an input: ``kind`` is the same for every input that meets the same fault."""

    def __init__(self, kind: str, text: str) -> None:
        self.kind = kind
        self.text = text


class Target:
    """``check`` raises Broken, or any exception of the program's own, for an input for which something does not hold.

    Inputs are bytes, or with ``is_json`` what JSON can hold (bytes in it as the letters U+0000 to U+00FF). ``share``
    says how much of the time it gets, ``fixed`` how many inputs ci/test draws.
    """

    def __init__(
        self,
        name: str,
        strategy: "st.SearchStrategy[Any]",
        check: "Callable[[Any], None]",
        *,
        is_json: bool = False,
        share: int = 1,
        fixed: int = 100,
        cpu_s: float = CPU_BASE_S,
    ) -> None:
        self.name = name
        self.strategy = strategy
        self.check = check
        self.is_json = is_json
        self.share = share
        self.fixed = fixed
        self.cpu_s = cpu_s

    def dump(self, value: Any) -> bytes:
        """The input as the bytes of a seed file."""
        return json.dumps(value, indent=1).encode() + b"\n" if self.is_json else bytes(value)

    def load(self, data: bytes) -> Any:
        """The input that a seed file holds."""
        return json.loads(data) if self.is_json else data

    def examine(self, value: Any) -> "Fault | None":
        """What is wrong with what the program makes of this input, None where all holds."""
        size = len(self.dump(value))
        try:
            with bounded(self.cpu_s + size * CPU_BYTE_S, MEMORY_BASE + size * MEMORY_BYTE):
                self.check(value)
        except Broken as broken:
            return Fault(broken.kind, str(broken))
        except TooSlow:
            return Fault(
                "too slow", f"{size} bytes cost more than {self.cpu_s + size * CPU_BYTE_S:.1f} s of the processor"
            )
        except (Exception, SystemExit) as error:
            where = raised_at(error)
            if not where:
                raise
            return Fault(f"{type(error).__name__} in {where}", f"{type(error).__name__} in {where}: {str(error)[:300]}")
        return None


def raised_at(error: BaseException) -> str:
    """module:function of the program in which an exception was raised, "" for one of the fuzzer's own."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if LIBRARY in frame.filename]
    return f"{own[-1].filename.rpartition(LIBRARY)[2]}:{own[-1].name}" if own else ""


@contextmanager
def bounded(cpu_s: float, memory: int) -> "Iterator[None]":
    """Raise TooSlow past so much processor time, and Broken where the process has grown by more than so much."""

    def stop(*_: object) -> None:
        raise TooSlow

    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew (proc(5))
    before = resident()
    old = signal.signal(signal.SIGPROF, stop)
    signal.setitimer(signal.ITIMER_PROF, cpu_s, 0.5)  # again, should a first one have been swallowed
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, old)
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 - before
    if grown > memory:
        raise Broken("too much memory", f"{grown >> 20} MiB")


def resident() -> int:
    """The memory that this process has now, in bytes."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE")


# Letters that steer a terminal or turn the direction of what follows; the tool shows none of them as they are.
BIDI = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def steering(text: str, lines: bool = True) -> str:
    """The first letter of a text that is not to reach a terminal, "" for none; line ends are allowed with ``lines``."""
    for letter in text:
        code = ord(letter)
        is_control = code < 0x20 or 0x7F <= code < 0xA0
        if (is_control and not (lines and letter == "\n")) or letter in BIDI:
            return letter
    return ""


def must_be_clean(text: str, what: str, lines: bool = True) -> None:
    """Raise Broken for a text that could steer a terminal."""
    letter = steering(text, lines)
    if letter:
        at = text.find(letter)
        raise Broken(f"a control character in {what}", repr(text[max(0, at - 60) : at + 20]))
