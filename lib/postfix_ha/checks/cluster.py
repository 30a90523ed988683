"""Checks of an instance against the cluster's configuration: does the cluster manage what the instance needs?"""

import os
import time

from postfix_ha.checks.node_facts import Survey
from postfix_ha.config.own_addresses import find_claims, finding_of
from postfix_ha.instance import DEFAULT_CONFIG_DIR
from postfix_ha.system.quoting import quote, quote_words
from postfix_ha.verdict import Finding

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

# Names of nodes are in /etc/hosts, or a name server answers at once.
NAMES_S = 3.0
OWN = ("address_can_move", "address_left_to_service")


class Managed:
    """What the cluster manages: ``addresses`` address -> resource, ``file_systems`` mount point -> resource,
    ``resources`` the id of each -> its agent.

    ``hosts``: node -> what the cluster reaches it by. ``file`` is the CIB's file where it is not the live one;
    ``names`` gives the id that a resource yet to be made for an address or a mount point would have.
    """

    __slots__ = ("addresses", "file", "file_systems", "hosts", "name_of_address", "name_of_file_system", "resources")

    def __init__(
        self,
        addresses: "dict[str, str]",
        file_systems: "dict[str, str]",
        file: str,
        names: "tuple[Callable[[str], str], Callable[[str], str]]",
        resources: "dict[str, str]",
        hosts: "dict[str, list[str]]",
    ) -> None:
        self.resources = resources
        self.addresses = addresses
        self.file_systems = file_systems
        self.file = file
        self.hosts = hosts
        self.name_of_address, self.name_of_file_system = names

    def command(self, pcs: "list[str]", crm: "list[str]") -> str:
        """The command to paste, for the shell that this node has."""
        if os.access("/usr/sbin/pcs", os.X_OK) or not os.access("/usr/sbin/crm", os.X_OK):
            return quote_words(["pcs", *(["-f", self.file] if self.file else []), *pcs])
        return (f"CIB_file={quote(self.file)} " if self.file else "") + quote_words(["crm", *crm])

    def mounting(self, directory: str) -> str:
        """The resource that mounts the file system a directory will be on, "" for none."""
        path = os.path.realpath(directory)
        inside = [point for point in self.file_systems if (path + "/").startswith(os.path.realpath(point) + "/")]
        return self.file_systems[max(inside, key=len)] if inside else ""


def check_managed(survey: Survey, managed: Managed) -> "list[Finding]":
    """address_can_move, address_left_to_service, address_has_resource, address_in_service, queue_has_resource."""
    found = []
    absent, addresses = survey.absent_addresses, survey.service_addresses
    claims = (
        {}
        if not addresses
        else find_claims(survey.node, managed.hosts, min(survey.deadline, time.monotonic() + NAMES_S))
    )
    for address in addresses:
        resource = managed.addresses.get(address, "")
        values = {"address": address, "resource": resource or managed.name_of_address(address), "node": survey.node}
        claim = claims.get(address)
        if claim and (claim.is_certain or not resource):
            told = f"address {address} of inet_interfaces"
            found.append(
                finding_of(claim, address, told, survey.config_dir, survey.main.raw.get("inet_interfaces", ""))
            )
        elif not resource:
            create = ["resource", "create", values["resource"], "ocf:heartbeat:IPaddr2", f"ip={address}"]
            crm = ["configure", "primitive", values["resource"], "ocf:heartbeat:IPaddr2", "params", f"ip={address}"]
            found.append(Finding("address_has_resource", cure=managed.command(create, crm), **values))
        elif address in absent:
            cure = managed.command(["resource", "enable", resource], ["resource", "start", resource])
            found.append(Finding("address_in_service", cure=cure, **values))
    found += _check_file_system(survey, managed)
    lacking = [each for each in found if each.check in ("address_has_resource", "queue_has_resource")]
    is_fresh = lacking and not (any(map(managed.addresses.get, addresses)) or _mounting_queue(survey, managed))
    if is_fresh and not any(each.check in OWN for each in found):
        named = [] if survey.config_dir == DEFAULT_CONFIG_DIR else ["--config-dir", survey.config_dir]
        cure = quote_words(["postfix-ha", "create", *named])
        found.append(Finding("service_in_cluster", config_dir=survey.config_dir, cure=cure))
    return found


def _mounting_queue(survey: Survey, managed: Managed) -> str:
    return managed.mounting(survey.instance.queue_directory)


def _check_file_system(survey: Survey, managed: Managed) -> "list[Finding]":
    directory = survey.instance.queue_directory
    if not os.path.isdir(directory) or managed.mounting(directory):
        return []
    place = survey.mounts.place_of(directory)
    if place.is_here_alone:
        return []  # queue_on_cluster_storage has said more
    mount = place.mount
    name = managed.name_of_file_system(mount.mount_point)
    params = [f"device={mount.source}", f"directory={mount.mount_point}", f"fstype={mount.fstype}"]
    create = ["resource", "create", name, "ocf:heartbeat:Filesystem", *params]
    crm = ["configure", "primitive", name, "ocf:heartbeat:Filesystem", "params", *params]
    return [Finding("queue_has_resource", mount_point=mount.mount_point, cure=managed.command(create, crm))]
