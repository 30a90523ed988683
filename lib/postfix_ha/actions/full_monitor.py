"""The monitor's long way: no valid snapshot, something wrong, or a deeper level. Runs in a guarded child."""

import time

from postfix_ha import codes
from postfix_ha.actions.deadline import Step
from postfix_ha.actions.find import Found, discover_now, find_running, is_changed, judge_health, record
from postfix_ha.health import listened_endpoints, name_of
from postfix_ha.instance import Instance, file_stamps
from postfix_ha.params import Params
from postfix_ha.procfs import master_files
from postfix_ha.request import Request
from postfix_ha.sockets import listening_sockets
from postfix_ha.verdict import Finding, Verdict, decide, grade


def inspect(request: Request, params: Params, recorded: "Instance | None", step: Step) -> Verdict:
    """The verdict of a monitor or probe, from all that its level asks for."""
    kind = "probe" if request.is_probe else "monitor"
    found = find_running(request, params, recorded, step)
    if found.census.master is None:
        if not found.census.is_in_service:
            if request.is_probe and (found.instance.endpoints or not params.drain_timeout_s):
                from postfix_ha.actions.drain import hold_on_standby

                step("holding connections until Postfix runs here")
                hold_on_standby(params, found.instance, request.deadline)
            return decide(kind, [Finding("master_running", instance=name_of(found.instance))], lives=False)
        orphans = Finding("master_left_no_orphans", instance=name_of(found.instance), processes=str(found.census))
        return decide(kind, [orphans])
    findings = judge_health(request, params, found, step)
    if request.is_probe and is_unconfirmed(found.instance):
        what = "any port, and its configuration cannot be read"
        findings.append(Finding("endpoint_listening", pid=found.instance.master_pid, endpoint=what))
    if not _has_failed(findings) and request.level >= codes.LEVEL_GREETING:
        findings += look_deeper(request, params, found, step)
    notes = [] if _has_failed(findings) else _take_notice(request, params, found, findings, step)
    verdict = decide(kind, findings)
    verdict.notes += notes
    return verdict


def is_unconfirmed(instance: Instance) -> bool:
    """Whether neither a configuration nor the master's own sockets tell what it would serve."""
    if instance.endpoints or not instance.problems:
        return False
    sockets, _ = master_files(instance.master_pid)
    tables = [listening_sockets(instance.master_pid, is_ipv6) for is_ipv6 in (False, True)]
    return not any(inode in sockets for table in tables for entries in table.values() for inode, _ in entries)


def look_deeper(request: Request, params: Params, found: Found, step: Step) -> "list[Finding]":
    """The findings of levels 10 and 20 about a master that lives and listens, with what Postfix says of a failure."""
    from postfix_ha.actions.serving.causes import MailLog, explained

    log = MailLog(found.instance)
    try:
        return explained(_look(request, params, found, step), log, request.deadline)
    finally:
        log.close()


def _look(request: Request, params: Params, found: Found, step: Step) -> "list[Finding]":
    from postfix_ha.actions.serving.clients import RESERVE_S, Clients
    from postfix_ha.actions.serving.queue_services import check_queue, check_queue_services
    from postfix_ha.actions.serving.taking import check_taking

    end = request.deadline - min(RESERVE_S, request.remaining_s / 4)
    findings: "list[Finding]" = []
    is_dialogue = request.level >= codes.LEVEL_DIALOGUE
    if is_dialogue:
        step(f"writing a test file in {found.instance.queue_directory}")
        findings += check_queue(found.instance)
        step("asking the queue manager and pickup")
        # Half of what is left: a service that does not answer must not make the endpoints look silent.
        findings += check_queue_services(found.instance, found.census, (time.monotonic() + end) / 2)
        if _has_failed(findings):
            return findings  # a transaction would wait for its answer until the end, and change nothing
    step("talking to " + ", ".join(str(endpoint) for endpoint in found.instance.endpoints[:4]))
    said = Clients(found.instance, found.census, params.greeting_timeout_s, end, is_dialogue).check()
    if said and found.is_recorded and take_up_kinds(request, params, found, step):
        said = Clients(found.instance, found.census, params.greeting_timeout_s, end, is_dialogue).check()
        if not _has_failed(said):
            record(request, params, found.instance)
    if is_dialogue and not findings and not _has_failed(said):
        step("asking cleanup whether it takes a message")
        said += check_taking(_as_of_today(request, params, found, step), end)
    return findings + spare(request, params, found, said, step)


