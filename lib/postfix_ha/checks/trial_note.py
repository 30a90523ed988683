"""The note that a trial leaves while it runs: how to undo it, for the case that it is killed."""

import os
import stat

from postfix_ha.verdict import Finding

NOTE = "/run/postfix-ha-trial.undo"


def check_trial_note() -> "list[Finding]":
    """trial_undone, where a trial was killed."""
    return [Finding("trial_undone", path=NOTE)] if is_noted() else []


def is_noted() -> bool:
    """Whether there is a note of root's; nobody is told to run what another user has put there."""
    try:
        about = os.lstat(NOTE)
    except OSError:
        return False
    return stat.S_ISREG(about.st_mode) and about.st_uid == 0
