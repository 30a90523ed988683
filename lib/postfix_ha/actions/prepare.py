"""What the distribution's own service start does before Postfix starts, so that ours serves the same.

Debian refreshes the chroot jail in the queue directory, which after a move holds the other node's resolver files: in
the unit postfix@.service (Debian 12), or within `postfix check` itself (Debian 13), which every start runs anyway. Red
Hat rebuilds the alias database and its jail (aliasesdb, chroot-update).
"""

import os

from postfix_ha.checks.startup.preparation import PREPARATIONS, is_called_by_postfix
from postfix_ha.instance import Instance
from postfix_ha.system.command import run
from postfix_ha.system.complaints import telling_line
from postfix_ha.verdict import Finding


def prepare(instance: Instance, deadline: float) -> "list[Finding]":
    """Run the distribution's preparation for this instance; a failure is a note, for Postfix may serve without."""
    found = []
    for program, *arguments in PREPARATIONS:
        if not os.access(program, os.X_OK) or is_called_by_postfix(program, instance):
            continue
        # They ask postconf, which takes the instance from MAIL_CONFIG; a name known to postmulti is not needed.
        done = run([program, *arguments], deadline=deadline, env={"MAIL_CONFIG": instance.config_dir})
        if done.returncode != 0:
            why = telling_line(done) or f"exit code {done.returncode}"
            found.append(Finding("distribution_prepared", program=program, why=why))
    return found
