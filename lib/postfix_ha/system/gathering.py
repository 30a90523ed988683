"""Gathering: one look through the table of processes for those of an instance that are told by themselves.

What is told by descent alone is added afterwards. A process that is born meanwhile is looked at as well, until no new
one shows: what ends while it is looked at may have started another.
"""

import os

from postfix_ha.procfs import (
    forks,
    living_place,
    process_environment,
    process_ids,
    process_link,
    process_program,
    process_stat,
    read_bytes,
    real_uid,
)
from postfix_ha.system.identity import COMMANDS, STARTERS, Identity
from postfix_ha.system.namespaces import is_here, sees_ours_at
from postfix_ha.system.owner import near
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

# So often a list may have new processes on it before the look is given up as never whole.
LISTS_MAX = 5


class Suspect:
    """A process of root or mail_owner that may be the instance's: its place under /proc, real uid, program."""

    __slots__ = ("is_daemon", "pid", "place", "program", "uid")

    def __init__(self, pid: int, place: "int | str", uid: int, program: str, is_daemon: bool) -> None:
        self.pid = pid
        self.place = place
        self.uid = uid
        self.program = program
        self.is_daemon = is_daemon

    @property
    def is_command(self) -> bool:
        """Whether it runs one of Postfix's commands, or anything else as mail_owner; not an administrator's shell."""
        return self.uid != 0 or os.path.basename(self.program) in COMMANDS


