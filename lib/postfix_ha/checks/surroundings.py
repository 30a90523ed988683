"""All checks of what surrounds the instance on this node, in the order of the instance's life."""

import os
import time

from postfix_ha.checks.chroot import check_jail
from postfix_ha.checks.cluster import Managed, check_managed
from postfix_ha.checks.endpoints import (
    check_bind_address,
    check_endpoints,
    check_interfaces_carry,
    check_network_served,
)
from postfix_ha.checks.lookup_tables import check_map_loading, check_map_types, check_tables
from postfix_ha.checks.mx import MailExchangers
from postfix_ha.checks.naming import (
    check_compatibility_level,
    check_myhostname,
    check_mynetworks,
    check_parameters,
    check_repeated,
)
from postfix_ha.checks.node_facts import Survey
from postfix_ha.checks.other_instances import check_other_instances
from postfix_ha.checks.permissions import check_queue_modes, check_setgid_groups, check_way_to_queue
from postfix_ha.checks.services.served import check_services
from postfix_ha.checks.startup.addresses import check_addresses, check_served
from postfix_ha.checks.startup.queue_place import check_below_mounts
from postfix_ha.checks.startup.room import check_room
from postfix_ha.checks.storage import (
    check_data_storage,
    check_mail_log,
    check_queue_storage,
    check_spool_storage,
    check_volumes,
)
from postfix_ha.checks.tls import check_tls
from postfix_ha.sharing.habits import check_habits
from postfix_ha.system.child import known_by_child
from postfix_ha.verdict import Finding

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable


def check_daemon_values(survey: Survey) -> "list[Finding]":
    """daemon_values_valid: the values that end some program of Postfix, but do not keep it from serving."""
    return [finding for finding in survey.setup.wrong_values if finding.check == "daemon_values_valid"]


def check_hidden_mail(survey: Survey) -> "list[Finding]":
    """queue_not_hidden: no mail lies below what is mounted over the queue directory."""
    return check_below_mounts(survey.instance.queue_directory)


def check_sharers(survey: Survey) -> "list[Finding]":
    """queue_file_system_free: nobody but Postfix uses the file system of the queue."""
    own = {member.pid for member in survey.people.members}
    resources = [f"{name} {agent}" for name, agent in (survey.resources or {}).items()]
    return check_habits(survey.instance.queue_directory, own, resources)


CHECKS = (
    check_queue_modes,
    check_setgid_groups,
    check_way_to_queue,
    check_queue_storage,
    check_spool_storage,
    check_data_storage,
    check_mail_log,
    check_other_instances,
    check_endpoints,
    check_interfaces_carry,
    check_bind_address,
    check_network_served,
    check_compatibility_level,
    check_myhostname,
    check_mynetworks,
    check_parameters,
    check_repeated,
    check_daemon_values,
    check_map_types,
    check_map_loading,
)
# These read what other users may own: a child does it, so that nothing but the child can hang.
FILE_CHECKS = (
    (check_tables, "lookup tables"),
    (check_tls, "TLS files"),
    (check_jail, "chroot jail"),
    (check_hidden_mail, "directories below the queue's mount"),
)
FILES_S = 20.0


def check_surroundings(survey: Survey, managed: "Managed | None") -> "list[Finding]":
    """The findings of all of them; name servers are asked first and heard last."""
    exchangers = MailExchangers(survey)
    found: "list[Finding]" = []
    for check in CHECKS:
        found += check(survey)
    for check, what in FILE_CHECKS:
        found += check_in_time(check, what, survey)
    found += check_addresses(survey.setup) + check_served(survey.setup)
    if os.path.isdir(survey.instance.queue_directory):
        found += check_room(survey.instance.queue_directory, survey.values)
    resources = managed.resources if managed is not None else None
    survey.resources = resources
    found += check_services(survey, resources)
    found += check_volumes(survey)
    found += check_in_time(check_sharers, "users of the queue's file system", survey)
    if managed is not None:
        found += check_managed(survey, managed)
    return found + exchangers.check()


def check_in_time(check: "Callable[[Survey], list[Finding]]", what: str, survey: Survey) -> "list[Finding]":
    """The findings of a check that a child makes; files_looked_at where it does not come to an end."""
    deadline = min(survey.deadline, time.monotonic() + FILES_S)
    told = known_by_child(lambda: [[each.check, each.values] for each in check(survey)], deadline)
    if not isinstance(told, list):
        late = time.monotonic() >= deadline
        why = "what they lie on does not answer" if late else "the look at them has failed"
        return [Finding("files_looked_at", what=what, why=why)]
    return [Finding(name, **values) for name, values in told]
