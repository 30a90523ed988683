"""What the commands write: the one way to standard output and standard error, through which nothing steers a terminal.

A line is one line, whatever stands in it; JSON is JSON; what of ours has several lines, or colours, says so.
"""

import json
import sys

from postfix_ha.printable import LENGTH_MAX, page, printable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TextIO


class Screen:
    """A stream that escapes what is written to it, whoever writes; ``own`` is for what steers on purpose."""

    def __init__(self, stream: "TextIO") -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        """Write the text with all that could steer a terminal escaped."""
        self._stream.write(page(text))
        return len(text)

    def own(self, text: str) -> None:
        """Write a sequence of our own as it is."""
        self._stream.write(text)

    def __getattr__(self, name: str) -> object:
        return getattr(self._stream, name)


class Screens:
    """For as long as the with block lasts, both streams are Screens."""

    def __enter__(self) -> None:
        self._streams = sys.stdout, sys.stderr
        sys.stdout, sys.stderr = (Screen(stream) for stream in self._streams)

    def __exit__(self, *_: object) -> None:
        sys.stdout, sys.stderr = self._streams


def say(text: str = "", stream: "TextIO | None" = None, *, flush: bool = False, length_max: int = LENGTH_MAX) -> None:
    """One line on standard output, or on the stream."""
    stream = stream or sys.stdout
    stream.write(printable(text, length_max) + "\n")
    if flush:
        stream.flush()


def complain(text: str, *, flush: bool = False) -> None:
    """One line on standard error."""
    say(text, sys.stderr, flush=flush)


def say_prompt(text: str) -> None:
    """A question on standard output, without an end of line."""
    sys.stdout.write(printable(text, LENGTH_MAX))
    sys.stdout.flush()


def say_lines(lines: "list[str]") -> None:
    """Several lines, each whole whatever its length: commands to paste among them."""
    for line in lines:
        say(line, length_max=0)


def say_page(text: str) -> None:
    """A text of ours as it is: a manual, a drawing."""
    sys.stdout.write(text)


def say_json(value: object, indent: int = 2) -> None:
    """One JSON value, in ASCII: each letter is there, and none can do anything."""
    json.dump(value, sys.stdout, indent=indent)
    sys.stdout.write("\n")


def steer(sequence: str, stream: "TextIO") -> None:
    """Write a sequence of ours, a colour or a clear screen, to a stream that may be a Screen."""
    own = getattr(stream, "own", stream.write)
    own(sequence)
