"""What clients see: does each endpoint greet, and how many messages wait in each queue, as far as this node knows."""

import os
import time

from postfix_ha.config.discover import discover
from postfix_ha.endpoint import Endpoint, is_loopback
from postfix_ha.instance import Instance
from postfix_ha.printable import printable
from postfix_ha.system.files import files_below
from postfix_ha.system.smtp import Conversation, close, converse, reply_code

# However long the agent may wait: who looks at the status sits there.
GREETING_MAX_S = 20.0
LOOK_S = 5.0
# A million files take a second or two.
COUNT_S = 20.0
GREETING_MAX = 512
WELCOME = 220
QUEUES = ("maildrop", "hold", "incoming", "active", "deferred")


def look(config_dir: str, binary: str) -> Instance:
    """The instance as its configuration has it here; without endpoints where it is not here."""
    return discover(config_dir, time.monotonic() + LOOK_S, binary=binary)


def greetings(instance: Instance, is_here: bool, timeout_s: float) -> "tuple[dict[str, str], dict[str, bool]]":
    """(endpoint -> its greeting, or why there is none; endpoint -> whether it greets).

    From another node only what can be reached from there.
    """
    endpoints = [each for each in instance.endpoints if is_here or not _is_local(each)]
    deadline = time.monotonic() + min(timeout_s, GREETING_MAX_S)
    conversations = [Conversation(endpoint, deadline) for endpoint in endpoints]
    try:
        converse(conversations, (), deadline)
    finally:
        close(conversations)
    said = {str(each.endpoint): _said(each) for each in conversations}
    # A server that turns its client away, with 421 or 521, greets nobody either.
    return said, {str(each.endpoint): reply_code(each.first_line) == WELCOME for each in conversations}


def _said(conversation: Conversation) -> str:
    # postscreen has its client wait for the last line, up to postscreen_greet_wait.
    greeting = conversation.greeting or conversation.first_line
    return printable(greeting, GREETING_MAX) if greeting else f"no greeting: {conversation.failure}"


def queue_counts(queue_directory: str) -> "dict[str, int]":
    """Queue -> messages in it; empty where the queue is not on this node, or cannot be counted in time."""
    counts = {}
    deadline = time.monotonic() + COUNT_S
    for name in QUEUES:
        path = os.path.join(queue_directory, name)
        if queue_directory and os.path.isdir(path):
            counts[name] = 0
            for _ in files_below(path):
                counts[name] += 1
                if time.monotonic() > deadline:
                    return {}
    return counts


def _is_local(endpoint: Endpoint) -> bool:
    return endpoint.is_wildcard or is_loopback(endpoint.address)
