"""Levels 10 and 20 of the monitor: does each endpoint greet, is the queue usable, do its services answer?

Busy is told from dead: a server that holds our connection, or whose processes are all taken, lives (190, degraded);
a service that greets nobody although a process could be started for it has failed.
"""

import errno
import os
import socket
import time

from postfix_ha.checks.startup.queue_files import connect_as_owner, write_as_owner
from postfix_ha.checks.startup.room import check_room
from postfix_ha.endpoint import KIND_POSTSCREEN, Endpoint
from postfix_ha.health import name_of
from postfix_ha.instance import Instance
from postfix_ha.procfs import kernel_address, master_files, process_stat, read_bytes
from postfix_ha.system.processes import Census, Identity, Member, census
from postfix_ha.system.smtp import Conversation, close, converse, reply_code
from postfix_ha.verdict import Finding
from postfix_ha.whole_number import whole_number

# Kept free of what an operation has, so that all is said before its end.
RESERVE_S = 1.0
SERVICE_ANSWER_S = 5.0
QUEUE_SERVICES = ("qmgr", "pickup")


class Clients:
    """How endpoints treat a client: the findings of one round of conversations."""

    __slots__ = ("census", "end", "greeting_services", "instance", "is_dialogue", "timeout_s")

    def __init__(self, instance: Instance, census: Census, timeout_s: float, end: float, is_dialogue: bool) -> None:
        self.instance = instance
        self.census = census
        self.timeout_s = min(timeout_s, max(0.0, end - time.monotonic()))
        self.end = end
        self.is_dialogue = is_dialogue
        self.greeting_services: "set[str]" = set()

    def check(self) -> "list[Finding]":
        """The findings of one conversation with each endpoint, all at once."""
        greeting_end = time.monotonic() + self.timeout_s
        conversations = [
            # postscreen is silent for postscreen_greet_wait by design, so it has all the time there is.
            Conversation(endpoint, self.end if endpoint.kind == KIND_POSTSCREEN else greeting_end)
            for endpoint in self.instance.endpoints
        ]
        try:
            converse(conversations, dialogue() if self.is_dialogue else (), self.end)
            self.greeting_services = {c.endpoint.service for c in conversations if c.code == 220}
            if not all(c.greeting for c in conversations):
                # Who took a silent connection may have been started for it.
                self.census = census(Identity(self.instance.config_dir, self.instance))
            found = [self._judge(conversation) for conversation in conversations]
        finally:
            close(conversations)
        return [finding for finding in found if finding]

    def _judge(self, conversation: Conversation) -> "Finding | None":
        endpoint = str(conversation.endpoint)
        if conversation.code == 220:
            return _judge_dialogue(conversation) if self.is_dialogue else None
        if conversation.greeting:
            return self._judge_refusal(conversation)
        if conversation.has_failed:
            why = conversation.failure
            return Finding("endpoint_answers", endpoint=endpoint, timeout_s=self.timeout_s, why=why)
        if conversation.is_connected:
            holder = self._holder(conversation)
            if holder is not None:
                return self._judge_holder(conversation.endpoint, holder)
        number, limit = self._servers(conversation.endpoint.service)
        if limit and number >= limit:
            why = f"all {limit} processes of service {conversation.endpoint.service} are taken"
            return Finding("endpoint_not_busy", endpoint=endpoint, why=why)
        why = f"no process takes the connection ({number} of {limit or 'any number of'} run)"
        if conversation.endpoint.service in self.greeting_services:
            # One process greeted us at another address and had us as its client: the service lives, with no other.
            return Finding("endpoint_not_busy", endpoint=endpoint, why=why)
        return Finding("endpoint_answers", endpoint=endpoint, timeout_s=self.timeout_s, why=why)

    def _servers(self, service: str, kind: str = "inet") -> "tuple[int, int]":
        """How many processes serve a service, and how many may (0: no limit), by master's own count."""
        servers = [member for member in serving(self.census, service, kind) if not _is_stopped(member)]
        return len(servers), process_limit(self.instance, service)

    def _judge_refusal(self, conversation: Conversation) -> Finding:
        """A greeting that turns the client away: 421 stands for many causes (Postfix 3.10: a milter that is away too).

        A process of smtpd had to be free to say so. postscreen is always one, and hands its clients to those of smtpd.
        """
        endpoint = conversation.endpoint
        self.census = census(Identity(self.instance.config_dir, self.instance))
        is_screened = endpoint.kind == KIND_POSTSCREEN
        number, limit = self._servers("smtpd", "pass") if is_screened else self._servers(endpoint.service)
        why = f"it greets with '{conversation.greeting}'"
        if is_screened and limit and number >= limit:
            why = f"{why}, and all {limit} processes of service smtpd are taken"
            return Finding("endpoint_not_busy", endpoint=str(endpoint), why=why)
        why = f"{why} ({number} of {limit or 'any number of'} processes run)"
        return Finding("endpoint_welcomes", endpoint=str(endpoint), why=why)

    def _judge_holder(self, endpoint: Endpoint, holder: Member) -> "Finding | None":
        if _is_stopped(holder):
            why = f"{holder}, which took the connection, is frozen"
            return Finding("endpoint_answers", endpoint=str(endpoint), timeout_s=self.timeout_s, why=why)
        if endpoint.kind == KIND_POSTSCREEN:
            return None
        why = f"{holder} took the connection but is slow to greet (resolver, milter or policy service)"
        return Finding("endpoint_welcomes", endpoint=str(endpoint), why=why)

    def _holder(self, conversation: Conversation) -> "Member | None":
        """The member that has accepted our connection, None while it waits in the kernel."""
        inode = accepted_inode(self.instance.master_pid, conversation.endpoint, conversation.local_port)
        if inode in ("", "0"):
            return None
        return next((member for member in self.census.members if inode in master_files(member.pid)[0]), None)


