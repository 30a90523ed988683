"""Checks on a live instance at level 0: master, its lock, its endpoints. They read kernel tables and start nothing."""

import errno
import os
import time

from postfix_ha.endpoint import Endpoint, missing_addresses
from postfix_ha.instance import Instance
from postfix_ha.procfs import ProcessStat, master_files, process_stat, read_whole
from postfix_ha.sockets import kernel_address, listening_sockets
from postfix_ha.verdict import Finding

# A debugger or an administrator's second of SIGSTOP is no failure: a stopped master is looked at again for this long.
FROZEN_CONFIRMED_S = 1.0
LOOK_AGAIN_S = 0.05
# How the kernel shows that nothing is written any more: for good, and after an error of ext4 since Linux 6.15.
READ_ONLY = (b"ro", b"emergency_ro", b"shutdown")


def is_master_of(instance: Instance, stat: "ProcessStat | None") -> bool:
    """Whether this process is the recorded master itself and not a stranger with its number."""
    return stat is not None and not stat.is_dead and stat.start == instance.master_start


def check_health(instance: Instance, deadline: float) -> "list[Finding]":
    """All that is wrong with a running instance at level 0; nothing when a client could be served."""
    stat = process_stat(instance.master_pid)
    if not is_master_of(instance, stat):
        return [Finding("master_running", instance=name_of(instance))]
    assert stat is not None
    findings = [found for found in (check_not_stopped(stat, deadline),) if found]
    sockets, locks = master_files(instance.master_pid, instance.locks)
    lock = check_lock(instance, locks)
    if lock:
        findings.append(lock)
    findings += check_addresses(instance)
    findings += check_listening(instance, sockets)
    findings += check_queue_mount(instance)
    return findings


def name_of(instance: Instance) -> str:
    """What messages call the instance: its configuration directory."""
    return instance.config_dir or "Postfix"


def check_not_stopped(stat: ProcessStat, deadline: float) -> "Finding | None":
    """master_not_stopped, when the master process stays stopped for longer than a moment."""
    until = min(time.monotonic() + FROZEN_CONFIRMED_S, deadline)
    now: "ProcessStat | None" = stat
    while now is not None and now.start == stat.start and now.is_stopped:
        if time.monotonic() >= until:
            return Finding("master_not_stopped", pid=stat.pid, state=now.state)
        time.sleep(LOOK_AGAIN_S)
        now = process_stat(stat.pid)
    return None


def check_lock(instance: Instance, locks: "list[str]") -> "Finding | None":
    """master_holds_lock when neither lock is held; pidfile_current, once, when its pid file was lost under it."""
    if not locks:
        return Finding("master_holds_lock", pid=instance.master_pid)
    if instance.pidfile_noticed or any(path.endswith("/pid/master.pid") for path in locks):
        return None
    path = os.path.join(instance.queue_directory, "pid/master.pid")
    return Finding("pidfile_current", path=path, pid=instance.master_pid, why="the file was removed or replaced")


def check_addresses(instance: Instance) -> "list[Finding]":
    """address_kept for each address of an endpoint that has left the node."""
    addresses = sorted({endpoint.address for endpoint in instance.endpoints})
    try:
        missing = missing_addresses(addresses)
    except OSError:
        return []  # netlink is closed to us; the address's own resource still watches it
    return [Finding("address_kept", address=address) for address in missing]


def check_listening(instance: Instance, sockets: "set[str]") -> "list[Finding]":
    """endpoint_listening for each endpoint on which none of the master's own descriptors listens.

    Postfix lets another instance bind the same address and port (SO_REUSEPORT), so a listening socket alone proves
    nothing: it must be one of this master's.
    """
    return [
        Finding("endpoint_listening", pid=instance.master_pid, endpoint=str(endpoint))
        for endpoint in _unheard(instance.master_pid, instance.endpoints, sockets)
    ]


def check_queue_mount(instance: Instance) -> "list[Finding]":
    """queue_writable, when the kernel has made the queue's file system read-only.

    The master's own table of mounts tells: statvfs(2) asks the storage, and hangs where that is dead. A file system
    whose files have a device number of their own (btrfs) is in it under another one, so of that nothing is told.
    """
    if not instance.queue_id:
        return []
    number = b"%d:%d" % (os.major(instance.queue_id[0]), os.minor(instance.queue_id[0]))
    mounted = []
    for line in read_whole(f"/proc/{instance.master_pid}/mountinfo").splitlines():
        if b" " + number + b" " in line:
            words, _, rest = line.partition(b" - ")
            fields = words.split(b" ")
            if fields[2:3] == [number] and len(fields) > 5:
                # The last word is of the file system itself, whichever of its mounts is looked at (proc(5)).
                mounted.append(any(word in READ_ONLY for word in rest.rpartition(b" ")[2].split(b",")))
                mounted[-1] = mounted[-1] or b"ro" in fields[5].split(b",")
    if not mounted or not all(mounted):
        return []
    values = {"user": instance.mail_owner, "path": instance.queue_directory, "why": os.strerror(errno.EROFS)}
    return [Finding("queue_writable", **values)]


def listened_endpoints(master_pid: int, endpoints: "list[Endpoint]") -> "list[Endpoint]":
    """Those of the endpoints on which the master process really listens."""
    sockets, _ = master_files(master_pid)
    unheard = _unheard(master_pid, endpoints, sockets)
    return [endpoint for endpoint in endpoints if endpoint not in unheard]


def _unheard(master_pid: int, endpoints: "list[Endpoint]", sockets: "set[str]") -> "list[Endpoint]":
    """Those of the endpoints on which none of these sockets listens; each of the kernel's tables is read once."""
    found = []
    for is_ipv6 in (False, True):
        wanted = [endpoint for endpoint in endpoints if endpoint.is_ipv6 == is_ipv6]
        if not wanted:
            continue
        table = listening_sockets(master_pid, is_ipv6)
        found += [
            endpoint
            for endpoint in wanted
            if not any(inode in sockets for inode, _ in table.get(kernel_address(endpoint), ()))
        ]
    return found
