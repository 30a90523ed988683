"""Stale mailbox locks: what a Postfix that was killed during a delivery has left on a file system that has moved here.

local(8) and virtual(8) lock a mailbox NAME by an empty file NAME.lock without any permission (dot_lockfile.c), where
``dotlock`` is among their lock methods, as on Debian. It stays when its maker is killed, and deliveries to the mailbox
then wait for stale_lock_time (500 s) and the next run of the queue. Before Postfix is started nobody on this node holds
such a lock for it. It is removed only on a file system that this node alone mounts; other programs' locks are not empty
or have permissions (Dovecot and procmail write a process number), and stay.
"""

import os
import stat
import time

from postfix_ha.instance import Instance
from postfix_ha.procfs import process_ids, process_program, real_uid
from postfix_ha.system.mounts import CLUSTER, NETWORK, read_mounts
from postfix_ha.system.owner import near
from postfix_ha.verdict import Finding

SUFFIX = ".lock"
# A look at the mailboxes must not make a start late: what is not seen by then waits for stale_lock_time as before.
LOOK_S = 2.0
ENTRIES_MAX = 200_000
DEPTH_MAX = 4
SHOWN_MAX = 5
# Parameter with the mailboxes' place, parameter with the lock methods, how deep below mailboxes lie.
PLACES = (
    ("mail_spool_directory", "mailbox_delivery_lock", 1),
    ("virtual_mailbox_base", "virtual_mailbox_lock", DEPTH_MAX),
)
AGENTS = ("local", "virtual")


def free_mailboxes(instance: Instance) -> "list[Finding]":
    """Remove stale mailbox locks before a start; mailbox_locks_current for these, mailbox_locks_free for those kept."""
    until = time.monotonic() + LOOK_S
    removed: "list[str]" = []
    kept: "dict[str, list[str]]" = {}
    for place, methods, depth in PLACES:
        directory = instance.settings.get(place, "")
        if directory.startswith("/") and "dotlock" in instance.settings.get(methods, "").replace(",", " ").split():
            why = _why_not(directory)
            for path in _clear(directory, depth, until, is_kept=bool(why)):
                (kept.setdefault(why, []) if why else removed).append(path)
    findings = [Finding("mailbox_locks_free", paths=_shown(paths), why=why) for why, paths in kept.items()]
    if removed:
        findings.append(Finding("mailbox_locks_current", paths=_shown(removed)))
    return findings


def _why_not(directory: str) -> str:
    """Why a lock there may belong to somebody alive, "" where it cannot."""
    place = read_mounts().place_of(directory)
    if place.kind in (NETWORK, CLUSTER):
        return f"{place.what} may be in use on another node"
    for pid in near(process_ids(), ()):
        # By real uid: these agents take the effective one of the user whom they deliver to.
        if os.path.basename(process_program(pid)) in AGENTS and real_uid(pid) == 0:
            return f"process {pid} delivers mail for another instance on this node"
    return ""


def _clear(directory: str, depth: int, until: float, is_kept: bool) -> "list[str]":
    """Remove Postfix's locks below a directory, or only look where they are kept; the paths.

    Every step goes by descriptor and follows no link: users may write in these directories.
    """
    found: "list[str]" = []
    seen = 0
    top = os.path.realpath(directory)
    try:
        for at, below, names, descriptor in os.fwalk(top, follow_symlinks=False):
            if len(at[len(top) :].split("/")) >= depth or {"new", "cur", "tmp"} <= set(below):
                below.clear()  # a maildir is never locked
            seen += len(names)
            for name in names:
                if name.endswith(SUFFIX) and _is_postfix_lock(name, descriptor):
                    if not is_kept:
                        os.unlink(name, dir_fd=descriptor)
                    found.append(os.path.join(at, name))
            if seen > ENTRIES_MAX or time.monotonic() > until:
                break
    except OSError:
        return found  # not there, or not to be read: nothing that a start depends on
    return found


def _is_postfix_lock(name: str, directory: int) -> bool:
    """Whether it is an empty file without permissions that has this name alone, as Postfix makes its locks."""
    entry = os.stat(name, dir_fd=directory, follow_symlinks=False)
    is_bare = stat.S_ISREG(entry.st_mode) and not stat.S_IMODE(entry.st_mode)
    return is_bare and entry.st_size == 0 and entry.st_nlink == 1


def _shown(paths: "list[str]") -> str:
    more = len(paths) - SHOWN_MAX
    return ", ".join(sorted(paths)[:SHOWN_MAX]) + (f" and {more} more" if more > 0 else "")
