"""Postfix's own check, begun first and judged last: it takes longer than all of ours together."""

from postfix_ha.checks.setup import Setup
from postfix_ha.system.command import Running, begin, telling_line
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
    why = telling_line(done) or f"exit code {done.returncode}"
    return [Finding("postfix_check_passes", why="it did not end in time" if done.timed_out else why)]
