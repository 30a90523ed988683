"""Check of the DNS: an MX that names the node receives no mail when the service has moved."""

import contextlib
import os
import time

from postfix_ha.checks.node_facts import Survey
from postfix_ha.config.interfaces import local_addresses
from postfix_ha.config.logical_lines import split_words
from postfix_ha.endpoint import is_loopback
from postfix_ha.system.dns import AAAA, MX, A, Answers, Inquiry, name_servers
from postfix_ha.system.packages import installing_command
from postfix_ha.verdict import Finding

DOMAIN_LISTS = ("mydestination", "relay_domains", "virtual_alias_domains", "virtual_mailbox_domains")
DOMAINS_MAX = 16
# Mail is not held up by a dead name server, and neither is the check.
ANSWER_S = 1.0
# As Debian and SUSE call it; Red Hat's name is in the remedy.
LIBRARY = "python3-dnspython"


class MailExchangers:
    """The question for the MX of each domain, asked first and judged last."""

    def __init__(self, survey: Survey) -> None:
        self.survey = survey
        self.servers = name_servers() if survey.service_addresses else []
        self.domains = domains_of(survey) if self.servers else []
        self.inquiry: "Inquiry | None" = None
        with contextlib.suppress(ImportError):
            self.inquiry = Inquiry([(domain, MX) for domain in self.domains], self.servers) if self.domains else None
        self.deadline = min(survey.deadline, time.monotonic() + ANSWER_S)

    def check(self) -> "list[Finding]":
        """mx_names_service for each domain whose mail comes to an address of this node alone; mx_looked_up."""
        if not self.domains:
            return []
        if self.inquiry is None:
            return [Finding("mx_looked_up", domains=", ".join(self.domains), cure=installing_command(LIBRARY))]
        exchangers = self.inquiry.answers(self.deadline)
        hosts = {domain: _hosts(domain, exchangers) for domain in self.domains}
        names = sorted({host for found in hosts.values() for host in found})
        asked = Inquiry([(name, kind) for name in names for kind in (A, AAAA)], self.servers)
        addresses = asked.answers(min(self.survey.deadline, time.monotonic() + ANSWER_S)) if names else {}
        return [finding for domain in self.domains for finding in self._judge(domain, hosts[domain], addresses)]

    def _judge(self, domain: str, hosts: "list[str]", addresses: Answers) -> "list[Finding]":
        service = self.survey.service_addresses
        own = {address for _, address in local_addresses() if not is_loopback(address)} - set(service)
        for host in hosts:
            for kind in (A, AAAA):
                for address in addresses.get((host, kind), []):
                    if address in own:
                        values = {"domain": domain, "host": host, "address": address, "service": ", ".join(service)}
                        return [Finding("mx_names_service", **values)]
        return []


def domains_of(survey: Survey) -> "list[str]":
    """The domains whose mail this instance takes, as far as main.cf names them itself."""
    words = [word for name in DOMAIN_LISTS for word in split_words(survey.value(name))]
    plain = [word.lower().rstrip(".") for word in words if word.replace("-", "").replace(".", "").isalnum()]
    local = ("localhost", "localdomain", os.uname().nodename.lower())
    return [word for word in dict.fromkeys(plain) if "." in word and not word.endswith(local)][:DOMAINS_MAX]


def _hosts(domain: str, exchangers: Answers) -> "list[str]":
    """The hosts that take a domain's mail; the domain itself where it has no MX (RFC 5321)."""
    if (domain, MX) not in exchangers:
        return []
    return [text.partition(" ")[2] for text in exchangers[domain, MX]] or [domain]
