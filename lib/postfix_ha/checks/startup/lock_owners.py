"""Who holds what a start needs: the process behind a listening socket or a lock on a file of Postfix."""

import errno
import os
import socket

from postfix_ha.endpoint import Endpoint
from postfix_ha.procfs import (
    LOCK_FILES,
    holds_lock,
    lock_places,
    locked_places,
    master_files,
    process_environment,
    process_ids,
    process_link,
    process_program,
    process_stat,
    real_uid,
)
from postfix_ha.sockets import kernel_address, listening_sockets
from postfix_ha.system.identity import Identity, id_of
from postfix_ha.system.owner import near
from postfix_ha.system.processes import shown_name


def is_taken(endpoint: Endpoint) -> bool:
    """Whether a bind that does not share (no SO_REUSEPORT) is refused because somebody listens."""
    family = socket.AF_INET6 if endpoint.is_ipv6 else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM | socket.SOCK_CLOEXEC) as trial:
        trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if endpoint.is_ipv6:
            trial.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        try:
            trial.bind((endpoint.address, endpoint.port))
        except OSError as error:
            return error.errno == errno.EADDRINUSE
    return False


def endpoint_holder(endpoint: Endpoint) -> str:
    """Which process listens where the endpoint would, in words."""
    return process_in_words(socket_holder(sockets_against(endpoint)))


def sockets_against(endpoint: Endpoint) -> "set[str]":
    """The listening sockets (inodes) on the endpoint's port with its address, or where either takes every address."""
    address, _, port = kernel_address(endpoint).rpartition(":")
    found = set()
    for is_ipv6 in (False, True):
        for name, sockets in listening_sockets(os.getpid(), is_ipv6).items():
            other = name.rpartition(":")[0]
            if name.endswith(":" + port) and (other == address or not other.strip("0") or endpoint.is_wildcard):
                found |= {inode for inode, _ in sockets}
    return found


def socket_holder(inodes: "set[str]") -> int:
    """The process that has one of these sockets open, 0 for none that can be seen."""
    return next((pid for pid in process_ids() if inodes & master_files(pid)[0]), 0) if inodes else 0


def process_in_words(pid: int) -> str:
    """A process by its program, number and, where it is root's Postfix, configuration; no user's words but its name."""
    if not pid:
        return "a socket of no process that can be seen"
    program = process_program(pid)
    shown = f"{shown_name(os.path.basename(program) or 'process')}[{pid}]"
    if real_uid(pid) != 0 or not Identity("").is_daemon(program):
        return shown
    config = process_environment(pid).get("MAIL_CONFIG", "")
    return shown + (f" of {config}" if config else "")


def lock_holder(lock_file: str) -> int:
    """The master process that holds the lock on this file, 0 for none.

    The same path is another file in a container, and one file may have another path there: device and inode of the
    file behind the descriptor decide. Only root's processes are looked at; a master is no one else's.
    """
    try:
        wanted = os.stat(lock_file)
    except OSError:
        return 0
    identity = Identity("")
    for pid in near(process_ids(), ()):
        program = process_program(pid)
        if os.path.basename(program) != "master" or not identity.is_daemon(program) or real_uid(pid) != 0:
            continue
        state = process_stat(pid)
        if state is not None and not state.is_dead and _locks(pid, (wanted.st_dev, wanted.st_ino)):
            return pid
    return 0


def own_locks(pid: int, paths: "list[str]") -> "list[str]":
    """Where a master holds the lock on the files at these paths, as the kernel spells it (lock_places)."""
    wanted = {found for found in map(id_of, paths) if found}
    found = []
    for name in _descriptors(pid):
        path = f"/proc/{pid}/fd/{name}"
        if process_link(pid, f"fd/{name}").endswith(LOCK_FILES) and id_of(path) in wanted:
            found += lock_places(pid, name)
    return found


def _locks(pid: int, place: "tuple[int, int]") -> bool:
    """Whether the process holds the lock on the file with this device and inode.

    Overlays show other numbers for a file than for its lock: the descriptor is looked at as well as the kernel's list.
    """
    if place in locked_places(pid):
        return True
    return any(id_of(f"/proc/{pid}/fd/{name}") == place and holds_lock(pid, name) for name in _descriptors(pid))


def _descriptors(pid: int) -> "list[str]":
    try:
        return os.listdir(f"/proc/{pid}/fd")
    except OSError:
        return []
