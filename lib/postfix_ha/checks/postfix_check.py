"""Postfix's own check, begun first and judged last: it takes longer than all of ours together."""

from postfix_ha.checks.setup import Setup
from postfix_ha.system.command import Running, begin, run
from postfix_ha.system.complaints import telling_line
from postfix_ha.verdict import Finding


def begin_postfix_check(setup: Setup) -> "Running":
    """Begin Postfix's own check, which takes longer than all of ours; judge_postfix_check() takes its end."""
    return begin(
        setup.params.command("check", config_dir=setup.instance.config_dir), deadline=setup.deadline, terminal=True
    )


def judge_postfix_check(checking: "Running") -> "list[Finding]":
    """postfix_check_passes: wait for Postfix's own check."""
    done = checking.finish()
    if done.returncode == 0:
        return []
    said = telling_line(done)
    why = "it did not end in time" if done.timed_out else said or f"exit code {done.returncode}"
    return [Finding("postfix_check_passes", why=why, said=said)]


# postfix-script's two halves of `postfix check`: what forbids a start, and what is only warned of. It does not promise
# them to others: a half that fails, or that is not known there, is judged by the whole.


def begin_fatal_check(setup: Setup) -> "Running":
    """Begin the half of Postfix's own check that must pass before master starts; judge_fatal_check() takes its end."""
    return begin(setup.params.command("check-fatal", config_dir=setup.instance.config_dir), deadline=setup.deadline)


def judge_fatal_check(setup: Setup, checking: "Running") -> "list[Finding]":
    """postfix_check_passes: wait for the first half; where it does not pass, the whole check has the last word."""
    done = checking.finish()
    if done.returncode == 0:
        return []
    return judge_postfix_check(checking if done.timed_out else begin_postfix_check(setup))


def log_warnings(setup: Setup, deadline: float) -> None:
    """Let the other half write its warnings of owners and modes to the mail log, as far as it comes in time."""
    run(setup.params.command("check-warn", config_dir=setup.instance.config_dir), deadline=deadline)
