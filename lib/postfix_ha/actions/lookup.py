"""What the configuration and the file system tell of an instance without a snapshot, learned by a child in time."""

import os
import select
import signal
import time

from postfix_ha.config.discover import discover
from postfix_ha.instance import Instance, format_snapshot, parse_snapshot
from postfix_ha.params import Params
from postfix_ha.request import Request
from postfix_ha.system.processes import Identity

LOOK_UP_SHARE = 0.2
LOOK_UP_MAX_S = 5.0
CONFIG_LINK = "config_dir resolved"


def look_up_in_time(identity: Identity, request: Request, params: Params) -> None:
    """Let the identity learn what today's configuration and the links tell; nothing where that hangs or fails."""
    deadline = time.monotonic() + min(request.remaining_s * LOOK_UP_SHARE, LOOK_UP_MAX_S)
    instance = parse_snapshot(_answer_of_child(params, deadline))
    if instance is not None:
        identity.learn(instance)
        if instance.config_dir.startswith("/"):
            identity.config_dirs.add(instance.settings[CONFIG_LINK])


def _answer_of_child(params: Params, deadline: float) -> bytes:
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.write(writing, format_snapshot(_look_up(params, deadline)))
        finally:
            os._exit(0)
    os.close(writing)
    poller = select.poll()
    poller.register(reading, select.POLLIN)
    data = b""
    while poller.poll(max(0.0, deadline - time.monotonic()) * 1000):
        more = os.read(reading, 65536)
        if not more:
            break
        data += more
    os.close(reading)
    os.kill(child, signal.SIGKILL)  # not yet waited for, so the number is still our child's
    os.waitpid(child, os.WNOHANG)
    return data


def _look_up(params: Params, deadline: float) -> Instance:
    found = discover(params.config_dir, deadline, binary=params.binary)
    instance = Instance(
        config_dir=found.config_dir,
        queue_directory=os.path.realpath(found.queue_directory) if found.queue_directory else "",
        daemon_directory=found.daemon_directory,
        queue_id=found.queue_id,
    )
    instance.settings[CONFIG_LINK] = os.path.realpath(found.config_dir or params.config_dir)
    return instance
