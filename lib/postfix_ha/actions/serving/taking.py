"""Level 20: does what stands between RCPT and the queue take a message?"""

import os
import time

from postfix_ha.actions.serving.acceptance import SILENT, ask_cleanup, cleanup_services, unserved
from postfix_ha.actions.serving.activity import Watch
from postfix_ha.actions.serving.silence import Silence
from postfix_ha.health import name_of
from postfix_ha.instance import Instance
from postfix_ha.system.processes import Identity, census
from postfix_ha.verdict import Finding

# Kept of the time for a look at who does not answer.
LOOK_S = 3.0
LOOK_SHARE = 0.5
# Services that mail needs on its way in; what else is asked on the way, smtpd can do without.
NEEDED_PROGRAMS = ("smtpd", "cleanup", "trivial-rewrite")


def check_taking(instance: Instance, end: float) -> "list[Finding]":
    """mail_taken and its like: whether each cleanup service that smtpd uses would take a message."""
    findings: "list[Finding]" = []
    for service, flags in cleanup_services(instance).items():
        remaining_s = end - time.monotonic()
        if remaining_s <= 0:
            break
        said = ask_cleanup(instance, service, flags, end - min(LOOK_S, remaining_s * LOOK_SHARE))
        found = unserved(instance, said)
        if said.outcome == SILENT:
            watch = Watch(census(Identity(instance.config_dir, instance)))
            stuck = Silence(instance, watch, 0.0, end, set(), 0.0).stuck_services()
            found = stuck[0] if stuck else found
        if said.is_deferring:
            found = _judge_tables(instance, end)
        if found:
            findings.append(found)
    bodies = instance.settings.get("body_checks", "")
    if bodies and not findings:
        findings += _check_tables(instance, bodies, end)
    return findings


def _check_tables(instance: Instance, value: str, end: float) -> "list[Finding]":
    """mail_taken: a table in this value lacks its type or its file."""
    from postfix_ha.actions.serving.tables import lacking_table

    lacking = lacking_table(instance, value, end)
    why = f"cleanup cannot use a table ({lacking})"
    return [Finding("mail_taken", instance=name_of(instance), why=why, is_told=True)] if lacking else []


def _judge_tables(instance: Instance, end: float) -> Finding:
    """cleanup answers 451 to each message: a table cannot be used, or its server does not answer."""
    from postfix_ha.actions.serving.tables import find_blame

    blame = find_blame(instance, end)
    name = name_of(instance)
    if blame.may_be_away:
        return Finding("tables_answer", instance=name, tables=blame.why)
    why = f"cleanup cannot use a table ({blame.why})" if blame.why else "cleanup cannot use a table"
    return Finding("mail_taken", instance=name, why=why, is_told=bool(blame.why))


def cannot_start_anew(today: Instance) -> bool:
    """Whether no process of Postfix could start with what the files say by now, so that a start would be refused.

    Whoever edits them, or has lost them, finds a running Postfix that needs no restart: it would not come back.
    """
    programs = [os.path.join(today.daemon_directory, name) for name in NEEDED_PROGRAMS]
    return bool(today.problems) or not all(os.access(program, os.X_OK) for program in programs)
