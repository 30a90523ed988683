"""Level 20: is the queue usable, and do queue manager and pickup live and answer?"""

import errno
import socket
import time

from postfix_ha.actions.serving.activity import is_stopped, service_of
from postfix_ha.checks.startup.queue_files import connect_as_owner, write_as_owner
from postfix_ha.checks.startup.room import check_room
from postfix_ha.health import name_of
from postfix_ha.instance import Instance
from postfix_ha.system.processes import Census, Identity, Member, census
from postfix_ha.verdict import Finding

SERVICE_ANSWER_S = 5.0
QUEUE_SERVICES = ("qmgr", "pickup")


def check_queue(instance: Instance) -> "list[Finding]":
    """Whether a file can be made, synced and removed in the queue as the mail owner, and whether there is room."""
    directory = instance.queue_directory
    try:
        write_as_owner(directory, instance.mail_owner)
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            why = error.strerror or str(error)
            return [Finding("queue_writable", path=directory, user=instance.mail_owner, why=why)]
    except KeyError:
        return [Finding("queue_writable", path=directory, user=instance.mail_owner, why="there is no such user")]
    return check_room(directory, instance.settings)


def check_queue_services(instance: Instance, people: Census, end: float) -> "list[Finding]":
    """Whether queue manager and pickup live and answer a wake-up, as many of them as this instance has."""
    found = []
    for service in QUEUE_SERVICES:
        path = instance.settings.get(f"socket {service}", "")
        if path:
            finding = _check_queue_service(instance, people, service, path, end)
            if finding:
                found.append(finding)
    return found


def _check_queue_service(instance: Instance, people: Census, service: str, path: str, end: float) -> "Finding | None":
    members = _serving(people, service)
    if any(is_stopped(member) for member in members):
        return Finding("queue_service_alive", service=service, instance=name_of(instance), why="frozen")
    timeout_s = min(SERVICE_ANSWER_S, max(0.1, end - time.monotonic()))
    answered = _wake_up(instance, path, timeout_s)
    if answered:
        return None
    if not members:  # master's own list of them may lack one
        people = census(Identity(instance.config_dir, instance))
        members = _serving(people, service)
    if not members and answered is not None:
        why = "not running, and master starts none"
        return Finding("queue_service_alive", service=service, instance=name_of(instance), why=why)
    if answered is None and not members:
        return Finding("queue_service_alive", service=service, instance=name_of(instance), why="not reachable")
    if answered is None:
        return None  # a fifo, which gives no answer; its process lives
    return Finding("queue_service_answers", service=service, instance=name_of(instance), timeout_s=timeout_s)


def _wake_up(instance: Instance, path: str, timeout_s: float) -> "bool | None":
    """Send the trigger ``W``, which master itself sends by the clock; the service closes when it has read it.

    None where there is no socket to ask.
    """
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC) as trigger:
            trigger.settimeout(timeout_s)
            if not connect_as_owner(trigger, instance.queue_directory, path, instance.mail_owner):
                return None
            trigger.sendall(b"W")
            return trigger.recv(1) == b""
    except socket.timeout:
        return False
    except OSError as error:
        return True if error.errno == errno.ECONNRESET else None


def _serving(people: Census, service: str) -> "list[Member]":
    """The members that serve a service by its socket or its FIFO."""
    return [member for member in people.members if service_of(member) in ((service, "unix"), (service, "fifo"))]
