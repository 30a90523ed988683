"""SIGINT, SIGTERM and SIGHUP: a command ends for them between two steps, never inside of one."""

import contextlib
import signal
from collections.abc import Iterator

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import FrameType

    from postfix_ha.messages.statement import Statement

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Interrupted(BaseException):
    """A signal asks for the end; ``told`` says what became of the work, ``changed`` whether something stays changed."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number
        self.told: "Statement | None" = None
        self.changed = False


class _Steps:
    """How deep in steps that are not to be broken off we are, and the signal that waits for their end."""

    depth = 0
    waiting = 0


def _on_signal(number: int, _: "FrameType | None") -> None:
    # Who asks a second time cannot wait.
    if _Steps.depth and not _Steps.waiting:
        _Steps.waiting = number
    else:
        raise Interrupted(number)


@contextlib.contextmanager
def listening() -> "Iterator[None]":
    """While the with block lasts, the signals raise Interrupted; one that is ignored (nohup) stays so."""
    heard = [number for number in SIGNALS if signal.getsignal(number) is not signal.SIG_IGN]
    before = {number: signal.signal(number, _on_signal) for number in heard}
    _Steps.depth = _Steps.waiting = 0
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextlib.contextmanager
def one_step() -> "Iterator[None]":
    """A signal waits until the with block is done; the second one does not."""
    _Steps.depth += 1
    try:
        yield
    finally:
        _Steps.depth -= 1
    number = _Steps.waiting
    if number and not _Steps.depth:
        _Steps.waiting = 0
        raise Interrupted(number)


@contextlib.contextmanager
def when_interrupted(told: "Statement", *, changed: bool) -> "Iterator[None]":
    """What to say of an interruption inside the with block, unless an inner one has said it."""
    try:
        yield
    except Interrupted as interrupted:
        if not interrupted.told:
            interrupted.told, interrupted.changed = told, changed
        raise
