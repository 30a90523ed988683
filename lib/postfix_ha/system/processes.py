"""Whose process is it? The census of one instance's processes; the kernel's word first, the real uid.

A pid alone proves nothing, and whatever a process can choose for itself (environment, working directory, name, a lock
on some file) proves nothing of a stranger. A process belongs to the instance when

- it is the recorded master (number and start time), or
- it runs a program of Postfix's daemon directory as root, and its environment names the instance's configuration
  directory (MAIL_CONFIG, which master hands to every child) or it stands in the instance's queue directory, or
- it runs such a program as mail_owner, no other master is its parent, and it stands in the queue directory or names the
  configuration; local, pipe and spawn change their effective uid alone (set_eugid.c), so the real one is root's, or
- it is root's ``postfix start`` of this configuration, at whose end a master would come, or
- it descends from one of these (delivery commands, which are anybody's).

Postfix's commands that root or mail_owner run in the queue directory, and ``smtpd -S``, are commands of people: stop
ends them, but they serve nobody. Directories are compared as the kernel spells them (/proc/PID/cwd), which follows
renames and cannot hang on dead storage.
"""

import os

from postfix_ha.procfs import (
    ProcessStat,
    living_place,
    master_files,
    process_children,
    process_ids,
    process_program,
    process_stat,
    real_uid,
)
from postfix_ha.system.gathering import LISTS_MAX, Gathering, parent_of
from postfix_ha.system.identity import Identity

__all__ = ["Census", "Identity", "Member", "census", "census_of_daemons", "shown_name"]

NAME_LENGTH_MAX = 32
PLAIN = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._+-")


class Member:
    """One process of an instance: pid, start (clock ticks), program path, name, and the state when it was seen.

    ``is_command`` is set for what people run, such as sendmail or ``postfix check``: it uses the queue, serves nobody.
    """

    __slots__ = ("is_command", "name", "pid", "program", "start", "state")

    def __init__(self, stat: ProcessStat, program: str, is_command: bool = False) -> None:
        self.is_command = is_command
        self.pid = stat.pid
        self.start = stat.start
        self.state = stat.state
        self.program = program
        self.name = os.path.basename(program) or stat.name

    def __str__(self) -> str:
        return f"{shown_name(self.name)}[{self.pid}]"


class Census:
    """The processes of one instance: the master (it holds a lock on its files) or None, and all members.

    ``is_whole`` says that in the end no process was new: else there was always another, started by one before.
    """

    __slots__ = ("is_whole", "master", "members")

    def __init__(self, master: "Member | None", members: "list[Member]", is_whole: bool = True) -> None:
        self.master = master
        self.members = members
        self.is_whole = is_whole

    @property
    def is_in_service(self) -> bool:
        """Whether something of the mail system itself lives, and not only commands that people run."""
        return any(not member.is_command for member in self.members)

    def __str__(self) -> str:
        shown = ", ".join(str(member) for member in self.members[:8])
        more = len(self.members) - 8
        return shown + (f" and {more} more" if more > 0 else "")


def shown_name(name: str) -> str:
    """A process's name as it is told: its owner chose it, so it is short, and quoted where it is no plain word."""
    short = name[:NAME_LENGTH_MAX]
    return short if PLAIN.issuperset(short) and short else ascii(short)


def census(identity: Identity, pids: "list[int] | None" = None, *, with_owner: bool = False) -> Census:
    """All living processes of the instance, the master first; only these pids and what descends from them where given.

    ``with_owner`` adds, as commands, whatever else mail_owner runs in the queue directory: a stop ends that too. Where
    all that was found has ended meanwhile, it may have started others: then it is looked for once more.
    """
    for _ in range(LISTS_MAX):
        found, people = _census_once(identity, pids, with_owner)
        if people.members or not found:
            return people
    return Census(None, [], is_whole=False)


def _census_once(identity: Identity, pids: "list[int] | None", with_owner: bool) -> "tuple[set[int], Census]":
    """(all that was found, those of them that still lived when their master was looked for)."""
    gathering = Gathering(identity, with_owner)
    if pids is None:
        is_whole = gathering.look_at_all()
    else:
        gathering.look_at(pids)
        is_whole = True
    found, commands = gathering.found, gathering.commands
    _add_descendants(found)
    _add_descendants(commands)
    members = [member for member in (_member(pid, pid in commands) for pid in sorted(found)) if member is not None]
    master = _master_among(members, identity)
    if master:
        members.sort(key=lambda member: member is not master)
    return found, Census(master, members, is_whole)


def census_of_daemons(identity: Identity, master: int) -> Census:
    """The master process and its daemons, at the same cost however many other processes there are.

    Once in a while one daemon is missing (process_children); who would decide by that looks at all of them.
    """
    return census(identity, [master])


def _member(pid: int, is_command: bool) -> "Member | None":
    stat = process_stat(pid)
    if stat is None or stat.is_dead:
        return None
    return Member(stat, process_program(living_place(pid)), is_command)


def _add_descendants(found: "set[int]") -> None:
    """Add every process that descends from a found one."""
    listed: "dict[int, list[int]] | None" = None
    todo = list(found)
    while todo:
        pid = todo.pop()
        children = process_children(pid) if listed is None else listed.get(pid, [])
        if children is None:
            listed = _children_of_all()
            children = listed.get(pid, [])
        for child in children:
            if child not in found and child != os.getpid():
                found.add(child)
                todo.append(child)


def _children_of_all() -> "dict[int, list[int]]":
    """Parent -> children, on a kernel that keeps no lists of them."""
    children: "dict[int, list[int]]" = {}
    for pid in process_ids():
        children.setdefault(parent_of(pid), []).append(pid)
    return children


def _master_among(members: "list[Member]", identity: Identity) -> "Member | None":
    """The recorded master, or root's process of program master that holds a lock on its files."""
    for member in members:
        if (member.pid, member.start) == identity.master:
            return member
    for member in members:
        is_master = member.name == "master" and identity.is_daemon(member.program) and real_uid(member.pid) == 0
        if is_master and master_files(member.pid)[1]:
            return member
    return None
