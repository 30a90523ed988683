"""The alert that create is asked for: whether it can tell anybody when the service is away."""

import os

from postfix_ha.cluster.model.alerts import agent_path
from postfix_ha.cluster.model.managed_addresses import canonical
from postfix_ha.endpoint import is_loopback
from postfix_ha.finding import Finding
from postfix_ha.whole_number import whole_number

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection

    from postfix_ha.cluster.create.plan import Wish

OWN_NAMES = ("localhost", "localhost.localdomain", "localhost6", "ip6-localhost", "ip6-loopback")
ADDRESS_MAX, PORT_MAX = 254, 65535


def alert_findings(wish: "Wish", addresses: "Collection[str]") -> "list[Finding]":
    """What stands against the alert; ``addresses``: those of the service."""
    if not wish.has_alert:
        return []
    found = [] if _can_run(agent_path()) else [Finding("alert_installed", path=agent_path())]
    if bool(wish.alert_mail) != bool(wish.alert_relay):
        found.append(Finding("alert_mail_whole"))
    found += [Finding("alert_mail_valid", address=each) for each in wish.alert_mail if not _is_mail_address(each)]
    if wish.alert_relay:
        host = relay_host(wish.alert_relay)
        if not host:
            found.append(Finding("alert_relay_valid", relay=wish.alert_relay))
        elif host.lower() in OWN_NAMES or canonical(host) in addresses or is_loopback(host):
            found.append(Finding("alert_relay_elsewhere", relay=host))
    return found


def relay_host(text: str) -> str:
    """The host in HOST, HOST:PORT, [ADDRESS] or [ADDRESS]:PORT, "" where it is none of them."""
    host, port = text, ""
    if text.startswith("["):
        host, bracket, rest = text[1:].partition("]")
        if not bracket or (rest and not rest.startswith(":")):
            return ""
        port = rest
    elif text.count(":") == 1:
        host, colon, number = text.partition(":")
        port = colon + number
    if port and not 0 < (whole_number(port[1:]) or 0) <= PORT_MAX:
        return ""
    is_plain = host.isascii() and all(letter.isalnum() or letter in ".-_:%" for letter in host)
    return host if host and is_plain and host[0] != "-" else ""


def _is_mail_address(text: str) -> bool:
    """Whether it can be one that a shell, pcs, crmsh and an SMTP server take for it."""
    local, at, domain = text.rpartition("@")
    is_plain = text.isascii() and all(letter.isalnum() or letter in "@.!#$%&*+/=?^_{|}~-" for letter in text)
    return (
        bool(local and at and domain and is_plain and "@" not in local and text[0] != "-") and len(text) <= ADDRESS_MAX
    )


def _can_run(path: str) -> bool:
    """Whether user hacluster, as whom Pacemaker runs it, can: whoever it is, here and now."""
    try:
        return bool(os.stat(path).st_mode & 0o005 == 0o005) and os.path.isfile(path)
    except OSError:
        return False
