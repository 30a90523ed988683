"""The note that a trial leaves while it runs: how to undo it, for the case that it is killed."""

import os

from postfix_ha.verdict import Finding

NOTE = "/run/postfix-ha-trial.undo"


def check_trial_note() -> "list[Finding]":
    """trial_undone, where a trial was killed."""
    return [Finding("trial_undone", path=NOTE)] if os.path.exists(NOTE) else []
