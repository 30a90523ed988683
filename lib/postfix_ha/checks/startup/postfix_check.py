"""Postfix's own check, begun first and judged last: it takes longer than all of ours together."""

import os

from postfix_ha.checks.startup.preparation import refreshes_in_check
from postfix_ha.checks.startup.queue_traps import find_traps, free_sockets, set_aside
from postfix_ha.checks.startup.setup import Setup
from postfix_ha.config.logical_lines import read_file
from postfix_ha.config.master_cf import parse_master_cf
from postfix_ha.system.command import Running, begin, run
from postfix_ha.system.complaints import telling_line
from postfix_ha.verdict import Finding


def begin_postfix_check(setup: Setup) -> "Running":
    """Begin Postfix's own check, which takes longer than all of ours; judge_postfix_check() takes its end.

    Where it would write into the chroot jail (Debian 13), only the half that does not.
    """
    return _begin(setup, "check-warn" if refreshes_in_check(setup.instance) else "check")


def judge_postfix_check(setup: Setup, checking: "Running") -> "list[Finding]":
    """postfix_check_passes: wait for Postfix's own check; queue_files_known, where a start cures what fails it."""
    failed = _judge(checking) or (_look_at_other_half(setup) if refreshes_in_check(setup.instance) else [])
    return (find_traps(setup.instance, setup.deadline) if failed else []) or failed


def _begin(setup: Setup, word: str) -> "Running":
    return begin(
        setup.params.command(word, config_dir=setup.instance.config_dir), deadline=setup.deadline, terminal=True
    )


def _judge(checking: "Running") -> "list[Finding]":
    done = checking.finish()
    if done.returncode == 0:
        return []
    said = telling_line(done)
    why = "it did not end in time" if done.timed_out else said or f"exit code {done.returncode}"
    return [Finding("postfix_check_passes", why=why, said=said)]


def _look_at_other_half(setup: Setup) -> "list[Finding]":
    """What the half left out looks at (postfix-script, check-fatal), but for directories, of which others tell."""
    instance = setup.instance
    rows = parse_master_cf(*read_file(os.path.join(instance.config_dir, "master.cf"))).rows
    if instance.settings.get("maillog_file") and not any((r.name, r.type) == ("postlog", "unix-dgram") for r in rows):
        why = "missing 'postlog' service in master.cf - run 'postfix upgrade-configuration'"
        return [Finding("postfix_check_passes", why=why, said=why)]
    postsuper = os.path.join(instance.command_directory, "postsuper")
    return _judge(begin([postsuper, "-c", instance.config_dir], deadline=setup.deadline, terminal=True))


# postfix-script's two halves of `postfix check`: what forbids a start, and what is only warned of. It does not promise
# them to others: a half that fails, or that is not known there, is judged by the whole.


def begin_fatal_check(setup: Setup) -> "Running":
    """Begin the half of Postfix's own check that must pass before master starts; judge_fatal_check() takes its end."""
    return begin(setup.params.command("check-fatal", config_dir=setup.instance.config_dir), deadline=setup.deadline)


def judge_fatal_check(setup: Setup, checking: "Running") -> "tuple[list[Finding], list[Finding]]":
    """(what fails the start, notes): wait for the first half; where it fails, the whole check has the last word.

    What was laid in the queue, and no program of Postfix has left there, is no reason to fail: it is set aside first.
    A check that was only slow says nothing of the node: that start has failed, and another try may pass. So it is where
    more was laid there than one start can set aside.
    """
    done = checking.finish()
    notes = free_sockets(setup.instance)
    if done.returncode == 0:
        return [], notes
    aside: "list[Finding]" = []
    if not done.timed_out:
        aside = set_aside(setup.instance, setup.deadline)
        notes += aside
        # The whole check tells of each file in "corrupt" by a program of its own, which takes long for thousands.
        if aside and begin_fatal_check(setup).finish().returncode == 0:
            return [], notes
        checking = _begin(setup, "check")
        done = checking.finish()
    if done.timed_out:
        return [Finding("start_completed", why="'postfix check' did not end in time")], notes
    failed = _judge(checking)
    if failed and aside and find_traps(setup.instance, setup.deadline):
        why = "the queue holds more entries that are no mail than one start can set aside"
        return [Finding("start_completed", why=why)], notes
    return failed, notes


def log_warnings(setup: Setup, deadline: float) -> None:
    """Let the other half write its warnings of owners and modes to the mail log, as far as it comes in time."""
    run(setup.params.command("check-warn", config_dir=setup.instance.config_dir), deadline=deadline)
