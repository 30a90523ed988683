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
    process_environment,
    process_ids,
    process_link,
    process_program,
    process_stat,
    read_bytes,
    real_uid,
    shown_uid,
    shown_uids,
)
from postfix_ha.system.identity import COMMANDS, STARTERS, Identity
from postfix_ha.system.namespaces import is_here
from postfix_ha.system.witnesses import (
    IN_QUEUE,
    OF_A_PERSON,
    OTHER,
    OURS,
    ask,
    is_start,
    is_starting,
    serves_a_person,
)

__all__ = ["Census", "Identity", "Member", "census", "census_of_daemons", "shown_name", "stands_in"]

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
    """The processes of one instance: the master (it holds a lock on its files) or None, and all members."""

    __slots__ = ("master", "members")

    def __init__(self, master: "Member | None", members: "list[Member]") -> None:
        self.master = master
        self.members = members

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


class _Suspect:
    """A process of root or mail_owner that may be the instance's: its place under /proc, real uid, program."""

    __slots__ = ("is_daemon", "pid", "place", "program", "uid")

    def __init__(self, pid: int, place: "int | str", uid: int, program: str, is_daemon: bool) -> None:
        self.pid = pid
        self.place = place
        self.uid = uid
        self.program = program
        self.is_daemon = is_daemon


def census(identity: Identity, pids: "list[int] | None" = None, *, with_owner: bool = False) -> Census:
    """All living processes of the instance, the master first; only among these pids where some are given.

    ``with_owner`` adds, as commands, whatever else mail_owner runs in the queue directory: a stop ends that too.
    """
    looked_at = process_ids() if pids is None else pids
    suspects = _suspects(identity, looked_at, with_owner)
    found, commands = _roots(identity, suspects)
    masters = {each.pid for each in suspects if each.pid in found and os.path.basename(each.program) == "master"}
    recorded = process_stat(identity.master[0]) if identity.master and identity.master[0] in looked_at else None
    if recorded is not None and not recorded.is_dead and (recorded.pid, recorded.start) == identity.master:
        masters.add(recorded.pid)
        found.add(recorded.pid)
    # A master's daemons stand where it does, also when the configuration tells of another place, or none.
    identity.queue_dirs |= {process_link(pid, "cwd") for pid in masters} - {"", "/"}
    _add_those_in_the_queue(identity, suspects, found, commands)
    everybody = looked_at if pids is None else None
    _add_descendants(found, everybody)
    _add_descendants(commands, everybody)
    members = [member for member in (_member(pid, pid in commands) for pid in sorted(found)) if member is not None]
    master = _master_among(members, identity)
    if master:
        members.sort(key=lambda member: member is not master)
    return Census(master, members)


def census_of_daemons(identity: Identity, master: int) -> Census:
    """The master process and its daemons, at the same cost however many other processes there are.

    Once in a while one daemon is missing (process_children); who would decide by that looks at all of them.
    """
    return census(identity, [master])


def _suspects(identity: Identity, pids: "list[int]", with_owner: bool) -> "list[_Suspect]":
    """The processes of root and mail_owner that run a program of Postfix's, or anything in the queue as mail_owner."""
    shown = shown_uids(identity.owner_uids)
    uids = {0, *identity.owner_uids}
    own = os.getpid()
    found = []
    for pid in pids:
        if (shown is not None and shown_uid(pid) not in shown) or pid == own:
            continue
        program, place = process_program(pid), pid
        if not program:
            place = living_place(pid)  # type: ignore[assignment]
            program = process_program(place) if place else ""
        if not program:
            continue
        is_daemon = identity.is_daemon(program)
        if not (is_daemon or with_owner or os.path.basename(program) in COMMANDS or _name_of(place) in STARTERS):
            continue
        uid = real_uid(pid)
        if uid in uids:
            found.append(_Suspect(pid, place, uid, program, is_daemon))
    return found


