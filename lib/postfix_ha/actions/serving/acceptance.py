"""Does cleanup(8) take a message? It is asked as smtpd(8) asks it, with a message that is never finished.

cleanup sends its queue id first (cleanup.c), so it lives and can write. Then it is told sender, recipient and a few
headers, so it looks into its tables and asks trivial-rewrite(8). The end is missing (no record of type E), so it throws
the message away without a word, and its status says whether that was all (CLEANUP_STAT_BAD in cleanup_user.h).
"""

import errno
import socket
import time

from postfix_ha.checks.startup.queue_files import connect_as_owner
from postfix_ha.health import name_of
from postfix_ha.instance import Instance
from postfix_ha.verdict import Finding
from postfix_ha.whole_number import whole_number

ANSWER_S = 5.0
ANSWER_MAX = 8192
# cleanup_user.h: what smtpd asks for (header checks, added recipients, address mapping), and what can come of it.
FLAG_FILTER, FLAG_BCC_OK, FLAG_MAP_OK, FLAG_SMTP_REPLY = 1 << 1, 1 << 4, 1 << 5, 1 << 7
FLAGS = FLAG_FILTER | FLAG_BCC_OK | FLAG_MAP_OK | FLAG_SMTP_REPLY
STATUS_WRITE, STATUS_DEFER = 1 << 1, 1 << 8
HEADERS = ("X-Postfix-HA: monitor", "Content-Type: text/plain", "To: postmaster")

# What an asked service did: it answered, it has no socket, it closed the connection, it was silent until the end.
ANSWERED, ABSENT, CLOSED, SILENT = range(4)


class Acceptance:
    """How a cleanup service treats a message: ``outcome``, whether it gave a queue id, and its status."""

    __slots__ = ("has_id", "outcome", "service", "status")

    def __init__(self, service: str) -> None:
        self.service = service
        self.outcome = SILENT
        self.has_id = False
        self.status = 0

    @property
    def is_deferring(self) -> bool:
        """Whether it would answer 451 to the message."""
        return self.outcome == ANSWERED and bool(self.status & (STATUS_WRITE | STATUS_DEFER))


def cleanup_services(instance: Instance) -> "dict[str, int]":
    """Name of each cleanup service that smtpd uses -> the flags with which it does; of an older record, the usual."""
    found = {
        name.partition(" ")[2]: whole_number(text) or 0
        for name, text in instance.settings.items()
        if name.startswith("cleanup ")
    }
    return found or ({"cleanup": FLAGS} if instance.endpoints else {})


def ask_cleanup(instance: Instance, service: str, flags: int, end: float) -> Acceptance:
    """Give a cleanup service a message without an end, and take its status."""
    said = Acceptance(service)
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC) as client:
            client.settimeout(max(0.1, min(ANSWER_S, end - time.monotonic())))
            if not connect_as_owner(client, instance.queue_directory, f"public/{service}", instance.mail_owner):
                said.outcome = ABSENT
                return said
            said.has_id = "queue_id" in attributes(_answer(client, end))
            if not said.has_id:
                said.outcome = CLOSED
                return said
            client.sendall(b"flags\0%d\0\0" % flags + message(int(time.time())))
            client.shutdown(socket.SHUT_WR)
            status = whole_number(attributes(_answer(client, end)).get("status", ""))
            said.outcome = CLOSED if status is None else ANSWERED
            said.status = status or 0
    except socket.timeout:
        said.outcome = SILENT
    except OSError as error:
        is_gone = error.errno in (errno.ECONNREFUSED, errno.ENOENT, errno.ENOTDIR, errno.ELOOP)
        said.outcome = ABSENT if is_gone and not said.has_id else CLOSED
    return said


def message(now_s: int) -> bytes:
    """The records of the message (rec_type.h): time, context, sender, recipient, the begin of the content, headers."""
    records = [
        (b"T", f"{now_s} 0"),
        (b"A", "rewrite_context=local"),
        (b"S", "postmaster"),
        (b"R", "postmaster"),
        (b"M", ""),
        *((b"N", header) for header in HEADERS),
    ]
    return b"".join(kind + bytes((len(text),)) + text.encode("ascii") for kind, text in records)


def _answer(client: socket.socket, end: float) -> bytes:
    """One answer of a Postfix service: attributes up to an empty name (attr_print0.c); less where it closes first."""
    data = b""
    while not data.endswith(b"\0\0") and len(data) < ANSWER_MAX:
        client.settimeout(max(0.1, min(ANSWER_S, end - time.monotonic())))
        part = client.recv(ANSWER_MAX - len(data))
        if not part:
            break
        data += part
    return data


def attributes(data: bytes) -> "dict[str, str]":
    """name -> value of an answer's attributes."""
    words = [word.decode("utf-8", "replace") for word in data.split(b"\0")]
    return dict(zip(words[::2], words[1::2]))


def unserved(instance: Instance, said: Acceptance) -> "Finding | None":
    """The finding about a cleanup service that gave no status: it is not there, or ends before it answers."""
    name = name_of(instance)
    if said.outcome == ABSENT:
        return Finding("mail_taken", instance=name, why=f"nobody listens at public/{said.service}")
    if said.outcome == CLOSED:
        return Finding("mail_taken", instance=name, why=f"{said.service} ends before it has taken a message")
    if said.outcome == SILENT:
        return Finding("queue_service_answers", service=said.service, instance=name, timeout_s=ANSWER_S)
    return None
