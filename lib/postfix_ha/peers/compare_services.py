"""Comparison of the services beside Postfix: what it connects to here has to listen on the peer as well."""

from postfix_ha.checks.services.served import USUAL, finding_of
from postfix_ha.peers.pair import objects
from postfix_ha.peers.remote import Facts
from postfix_ha.verdict import Finding


def compare_services(here: Facts, there: Facts, peer: str, resources: "dict[str, str] | None") -> "list[Finding]":
    """service_served on the peer, for each service that is named here too; what it does not tell is not judged."""
    named = {(str(each.get("kind")), str(each.get("socket"))): each for each in objects(here.get("services"))}
    found = []
    for each in objects(there.get("services")):
        ours = named.get((str(each.get("kind")), str(each.get("socket"))))
        if ours is not None and each.get("served") is False and ours.get("kind") in USUAL:
            found.append(finding_of(ours, resources, peer))
    return found
