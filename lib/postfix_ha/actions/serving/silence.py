"""A connection that nobody has greeted: who owes it the greeting, and what does that process do?

Slow is told from dead by what the process does over the time at hand. Who waits for a client, a name server, a milter
or a table lives. Who computes without end, is frozen, or ends as soon as it was started has failed. How many processes
there are proves nothing alone.
"""

import os
import select
import socket
import time

from postfix_ha.actions.serving.activity import Watch, age_s, is_stopped, process_limit, service_of
from postfix_ha.actions.serving.connections import (
    accepted_inode,
    asking_sockets,
    client_sockets,
    sockets_of,
    waiting_at,
)
from postfix_ha.endpoint import KIND_POSTSCREEN
from postfix_ha.health import name_of
from postfix_ha.instance import Instance
from postfix_ha.procfs import process_link, process_stat
from postfix_ha.system.processes import Identity, Member, census
from postfix_ha.system.smtp import Conversation
from postfix_ha.verdict import Finding

LOOK_AGAIN_S = 0.2
LOOKED_MAX_S = 6.0
# A Postfix daemon that cannot start says why, sleeps for a second (msg_fatal) and ends: one that lives longer waits.
LIVES_S = 2.0
# What waits at a service for so long is not taken: a process that is free takes it at once.
UNTAKEN_S = 1.5
TABLE_ENDS = (".db", ".lmdb", ".cdb")
# In the place of a finding: another look is needed.
UNDECIDED = object.__new__(Finding)


