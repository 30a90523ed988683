"""reload (the older name: the service reads its configuration again) and reload-agent (the agent its parameters)."""

import os

from postfix_ha import codes
from postfix_ha.actions.deadline import Step, guarded
from postfix_ha.actions.find import discover_now, find_running, record
from postfix_ha.checks.startup.queue_traps import set_aside
from postfix_ha.health import listened_endpoints, name_of
from postfix_ha.instance import read_record
from postfix_ha.params import Params
from postfix_ha.request import Request
from postfix_ha.system.command import run
from postfix_ha.system.complaints import telling_line
from postfix_ha.verdict import Finding, Verdict, decide


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
    step("running postfix reload")
    command = params.command("reload", config_dir=found.instance.config_dir)
    done = run(command, deadline=request.deadline, terminal=True)
    notes = [] if done.returncode == 0 or done.timed_out else set_aside(found.instance, request.deadline)
    if notes:
        done = run(command, deadline=request.deadline, terminal=True)
    if done.returncode != 0:
        why = telling_line(done) or f"exit code {done.returncode}"
        why = "it did not end in time" if done.timed_out else why
        return decide("setup", [Finding("reload_completed", why=why), *notes])
    today = discover_now(request, params, step)
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
