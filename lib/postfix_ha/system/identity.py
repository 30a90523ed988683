"""Identity: what tells the processes of one instance from all others, and which programs are Postfix's own."""

import os

from postfix_ha.instance import DEFAULT_CONFIG_DIR, Instance

# Where distributions keep the daemons: Debian, SUSE, Red Hat, the source's own default.
DAEMON_DIRECTORY_ENDS = ("/postfix/sbin", "/libexec/postfix", "/lib/postfix", "/lib/postfix/bin", "/postfix/bin")
# Below these alone a daemon directory is believed that nobody has named; no user's file system is mounted there.
SYSTEM_TREES = ("/usr/", "/opt/", "/lib/", "/lib64/", "/libexec/")
COMMANDS = ("postfix", "postdrop", "postqueue", "postsuper", "postlog", "postcat", "postalias", "postmap", "sendmail")
# postfix(1), and the shell script that it becomes, by the names under which the kernel lists them.
STARTERS = ("postfix", "postfix-script")
WRITABLE_BY_OTHERS = 0o022


class Identity:
    """How the processes of an instance are told from all others.

    ``config_id`` and ``queue_id`` are (device, inode) or None where they were not looked up; ``master`` is the
    recorded (pid, start) or None; ``owner_uids`` are those of mail_owner, the record's and today's. ``silent`` are
    processes (places) that let hang whoever asks them, ``hung`` is how often that was met. ``listed`` are all processes
    of the node (pids) when the instance's were last looked for among them.
    """

    __slots__ = (
        "_root_controlled",
        "config_dirs",
        "config_id",
        "daemon_dirs",
        "hung",
        "listed",
        "master",
        "owner_uids",
        "queue_dirs",
        "queue_id",
        "silent",
    )

    def __init__(self, config_dir: str, instance: "Instance | None" = None) -> None:
        self.config_dirs: "set[str]" = set()
        self._add_config_dir(config_dir or DEFAULT_CONFIG_DIR)
        self.config_id: "tuple[int, int] | None" = None
        self.queue_dirs: "set[str]" = set()
        self.queue_id: "tuple[int, int] | None" = None
        self.daemon_dirs: "set[str]" = set()
        self.owner_uids: "set[int]" = set()
        self.master: "tuple[int, int] | None" = None
        self.hung = 0
        self.listed: "list[int]" = []
        self.silent: "set[str]" = set()
        self._root_controlled: "dict[str, bool]" = {}
        if instance is not None:
            self.learn(instance)

    def learn(self, instance: Instance) -> None:
        """Add what an instance's facts tell."""
        self._add_config_dir(instance.config_dir)
        if instance.queue_directory:
            self.queue_dirs.add(os.path.normpath(instance.queue_directory))
        if instance.daemon_directory:
            self.daemon_dirs.add(os.path.normpath(instance.daemon_directory))
        if instance.mail_owner_uid:
            self.owner_uids.add(instance.mail_owner_uid)
        self.queue_id = instance.queue_id or self.queue_id
        if instance.master_pid:
            self.master = (instance.master_pid, instance.master_start)

    def _add_config_dir(self, directory: str) -> None:
        """Add a directory; a relative one names no instance, wherever we happen to stand."""
        if directory.startswith("/"):
            self.config_dirs.add(os.path.normpath(directory))

    def look_up(self) -> None:
        """Resolve links and inodes; only where a hung file system may hang the caller too."""
        for directories in (self.config_dirs, self.queue_dirs, self.daemon_dirs):
            directories.update([os.path.realpath(directory) for directory in directories])
        for directory in self.config_dirs:
            self.config_id = self.config_id or id_of(directory)

    def names_config(self, environment: "dict[str, str]", look: bool = False) -> "bool | None":
        """Whether a process's environment names our configuration; None when it names none.

        With ``look`` also by another path, which may hang where that lies on a dead file system.
        """
        value = environment.get("MAIL_CONFIG", "")
        if not value:
            return None
        if os.path.normpath(value) in self.config_dirs:
            return True
        return look and self.config_id is not None and id_of(value) == self.config_id

    def is_daemon(self, program: str) -> bool:
        """Whether the program lies in the daemon directory, or in what looks like one and is root's alone."""
        directory = os.path.dirname(program)
        if directory in self.daemon_dirs:
            return True
        if not directory.endswith(DAEMON_DIRECTORY_ENDS) or not directory.startswith(SYSTEM_TREES):
            return False
        if directory not in self._root_controlled:
            self._root_controlled[directory] = is_root_controlled(directory)
        return self._root_controlled[directory]


def is_root_controlled(directory: str) -> bool:
    """Whether root alone can change what lies at this path; looks from the top and no further than that is so."""
    path = ""
    for name in directory.rstrip("/").split("/"):
        path = f"{path}{name}/"
        try:
            found = os.lstat(path.rstrip("/") or "/")
        except FileNotFoundError:
            return True  # a package was removed under it: what is left of the path is root's, and so was the rest
        except OSError:
            return False
        if found.st_uid != 0 or found.st_mode & WRITABLE_BY_OTHERS or found.st_mode & 0o170000 != 0o040000:
            return False
    return True


def id_of(path: str) -> "tuple[int, int] | None":
    """(device, inode) of what is at a path, None where nothing can be seen there."""
    try:
        found = os.stat(path)
    except OSError:
        return None
    return (found.st_dev, found.st_ino)
