"""Ask the node's name servers for records, all questions at once and before a deadline; no library is needed."""

import os
import select
import socket
import struct
import time

from postfix_ha.system.files import read_regular

A, MX, AAAA = 1, 15, 28
CLASS_IN = 1
RECURSION_DESIRED = 0x0100
RESPONSE, RCODE = 0x8000, 0x000F
RESOLVER_FILE = "/etc/resolv.conf"
RESOLVER_FILE_MAX = 65536
SERVERS_MAX = 2
ANSWER_MAX = 4096

Question = tuple[str, int]
# MX records come as "preference host".
Answers = dict[Question, list[str]]


def name_servers(path: str = RESOLVER_FILE) -> "list[str]":
    """The name servers that resolv.conf lists."""
    found = []
    try:
        for line in read_regular(path, RESOLVER_FILE_MAX).decode("utf-8", "replace").splitlines():
            words = line.split()
            if len(words) > 1 and words[0] == "nameserver":
                found.append(words[1].partition("%")[0])
    except OSError:
        return []
    return found[:SERVERS_MAX]


class Inquiry:
    """Questions on their way; answers() collects what comes before the deadline."""

    def __init__(self, questions: "list[Question]", servers: "list[str]", port: int = 53) -> None:
        self.questions = dict(enumerate(dict.fromkeys(questions), int.from_bytes(os.urandom(2), "big") // 2))
        self.sockets: "list[socket.socket]" = []
        for server in servers:
            family = socket.AF_INET6 if ":" in server else socket.AF_INET
            asking = socket.socket(family, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK)
            try:
                asking.connect((server, port))  # so that nobody else can answer
                for number, (name, kind) in self.questions.items():
                    asking.send(encode(number, name, kind))
            except (OSError, ValueError):  # no way to this server
                asking.close()
            else:
                self.sockets.append(asking)

    def answers(self, deadline: float) -> Answers:
        """What was answered in time; a question without an answer is missing, one without records is empty."""
        found: Answers = {}
        waiting = list(self.sockets)
        while waiting and len(found) < len(self.questions):
            remaining_s = deadline - time.monotonic()
            ready = select.select(waiting, [], [], remaining_s)[0] if remaining_s > 0 else []
            if not ready:
                break
            for asking in ready:
                try:
                    number, records = decode(asking.recv(ANSWER_MAX))
                except OSError:  # nobody listens there
                    waiting.remove(asking)
                    continue
                except (ValueError, IndexError, struct.error):
                    continue  # no answer of any name server
                if number in self.questions and records is not None:
                    name, kind = self.questions[number]
                    found.setdefault((name, kind), [text for type_, text in records if type_ == kind])
        for asking in self.sockets:
            asking.close()
        return found


def encode(number: int, name: str, kind: int) -> bytes:
    """A question as it goes over the wire (RFC 1035); ValueError for what is no domain name."""
    labels = [label.encode("idna") for label in name.rstrip(".").split(".")]
    if not all(0 < len(label) < 64 for label in labels):
        raise ValueError(f"{name!r} is not a domain name")
    header = struct.pack("!6H", number, RECURSION_DESIRED, 1, 0, 0, 0)
    return header + b"".join(bytes((len(label),)) + label for label in labels) + struct.pack("!BHH", 0, kind, CLASS_IN)


def decode(data: bytes) -> "tuple[int, list[tuple[int, str]] | None]":
    """(number, (type, text) of the answer's records), None for records where the server cannot or will not tell."""
    number, flags, questions, answers, _, _ = struct.unpack_from("!6H", data)
    if not flags & RESPONSE or flags & RCODE not in (0, 3):
        return number, None
    at = 12
    for _ in range(questions):
        at = _read_name(data, at)[1] + 4
    records = []
    for _ in range(answers):
        at = _read_name(data, at)[1]
        kind, _, _, size = struct.unpack_from("!HHIH", data, at)
        at += 10
        records.append((kind, _text(data, kind, at, size)))
        at += size
    return number, records


def _text(data: bytes, kind: int, at: int, size: int) -> str:
    if kind in (A, AAAA):
        return socket.inet_ntop(socket.AF_INET if kind == A else socket.AF_INET6, data[at : at + size])
    if kind == MX:
        return f"{struct.unpack_from('!H', data, at)[0]} {_read_name(data, at + 2)[0]}"
    return ""


def _read_name(data: bytes, at: int) -> "tuple[str, int]":
    """(name, where what follows it begins); ValueError for one that never ends."""
    labels: "list[str]" = []
    end = 0
    for _ in range(128):
        length = data[at]
        if length >= 0xC0:  # a pointer to what was said before
            end = end or at + 2
            at = (length & 0x3F) << 8 | data[at + 1]
        elif length:
            labels.append(data[at + 1 : at + 1 + length].decode("ascii", "replace"))
            at += 1 + length
        else:
            return ".".join(labels).lower(), end or at + 1
    raise ValueError("a name without an end")
