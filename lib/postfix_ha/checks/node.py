"""All checks of one node, in the order that takes the least time, and what they mean on a node that stands by."""

import os

from postfix_ha.checks.endpoints import check_interfaces_carry
from postfix_ha.checks.node_facts import Survey
from postfix_ha.checks.permissions import check_queue_complete
from postfix_ha.checks.startup.postfix_check import begin_postfix_check, judge_postfix_check
from postfix_ha.checks.startup.setup import check_setup
from postfix_ha.checks.storage import check_storage_answers
from postfix_ha.checks.trial_note import check_trial_note
from postfix_ha.checks.units import check_boot
from postfix_ha.system.command import Running
from postfix_ha.system.complaints import without_values
from postfix_ha.system.quoting import quote
from postfix_ha.verdict import Finding

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from postfix_ha.checks.cluster import Managed

# With one of these nothing more can be learned from the configuration.
NOTHING_KNOWN = (
    "postfix_command_valid",
    "main_cf_present",
    "master_cf_present",
    "config_files_readable",
    "commands_executable",
)
# What comes with the service, and is not missed on a node that stands by.
COMES_WITH_SERVICE = ("address_on_node", "address_in_service", "queue_directory_shared", "queue_directory_made")
NO_QUEUE = ("queue_directory_shared", "queue_directory_made")
CONFIGURATION = ("main_cf_present", "master_cf_present")
WARNINGS_SHOWN = 6


def check_node(survey: Survey, ask: "Callable[[], Managed | None]" = lambda: None) -> "list[Finding]":
    """Everything that is wrong, doubtful or worth knowing of the instance on this node.

    ``ask`` gives what the cluster manages; it is called last but one, for it may take its time.
    """
    found = check_trial_note() + check_boot(survey.node) + _check_root()
    hanging = check_storage_answers(survey)
    if hanging:  # whoever looks there waits, and nobody ends that
        return found + hanging
    setup = [finding for finding in check_setup(survey.setup) if not _is_its_own(finding, survey)]
    found += setup
    if any(finding.check in NOTHING_KNOWN for finding in setup):
        managed = ask()
    else:
        checking = _begin_postfix_check(survey, found)
        try:
            # Loaded only now: while Postfix's own check runs, there is time for it.
            from postfix_ha.checks.surroundings import check_surroundings

            managed = ask()
            found += check_surroundings(survey, managed)
            found += _judge_postfix_check(survey, checking, found) if checking else []
        finally:
            if checking:
                checking.abandon()
    from postfix_ha.checks.remedies import add_cures

    add_cures(survey, found)
    return _weigh(survey, managed, found)


def _check_root() -> "list[Finding]":
    uid = os.geteuid()
    return [Finding("run_by_root", action="a full check", uid=uid, severity="warning")] if uid else []


def _is_its_own(finding: Finding, survey: Survey) -> bool:
    """Whether a finding is about what the instance's own living master holds."""
    master = survey.people.master
    return master is not None and finding.values.get("pid") == master.pid


def _begin_postfix_check(survey: Survey, found: "list[Finding]") -> "Running | None":
    """Begin Postfix's own check where it would change nothing, and say so where it would."""
    if os.geteuid() != 0 or any(finding.check in NO_QUEUE for finding in found):
        return None
    incomplete = check_queue_complete(survey)
    found += incomplete
    is_refused = any(finding.check == "parameter_values_valid" and finding.values["by_all"] for finding in found)
    if is_refused or survey.absent_addresses or check_interfaces_carry(survey):
        return None  # it would refuse for that alone
    return None if incomplete else begin_postfix_check(survey.setup)


def _judge_postfix_check(survey: Survey, checking: Running, told: "list[Finding]") -> "list[Finding]":
    """postfix_check_passes, and postfix_check_quiet for each thing it warns of that was not told already."""
    failed = judge_postfix_check(survey.setup, checking)
    if failed:
        return failed
    said = checking.finish().stderr.decode("utf-8", "replace").splitlines()
    warnings = [line.partition("warning: ")[2].strip().replace("/./", "/") for line in said if "warning: " in line]
    paths = {finding.values.get("path") for finding in told}
    # What postconf warns of too, the copies in the chroot jail and what a finding names are judged by checks of ours.
    warnings = [text for text in dict.fromkeys(map(without_values, warnings)) if text not in survey.warnings]
    warnings = [text for text in warnings if text.partition(": ")[2] not in paths and not _names_copy(survey, text)]
    found = [Finding("postfix_check_quiet", why=text, cure=_warning_cure(text)) for text in warnings[:WARNINGS_SHOWN]]
    if len(warnings) > WARNINGS_SHOWN:
        more = f"and {len(warnings) - WARNINGS_SHOWN} more things"
        found.append(Finding("postfix_check_quiet", why=more, cure="postfix check"))
    return found


def _names_copy(survey: Survey, text: str) -> bool:
    """Whether a warning names a file in the chroot jail and the file of the node that it is a copy of."""
    jail, words = survey.instance.queue_directory.rstrip("/"), text.split()
    return any(word.startswith(jail + "/") and word[len(jail) :] in words for word in words)


def _warning_cure(text: str) -> str:
    """The command that cures what postfix-script warns of."""
    what, _, path = text.partition(": ")
    for words, command in (("not owned by group ", "chgrp"), ("not owned by ", "chown -h")):
        if what.startswith(words) and path:
            return f"{command} {quote(what[len(words) :])} {quote(path)}"
    return f"chmod go-w {quote(path)}" if what == "group or other writable" and path else ""


def _weigh(survey: Survey, managed: "Managed | None", found: "list[Finding]") -> "list[Finding]":
    """The findings as they count here: what comes with the service is no error on a node that stands by."""
    if managed is not None:  # the cluster's own words say more
        told = {finding.values.get("address") for finding in found if finding.check == "address_in_service"}
        found = [f for f in found if f.check != "address_on_node" or f.values.get("address") not in told]
    if managed is not None and not os.path.isdir(survey.config_dir) and managed.mounting(survey.config_dir):
        for finding in found:  # the configuration comes with the service too
            finding.values["severity"] = "note" if finding.check in CONFIGURATION else finding.values.get("severity")
    if not _stands_by(survey, managed):
        return found
    is_mounted_elsewhere = managed is not None and bool(managed.mounting(survey.instance.queue_directory))
    for finding in found:
        is_behind_mount = finding.check == "queue_on_cluster_storage" and is_mounted_elsewhere
        if finding.check in COMES_WITH_SERVICE or is_behind_mount:
            # No command to paste either: what it would bring up may be in use on another node.
            finding.values.update(severity="note", cure="")
    return found


def _stands_by(survey: Survey, managed: "Managed | None") -> bool:
    """Whether this is not the service's turn: neither its addresses nor its queue are here."""
    queue = survey.instance.queue_directory
    has_queue = os.path.isdir(queue) and not survey.mounts.place_of(queue).is_here_alone
    addresses = survey.service_addresses
    if not addresses:
        return not has_queue and managed is not None and bool(managed.mounting(queue))
    return not has_queue and set(addresses) <= set(survey.absent_addresses)
