"""What the configuration and the file system tell of an instance without a snapshot, learned by a child in time."""

import os
import time

from postfix_ha.config.discover import discover
from postfix_ha.instance import Instance, format_snapshot, parse_snapshot
from postfix_ha.params import Params
from postfix_ha.request import Request
from postfix_ha.system.child import told_by_child
from postfix_ha.system.processes import Identity

LOOK_UP_SHARE = 0.2
LOOK_UP_MAX_S = 5.0
CONFIG_LINK = "config_dir resolved"


def look_up_in_time(identity: Identity, request: Request, params: Params) -> None:
    """Let the identity learn what today's configuration and the links tell; nothing where that hangs or fails."""
    deadline = time.monotonic() + min(request.remaining_s * LOOK_UP_SHARE, LOOK_UP_MAX_S)
    told = told_by_child(lambda writing: os.write(writing, format_snapshot(_look_up(params, deadline))), deadline)
    instance = parse_snapshot(told)
    if instance is not None:
        identity.learn(instance)
        if instance.config_dir.startswith("/"):
            identity.config_dirs.add(instance.settings[CONFIG_LINK])


def _look_up(params: Params, deadline: float) -> Instance:
    found = discover(params.config_dir, deadline, binary=params.binary)
    return Instance(
        config_dir=found.config_dir,
        queue_directory=os.path.realpath(found.queue_directory) if found.queue_directory else "",
        daemon_directory=found.daemon_directory,
        queue_id=found.queue_id,
        mail_owner_uid=found.mail_owner_uid,
        settings={CONFIG_LINK: os.path.realpath(found.config_dir or params.config_dir)},
    )
