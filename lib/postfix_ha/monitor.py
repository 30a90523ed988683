"""The monitor action: recurring monitor and probe.

A healthy recurring monitor at level 0 ends in monitor() after a few reads under /proc. Whatever needs more (no valid
snapshot, something wrong, a deeper level) goes through actions/full_monitor.py in a child process with a deadline.
"""

import os

from postfix_ha import codes
from postfix_ha.health import check_health
from postfix_ha.instance import Instance, file_stamps, read_record
from postfix_ha.params import Params
from postfix_ha.request import Request
from postfix_ha.verdict import HEALTHY, Finding, Verdict


def monitor(request: Request) -> Verdict:
    """The verdict of a monitor or probe at the level asked for."""
    params = Params(request.parameters)
    record = read_record(request.run_directory, params.config_dir)
    if (
        record is not None
        and request.level == codes.LEVEL_STATUS
        and not check_health(record, request.deadline)
        and not is_change_unnoticed(record)
    ):
        return HEALTHY
    if os.geteuid() != 0:  # who cannot see the processes must not take them for gone
        return Verdict(codes.ERR_PERM, Finding("run_by_root", action=request.action, uid=os.geteuid()))
    from postfix_ha.actions.deadline import guarded
    from postfix_ha.actions.full_monitor import inspect

    return guarded(request, lambda step: inspect(request, params, record, step))


def is_change_unnoticed(instance: Instance) -> bool:
    """Whether main.cf or master.cf changed since the last look; never asked of files on a file system that may hang."""
    if not instance.files_local:
        return False
    stamps = file_stamps(instance.config_dir)
    return stamps not in (instance.stamps, instance.noticed)
