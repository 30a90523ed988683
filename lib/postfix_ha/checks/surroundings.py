"""All checks of what surrounds the instance on this node, in the order of the instance's life."""

import os

from postfix_ha.checks.cluster import Managed, check_managed
from postfix_ha.checks.instances import check_other_instances
from postfix_ha.checks.jail import check_jail
from postfix_ha.checks.listening import check_bind_address, check_endpoints, check_interfaces_carry
from postfix_ha.checks.mx import MailExchangers
from postfix_ha.checks.naming import (
    check_compatibility_level,
    check_myhostname,
    check_mynetworks,
    check_parameters,
    check_repeated,
)
from postfix_ha.checks.permissions import check_queue_modes, check_setgid_groups
from postfix_ha.checks.room import check_room
from postfix_ha.checks.setup import check_addresses
from postfix_ha.checks.storage import check_data_storage, check_queue_storage, check_spool_storage
from postfix_ha.checks.survey import Survey
from postfix_ha.checks.tables import check_map_types, check_tables
from postfix_ha.checks.tls import check_tls
from postfix_ha.verdict import Finding


def check_daemon_values(survey: Survey) -> "list[Finding]":
    """daemon_values_valid: the values that end some program of Postfix, but do not keep it from serving."""
    return [finding for finding in survey.setup.wrong_values if finding.check == "daemon_values_valid"]


CHECKS = (
    check_queue_modes,
    check_setgid_groups,
    check_queue_storage,
    check_spool_storage,
    check_data_storage,
    check_other_instances,
    check_endpoints,
    check_interfaces_carry,
    check_bind_address,
    check_compatibility_level,
    check_myhostname,
    check_mynetworks,
    check_parameters,
    check_repeated,
    check_daemon_values,
    check_map_types,
    check_tables,
    check_tls,
    check_jail,
)


def check_surroundings(survey: Survey, managed: "Managed | None") -> "list[Finding]":
    """The findings of all of them; name servers are asked first and heard last."""
    exchangers = MailExchangers(survey)
    found: "list[Finding]" = []
    for check in CHECKS:
        found += check(survey)
    found += check_addresses(survey.setup)
    if os.path.isdir(survey.instance.queue_directory):
        found += check_room(survey.instance.queue_directory, survey.values)
    if managed is not None:
        found += check_managed(survey, managed)
    return found + exchangers.check()
