"""The start action: success only when a client would be served; a failure leaves nothing behind."""

import os
import time

from postfix_ha import codes
from postfix_ha.actions.deadline import Step, guarded
from postfix_ha.actions.drain import begin_hold
from postfix_ha.actions.find import Found, attached, find_running, forget, judge_health, record, wait_until
from postfix_ha.actions.mailbox_locks import free_mailboxes
from postfix_ha.actions.prepare import prepare
from postfix_ha.actions.serving.causes import MailLog, joined, sentence_of
from postfix_ha.actions.serving.clients import RESERVE_S, Clients
from postfix_ha.actions.serving.queue_services import check_queue, check_queue_services
from postfix_ha.actions.terminate import end_instance
from postfix_ha.checks.startup.addresses import check_addresses, check_endpoints_free, check_served
from postfix_ha.checks.startup.lock_owners import lock_holder
from postfix_ha.checks.startup.postfix_check import begin_fatal_check, judge_fatal_check, log_warnings
from postfix_ha.checks.startup.queue_files import clear_queue, quick_start
from postfix_ha.checks.startup.queue_place import begin_look_below, end_look_below
from postfix_ha.checks.startup.setup import Setup, check_queue_writable, check_setup
from postfix_ha.health import check_health, name_of
from postfix_ha.instance import PID_MAX, Instance, read_record
from postfix_ha.params import Params
from postfix_ha.procfs import process_stat
from postfix_ha.request import Request
from postfix_ha.system.command import run
from postfix_ha.system.complaints import last_complaint, last_telling
from postfix_ha.system.files import read_regular
from postfix_ha.system.processes import Census, Identity, census
from postfix_ha.verdict import Finding, Verdict, decide, grade
from postfix_ha.whole_number import whole_number

PID_FILE = "pid/master.pid"
# Kept of the operation's time for ending again what could not be started.
UNDO_SHARE = 0.2
UNDO_MAX_S = 10.0
WARNINGS_MAX_S = 5.0
# Of the operation's time, for the kernel to end duplicate address detection: one to two seconds by its defaults.
ADDRESS_SHARE = 0.5
# Debian 13's postfix-script hands a start over to systemd, unless systemd has made it and says so by this variable. The
# cluster starts Postfix itself, as it stops it: a unit would be ended by systemd on its own account.
OF_THE_CLUSTER = {"INVOCATION_ID": "0" * 32}


def start(request: Request) -> Verdict:
    """Start the instance, or adopt the one that runs and is healthy."""
    params = Params(request.parameters)
    if params.findings:
        return decide("setup", params.findings)
    if os.geteuid() != 0:
        return decide("setup", [Finding("run_by_root", action="start", uid=os.geteuid())])
    verdict = guarded(request, lambda step: _start(request, params, step))
    if verdict.reason is not None:
        # Only the guard itself answers with a reason: it ended what would have undone the start.
        _undo_late(request, params)
    return verdict


def _undo_late(request: Request, params: Params) -> None:
    """End what this start has begun and a hang kept it from ending, in half of the time kept back for the answer."""
    identity = Identity(params.config_dir, None)
    master, own = census(identity).master, process_stat(os.getpid())
    if master is not None and own is not None and master.start >= own.start:
        end_instance(identity, time.monotonic() + request.kept_back_s / 2)


def _start(request: Request, params: Params, step: Step) -> Verdict:
    found = find_running(request, params, read_record(request.run_directory, params.config_dir), step)
    notes: "list[Finding]" = []
    if found.census.is_in_service:
        if found.census.master is not None and _serves(request, params, found, step):
            noted = record(request, params, found.instance)
            return decide("setup", [noted] if noted else [])
        notes += _end_leftovers(request, params, found, step)
    step("checking this node's setup")
    setup = Setup(found.instance, params, request.deadline)
    findings = _check_node(setup)
    if _refuses(findings + notes):
        if not _refuses(notes):
            _clear(request, params, found.instance)
        return decide("setup", findings + notes)
    notes += findings
    looking = begin_look_below(found.instance.queue_directory)
    step("looking for stale locks of mailboxes")
    notes += free_mailboxes(found.instance)
    # Both take their time and neither needs the other; `postfix start` need not check once more then.
    step("running postfix check and the distribution's preparation")
    checking = begin_fatal_check(setup)
    holding = begin_hold(params, found.instance, request.deadline)
    notes += prepare(found.instance, request.deadline)
    failed, aside = judge_fatal_check(setup, checking)
    notes += aside
    notes += end_look_below(looking, request.deadline)
    if holding:
        holding.finish()  # before a client is to be greeted: what an earlier stop that was killed holds is let go by it
    failure = _failed_check(found.instance, failed[0]) if failed else _start_postfix(request, params, found, step)
    if failure:
        _undo(request, params, found.instance, step)
        return decide("setup", [failure, *notes])
    noted = record(request, params, found.instance)
    # Clients are served by now: nobody waits for what takes long in a large queue and decides nothing.
    step("running postfix check")
    log_warnings(setup, time.monotonic() + min(WARNINGS_MAX_S, request.remaining_s / 2))
    return decide("setup", [*notes, noted] if noted else notes)


def _check_node(setup: Setup) -> "list[Finding]":
    """What stands against a start on this node, up to the first check that refuses it."""
    findings = check_setup(setup)
    for check in (_check_addresses, check_served, check_endpoints_free, check_queue_writable):
        if not _refuses(findings):
            findings += check(setup)
    return findings


def _check_addresses(setup: Setup) -> "list[Finding]":
    now = time.monotonic()
    return check_addresses(setup, now + max(0.0, setup.deadline - now) * ADDRESS_SHARE)


