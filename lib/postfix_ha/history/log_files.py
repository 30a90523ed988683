"""Log files with their rotated and compressed forerunners, read in pieces and with bounds.

A file of hundreds of megabytes costs what its matching lines cost: its pieces are searched for bytes first, and what is
not of the span of time is not read at all where that can be known.
"""

import bz2
import gzip
import lzma
import os
import time
import zlib

from postfix_ha.history.stamps import Clock
from postfix_ha.messages.statement import worded
from postfix_ha.system.files import open_regular
from postfix_ha.whole_number import whole_number

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import BinaryIO

PIECE = 1024 * 1024
LINE_MAX = 4096
# No more files of one log than this, and of them all no more than these bytes, unpacked.
FILES_MAX = 200
READ_MAX = 8 * 1024 * 1024 * 1024
# Below this a file is read from its beginning; above it, the place where the span begins is looked for.
SEARCHED = 8 * PIECE
PACKED = (".gz", ".xz", ".lzma", ".bz2", ".zst")


class Bounds:
    """How much may still be read, and until when; ``met`` says whether that has cut something off."""

    __slots__ = ("deadline", "left", "met")

    def __init__(self, deadline: float, left: int = READ_MAX) -> None:
        self.deadline = deadline
        self.left = left
        self.met = False

    def take(self, size: int) -> bool:
        """Whether a piece of this size may be read."""
        self.left -= size
        if self.left < 0 or time.monotonic() > self.deadline:
            self.met = True
        return not self.met


def forerunners(path: str, since: float) -> "list[tuple[float, str]]":
    """(last written, path) of a log and its rotated files that may hold lines since then, the newest first."""
    directory, name = os.path.split(path)
    found = []
    try:
        with os.scandir(directory) as entries:
            for entry in entries:
                rest = entry.name[len(name) :]
                if entry.name.startswith(name) and (not rest or _is_rotation(rest)) and entry.is_file():
                    written = entry.stat().st_mtime
                    if written >= since:
                        found.append((written, entry.path))
    except OSError:
        return []
    return sorted(found, reverse=True)[:FILES_MAX]


def _is_rotation(rest: str) -> bool:
    """Whether a name goes on as logrotate(8) makes it: .1, .2.gz, -20261129, -20261129.xz, .old."""
    for ending in PACKED:
        rest = rest[: -len(ending)] if rest.endswith(ending) else rest
    body = rest[1:].replace("-", "").replace(".", "").replace("_", "")
    return rest[:1] in (".", "-", "_") and (whole_number(body) is not None or body == "old")


def pieces(path: str, clock: Clock, since: float, until: float, bounds: Bounds) -> "Iterator[bytes]":
    """The file in pieces of whole lines, those that lie outside of the span left out; OSError where it is none."""
    with open(open_regular(path), "rb", buffering=0) as raw:
        file = _unpacked(raw, path)
        if file is raw and os.fstat(raw.fileno()).st_size > SEARCHED:
            raw.seek(_place(raw, clock, since))
        rest = b""
        while True:
            data = file.read(PIECE)
            if not data or not bounds.take(len(data)):
                break
            piece, end, rest = (rest + data).rpartition(b"\n")
            if not end:
                rest = rest[:LINE_MAX]
                continue
            last, first = _stamp(clock, piece.rpartition(b"\n")[2]), _stamp(clock, piece.partition(b"\n")[0])
            if first is not None and first > until:
                return
            if last is None or last >= since:
                yield piece
        if rest:
            yield rest


def _unpacked(raw: "BinaryIO", path: str) -> "BinaryIO":
    if path.endswith(".gz"):
        return gzip.GzipFile(fileobj=raw)  # type: ignore[return-value]
    if path.endswith((".xz", ".lzma")):
        return lzma.LZMAFile(raw)  # type: ignore[return-value]
    if path.endswith(".zst"):  # Python has no reader for it before 3.14
        raise ValueError(worded("log_unpacked"))
    if path.endswith(".bz2"):
        return bz2.BZ2File(raw)  # type: ignore[return-value]
    return raw


def _stamp(clock: Clock, line: bytes) -> "float | None":
    found = clock.read(line)
    return found[0] if found else None


def _place(raw: "BinaryIO", clock: Clock, since: float) -> int:
    """Where in a file of lines in order of time the span begins, or somewhat before."""
    low, high = 0, os.fstat(raw.fileno()).st_size
    while high - low > PIECE:
        middle = (low + high) // 2
        raw.seek(middle)
        stamps = (_stamp(clock, line) for line in raw.read(16 * LINE_MAX).split(b"\n")[1:])
        found = next((at for at in stamps if at is not None), None)
        if found is None or found >= since:
            high = middle
        else:
            low = middle
    return low


def matching(piece: bytes, needles: "tuple[bytes, ...]") -> "list[bytes]":
    """The lines of a piece that hold one of the needles, in their order, each once and none longer than a line is."""
    begins = set()
    for needle in needles:
        at = piece.find(needle)
        while at >= 0:
            begins.add(piece.rfind(b"\n", 0, at) + 1)
            end = piece.find(b"\n", at)
            at = piece.find(needle, end) if end >= 0 else -1
    lines = []
    for begin in sorted(begins):
        end = piece.find(b"\n", begin, begin + LINE_MAX)
        lines.append(piece[begin : end if end >= 0 else begin + LINE_MAX])
    return lines


UNREADABLE = (OSError, EOFError, ValueError, zlib.error, lzma.LZMAError)
