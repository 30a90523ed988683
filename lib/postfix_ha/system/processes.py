"""Whose process is it? The census of one instance's processes, by two witnesses each.

A pid alone proves nothing. A process belongs to the instance when

- it is the recorded master (number and start time), or a Postfix daemon whose environment names the instance's
  configuration directory (MAIL_CONFIG, which master hands to every child) and which sees our root or the queue as its
  root (a container's own /etc/postfix is another one), or
- it is a ``postfix start`` of this configuration, at whose end a master would come, or
- it runs a Postfix program in the instance's queue directory and names no other configuration, or
- it has no terminal, stands in the queue directory and names the configuration (a delivery command whose daemon has
  died, pipe(8) and local(8) export MAIL_CONFIG), or
- it descends from one of these (delivery commands).

Directories are compared as the kernel spells them (/proc/PID/cwd), which follows renames and lazy unmounts and, other
than looking into them, cannot hang on dead storage.
"""

import os

from postfix_ha.instance import DEFAULT_CONFIG_DIR, Instance
from postfix_ha.procfs import (
    ProcessStat,
    master_files,
    process_children,
    process_environment,
    process_ids,
    process_link,
    process_program,
    process_stat,
    read_bytes,
)

# Where distributions keep the daemons: Debian, SUSE, Red Hat, the source's own default.
DAEMON_DIRECTORY_ENDS = ("/postfix/sbin", "/libexec/postfix", "/lib/postfix", "/lib/postfix/bin", "/postfix/bin")
COMMANDS = ("postfix", "postdrop", "postqueue", "postsuper", "postlog", "postcat", "postalias", "postmap", "sendmail")


# postfix(1), and the shell script that it becomes, by the names under which the kernel lists them.
STARTERS = ("postfix", "postfix-script")
# Where the postfix command is the one whose default configuration directory is DEFAULT_CONFIG_DIR.
SYSTEM_DIRECTORIES = ("/usr/sbin", "/sbin")


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
        return f"{self.name}[{self.pid}]"


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


class Identity:
    """How the processes of an instance are told from all others.

    ``config_id`` and ``queue_id`` are (device, inode) or None where they were not looked up; ``master`` is the
    recorded (pid, start) or None.
    """

    __slots__ = ("config_dirs", "config_id", "daemon_dirs", "master", "queue_dirs", "queue_id")

    def __init__(self, config_dir: str, instance: "Instance | None" = None) -> None:
        self.config_dirs: "set[str]" = set()
        self._add_config_dir(config_dir or DEFAULT_CONFIG_DIR)
        self.config_id: "tuple[int, int] | None" = None
        self.queue_dirs: "set[str]" = set()
        self.queue_id: "tuple[int, int] | None" = None
        self.daemon_dirs: "set[str]" = set()
        self.master: "tuple[int, int] | None" = None
        if instance is not None:
            self.learn(instance)

    def learn(self, instance: Instance) -> None:
        """Add what an instance's facts tell."""
        self._add_config_dir(instance.config_dir)
        if instance.queue_directory:
            self.queue_dirs.add(os.path.normpath(instance.queue_directory))
        if instance.daemon_directory:
            self.daemon_dirs.add(os.path.normpath(instance.daemon_directory))
        self.queue_id = instance.queue_id or self.queue_id
        if instance.master_pid:
            self.master = (instance.master_pid, instance.master_start)

    def _add_config_dir(self, directory: str) -> None:
        """Add a directory; a relative one names no instance, wherever we happen to stand."""
        if directory.startswith("/"):
            self.config_dirs.add(os.path.normpath(directory))

    def look_up(self) -> None:
        """Resolve links and inodes; only where a hung file system may hang the caller too."""
        for directories in (self.config_dirs, self.queue_dirs):
            directories.update([os.path.realpath(directory) for directory in directories])
        for directory in self.config_dirs:
            self.config_id = self.config_id or _id_of(directory)

    def names_config(self, environment: "dict[str, str]") -> "bool | None":
        """Whether a process's environment names our configuration; None when it names none."""
        value = environment.get("MAIL_CONFIG", "")
        if not value:
            return None
        if os.path.normpath(value) in self.config_dirs:
            return True
        return self.config_id is not None and _id_of(value) == self.config_id

    def is_daemon(self, program: str) -> bool:
        """Whether the program lies in a Postfix daemon directory."""
        directory = os.path.dirname(program)
        return directory in self.daemon_dirs or directory.endswith(DAEMON_DIRECTORY_ENDS)

    def is_program(self, program: str) -> bool:
        """Whether the program is a Postfix daemon or command."""
        return self.is_daemon(program) or os.path.basename(program) in COMMANDS


