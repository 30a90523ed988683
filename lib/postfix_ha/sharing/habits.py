"""What would keep the queue's file system from being unmounted after a stop: who uses it now, and what names it."""

import os
import time

from postfix_ha.finding import Finding
from postfix_ha.printable import printable
from postfix_ha.procfs import process_stat
from postfix_ha.sharing.holders import Holder, find_holders, is_there, mount_of_queue
from postfix_ha.system.files import files_below, read_regular
from postfix_ha.system.mounts import Mount

# Where services are configured that may have a socket in Postfix's jail, or read its log.
PLACES = (
    "/etc/rsyslog.conf", "/etc/rsyslog.d", "/etc/syslog-ng", "/etc/dovecot", "/etc/opendkim.conf", "/etc/opendkim",
    "/etc/opendmarc.conf", "/etc/clamav", "/etc/amavis", "/etc/rspamd", "/etc/default", "/etc/sysconfig",
    "/etc/postsrsd.conf", "/etc/postgrey", "/etc/postfix-policyd-spf-python", "/etc/milter-greylist",
    "/etc/spamassassin", "/etc/saslauthd.conf", "/etc/fail2ban/jail.local", "/etc/fail2ban/jail.d",
    "/etc/systemd/system", "/etc/sasl2", "/etc/postfix/sasl",
)  # fmt: skip
FILES_MAX = 1000
FILE_SIZE_MAX = 256 * 1024
FOUND_MAX = 20
LOOK_S = 3.0
# A service stays where it is; who is gone so soon was only passing, such as what `postfix check` left behind.
PASSING_S, LOOK_EVERY_S = 1.0, 0.25
ANCESTORS_MAX = 20
PATH_LENGTH_MAX = 200
COMMENTS = ("#", ";", "//")
ENDS = "\"'<>(){}[],;= \t"
# Of a unit only these lines open anything; others wait for the mount.
UNITS, UNIT_LINES = "/etc/systemd/", ("Listen", "ExecStart", "WorkingDirectory", "StandardOutput", "StandardError")
LOG_SOCKET = "/dev/log"
SOCKET_ADVICE = (
    "let it listen outside the queue (below /run or on 127.0.0.1), with chroot 'n' in master.cf for who asks it, or"
    " make it a resource that the cluster stops before the file system"
)
LOG_ADVICE = (
    "set maillog_file, or chroot to 'n' in master.cf, and take this socket out of the log service's configuration"
)
FILE_ADVICE = "end it before a stop, and keep what it reads or writes outside the queue's file system"


def check_habits(queue_directory: str, own: "set[int]", resources: "list[str]") -> "list[Finding]":
    """queue_file_system_free for each process and each line of a configuration that uses it; for a child.

    ``own`` are Postfix's processes, ``resources`` the names of the cluster's: one that is named like the process ends
    it in time, if its constraints are right.
    """
    path = os.path.realpath(queue_directory)
    mount = mount_of_queue({path})
    if mount is None:
        return []
    found = []
    named = _lines_naming({mount.mount_point, path, os.path.abspath(queue_directory)})
    for holder in _who_stays(mount, frozenset(own))[:FOUND_MAX]:
        is_managed = any(holder.name.lower() in resource.lower() for resource in resources)
        what = ("the socket " if holder.is_socket else "") + holder.path
        advice = _advice(holder.path, holder.is_socket)
        values = {"who": holder.process, "what": what, "advice": advice, "mount_point": mount.mount_point}
        found.append(Finding("queue_file_system_free", severity="note" if is_managed else "warning", **values))
    for file, line, text in named[:FOUND_MAX]:
        where = {"file": file, "line": line, "mount_point": mount.mount_point}
        advice = _advice(text, is_socket=True)
        found.append(Finding("queue_file_system_free", who=f"{file}, line {line}", what=text, advice=advice, **where))
    return found


def _who_stays(mount: Mount, own: "frozenset[int]") -> "list[Holder]":
    """Those that hold the file system for longer than a moment, but for what descends from who asks for this."""
    # `postfix check` runs meanwhile: it is a child of who asks for this.
    holders = find_holders(mount, time.monotonic() + LOOK_S, own)
    found = [each for each in holders if not _descends(each.pid, os.getppid())]
    until = time.monotonic() + PASSING_S
    while found and time.monotonic() < until:
        time.sleep(LOOK_EVERY_S)
        found = [each for each in found if is_there(each)]
    return found


def _descends(pid: int, from_pid: int) -> bool:
    """Whether a process descends from this one, or has ended; the first of all, and one from outside, has parent 0."""
    stat = process_stat(pid)
    if stat is None:
        return True
    for _ in range(ANCESTORS_MAX):
        if stat is None or stat.pid == from_pid:
            break
        stat = process_stat(stat.parent)
    return stat is not None and stat.pid == from_pid


def _advice(path: str, is_socket: bool) -> str:
    return LOG_ADVICE if path.endswith(LOG_SOCKET) else SOCKET_ADVICE if is_socket else FILE_ADVICE


def _lines_naming(directories: "set[str]") -> "list[tuple[str, int, str]]":
    """(file, line, path) of each line of a service's configuration that names something below these directories."""
    found = []
    inside = [directory.rstrip("/") + "/" for directory in directories]
    for _, file in zip(range(FILES_MAX), (file for place in PLACES for file in _files(place))):
        try:
            text = read_regular(file, FILE_SIZE_MAX).decode("utf-8", "replace")
        except OSError:
            continue
        if not any(directory in text for directory in inside):
            continue
        for number, line in enumerate(text.splitlines(), 1):
            if line.lstrip().startswith(COMMENTS) or (file.startswith(UNITS) and not line.startswith(UNIT_LINES)):
                continue
            path = next(filter(None, (_path_in(line, each) for each in inside)), "")
            if path:
                found.append((printable(file, PATH_LENGTH_MAX), number, printable(path, PATH_LENGTH_MAX)))
    return found


def _files(place: str) -> "list[str]":
    return list(files_below(place)) if os.path.isdir(place) else [place]


def _path_in(line: str, directory: str) -> str:
    """The first path below the directory in a line, "" for none."""
    at = line.find(directory)
    if at < 0 or (at and line[at - 1] not in ENDS + ":-@"):
        return ""
    end = at
    while end < len(line) and line[end] not in ENDS:
        end += 1
    return line[at:end]
