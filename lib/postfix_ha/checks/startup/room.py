"""How much room the queue's file system has, and how much smtpd(8) wants before it takes mail."""

import os

from postfix_ha.verdict import Finding
from postfix_ha.whole_number import whole_number

INODES_NEEDED = 100
# smtpd(8) refuses mail below queue_minfree and below 1.5 times message_size_limit (smtpd_check_queue).
SIZE_FACTOR = 1.5
LONG_MAX = 2**63 - 1


def check_room(directory: str, settings: "dict[str, str]") -> "list[Finding]":
    """queue_has_room: space and inodes for at least one more message; raises OSError where that cannot be asked."""
    room = os.statvfs(directory)
    free = room.f_bavail * room.f_frsize
    needed = max(
        _number(settings.get("queue_minfree", "")),
        int(SIZE_FACTOR * _number(settings.get("message_size_limit", ""))),
    )
    if free < needed:
        return [Finding("queue_has_room", path=directory, free=_megabytes(free), needed=_megabytes(needed))]
    if room.f_files and room.f_favail < INODES_NEEDED:
        needed_text = f"{INODES_NEEDED} inodes"
        return [Finding("queue_has_room", path=directory, free=f"{room.f_favail} inodes", needed=needed_text)]
    return []


def _number(text: str) -> int:
    return whole_number(text, LONG_MAX) or 0


def _megabytes(size: int) -> str:
    return f"{size / 1e6:.1f} MB"