class Silence:
    """The silent connections of one round, judged together: each look is at all of them."""

    __slots__ = ("began", "end", "greeting_services", "instance", "overdue", "timeout_s", "untaken", "waiting", "watch")

    def __init__(
        self,
        instance: Instance,
        watch: Watch,
        timeout_s: float,
        end: float,
        greeting_services: "set[str]",
        overdue: float,
    ) -> None:
        self.instance = instance
        self.watch = watch
        self.timeout_s = timeout_s
        self.end = end
        self.greeting_services = greeting_services
        self.overdue = overdue
        self.began = time.monotonic()
        # Service's path -> since when connections wait there, at every look.
        self.waiting: "dict[str, float]" = {}
        self.untaken: "dict[int, float]" = {}

    def judge(self, silent: "list[Conversation]") -> "dict[Conversation, Finding]":
        """What is found about these connections; looks until each is decided, or the time is over."""
        self.began = time.monotonic()
        until = min(self.end, self.began + LOOKED_MAX_S)
        found: "dict[Conversation, Finding]" = {}
        left = silent
        while left:
            self._look()
            is_last = time.monotonic() >= until
            judged = [(conversation, self._judge(conversation, is_last)) for conversation in left]
            left = [conversation for conversation, finding in judged if finding is UNDECIDED]
            found.update((each, finding) for each, finding in judged if finding is not None and each not in left)
            if left:
                time.sleep(max(0.01, min(LOOK_AGAIN_S, until - time.monotonic())))
        return found

    def stuck_services(self) -> "list[Finding]":
        """The internal services at which somebody waits in vain; looks for as long as that takes to tell."""
        self.began = time.monotonic()
        while True:
            self._look()
            if not self.waiting:
                return []
            dead = self._dead_service()
            if dead:
                return [dead]
            if time.monotonic() >= min(self.end, self.began + LOOKED_MAX_S):
                return []
            time.sleep(LOOK_AGAIN_S)

    def _look(self) -> None:
        self.watch.look(census(Identity(self.instance.config_dir, self.instance)))
        now = time.monotonic()
        counts = waiting_at(self.instance.master_pid) or {}
        self.waiting = {path: self.waiting.get(path, now) for path, count in counts.items() if count}

    def _judge(self, conversation: Conversation, is_last: bool) -> "Finding | None":
        """What a look tells of a connection: a finding, None where all is well, or UNDECIDED."""
        endpoint = conversation.endpoint
        is_screened = endpoint.kind == KIND_POSTSCREEN
        if conversation.is_connected and _has_word(conversation):
            return self._judge_late(conversation, is_screened)
        inode = ""
        if conversation.is_connected:
            inode = accepted_inode(self.instance.master_pid, endpoint, conversation.local_port)
        if inode not in ("", "0"):
            holder = self._holder(inode, endpoint.service)
            # postscreen keeps what it has passed on until smtpd takes it (psc_send_socket).
            service = self.instance.settings.get(f"passes {endpoint.service}", "") or "smtpd"
            is_passed_on = is_screened and f"private/{service}" in self.waiting
            if is_passed_on and (holder is None or self._is_screening(holder, endpoint.service)):
                return self._judge_servers(conversation, service, "pass", is_last)
            if holder is not None:
                return self._judge_holder(conversation, holder, is_last)
        return self._judge_servers(conversation, endpoint.service, "inet", is_last)

    def _holder(self, inode: str, service: str) -> "Member | None":
        """The process that has a connection; of several the one that postscreen has passed it on to."""
        holders = [member for member in self.watch.people.members if inode in sockets_of(member.pid)]
        return min(holders, key=lambda member: self._is_screening(member, service), default=None)

    def _is_screening(self, member: Member, service: str) -> bool:
        return member in self.watch.servers(service, "inet")

    def _judge_late(self, conversation: Conversation, is_screened: bool) -> "Finding | None":
        """The server said something after all, or closed the connection."""
        try:
            is_closed = conversation.socket.recv(1, socket.MSG_PEEK) == b"" if not _is_tls(conversation) else False
        except OSError:
            is_closed = True
        if is_closed:
            return self._failed(conversation, "the connection was closed without a reply")
        if is_screened:
            return None
        return self._slow(conversation, "it is slow to greet (resolver, milter or policy service)")

    def _judge_holder(self, conversation: Conversation, holder: Member, is_last: bool) -> "Finding | None":
        """A process has taken the connection."""
        if is_stopped(holder):
            return self._failed(conversation, f"{holder}, which took the connection, is frozen", is_told=True)
        if self.watch.is_computing(holder):
            return self._failed(conversation, f"{holder}, which took the connection, {computes(holder)}", is_told=True)
        if self.watch.is_running(holder) and not is_last:
            return UNDECIDED
        if self._is_screening(holder, conversation.endpoint.service) and conversation.endpoint.kind == KIND_POSTSCREEN:
            if time.monotonic() < self.overdue or self._asks(holder):
                return None
            return self._failed(conversation, f"{holder} has kept the connection longer than it should")
        dead = self._dead_service()
        if dead or (self.waiting and not is_last):
            return dead or UNDECIDED
        why = f"{holder} took the connection but is slow to greet (resolver, milter or policy service)"
        return self._slow(conversation, why)

    def _judge_servers(self, conversation: Conversation, service: str, kind: str, is_last: bool) -> "Finding | None":
        """No process has taken the connection: those that should are taken, slow to start, or no good."""
        servers = self.watch.servers(service, kind)
        frozen = [server for server in servers if is_stopped(server)]
        live = [server for server in servers if server not in frozen]
        limit = process_limit(self.instance, service)
        clients = client_sockets(self.instance.master_pid, self._ports(service, kind))
        free = [server for server in live if not sockets_of(server.pid) & clients]
        computing = [server for server in (free or live) if self.watch.is_computing(server)]
        if frozen and not (limit and len(live) >= limit):
            return self._failed(conversation, f"{frozen[0]} (service {service}) is frozen", is_told=True)
        if computing and (free or len(computing) == len(live)):
            return self._failed(
                conversation, f"{computing[0]} (service {service}) {computes(computing[0])}", is_told=True
            )
        if limit and len(live) >= limit and not free:
            if not is_last and all(self.watch.is_running(server) for server in live):
                return UNDECIDED
            why = f"all {limit} processes of service {service} are taken"
            return Finding("endpoint_not_busy", endpoint=str(conversation.endpoint), why=why)
        if not is_last and any(self.watch.is_running(server) for server in free):
            return UNDECIDED
        since = self.untaken.setdefault(id(conversation), time.monotonic() if kind == "pass" or free else 0.0)
        if not is_last and time.monotonic() - since < UNTAKEN_S:
            return UNDECIDED
        return self._judge_untaken(conversation, service, kind, free)

    def _judge_untaken(
        self, conversation: Conversation, service: str, kind: str, free: "list[Member]"
    ) -> "Finding | None":
        """There may be more processes, or there are free ones, and none takes the connection."""
        lasting = [server for server in free if age_s(server) >= LIVES_S]
        dead = self._dead_service() if lasting else None
        if dead:
            return dead
        # On a node with too much to do, who has hardly run yet may still start.
        starting = [server for server in lasting if self._asks(server) or self.watch.is_running(server)]
        if starting:
            why = f"{starting[0]} is slow to start (resolver, table or load)"
            return self._slow(conversation, why)
        ended, number = self.watch.ended(service, kind), len(self.watch.servers(service, kind))
        limit = process_limit(self.instance, service)
        why = f"no process takes the connection ({number} of {limit or 'any number of'} run)"
        if ended and not free:
            why = f"the processes of service {service} end as soon as they start"
        elif kind == "pass":
            why = f"no process of service {service} takes it over ({number} of {limit or 'any number of'} run)"
        if conversation.endpoint.service in self.greeting_services:
            # One process greeted us at another address and had us as its client: the service lives, with no other.
            return Finding("endpoint_not_busy", endpoint=str(conversation.endpoint), why=why)
        return self._failed(conversation, why)

    def _ports(self, service: str, kind: str) -> "set[int]":
        """The ports whose clients a service has."""
        endpoints = self.instance.endpoints
        if kind == "pass":
            return {endpoint.port for endpoint in endpoints if endpoint.kind == KIND_POSTSCREEN}
        return {endpoint.port for endpoint in endpoints if endpoint.service == service}

    def _asks(self, member: Member) -> bool:
        """Whether a process may wait for another program's answer over the network, or for its disk."""
        ports = {endpoint.port for endpoint in self.instance.endpoints}
        pid = self.instance.master_pid
        asking = asking_sockets(pid) - client_sockets(pid, ports)
        return member.state == "D" or bool(sockets_of(member.pid) & asking)

    def _dead_service(self) -> "Finding | None":
        """An internal service at which somebody waits, and which no process lives long enough to serve."""
        now = time.monotonic()
        for path, since in self.waiting.items():
            name = path.rpartition("/")[2]
            if now - since < UNTAKEN_S or path.partition("/")[0] not in ("private", "public"):
                continue
            servers = [each for kind in ("unix", "unix-dgram", "pass") for each in self.watch.servers(name, kind)]
            frozen = [each for each in servers if is_stopped(each)]
            lasting = [each for each in servers if age_s(each) >= LIVES_S and each not in frozen]
            deaf = [each for each in lasting if self._leaves_unread(each)]
            if lasting and not deaf and not all(self.watch.is_computing(each) for each in lasting):
                continue
            why = "not running, and master starts none"
            if frozen:
                why = f"not served: {frozen[0]} is frozen"
            elif deaf:
                why = f"not served: {deaf[0]} waits, and does not read what is sent to it"
            elif lasting:
                why = f"not served: {lasting[0]} {computes(lasting[0])}"
            return Finding("queue_service_alive", service=name, instance=name_of(self.instance), why=why)
        return None

    def _leaves_unread(self, member: Member) -> bool:
        """Whether a service of datagrams sleeps while some wait: postlogd, once its own warning of main.cf has to wait
        for room in the socket that it reads itself."""
        now = process_stat(member.pid)
        is_asleep = now is not None and now.start == member.start and now.state == "S"
        return is_asleep and service_of(member)[1] == "unix-dgram"

    def _failed(self, conversation: Conversation, why: str, *, is_told: bool = False) -> Finding:
        """endpoint_answers; ``is_told`` where what a process does tells why, more than it may have said before."""
        endpoint = str(conversation.endpoint)
        return Finding("endpoint_answers", endpoint=endpoint, timeout_s=self.timeout_s, why=why, is_told=is_told)

    def _slow(self, conversation: Conversation, why: str) -> Finding:
        return Finding("endpoint_welcomes", endpoint=str(conversation.endpoint), why=why)


def computes(member: Member) -> str:
    """What is said of a process that computes without end: also the tables that it has open, one of which may be
    damaged."""
    place = f"/proc/{member.pid}/fd"
    try:
        names = {process_link(f"{member.pid}/fd", name) for name in os.listdir(place)}
    except OSError:
        names = set()
    tables = sorted(name for name in names if name.endswith(TABLE_ENDS))
    said = "computes without end and answers nobody"
    return f"{said}; is one of its tables damaged: {', '.join(tables[:3])}?" if tables else said


def _has_word(conversation: Conversation) -> bool:
    """Whether there is something to read that nobody has read yet, or the connection was closed."""
    poller = select.poll()
    poller.register(conversation.socket, select.POLLIN)
    return bool(poller.poll(0))


def _is_tls(conversation: Conversation) -> bool:
    return conversation.socket.__class__ is not socket.socket