class Gathering:
    """What was found so far: processes (pids), commands of people among them, and root's daemons of any instance."""

    __slots__ = ("_mounts", "commands", "found", "identity", "root_daemons", "with_owner")

    def __init__(self, identity: Identity, with_owner: bool) -> None:
        self.identity = identity
        self.with_owner = with_owner
        self.found: "set[int]" = set()
        self.commands: "set[int]" = set()
        self.root_daemons: "set[int]" = set()
        self._mounts: "dict[tuple[str, str], bool]" = {}

    def look_at_all(self) -> bool:
        """Look at every process; False where there always was a new one."""
        known: "set[int]" = set()
        for _ in range(LISTS_MAX):
            started = forks()
            self.identity.listed = process_ids()
            new = [pid for pid in self.identity.listed if pid not in known]
            if not new:
                return True
            known.update(new)
            self.look_at(new)
            if started >= 0 and forks() == started:
                return True  # none was born meanwhile: another list would be the same
        return False

    def look_at(self, pids: "list[int]") -> None:
        """Look at these processes."""
        # Most processes of a node are strangers: one question about each is all that they cost.
        suspects = [each for each in map(self._suspect, near(pids, self.identity.owner_uids)) if each is not None]
        for each in suspects:
            if each.uid == 0:
                self._judge_root_s(each)
        masters = {each.pid for each in suspects if each.pid in self.found and is_master(each.program)}
        recorded = self._recorded(pids)
        # A master's daemons stand where it does, also when the configuration tells of another place, or none.
        self.identity.queue_dirs |= {process_link(pid, "cwd") for pid in masters | recorded} - {"", "/"}
        self.found |= recorded
        self._add_those_in_the_queue(suspects)

    def _recorded(self, pids: "list[int]") -> "set[int]":
        """The recorded master, if it is among these and lives."""
        master = self.identity.master
        stat = process_stat(master[0]) if master and master[0] in pids else None
        return {stat.pid} if stat is not None and not stat.is_dead and (stat.pid, stat.start) == master else set()

    def _suspect(self, pid: int) -> "Suspect | None":
        """A process of root or mail_owner with a program of Postfix's; with_owner, whatever mail_owner runs."""
        if pid == os.getpid():
            return None
        place: "int | str" = pid
        program = process_program(pid)
        if not program:
            place = living_place(pid)
            program = process_program(place) if place else ""
        if not program:
            return None
        is_daemon = self.identity.is_daemon(program)
        is_postfix_s = is_daemon or os.path.basename(program) in COMMANDS or name_of(place) in STARTERS
        if not is_postfix_s and not self.with_owner:
            return None
        uid = real_uid(pid)
        if uid not in self.identity.owner_uids and not (uid == 0 and is_postfix_s):
            return None
        return Suspect(pid, place, uid, program, is_daemon)

    def _judge_root_s(self, suspect: Suspect) -> None:
        """Add a daemon of root's that names the configuration, or a start or script for it."""
        place = suspect.place
        if suspect.is_daemon:
            self.root_daemons.add(suspect.pid)
            is_ours = self.identity.names_config(process_environment(place))
            # A chrooted daemon shows its own root: it is told by the queue.
            if not is_ours or process_link(place, "root") != "/" or not self._is_here(place):
                return
            is_command = serves_a_person(place)
        else:
            if name_of(place) not in STARTERS or not self._is_here(place):
                return
            if not is_start(self.identity, place, suspect.program):
                return
            is_command = not is_starting(place)
        self.found.add(suspect.pid)
        if is_command:
            self.commands.add(suspect.pid)

    def _add_those_in_the_queue(self, suspects: "list[Suspect]") -> None:
        """Add what stands in the queue directory, or says that it is ours where neither queue nor master tells."""
        unsure = [each for each in suspects if self._is_unsure(each)]
        said = ask(self.identity, [each.place for each in unsure]) if unsure else {}
        for each in unsure:
            words = said.get(str(each.place), "")
            stands = stands_in(each.place, self.identity.queue_dirs) or IN_QUEUE in words
            names_another = OTHER in words and each.uid == 0
            if not ((stands and not names_another) or OURS in words) or not self._is_here(each.place):
                continue
            self.found.add(each.pid)
            if not each.is_daemon or OF_A_PERSON in words:
                self.commands.add(each.pid)

    def _is_here(self, place: "int | str") -> bool:
        """Whether the process lives in our name spaces and its queue is on the file system that ours is on.

        With mounts of its own a service may have another file system where our queue is; the record's queue, which we
        may have unmounted meanwhile, is told by its device.
        """
        if not is_here(place):
            return False
        directory = process_link(place, "cwd")
        directories = {directory} if directory in self.identity.queue_dirs else self.identity.queue_dirs or {directory}
        device = self.identity.queue_id[0] if self.identity.queue_id else None
        return any(sees_ours_at(place, path, self._mounts, device) for path in directories)

    def _is_unsure(self, suspect: Suspect) -> bool:
        """Whether a process that is not found yet may still be ours, by where it stands or what it says."""
        if suspect.pid in self.found:
            return False
        if suspect.uid != 0 and suspect.is_daemon and parent_of(suspect.pid) in self.root_daemons:
            return False  # its master speaks for it: with that it is a descendant, or another instance's
        # Where its configuration is another by name, and no look at it could tell otherwise, it is another's.
        is_told = suspect.uid == 0 and self.identity.config_id is None
        if is_told and self.identity.names_config(process_environment(suspect.place)) is False:
            return False
        return suspect.is_daemon or (suspect.is_command and stands_in(suspect.place, self.identity.queue_dirs))


def is_master(program: str) -> bool:
    """Whether a program of the daemon directory is the master."""
    return os.path.basename(program) == "master"


def stands_in(place: "int | str", directories: "set[str]") -> bool:
    """Whether the working or root directory of the process is one of these, as the kernel spells them."""
    return process_link(place, "cwd") in directories or process_link(place, "root") in directories


def name_of(place: "int | str") -> str:
    """The name under which the kernel lists a process."""
    return os.fsdecode(read_bytes(f"/proc/{place}/comm", 64) or b"").rstrip("\n")


def parent_of(pid: int) -> int:
    """The number of a process's parent, 0 where it has none or is gone."""
    stat = process_stat(pid)
    return stat.parent if stat is not None else 0
