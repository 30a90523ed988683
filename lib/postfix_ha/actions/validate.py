"""The validate-all action: parameters alone at level 0, this node too at level 10."""

import os

from postfix_ha import codes
from postfix_ha.actions.deadline import Step, guarded
from postfix_ha.actions.find import find_running
from postfix_ha.checks.startup.addresses import check_addresses, check_endpoints_free, check_served
from postfix_ha.checks.startup.postfix_check import begin_postfix_check, judge_postfix_check
from postfix_ha.checks.startup.setup import Setup, check_command, check_setup
from postfix_ha.instance import Instance, read_record
from postfix_ha.params import Params
from postfix_ha.request import Request
from postfix_ha.verdict import HEALTHY, Finding, Verdict, decide, grade

# Legitimately absent on a node before the service's turn: its address and its queue come with it.
ABSENT_BEFORE_START = ("address_on_node", "address_settled", "queue_directory_shared")


def validate(request: Request) -> Verdict:
    """The verdict on the parameters, and at level 10 on this node."""
    params = Params(request.parameters)
    if params.findings:
        return decide("setup", params.findings)
    if request.level < codes.LEVEL_GREETING:
        given = [name for name in ("binary", "config_dir") if request.parameters.get(name)]
        return guarded(request, lambda step: _look_for(params, given, step)) if given else HEALTHY
    return guarded(request, lambda step: _validate_node(request, params, step))


def _look_for(params: Params, given: "list[str]", step: Step) -> Verdict:
    """The verdict at level 0: what a parameter names and this node lacks is a note, for another node may have it.

    Not where it would lie on a file system of its own, or in an empty mount point: it comes with the service.
    """
    step("looking for what the parameters name")
    notes = []
    setup = Setup(Instance(config_dir=params.config_dir), params, 0)
    if "binary" in given and not _may_come(params.binary):
        notes += check_command(setup)
    main_cf = os.path.join(params.config_dir, "main.cf")
    if "config_dir" in given and not os.path.exists(main_cf) and not _may_come(main_cf):
        notes.append(Finding("main_cf_present", config_dir=params.config_dir))
    return Verdict(codes.SUCCESS, None, notes)


def _may_come(path: str) -> bool:
    """Whether a path is below a mount point other than the root's, or below one where nothing is mounted yet."""
    place = os.path.dirname(path)
    while not os.path.isdir(place):
        place = os.path.dirname(place)
    return os.stat(place).st_dev != os.stat("/").st_dev or is_below_empty_mount_point(path)


def _validate_node(request: Request, params: Params, step: Step) -> Verdict:
    found = find_running(request, params, read_record(request.run_directory, params.config_dir), step)
    setup = Setup(found.instance, params, request.deadline)
    step("checking this node's setup")
    findings = check_setup(setup) + check_addresses(setup) + check_served(setup)
    if found.census.master is None:
        findings += check_endpoints_free(setup)
    else:  # its own master holds its lock and its endpoints
        findings = [finding for finding in findings if not _is_about(finding, found.census.master.pid)]
    before_start = [*ABSENT_BEFORE_START]
    if is_below_empty_mount_point(found.instance.config_dir):
        before_start += ["main_cf_present", "master_cf_present"]
    absent = [finding for finding in findings if finding.check in before_start or _is_unmounted(finding)]
    wrong = [finding for finding in findings if finding not in absent]
    if not absent and not any(map(grade, wrong)) and os.geteuid() == 0:
        step("running postfix check")
        wrong += judge_postfix_check(setup, begin_postfix_check(setup))
    verdict = decide("setup", wrong)
    return Verdict(verdict.code, verdict.reason, [*verdict.notes, *absent])


def is_below_empty_mount_point(directory: str) -> bool:
    """Whether a missing directory would lie in an empty one, as where its file system is mounted on another node."""
    if not directory or os.path.lexists(directory):
        return False
    while not os.path.lexists(directory):
        directory = os.path.dirname(directory)
    try:
        return os.path.isdir(directory) and not os.listdir(directory)
    except OSError:
        return False


def _is_unmounted(finding: Finding) -> bool:
    """Whether the queue is missing where its file system is mounted only with the service."""
    return finding.check == "queue_directory_made" and not finding.values["is_mounted"]


def _is_about(finding: Finding, pid: int) -> bool:
    return finding.check in ("data_directory_own", "queue_directory_own") and finding.values.get("pid") == pid