def _roots(identity: Identity, suspects: "list[_Suspect]") -> "tuple[set[int], set[int]]":
    """Root's daemons that name the configuration, and root's starts and scripts: (all of them, commands among them)."""
    found: "set[int]" = set()
    commands: "set[int]" = set()
    for each in suspects:
        if each.uid != 0:
            continue
        if each.is_daemon:
            is_ours = bool(identity.names_config(process_environment(each.place)))
            # A chrooted daemon shows its own root: it is told by the queue.
            if not is_ours or process_link(each.place, "root") != "/" or not is_here(each.place):
                continue
            if serves_a_person(each.place):
                commands.add(each.pid)
        elif _name_of(each.place) not in STARTERS or not is_here(each.place):
            continue
        elif is_start(identity, each.place, each.program):
            if not is_starting(each.place):
                commands.add(each.pid)
        else:
            continue
        found.add(each.pid)
    return found, commands


def _add_those_in_the_queue(
    identity: Identity, suspects: "list[_Suspect]", found: "set[int]", commands: "set[int]"
) -> None:
    """Add what stands in the queue directory, or says that it is ours where neither queue nor master tells."""
    masters = {each.pid for each in suspects if each.uid == 0 and each.is_daemon}
    unsure: "list[_Suspect]" = []
    for each in suspects:
        if each.pid in found or (each.uid != 0 and each.is_daemon and _parent(each.pid) in masters):
            continue  # its master speaks for it: with that it is a descendant, or another instance's
        stands = each.is_daemon or (_is_known_to_be_ours(each) and stands_in(each.place, identity.queue_dirs))
        if stands and not _names_another(identity, each):
            unsure.append(each)
    said = ask(identity, [each.place for each in unsure]) if unsure else {}
    for each in unsure:
        words = said.get(str(each.place), "")
        stands = stands_in(each.place, identity.queue_dirs) or IN_QUEUE in words
        named_other = OTHER in words and each.uid == 0
        if not ((stands and not named_other) or OURS in words) or not is_here(each.place):
            continue
        found.add(each.pid)
        if not each.is_daemon or OF_A_PERSON in words:
            commands.add(each.pid)


def _names_another(identity: Identity, suspect: _Suspect) -> bool:
    """Whether a process of root's names another configuration than ours, by whatever path that could be ours."""
    is_told = suspect.uid == 0 and identity.config_id is None
    return is_told and identity.names_config(process_environment(suspect.place)) is False


def _is_known_to_be_ours(suspect: _Suspect) -> bool:
    """Whether what stands in the queue is a command of Postfix's or mail_owner's; not an administrator's shell."""
    return suspect.uid != 0 or os.path.basename(suspect.program) in COMMANDS


def stands_in(place: "int | str", directories: "set[str]") -> bool:
    """Whether the working or root directory of the process is one of these, as the kernel spells them."""
    return process_link(place, "cwd") in directories or process_link(place, "root") in directories


def _name_of(place: "int | str") -> str:
    """The name under which the kernel lists a process."""
    return os.fsdecode(read_bytes(f"/proc/{place}/comm", 64) or b"").rstrip("\n")


def _parent(pid: int) -> int:
    stat = process_stat(pid)
    return stat.parent if stat is not None else 0


def _member(pid: int, is_command: bool) -> "Member | None":
    stat = process_stat(pid)
    if stat is None or stat.is_dead:
        return None
    return Member(stat, process_program(living_place(pid)), is_command)


def _add_descendants(found: "set[int]", everybody: "list[int] | None") -> None:
    """Add every process that descends from a found one; ``everybody`` is for a kernel that keeps no lists of them."""
    listed: "dict[int, list[int]] | None" = None
    todo = list(found)
    while todo:
        pid = todo.pop()
        children = process_children(pid) if listed is None else listed.get(pid, [])
        if children is None:
            listed = _children_of_all(process_ids() if everybody is None else everybody)
            children = listed.get(pid, [])
        for child in children:
            if child not in found and child != os.getpid():
                found.add(child)
                todo.append(child)


def _children_of_all(pids: "list[int]") -> "dict[int, list[int]]":
    children: "dict[int, list[int]]" = {}
    for pid in pids:
        children.setdefault(_parent(pid), []).append(pid)
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