def dialogue() -> "list[str]":
    """The commands of a mail transaction that leaves no message."""
    return ["EHLO [127.0.0.1]", "MAIL FROM:<>", "RCPT TO:<postmaster>", "RSET"]


def _judge_dialogue(conversation: Conversation) -> "Finding | None":
    """No answer or a temporary refusal is worth a degraded state; a permanent refusal is the site's policy."""
    endpoint = str(conversation.endpoint)
    for word, reply in conversation.replies.items():
        if not reply and word != "QUIT":
            return Finding("transaction_accepted", endpoint=endpoint, stage=word, reply="nothing in the time there was")
        if reply_code(reply) // 100 == 4:
            return Finding("transaction_accepted", endpoint=endpoint, stage=word, reply=f"'{reply}'")
    return None


def accepted_inode(pid: int, endpoint: Endpoint, client_port: int) -> str:
    """The socket inode of the server's side of our connection; "0" while no process has accepted it."""
    server = kernel_address(Endpoint(endpoint.dial_address, endpoint.port)).encode()
    client_end = f":{client_port:04X}".encode()
    try:
        with open(f"/proc/{pid}/net/tcp6" if endpoint.is_ipv6 else f"/proc/{pid}/net/tcp", "rb") as table:
            for line in table:
                fields = line.split()
                if len(fields) > 9 and fields[1] == server and fields[2].endswith(client_end):
                    return fields[9].decode()
    except OSError:
        return ""
    return ""


def serving(people: Census, service: str, kind: str) -> "list[Member]":
    """The members that serve a master.cf service: master tells each by ``-n name`` (left out where it is the
    program's own name) and ``-t type``."""
    found = []
    for member in people.members:
        words = [os.fsdecode(word) for word in (read_bytes(f"/proc/{member.pid}/cmdline") or b"").split(b"\0")]
        options = dict(zip(words, words[1:]))
        if options.get("-n", member.name) == service and options.get("-t") == kind:
            found.append(member)
    return found


def process_limit(instance: Instance, service: str) -> int:
    """How many processes master starts for a service; 0 for no limit."""
    text = instance.settings.get(f"maxproc {service}", "-")
    if text == "-":
        text = instance.settings.get("default_process_limit", "") or "100"
    return whole_number(text) or 0


def _is_stopped(member: Member) -> bool:
    now = process_stat(member.pid)
    return now is not None and now.start == member.start and now.is_stopped


def check_queue(instance: Instance) -> "list[Finding]":
    """Whether a file can be made, synced and removed in the queue as the mail owner, and whether there is room."""
    directory = instance.queue_directory
    try:
        write_as_owner(directory, instance.mail_owner)
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            why = error.strerror or str(error)
            return [Finding("queue_writable", path=directory, user=instance.mail_owner, why=why)]
    except KeyError:
        return [Finding("queue_writable", path=directory, user=instance.mail_owner, why="there is no such user")]
    return check_room(directory, instance.settings)


def check_queue_services(instance: Instance, people: Census, end: float) -> "list[Finding]":
    """Whether queue manager and pickup live and answer a wake-up, as many of them as this instance has."""
    found = []
    for service in QUEUE_SERVICES:
        path = instance.settings.get(f"socket {service}", "")
        if path:
            finding = _check_queue_service(instance, people, service, path, end)
            if finding:
                found.append(finding)
    return found


def _check_queue_service(instance: Instance, people: Census, service: str, path: str, end: float) -> "Finding | None":
    members = serving(people, service, "unix") + serving(people, service, "fifo")
    if any(_is_stopped(member) for member in members):
        return Finding("queue_service_alive", service=service, instance=name_of(instance), why="frozen")
    timeout_s = min(SERVICE_ANSWER_S, max(0.1, end - time.monotonic()))
    answered = _wake_up(instance, path, timeout_s)
    if answered:
        return None
    if not members:  # master's own list of them may lack one
        people = census(Identity(instance.config_dir, instance))
        members = serving(people, service, "unix") + serving(people, service, "fifo")
    if not members and answered is not None:
        why = "not running, and master starts none"
        return Finding("queue_service_alive", service=service, instance=name_of(instance), why=why)
    if answered is None and not members:
        return Finding("queue_service_alive", service=service, instance=name_of(instance), why="not reachable")
    if answered is None:
        return None  # a fifo, which gives no answer; its process lives
    return Finding("queue_service_answers", service=service, instance=name_of(instance), timeout_s=timeout_s)


def _wake_up(instance: Instance, path: str, timeout_s: float) -> "bool | None":
    """Send the trigger ``W``, which master itself sends by the clock; the service closes when it has read it.

    None where there is no socket to ask.
    """
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC) as trigger:
            trigger.settimeout(timeout_s)
            if not connect_as_owner(trigger, instance.queue_directory, path, instance.mail_owner):
                return None
            trigger.sendall(b"W")
            return trigger.recv(1) == b""
    except socket.timeout:
        return False
    except OSError as error:
        return True if error.errno == errno.ECONNRESET else None
