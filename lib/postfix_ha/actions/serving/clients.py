"""Levels 10 and 20 of the monitor: does each endpoint greet a client, and take a transaction?"""

import time

from postfix_ha.actions.serving.activity import Watch, process_limit
from postfix_ha.actions.serving.connections import client_sockets, sockets_of, waiting_at
from postfix_ha.actions.serving.silence import Silence
from postfix_ha.endpoint import KIND_POSTSCREEN
from postfix_ha.instance import Instance
from postfix_ha.system.processes import Census, Identity, census
from postfix_ha.system.smtp import Conversation, close, converse, reply_code
from postfix_ha.verdict import Finding
from postfix_ha.whole_number import whole_number

# Kept free of what an operation has, so that all is said before its end.
RESERVE_S = 1.0
# Kept for a look at what the processes do, where postscreen or a transaction would take all the time there is.
LOOK_S = 3.0
LOOK_SHARE = 0.25
# postscreen(8) waits for postscreen_greet_wait, and beside that for the answers of DNS blocklists
# (postscreen_dnsbl_timeout); then it hands its client to smtpd(8).
GREET_WAIT_S = 6.0
GREET_WAIT_MAX_S = 3600
DNSBL_TIMEOUT_S = 10.0


class Clients:
    """How endpoints treat a client: the findings of one round of conversations."""

    __slots__ = ("census", "end", "instance", "is_dialogue", "timeout_s")

    def __init__(self, instance: Instance, census: Census, timeout_s: float, end: float, is_dialogue: bool) -> None:
        self.instance = instance
        self.census = census
        self.timeout_s = min(timeout_s, max(0.0, end - time.monotonic()))
        self.end = end
        self.is_dialogue = is_dialogue

    def check(self) -> "list[Finding]":
        """The findings of one conversation with each endpoint, all at once."""
        began = time.monotonic()
        look_s = min(LOOK_S, LOOK_SHARE * max(0.0, self.end - began))
        screened_s = by_design_s(self.instance) + self.timeout_s
        conversations = [
            # postscreen is silent for postscreen_greet_wait by design.
            Conversation(
                endpoint,
                min(began + screened_s, self.end - look_s)
                if endpoint.kind == KIND_POSTSCREEN
                else began + self.timeout_s,
            )
            for endpoint in self.instance.endpoints
        ]
        watch = Watch(self.census)
        try:
            converse(conversations, dialogue() if self.is_dialogue else (), self.end - look_s)
            greeting = {c.endpoint.service for c in conversations if c.code == 220}
            silence = Silence(self.instance, watch, self.timeout_s, self.end, greeting, began + screened_s)
            silent = silence.judge([each for each in conversations if not each.greeting and not each.has_failed])
            found: "list[Finding]" = []
            for conversation in conversations:
                if conversation in silent:
                    found.append(silent[conversation])
                elif conversation.greeting or conversation.has_failed:
                    found += self._judge(conversation, watch)
            if any(_is_stuck(conversation) for conversation in conversations):
                found = [*silence.stuck_services(), *found]
        finally:
            close(conversations)
        return found

    def _judge(self, conversation: Conversation, watch: Watch) -> "list[Finding]":
        """The finding about an endpoint that said something, or that closed the connection."""
        if conversation.code == 220:
            finding = _judge_dialogue(conversation) if self.is_dialogue else None
            return [finding] if finding else []
        if conversation.greeting:
            return [self._judge_refusal(conversation, watch)]
        why = conversation.failure
        endpoint = str(conversation.endpoint)
        return [Finding("endpoint_answers", endpoint=endpoint, timeout_s=self.timeout_s, why=why)]

    def _judge_refusal(self, conversation: Conversation, watch: Watch) -> Finding:
        """A greeting that turns the client away: 421 stands for many causes (Postfix 3.10: a milter that is away too).

        A process of smtpd had to be free to say so. postscreen says so itself where it cannot hand its client on.
        """
        endpoint = conversation.endpoint
        watch.look(census(Identity(self.instance.config_dir, self.instance)))
        is_screened = endpoint.kind == KIND_POSTSCREEN
        service = screened_service(self.instance, endpoint.service) if is_screened else endpoint.service
        servers = watch.servers(service, "pass" if is_screened else "inet")
        limit = process_limit(self.instance, service)
        why = f"it greets with '{conversation.greeting}'"
        if is_screened:
            listening = waiting_at(self.instance.master_pid)
            if not servers or (listening is not None and f"private/{service}" not in listening):
                why = f"{why}, and no process of service {service} takes its clients"
                return Finding("endpoint_answers", endpoint=str(endpoint), timeout_s=self.timeout_s, why=why)
            ports = {e.port for e in self.instance.endpoints if e.kind == KIND_POSTSCREEN}
            clients = client_sockets(self.instance.master_pid, ports)
            if limit and len(servers) >= limit and all(sockets_of(server.pid) & clients for server in servers):
                why = f"{why}, and all {limit} processes of service {service} are taken"
                return Finding("endpoint_not_busy", endpoint=str(endpoint), why=why)
        why = f"{why} ({len(servers)} of {limit or 'any number of'} processes run)"
        return Finding("endpoint_welcomes", endpoint=str(endpoint), why=why)


def by_design_s(instance: Instance) -> float:
    """How long postscreen keeps a new client waiting that it does not know."""
    greet_wait_s = whole_number(instance.settings.get("postscreen_greet_wait", "").removesuffix("s"), GREET_WAIT_MAX_S)
    return max(GREET_WAIT_S if greet_wait_s is None else greet_wait_s, DNSBL_TIMEOUT_S)


def screened_service(instance: Instance, service: str) -> str:
    """The service to which this postscreen hands its clients."""
    return instance.settings.get(f"passes {service}", "") or "smtpd"


def dialogue() -> "list[str]":
    """The commands of a mail transaction that leaves no message."""
    return ["EHLO [127.0.0.1]", "MAIL FROM:<>", "RCPT TO:<postmaster>", "RSET"]


def _is_stuck(conversation: Conversation) -> bool:
    """Whether a client was greeted and then left without an answer."""
    return any(not reply and word != "QUIT" for word, reply in conversation.replies.items())


def _judge_dialogue(conversation: Conversation) -> "Finding | None":
    """No answer or a temporary refusal is worth a degraded state; a permanent refusal is the site's policy."""
    endpoint = str(conversation.endpoint)
    for word, reply in conversation.replies.items():
        if not reply and word != "QUIT":
            return Finding("transaction_accepted", endpoint=endpoint, stage=word, reply="nothing in the time there was")
        if reply_code(reply) // 100 == 4:
            return Finding("transaction_accepted", endpoint=endpoint, stage=word, reply=f"'{reply}'")
    return None
