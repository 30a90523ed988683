"""Checks of where Postfix listens and from where it sends: addresses, interfaces, and who is there already."""

import _socket

from postfix_ha.checks.ending_commands import ending_command
from postfix_ha.checks.node_facts import Survey
from postfix_ha.checks.startup.lock_owners import is_taken, process_in_words, socket_holder, sockets_against
from postfix_ha.config.endpoints import split_host_port
from postfix_ha.config.interfaces import connected_networks, local_addresses, network_of
from postfix_ha.endpoint import WILDCARDS, is_loopback
from postfix_ha.procfs import master_files
from postfix_ha.system.quoting import quote_words
from postfix_ha.verdict import Finding

# An instance without any of these takes no mail for anybody: it only sends what its node's programs put in the queue.
DESTINATIONS = ("mydestination", "virtual_mailbox_domains", "virtual_alias_domains", "relay_domains")
BIND_PARAMETERS = {_socket.AF_INET: "smtp_bind_address", _socket.AF_INET6: "smtp_bind_address6"}


def check_interfaces_carry(survey: Survey) -> "list[Finding]":
    """interface_carries_address: Postfix wants an interface with exactly the address; a route to it is not enough."""
    here = {address for _, address in local_addresses()}
    # A row of master.cf with a host of its own is bound without that question.
    served = [endpoint for endpoint in survey.instance.endpoints if not split_host_port(endpoint.service)[0]]
    wanted = {endpoint.address for endpoint in served} - set(WILDCARDS)
    stray = sorted(wanted - here - set(survey.absent_addresses)) if here else []
    return [Finding("interface_carries_address", address=address) for address in stray]


def check_network_served(survey: Survey) -> "list[Finding]":
    """network_served: the network can reach it, unless inet_interfaces says in its own word that nobody is to."""
    value = survey.value("inet_interfaces").strip()
    endpoints = survey.instance.endpoints
    if not endpoints or value == "loopback-only" or not all(is_loopback(each.address) for each in endpoints):
        return []
    takes_mail = any(survey.value(name).strip() for name in DESTINATIONS) and not survey.value("relayhost")
    severity = "warning" if takes_mail else "note"
    return [Finding("network_served", value=value, config_dir=survey.config_dir, severity=severity)]


def check_endpoints(survey: Survey) -> "list[Finding]":
    """endpoint_free: nobody else listens where this instance does or will, not even another Postfix beside it."""
    found = []
    own = master_files(survey.people.master.pid)[0] if survey.people.master else set()
    for endpoint in survey.instance.endpoints:
        strangers = sockets_against(endpoint) - own
        if strangers and (own or is_taken(endpoint)):
            pid = socket_holder(strangers)
            values = {"endpoint": str(endpoint), "holder": process_in_words(pid)}
            found.append(Finding("endpoint_free", cure=ending_command(pid, endpoint.port), **values))
    return found


def check_bind_address(survey: Survey) -> "list[Finding]":
    """bind_address_chosen: with several addresses of a family smtp(8) leaves the choice to the kernel."""
    found = []
    for family, parameter in BIND_PARAMETERS.items():
        served = [e.address for e in survey.instance.endpoints if e.is_ipv6 == (family == _socket.AF_INET6)]
        addresses = sorted(set(served))
        own = [address for address in addresses if address in survey.service_addresses]
        count: "object" = len(addresses)
        if any(address in WILDCARDS for address in addresses):
            here = [address for kind, address in local_addresses() if kind == family and is_routed(address)]
            own, count = [], "all"
            if len(here) < 2:
                continue
        if survey.value(parameter) or (count != "all" and (len(addresses) < 2 or not own)):
            continue
        setting = ["postconf", "-c", survey.config_dir, "-e", f"{parameter}={own[0] if own else ''}"]
        cure = quote_words(setting) if len(own) == 1 else ""
        found.append(Finding("bind_address_chosen", count=count, parameter=parameter, cure=cure))
    return found


def is_routed(address: str) -> bool:
    """Whether mail could leave the node's own network from this address: neither loopback nor link-local."""
    return not is_loopback(address) and not address.startswith(("fe80:", "169.254."))


def command_to_add(address: str) -> str:
    """The command that brings an address up by hand, "" where no interface is in its network."""
    found = network_of(address, connected_networks())
    return quote_words(["ip", "address", "add", f"{address}/{found[1]}", "dev", found[0]]) if found else ""
