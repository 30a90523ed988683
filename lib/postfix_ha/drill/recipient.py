"""Whom the drill's mail is for: an address that the running configuration discards, and whether Postfix takes it."""

import os
import re
import stat
import time

from postfix_ha.config.logical_lines import split_words
from postfix_ha.config.postconf import ask_values, find_postconf, inert_config
from postfix_ha.drill import client
from postfix_ha.drill.client import Letter, SmtpSession
from postfix_ha.endpoint import KIND_POSTSCREEN, KIND_SMTP, Endpoint
from postfix_ha.finding import Finding
from postfix_ha.instance import Instance
from postfix_ha.messages.errors import Refused
from postfix_ha.system.command import run

LOCAL_PART = "postfix-ha-drill"
# Where mail for such a name is discarded by the alias(5) table, by the transport(5) table.
NOWHERE, DISCARD = "/dev/null", "discard:"
DOMAINS = ("mydestination", "virtual_mailbox_domains", "virtual_alias_domains", "relay_domains")
TABLES = ("transport_maps", "alias_maps")
DOMAINS_MAX = 5
CANDIDATES_MAX = 10
# A larger table is not asked: what a drill needs stands in a small one, or is named with --recipient.
TABLE_MAX = 256 * 1024 * 1024
ANSWER_S = 5.0
# postscreen lets a new client wait for six seconds, a loaded server may take longer.
CONNECT_S, READ_S = 3.0, 15.0
_ADDRESS = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]+@(?:[A-Za-z0-9.-]+|\[[A-Za-z0-9:.]+\])")
_DOMAIN = re.compile(r"[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*")


def is_address(text: str) -> bool:
    """Whether the text is an address that can be sent to without quoting."""
    return len(text) <= 254 and _ADDRESS.fullmatch(text) is not None


class Tables:
    """The instance's transport and alias tables, asked by postmap(1)."""

    def __init__(self, config_dir: str, binary: str, deadline: float) -> None:
        self.deadline = deadline
        postconf = find_postconf(binary)
        self.postmap = os.path.join(os.path.dirname(postconf), "postmap")
        self.values = ask_values(postconf, config_dir, ["myhostname", *DOMAINS, *TABLES], deadline).values
        listed = [word for name in DOMAINS for word in split_words(self.values.get(name, ""))]
        domains = [word.lower() for word in listed if _DOMAIN.fullmatch(word) and word.lower() != "localhost"]
        self.domains = list(dict.fromkeys(domains))[:DOMAINS_MAX]

    def discarded(self) -> "list[str]":
        """Addresses for which a table says that their mail is discarded."""
        found: "list[str]" = []
        wanted = [f"{LOCAL_PART}@{domain}" for domain in self.domains]
        # With the instance's own main.cf postmap refuses to work where the service's address is not.
        with inert_config() as directory:
            for table in split_words(self.values.get("transport_maps", "")):
                found += [key for key in wanted if self._ask(directory, "-q", key, table).startswith(DISCARD)]
                found += [key for key, value in self._entries(directory, table) if value.startswith(DISCARD)]
            for table in split_words(self.values.get("alias_maps", "")):
                names = [key for key, value in self._entries(directory, table) if value == NOWHERE]
                here = split_words(self.values.get("mydestination", ""))
                found += [
                    f"{name}@{domain.lower()}" for name in names for domain in here if domain.lower() in self.domains
                ]
        return [each for each in dict.fromkeys(found) if is_address(each)][:CANDIDATES_MAX]

    def _entries(self, directory: str, table: str) -> "list[tuple[str, str]]":
        """(key, value) of a whole table; nothing for one that cannot be listed, such as pcre."""
        pairs = (line.partition("\t") for line in self._ask(directory, "-s", table).splitlines())
        return [(key, value.strip()) for key, _, value in pairs]

    def _ask(self, directory: str, *words: str) -> str:
        *rest, table = words
        if not is_plain(table):
            return ""
        argv = [self.postmap, "-c", directory, *rest, table.removeprefix("proxy:")]
        done = run(argv, deadline=min(self.deadline, time.monotonic() + ANSWER_S))
        return done.stdout.decode("utf-8", "replace") if done.returncode == 0 else ""

    def lack(self) -> Finding:
        """That no recipient's mail is discarded, and what an administrator would configure for it."""
        domain = self.domains[0] if self.domains else "example.com"
        return Finding("drill_recipient_discarded", address=f"{LOCAL_PART}@{domain}")


def is_plain(table: str) -> bool:
    """Whether postmap may be let near a table: it waits at a FIFO, and takes all memory for a file without end."""
    path = table.rpartition(":")[2]
    try:
        about = os.stat(path) if path.startswith("/") else None
    except OSError:
        return True  # it may be the name of an index, or of nothing
    return about is None or (stat.S_ISREG(about.st_mode) and about.st_size <= TABLE_MAX)


def service_endpoints(instance: Instance, addresses: "list[str]") -> "list[Endpoint]":
    """The endpoints that move with these addresses and speak plain SMTP; those of port 25 where there are any."""
    found: "list[Endpoint]" = []
    for each in instance.endpoints:
        if each.kind not in (KIND_SMTP, KIND_POSTSCREEN):
            continue
        there = [address for address in addresses if (":" in address) == each.is_ipv6]
        there = there if each.is_wildcard else [address for address in there if address == each.address]
        found += [Endpoint(address, each.port, each.kind, each.service) for address in there]
    return [each for each in found if each.port == 25] or found


def objection(endpoint: Endpoint, letter: Letter) -> "Finding | None":
    """Why a mail client cannot send the letter there, None where it can; a dialogue without a message."""
    session = None
    try:
        session = SmtpSession((endpoint.address, endpoint.port), CONNECT_S, READ_S)
        session.expect(b"220")
        session.address(letter)
        session.say("RSET", b"250")
    except client.UnexpectedReply as refusal:
        return Finding("drill_recipient_accepted", endpoint=endpoint, recipient=letter.recipient, why=refusal)
    except OSError as error:
        return Finding("drill_endpoint_talks", endpoint=endpoint, why=error.strerror or error)
    finally:
        if session is not None:
            session.close(True)
    return None


def choose(tables: Tables, endpoints: "list[Endpoint]", letter: Letter) -> str:
    """An address whose mail is discarded and that all endpoints accept; Refused, with the remedy, where none is."""
    first = None
    for candidate in tables.discarded():
        letter.recipient = candidate
        objections = [why for why in (objection(endpoint, letter) for endpoint in endpoints) if why]
        if not objections:
            return candidate
        first = first or objections[0]
    raise Refused(first or tables.lack())
