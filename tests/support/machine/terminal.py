"""Terminal: a command on a node, driven through a pseudo-terminal as a person would."""

import os
import select
import time
from collections.abc import Sequence

from tests.support.machine.node import Node

ANSWER_S = 30.0


class Terminal:
    """``text`` is all that the command has written; answer() waits for a question before it types."""

    def __init__(self, node: Node, argv: Sequence[str]) -> None:
        self.text = ""
        self._seen = 0
        self._ours, theirs = os.openpty()
        try:
            self._process = node.popen(argv, stdin=theirs, stdout=theirs, stderr=theirs)
        finally:
            os.close(theirs)

    def __enter__(self) -> "Terminal":
        return self

    def __exit__(self, *_: object) -> None:
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()
        os.close(self._ours)

    def answer(self, question: str, line: str) -> None:
        """Wait for the question, then type the line (a control character alone is typed without Enter)."""
        deadline = time.monotonic() + ANSWER_S
        while question not in self.text[self._seen :]:
            assert self._read(deadline), f"no question {question!r} in:\n{self.text[self._seen :]}"
        self._seen = self.text.index(question, self._seen) + len(question)
        os.write(self._ours, (line if line and not line.isprintable() else line + "\n").encode())

    def end(self) -> int:
        """Wait for the command's end; its exit code."""
        deadline = time.monotonic() + ANSWER_S
        while self._read(deadline):
            continue
        return self._process.wait(max(1.0, deadline - time.monotonic()))

    def _read(self, deadline: float) -> bool:
        ready, _, _ = select.select([self._ours], [], [], max(0.0, deadline - time.monotonic()))
        if not ready:
            return False
        try:
            data = os.read(self._ours, 65536)
        except OSError:  # EIO: the last user of the other end has gone
            return False
        self.text += data.decode("utf-8", "replace").replace("\r\n", "\n")
        return bool(data)
