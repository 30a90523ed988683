"""Checks of the addresses and ports to listen on: are they up, ready, served and free?"""

import time

from postfix_ha.checks.startup.lock_owners import endpoint_holder, is_taken
from postfix_ha.checks.startup.setup import Setup
from postfix_ha.config.discover import UNSERVED
from postfix_ha.config.interfaces import Local, interface_addresses
from postfix_ha.endpoint import missing_addresses
from postfix_ha.verdict import Finding

LOOK_AGAIN_S = 0.05
# One that has just settled gets its route a moment later.
SETTLES_S = 0.5


def check_addresses(setup: Setup, until: float = 0.0) -> "list[Finding]":
    """address_on_node, address_settled, address_unique: every address to listen on is up and can be used.

    Until then, for one that still is tentative (duplicate address detection, RFC 4862) is waited.
    """
    settled_until = 0.0
    while True:
        try:
            missing = missing_addresses(sorted({endpoint.address for endpoint in setup.instance.endpoints}))
        except OSError:
            return []  # netlink is closed to us; binding will tell
        # The kernel has no route to an address that it must not use yet, so such a one is among the missing.
        here = {local.address: local for local in interface_addresses()} if missing else {}
        there = [here[address] for address in missing if address in here and not here[address].is_duplicate]
        if not all(local.is_tentative for local in there):
            settled_until = settled_until or time.monotonic() + SETTLES_S
        latest = until if any(local.is_tentative for local in there) else settled_until
        if not there or time.monotonic() >= latest:
            return [_finding(setup, address, here.get(address)) for address in missing]
        time.sleep(LOOK_AGAIN_S)


def _finding(setup: Setup, address: str, local: "Local | None") -> Finding:
    if local is not None and local.is_duplicate:
        return Finding("address_unique", address=address, interface=local.interface)
    if local is not None and local.is_tentative:
        return Finding("address_settled", address=address, interface=local.interface)
    return Finding("address_on_node", address=address, main_cf=setup.main_cf)


def check_served(setup: Setup) -> "list[Finding]":
    """address_has_listener: on each address of inet_interfaces some smtpd or postscreen of master.cf listens."""
    unserved = setup.instance.settings.get(UNSERVED, "").split()
    where = {"main_cf": setup.main_cf, "config_dir": setup.instance.config_dir}
    return [Finding("address_has_listener", address=address, **where) for address in unserved]


def check_endpoints_free(setup: Setup) -> "list[Finding]":
    """endpoint_free: nobody else listens there, not even another Postfix, which could bind beside us."""
    return [
        Finding("endpoint_free", endpoint=str(endpoint), holder=endpoint_holder(endpoint))
        for endpoint in setup.instance.endpoints
        if is_taken(endpoint)
    ]
