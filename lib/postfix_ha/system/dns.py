"""Ask the node's name servers for records, all questions at once and before a deadline; dnspython knows the format."""

import contextlib
import os
import select
import socket
import time

from postfix_ha.system.files import read_regular

TYPE_CHECKING = False  # dnspython costs 20 ms, and need not be there: it is loaded when something is asked
if TYPE_CHECKING:
    from dns.message import Message

A, MX, AAAA = 1, 15, 28
RESOLVER_FILE = "/etc/resolv.conf"
RESOLVER_FILE_MAX = 65536
SERVERS_MAX = 2
ANSWER_MAX = 4096

DnsQuestion = tuple[str, int]
# MX records come as "preference host".
Answers = dict[DnsQuestion, list[str]]


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
    """Questions on their way; answers() collects what comes before the deadline. ImportError without dnspython."""

    def __init__(self, questions: "list[DnsQuestion]", servers: "list[str]", port: int = 53) -> None:
        self.queries: "dict[int, tuple[DnsQuestion, Message]]" = {}
        for number, asked in enumerate(dict.fromkeys(questions), int.from_bytes(os.urandom(2), "big") // 2):
            with contextlib.suppress(ValueError):
                self.queries[number] = (asked, query(number, *asked))
        self.sockets: "list[socket.socket]" = []
        for server in servers:
            family = socket.AF_INET6 if ":" in server else socket.AF_INET
            asking = socket.socket(family, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK)
            try:
                asking.connect((server, port))  # so that nobody else can answer
                for _, message in self.queries.values():
                    asking.send(message.to_wire())
            except OSError:  # no way to this server
                asking.close()
            else:
                self.sockets.append(asking)

    def answers(self, deadline: float) -> Answers:
        """What was answered in time; a question without an answer is missing, one without records is empty."""
        found: Answers = {}
        waiting = list(self.sockets)
        while waiting and len(found) < len(self.queries):
            remaining_s = deadline - time.monotonic()
            ready = select.select(waiting, [], [], remaining_s)[0] if remaining_s > 0 else []
            if not ready:
                break
            for asking in ready:
                try:
                    data = asking.recv(ANSWER_MAX)
                except OSError:  # nobody listens there
                    waiting.remove(asking)
                    continue
                asked, message = self.queries.get(int.from_bytes(data[:2], "big"), (None, None))
                records = records_of(data, message) if message else None
                if asked and records is not None:
                    found.setdefault(asked, records)
        for asking in self.sockets:
            asking.close()
        return found


def query(number: int, name: str, kind: int) -> "Message":
    """A question for the records of a name; ValueError for what is no domain name."""
    from dns.exception import DNSException
    from dns.message import make_query
    from dns.rdatatype import RdataType

    try:
        return make_query(name, RdataType(kind), id=number)
    except (DNSException, UnicodeError) as error:
        raise ValueError(name) from error


def records_of(data: bytes, asked: "Message") -> "list[str] | None":
    """The records of the kind that was asked for; None for no answer to it, or from a server that will not tell.

    A truncated answer counts with the records that it has: one that names this node is enough.
    """
    from dns.exception import DNSException
    from dns.message import from_wire
    from dns.rcode import NOERROR, NXDOMAIN

    try:
        answer = from_wire(data, ignore_trailing=True)
    except (DNSException, ValueError):
        return None
    if not asked.is_response(answer) or answer.rcode() not in (NOERROR, NXDOMAIN):
        return None
    # Answers end with the names that aliases led to, whatever their owner.
    found = [record for group in answer.answer if group.rdtype == asked.question[0].rdtype for record in group]
    return [record.to_text().rstrip(".").lower() for record in found]
