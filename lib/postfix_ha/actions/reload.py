"""reload (the older name: the service reads its configuration again) and reload-agent (the agent its parameters)."""

import os
import signal
import time

from postfix_ha import codes
from postfix_ha.actions.deadline import Step, guarded
from postfix_ha.actions.find import Found, discover_now, find_running, record, wait_until
from postfix_ha.actions.serving.causes import MailLog, sentence_of
from postfix_ha.actions.terminate import descriptor_of, send
from postfix_ha.checks.startup.addresses import check_addresses
from postfix_ha.checks.startup.queue_traps import set_aside
from postfix_ha.checks.startup.setup import Setup, check_config_files, check_interfaces, check_values
from postfix_ha.health import is_master_of, listened_endpoints, name_of
from postfix_ha.instance import PID_MAX, Instance, read_record
from postfix_ha.params import Params
from postfix_ha.procfs import master_files, process_stat
from postfix_ha.request import Request
from postfix_ha.system.command import run
from postfix_ha.system.complaints import telling_line
from postfix_ha.system.files import read_regular
from postfix_ha.verdict import Finding, Verdict, decide, grade
from postfix_ha.whole_number import whole_number

# How long master may take to read its files again; a queue manager that is frozen would never tell.
SETTLES_S = 3.0
# Of the time, kept to find out why master has ended.
ANSWER_SHARE = 0.2


def reload_agent(request: Request) -> Verdict:
    """Check the changed parameters (OCF reload-agent): each call reads them anew, so there is nothing else to do."""
    return decide("setup", Params(request.parameters).findings)


def reload_service(request: Request) -> Verdict:
    """Let the running Postfix read its configuration again."""
    params = Params(request.parameters)
    if params.findings:
        return decide("setup", params.findings)
    if os.geteuid() != 0:
        return decide("setup", [Finding("run_by_root", action=request.action, uid=os.geteuid())])
    return guarded(request, lambda step: _reload(request, params, step))


def _reload(request: Request, params: Params, step: Step) -> Verdict:
    found = find_running(request, params, read_record(request.run_directory, params.config_dir), step)
    if found.census.master is None:
        reason = Finding("master_running", instance=name_of(found.instance))
        return Verdict(codes.ERR_GENERIC if found.census.is_in_service else codes.NOT_RUNNING, reason)
    today = discover_now(request, params, step)
    refusal = _refusal(Setup(today, params, request.deadline), step)
    if refusal:
        return decide("setup", [refusal])
    log = MailLog(today)
    try:
        failed, notes = _reload_heard(request, params, found, step, log)
    finally:
        log.close()
    if failed:
        return decide("setup", [failed, *notes])
    running = found.instance
    heard = listened_endpoints(running.master_pid, today.endpoints)
    unheard = [str(endpoint) for endpoint in today.endpoints if endpoint not in heard]
    if unheard:  # master(8) takes a change of inet_interfaces only at a restart
        why = "a restart is due before master listens on " + ", ".join(unheard)
        notes.append(Finding("configuration_in_use", where=today.config_dir, why=why))
    kept = {"master_pid": running.master_pid, "master_start": running.master_start, "locks": running.locks}
    now = today.with_facts(endpoints=heard or running.endpoints, **kept)
    noted = record(request, params, now)
    return Verdict(codes.SUCCESS, None, [*notes, noted] if noted else notes)


def _refusal(setup: Setup, step: Step) -> "Finding | None":
    """reload_completed for what would end the master that runs, or all who serve: it must not even be asked to reload.

    master(8) reads its files again as at its start, and ends at what it cannot use (msg_fatal in master_ent.c and
    master_listen.c); `postfix reload` itself reads main.cf only.
    """
    step("checking what a reload would bring")
    for check in (check_config_files, check_values, check_interfaces, check_addresses):
        for finding in check(setup):
            if grade(finding) not in (codes.SUCCESS, codes.DEGRADED):
                return Finding("reload_completed", why=sentence_of(finding))
    return None


def _reload_heard(
    request: Request, params: Params, found: Found, step: Step, log: MailLog
) -> "tuple[Finding | None, list[Finding]]":
    """(what failed, notes) of a reload: the command's word, and whether the master has outlived it."""
    until = request.deadline - request.remaining_s * ANSWER_SHARE
    notes: "list[Finding]" = []
    if is_named_by_pid_file(found.instance):
        step("running postfix reload")
        command = params.command("reload", config_dir=found.instance.config_dir)
        done = run(command, deadline=until, terminal=True)
        notes = [] if done.returncode == 0 or done.timed_out else set_aside(found.instance, until)
        if notes:
            done = run(command, deadline=until, terminal=True)
        if done.returncode != 0:
            why = telling_line(done) or f"exit code {done.returncode}"
            return Finding("reload_completed", why="it did not end in time" if done.timed_out else why), notes
    else:
        _hang_up(found.instance)
    step("waiting for master to read its configuration")
    if _outlives(found, min(until, time.monotonic() + SETTLES_S)):
        return None, notes
    why = log.complaint(request.deadline) or "see the mail log"
    return Finding("reload_survived", instance=name_of(found.instance), why=why), notes


def is_named_by_pid_file(instance: Instance) -> bool:
    """Whether the pid file is the one that master has locked, and names it.

    Else `postfix reload` finds nobody, or sends its signal to whoever has the number that stands there.
    """
    _, locks = master_files(instance.master_pid, instance.locks)
    path = next((path for path in locks if path.endswith("/pid/master.pid")), "")
    try:
        text = read_regular(path, 64, follow=False).strip() if path else b""
    except OSError:
        text = b""
    return whole_number(text.decode("latin-1"), PID_MAX) == instance.master_pid


def _hang_up(instance: Instance) -> None:
    """Send master the signal of a reload."""
    with descriptor_of(instance.master_pid) as descriptor:
        if is_master_of(instance, process_stat(instance.master_pid)):
            send(instance.master_pid, descriptor, signal.SIGHUP)


def _outlives(found: Found, until: float) -> bool:
    """Whether the master lives when it has read its files again.

    It ends its queue manager then, and buries it only when it is done with reading (master_restart_service(),
    master_reap_child()): so one that is gone from the process table tells that.
    """
    before = [member for member in found.census.members if member.name == "qmgr"]

    def is_over() -> bool:
        if not is_master_of(found.instance, process_stat(found.instance.master_pid)):
            return True
        stats = [(member, process_stat(member.pid)) for member in before]
        return bool(before) and all(stat is None or stat.start != member.start for member, stat in stats)

    wait_until(is_over, until)
    return is_master_of(found.instance, process_stat(found.instance.master_pid))