def census(identity: Identity, pids: "list[int] | None" = None) -> Census:
    """All living processes of the instance, the master first; only among these pids where some are given."""
    stats = _living(process_ids() if pids is None else pids)
    programs = {pid: process_program(pid) for pid in stats}
    environments = {pid: process_environment(pid) for pid in stats if identity.is_program(programs[pid])}
    found: "set[int]" = set()
    if identity.master and identity.master[0] in stats and stats[identity.master[0]].start == identity.master[1]:
        found.add(identity.master[0])
    candidates = [pid for pid in environments if identity.names_config(environments[pid]) and _is_here(pid)]
    found |= {pid for pid in candidates if identity.is_daemon(programs[pid]) and process_link(pid, "root") == "/"}
    queue_dirs = identity.queue_dirs | {process_link(pid, "cwd") for pid in found} - {"", "/"}
    for pid in stats.keys() - found:
        is_program = pid in environments
        # Without a terminal: an administrator's shell in the queue directory is nobody's delivery.
        if not is_program and stats[pid].terminal:
            continue
        if _stands_in(pid, queue_dirs, identity, is_program) and _is_here(pid):
            named = identity.names_config(environments[pid] if is_program else process_environment(pid))
            if named or (named is None and is_program):
                found.add(pid)
    starters = [pid for pid in stats if stats[pid].name in STARTERS and _is_start(pid, programs[pid], identity)]
    found |= {pid for pid in starters if _is_here(pid)}
    _add_descendants(found, stats)
    commands = {pid for pid in found if _is_command(pid, programs[pid], stats[pid].name)}
    _add_descendants(commands, stats)
    members = [Member(stats[pid], programs[pid], pid in commands) for pid in sorted(found)]
    master = _master_among(members, identity)
    if master:
        members.sort(key=lambda member: member is not master)
    return Census(master, members)


def census_of_daemons(identity: Identity, master: int) -> Census:
    """The master process and its daemons, at the same cost however many other processes there are.

    Once in a while one daemon is missing (process_children); who would decide by that looks at all of them.
    """
    children = process_children(master)
    return census(identity, None if children is None else [master, *children])


def _living(pids: "list[int]") -> "dict[int, ProcessStat]":
    """Those of the processes that run, without this one."""
    stats = (process_stat(pid) for pid in pids if pid != os.getpid())
    return {stat.pid: stat for stat in stats if stat is not None and not stat.is_dead}


def _is_here(pid: int) -> bool:
    """Whether the process lives in our own process namespace and file tree, not in a container's."""
    return process_link(pid, "ns/pid") == process_link(os.getpid(), "ns/pid") and sees_our_root(pid)


def sees_our_root(pid: int) -> bool:
    """Whether the process has the root file system that we have, in whichever mount namespace.

    Service managers give a service mounts of its own over the same root; a container has another root. In a chroot
    the kernel shows no root mount: then the parent decides.
    """
    ours = process_link(os.getpid(), "ns/mnt")
    our_root = _root_mount(os.getpid())
    while pid > 1 and process_link(pid, "ns/mnt") not in ("", ours):
        root = _root_mount(pid)
        if root and our_root:
            return root == our_root
        stat = process_stat(pid)
        pid = stat.parent if stat else 0
    return True


def _root_mount(pid: int) -> "list[bytes]":
    """Device and directory of what a process has mounted at /; empty where it sees none."""
    for line in (read_bytes(f"/proc/{pid}/mountinfo") or b"").splitlines():
        fields = line.split(b" ", 5)
        if len(fields) > 5 and fields[4] == b"/":
            return fields[2:4]
    return []


def _is_start(pid: int, program: str, identity: Identity) -> bool:
    """Whether the process is the postfix command on its way to start this instance, or the script that it became."""
    words = _words_of(pid)
    environment = process_environment(pid)
    if os.path.basename(program) != STARTERS[0]:
        return any(identity.is_daemon(word) for word in words[:2]) and bool(identity.names_config(environment))
    if not words or not words[-1].startswith("start"):
        return False
    options = dict(zip(words, words[1:]))
    named = options.get("-c") or environment.get("MAIL_CONFIG", "")
    if not named and os.path.dirname(program) in SYSTEM_DIRECTORIES:
        named = DEFAULT_CONFIG_DIR
    return os.path.normpath(named) in identity.config_dirs


def _stands_in(pid: int, queue_dirs: "set[str]", identity: Identity, is_program: bool) -> bool:
    """Whether the working or root directory of the process is the queue directory."""
    if process_link(pid, "cwd") in queue_dirs or process_link(pid, "root") in queue_dirs:
        return True
    # Inodes are compared for Postfix's own programs alone: a stranger may stand on dead storage.
    return bool(is_program and identity.queue_id and _id_of(f"/proc/{pid}/cwd") == identity.queue_id)


def _is_command(pid: int, program: str, name: str) -> bool:
    """Whether a member is one of Postfix's commands, other than a start."""
    if name in STARTERS:
        return not (_words_of(pid) or [""])[-1].startswith("start")
    return os.path.basename(program) in COMMANDS


def _words_of(pid: int) -> "list[str]":
    return [os.fsdecode(word) for word in (read_bytes(f"/proc/{pid}/cmdline") or b"").split(b"\0")[:-1]]


def _add_descendants(found: "set[int]", stats: "dict[int, ProcessStat]") -> None:
    """Add every process that descends from a found one."""
    children: "dict[int, list[int]]" = {}
    for pid, stat in stats.items():
        children.setdefault(stat.parent, []).append(pid)
    todo = list(found)
    while todo:
        for child in children.get(todo.pop(), ()):
            if child not in found:
                found.add(child)
                todo.append(child)


def _master_among(members: "list[Member]", identity: Identity) -> "Member | None":
    """The recorded master, or the process of program master that holds a lock on its files."""
    for member in members:
        if (member.pid, member.start) == identity.master:
            return member
    for member in members:
        if member.name == "master" and identity.is_daemon(member.program) and master_files(member.pid)[1]:
            return member
    return None


def _id_of(path: str) -> "tuple[int, int] | None":
    try:
        found = os.stat(path)
    except OSError:
        return None
    return (found.st_dev, found.st_ino)