def _refuses(findings: "list[Finding]") -> bool:
    return any(grade(finding) not in (codes.SUCCESS, codes.DEGRADED) for finding in findings)


def _serves(request: Request, params: Params, found: Found, step: Step) -> bool:
    """Whether the instance that runs would serve a client and deliver what it takes."""
    if _refuses(judge_health(request, params, found, step)):
        return False
    step(f"writing a test file in {found.instance.queue_directory}")
    if _refuses(check_queue(found.instance)):
        return False
    step("talking to the running instance")
    if _refuses(check_queue_services(found.instance, found.census, request.deadline)):
        return False
    return not _refuses(_greet(request, params, found.instance, found.census))


def _end_leftovers(request: Request, params: Params, found: Found, step: Step) -> "list[Finding]":
    """End what is left of an earlier run; stop_completed when that cannot be done."""
    step("ending what is left of an earlier run")
    identity = Identity(params.config_dir, found.instance)
    ended, left = end_instance(identity, time.monotonic() + request.remaining_s / 2)
    name = name_of(found.instance)
    if left:
        shown = ", ".join(f"{member} (state {member.state})" for member in left)
        return [Finding("stop_completed", instance=name, processes=shown)]
    forget(request, params)
    found.instance = found.instance.with_facts(master_pid=0, master_start=0)
    return [Finding("leftovers_ended", instance=name, processes=str(Census(None, ended)))]


def _start_postfix(request: Request, params: Params, found: Found, step: Step) -> "Finding | None":
    """Run ``postfix start`` and wait until a client is greeted; what went wrong, or None. found learns of it."""
    log = MailLog(found.instance)
    try:
        return _start_heard(request, params, found, step, log)
    finally:
        log.close()


def _start_heard(request: Request, params: Params, found: Found, step: Step, log: MailLog) -> "Finding | None":
    until = request.deadline - min(UNDO_MAX_S, request.remaining_s * UNDO_SHARE)
    instance = found.instance
    step("running postfix start")
    argv = params.command("start", config_dir=instance.config_dir)
    with quick_start(instance.queue_directory):
        done = run(argv, deadline=until, env=OF_THE_CLUSTER, terminal=True)
    if done.returncode != 0:
        said = done.stderr.decode("utf-8", "replace")
        why = last_complaint(said) or log.complaint(until) or _lack_of_room(instance)
        why = why or last_telling(said) or f"'postfix start' ended with exit code {done.returncode}"
        return Finding("start_completed", why="'postfix start' did not end in time" if done.timed_out else why)
    step("waiting for master to listen")
    identity = Identity(params.config_dir, instance)
    findings: "list[Finding]" = []

    def is_healthy() -> bool:
        people = _people_of(instance, identity)
        if people.master is None:
            findings[:] = [Finding("master_running", instance=name_of(instance))]
            return False
        found.instance = attached(instance, people)
        findings[:] = [finding for finding in check_health(found.instance, until) if _refuses([finding])]
        return not findings

    if not wait_until(is_healthy, min(until, time.monotonic() + params.greeting_timeout_s)):
        return _explained(findings[0], log, request.deadline)
    step("waiting for a greeting")
    failed = [finding for finding in _greet(request, params, found.instance, census(identity)) if _refuses([finding])]
    return _explained(failed[0], log, request.deadline) if failed else None


def _failed_check(instance: Instance, failure: Finding) -> Finding:
    """The failure of the fatal check; where the queue has no room for what that check writes (Debian 13 refreshes the
    jail in it), room is what is missing, and it may be there on the next try."""
    why = _lack_of_room(instance)
    return Finding("start_completed", why=f"{why} ({failure.values['why']})") if why else failure


def _people_of(instance: Instance, identity: Identity) -> Census:
    """The instance's processes; its master alone where the pid file names a process that bears the other witnesses."""
    try:
        text = read_regular(os.path.join(instance.queue_directory, PID_FILE), 64, follow=False).strip()
    except OSError:
        text = b""
    pid = whole_number(text.decode("latin-1"), PID_MAX)
    if pid:
        people = census(identity, [pid])
        if people.master is not None:
            return people
    return census(identity)


def _greet(request: Request, params: Params, instance: Instance, people: Census) -> "list[Finding]":
    """The findings of one conversation with every endpoint."""
    end = request.deadline - min(RESERVE_S + UNDO_MAX_S, request.remaining_s * UNDO_SHARE)
    return Clients(instance, people, params.greeting_timeout_s, end, is_dialogue=False).check()


def _explained(finding: Finding, log: MailLog, deadline: float) -> Finding:
    """start_completed with what a finding says and the telling line that Postfix has logged meanwhile."""
    why = sentence_of(finding)
    said = log.complaint(deadline)
    is_told = bool(finding.values.get("is_told"))
    return Finding("start_completed", why=joined(why, said, is_told) if said else why)


def _lack_of_room(instance: Instance) -> str:
    """What master does not say where nobody keeps its log: the queue is full."""
    return next((sentence_of(finding) for finding in check_queue(instance)), "")


def _undo(request: Request, params: Params, instance: Instance, step: Step) -> None:
    """End what was started and take away what it left: pid file, sockets, snapshot."""
    step("ending what was started")
    _, left = end_instance(Identity(params.config_dir, instance), request.deadline)
    if not left:
        _clear(request, params, instance)


def _clear(request: Request, params: Params, instance: Instance) -> None:
    """Take away what an instance that does not run has left: snapshot, pid file, sockets; but not another's."""
    forget(request, params)
    pid_file = os.path.join(instance.queue_directory, PID_FILE)
    if not instance.queue_directory or lock_holder(os.path.realpath(pid_file)):
        return
    clear_queue(instance.queue_directory)
