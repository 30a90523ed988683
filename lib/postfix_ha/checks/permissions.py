"""Checks of modes and groups beyond those that keep Postfix from starting: what postfix-files wants of the queue."""

import os
import stat
import time

from postfix_ha.checks.node_facts import Survey
from postfix_ha.checks.startup.setup import group_id
from postfix_ha.system.child import known_by_child
from postfix_ha.system.quoting import quote_words
from postfix_ha.verdict import Finding

# Queue directory -> the mode that postfix-files gives it. maildrop has a check of its own (setgid_commands_kept).
PRIVATE = ("active", "bounce", "corrupt", "defer", "deferred", "flush", "hold", "incoming", "private", "saved", "trace")
MODES = {**dict.fromkeys(PRIVATE, 0o700), "public": 0o710, "pid": 0o755, "": 0o755}
QUEUE_DIRECTORIES = (*PRIVATE, "maildrop", "pid", "public")
WRITABLE = 0o022
# A user without any rights of his own (the kernel's overflow uid), and how long his way to the queue is tried.
NOBODY = 65534
WAY_S = 2.0


def check_queue_complete(survey: Survey) -> "list[Finding]":
    """queue_directories_complete: nothing is missing that 'postfix check' would make."""
    directory = survey.instance.queue_directory
    missing = [name for name in QUEUE_DIRECTORIES if not os.path.isdir(os.path.join(directory, name))]
    if not os.path.isdir(survey.instance.data_directory):
        missing.append(survey.instance.data_directory)
    if not missing:
        return []
    shown = ", ".join(missing[:3]) + (f" and {len(missing) - 3} more" if len(missing) > 3 else "")
    cure = "" if survey.absent_addresses else quote_words(survey.params.command("check"))
    return [Finding("queue_directories_complete", path=directory, missing=shown, cure=cure)]


def check_queue_modes(survey: Survey) -> "list[Finding]":
    """queue_modes_kept: no directory of the queue lacks a permission, or lets others write."""
    found = []
    for name, wanted in MODES.items():
        path = os.path.join(survey.instance.queue_directory, name).rstrip("/")
        mode = _mode(path)
        if mode is None:
            continue
        why = ""
        if mode & wanted != wanted:
            why = f"Postfix needs {wanted:04o}"
        elif mode & WRITABLE & ~wanted:
            why = "others than its owner can write there"
        elif not wanted & 0o005 and mode & 0o007:
            why = "every user can look into it"
        if why:
            values = {"path": path, "mode": f"{mode:04o}", "wanted": f"{mode & 0o7000 | wanted:04o}", "why": why}
            found.append(Finding("queue_modes_kept", **values))
    return found


def check_way_to_queue(survey: Survey) -> "list[Finding]":
    """queue_path_open: no directory on the way to the queue keeps users, and so their postdrop, from it."""
    directory, gid = survey.instance.queue_directory, group_id(survey.instance.setgid_group)
    if os.geteuid() != 0 or gid is None or not os.path.isdir(directory):
        return []
    deadline = min(survey.deadline, time.monotonic() + WAY_S)
    closed = known_by_child(lambda: _closed_to_users(directory, gid), deadline)
    if not isinstance(closed, str) or not closed:
        return []
    return [Finding("queue_path_open", path=closed, mode=f"{_mode(closed) or 0:04o}")]


def _closed_to_users(directory: str, gid: int) -> str:
    """The first directory above the queue that a user's postdrop may not go through, "" for none; for a child.

    The kernel is asked with such a user's rights, for an access control list may say more than a mode.
    """
    ways = [os.path.abspath(directory), os.path.realpath(directory)]
    above = [each for way in ways for each in _above(way)]
    os.setgroups([])
    os.setgid(gid)
    os.setuid(NOBODY)
    return next((each for each in above if not os.access(each, os.X_OK)), "")


def _above(path: str) -> "list[str]":
    """The directories that lead to a path, from the top."""
    names = path.strip("/").split("/")[:-1]
    return ["/" + "/".join(names[: number + 1]) for number in range(len(names))]


def check_setgid_groups(survey: Survey) -> "list[Finding]":
    """setgid_commands_grouped: postdrop and postqueue run as setgid_group."""
    group, wanted = survey.instance.setgid_group, group_id(survey.instance.setgid_group)
    found = []
    for name in ("postdrop", "postqueue"):
        path = os.path.join(survey.instance.command_directory, name)
        try:
            gid = os.stat(path).st_gid
        except OSError:
            continue
        if wanted is not None and gid != wanted:
            found.append(Finding("setgid_commands_grouped", path=path, found=gid, group=group, wanted=wanted))
    return found


def _mode(path: str) -> "int | None":
    try:
        return stat.S_IMODE(os.stat(path).st_mode)
    except OSError:
        return None