def _as_of_today(request: Request, params: Params, found: Found, step: Step) -> Instance:
    """The instance with the settings of changed files: daemons that start later than master have read those."""
    if not is_changed(found.instance):
        return found.instance
    settings = {**found.instance.settings, **discover_now(request, params, step).settings}
    return found.instance.with_facts(settings=settings)


def spare(request: Request, params: Params, found: Found, findings: "list[Finding]", step: Step) -> "list[Finding]":
    """The findings of a transaction, graver ones about services of which a restart would make no others."""
    from postfix_ha.actions.serving.taking import cannot_start_anew

    grave = [finding for finding in findings if finding.check in ("mail_taken", "queue_service_alive")]
    others = [finding for finding in findings if finding not in grave]
    if not grave or _has_failed(others) or not cannot_start_anew(discover_now(request, params, step)):
        return findings
    milder = Finding("mail_taken_on_restart", instance=name_of(found.instance))
    return others or [milder]


def take_up_kinds(request: Request, params: Params, found: Found, step: Step) -> bool:
    """Take what clients meet at each endpoint from changed files; whether anything is another kind there.

    A reload makes a service speak TLS from the first byte, or puts postscreen before it, on the socket that it had.
    """
    if not is_changed(found.instance):
        return False
    today = {(each.address, each.port): each for each in discover_now(request, params, step).endpoints}
    before = found.instance.endpoints
    found.instance = found.instance.with_facts(
        endpoints=[today.get((each.address, each.port), each) for each in before]
    )
    return found.instance.endpoints != before


def _has_failed(findings: "list[Finding]") -> bool:
    return any(grade(finding) not in (codes.SUCCESS, codes.DEGRADED) for finding in findings)


def _take_notice(
    request: Request, params: Params, found: Found, findings: "list[Finding]", step: Step
) -> "list[Finding]":
    """Record a healthy instance that was not recorded; what is told once is recorded as told."""
    instance = found.instance
    notes: "list[Finding]" = []
    is_pidfile_lost = any(finding.check == "pidfile_current" for finding in findings)
    if not found.is_recorded:
        if instance.problems:
            return []  # half a configuration is no record to judge by
    elif is_changed(instance) and file_stamps(instance.config_dir) != instance.noticed:
        instance = instance.with_facts(noticed=file_stamps(instance.config_dir))
        notes.append(_describe_change(request, params, instance, step))
    elif not is_pidfile_lost:
        return []
    noticed = instance.pidfile_noticed | int(is_pidfile_lost)
    noted = record(request, params, instance.with_facts(pidfile_noticed=noticed))
    # That there can be no record is for start and probe to say, not for every monitor.
    return [*notes, noted] if noted and request.is_probe else notes


def _describe_change(request: Request, params: Params, instance: Instance, step: Step) -> Finding:
    """configuration_in_use: what the changed files would bring."""
    today = discover_now(request, params, step)
    unheard = set(today.endpoints) - set(listened_endpoints(instance.master_pid, today.endpoints))
    if today.problems:
        subject, why, file, line = today.problems[0]
        where = f"{file}, line {line}: " if line else f"{file}: " if file else ""
        why = f"{where}{why} ({subject})"
    elif unheard:
        why = "a restart is due before master listens on " + ", ".join(sorted(str(e) for e in unheard))
    else:
        why = "parts of it may be in use only after a reload"
    return Finding("configuration_in_use", where=instance.config_dir, why=why)
