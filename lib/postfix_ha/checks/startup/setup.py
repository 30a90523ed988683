"""Checks of a node's setup before Postfix starts: each looks at one condition of the catalogue and says what it found.

No check exits, prints or raises for a state of the node that can be expected; start and validate-all decide.
"""

import errno
import os
import stat

from postfix_ha.checks.startup.lock_owners import lock_holder
from postfix_ha.checks.startup.parameter_values import told_where, wrong_values
from postfix_ha.checks.startup.queue_files import write_as_root
from postfix_ha.checks.startup.queue_place import check_queue_made
from postfix_ha.config.postconf import find_postconf
from postfix_ha.instance import CONFIG_FILES, Instance
from postfix_ha.params import Params
from postfix_ha.procfs import process_environment
from postfix_ha.verdict import Finding

# Queue directories by their owner and group (postfix-files): mail_owner's, and setgid_group's.
OWNED_DIRECTORIES = ("incoming", "active", "deferred", "maildrop", "hold", "public", "private")
GROUPED_DIRECTORIES = ("maildrop", "public")
MAILDROP_MODE = 0o730
# What a start runs, and the daemons without which no mail is taken.
COMMANDS = ("postconf", "postsuper", "postlog")
DAEMONS = ("master", "postfix-script", "smtpd", "cleanup", "qmgr")


class Setup:
    """A node's setup for one instance: the facts that the checks share."""

    __slots__ = ("_values", "deadline", "instance", "params")

    def __init__(self, instance: Instance, params: Params, deadline: float) -> None:
        self.instance = instance
        self.params = params
        self.deadline = deadline
        self._values: "list[Finding] | None" = None

    @property
    def wrong_values(self) -> "list[Finding]":
        """parameter_values_valid and daemon_values_valid for every value that Postfix refuses."""
        if self._values is None:
            self._values = wrong_values(self.instance.config_dir, find_postconf(self.params.binary), self.deadline)
        return self._values

    @property
    def main_cf(self) -> str:
        """The path of main.cf, for messages."""
        return os.path.join(self.instance.config_dir, "main.cf")


def check_setup(setup: Setup) -> "list[Finding]":
    """Everything that stands against a start on this node, but for what takes a look at endpoints."""
    found: "list[Finding]" = []
    for check in (check_command, check_commands, check_config_files):
        found += check(setup)
    if found:
        return found  # the rest would only repeat it
    for check in (
        check_values,
        check_interfaces,
        check_owner,
        check_group,
        check_queue,
        check_data_directory,
        check_setgid,
    ):
        found += check(setup)
    return found


def check_command(setup: Setup) -> "list[Finding]":
    """postfix_command_valid: the postfix command can be run."""
    why = _why_not_executable(setup.params.binary)
    return [Finding("postfix_command_valid", binary=setup.params.binary, why=why)] if why else []


def check_config_files(setup: Setup) -> "list[Finding]":
    """main_cf_present, master_cf_present, config_files_readable: both files are there and Postfix can read them."""
    config_dir = setup.instance.config_dir
    found = []
    for name in CONFIG_FILES:
        if not os.path.exists(os.path.join(config_dir, name)):
            found.append(Finding(name.replace(".", "_") + "_present", config_dir=config_dir))
    if found:
        return found
    for problem in setup.instance.problems:
        subject, why, file, line = problem
        if subject in (*CONFIG_FILES, "postconf"):
            check = "configuration_read_in_time" if problem.is_late else "config_files_readable"
            found.append(Finding(check, why=why, config_dir=config_dir, **told_where(file, line)))
    return found[:1]


def check_commands(setup: Setup) -> "list[Finding]":
    """commands_executable: postconf and the programs that a start needs."""
    instance = setup.instance
    if not instance.command_directory or not instance.daemon_directory:
        return []
    commands = [os.path.join(instance.command_directory, name) for name in COMMANDS]
    commands += [os.path.join(instance.daemon_directory, name) for name in DAEMONS]
    reasons = [(command, _why_not_executable(command)) for command in commands]
    return [Finding("commands_executable", command=command, why=why) for command, why in reasons if why]


def check_values(setup: Setup) -> "list[Finding]":
    """parameter_values_valid: the values that would keep Postfix from serving."""
    return [finding for finding in setup.wrong_values if finding.check == "parameter_values_valid"]


def check_interfaces(setup: Setup) -> "list[Finding]":
    """inet_interfaces_usable: every value can be resolved, and some service greets mail clients."""
    found = [
        Finding(
            "configuration_read_in_time" if problem.is_late else "inet_interfaces_usable",
            why=f"{problem[0]}: {problem[1]}",
            **told_where(problem[2], problem[3]),
        )
        for problem in setup.instance.problems
        if problem[0] not in (*CONFIG_FILES, "postconf")
    ]
    if not found and not setup.instance.endpoints:
        where = os.path.join(setup.instance.config_dir, "master.cf")
        why = "no inet service there starts smtpd or postscreen, so no mail client would be served"
        found.append(Finding("inet_interfaces_usable", why=why, **told_where(where, 0)))
    return found


def check_owner(setup: Setup) -> "list[Finding]":
    """mail_owner_exists, setgid_group_exists."""
    found = []
    if user_id(setup.instance.mail_owner) is None:
        found.append(Finding("mail_owner_exists", user=setup.instance.mail_owner, main_cf=setup.main_cf))
    if group_id(setup.instance.setgid_group) is None:
        found.append(Finding("setgid_group_exists", group=setup.instance.setgid_group, main_cf=setup.main_cf))
    return found


def check_group(setup: Setup) -> "list[Finding]":
    """queue_group_matches: the queue's files carry this node's number of setgid_group."""
    group, wanted = setup.instance.setgid_group, group_id(setup.instance.setgid_group)
    if wanted is None:
        return []
    for name in GROUPED_DIRECTORIES:
        path = os.path.join(setup.instance.queue_directory, name)
        found = _stat(path)
        if found is not None and found.st_gid != wanted:
            return [Finding("queue_group_matches", path=path, found=found.st_gid, group=group, wanted=wanted)]
    return []


def check_queue(setup: Setup) -> "list[Finding]":
    """queue_directory_shared, _made, _writable and _own, queue_owner_matches."""
    directory = setup.instance.queue_directory
    found = _stat(directory)
    if found is None or not stat.S_ISDIR(found.st_mode):
        why = "no such directory" if found is None else "it is not a directory"
        return [Finding("queue_directory_shared", queue_directory=directory, why=why, main_cf=setup.main_cf)]
    unmade = check_queue_made(directory, setup.instance.config_dir)
    if unmade:
        return unmade
    if os.statvfs(directory).f_flag & os.ST_RDONLY:
        values = {"queue_directory": directory, "why": "its file system is read-only", "errno": errno.EROFS}
        return [Finding("queue_directory_writable", **values)]
    user, wanted = setup.instance.mail_owner, user_id(setup.instance.mail_owner)
    for name in OWNED_DIRECTORIES:
        path = os.path.join(directory, name)
        inside = _stat(path)
        if inside is not None and wanted is not None and inside.st_uid != wanted:
            return [Finding("queue_owner_matches", path=path, found=inside.st_uid, user=user, wanted=wanted)]
    holder = lock_holder(os.path.join(os.path.realpath(directory), "pid/master.pid"))
    if holder:
        config = process_environment(holder).get("MAIL_CONFIG", "of an unknown configuration")
        return [Finding("queue_directory_own", queue_directory=directory, pid=holder, config=config)]
    return []


def check_queue_writable(setup: Setup) -> "list[Finding]":
    """queue_directory_writable: a file can be made there; after an error ext4 is read-only without saying so.

    A full queue does not stand against a start: what waits in it can be delivered.
    """
    directory = setup.instance.queue_directory
    try:
        write_as_root(directory)
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            why = error.strerror or str(error)
            values = {"queue_directory": directory, "why": why, "errno": error.errno}
            return [Finding("queue_directory_writable", **values)]
    return []


def check_data_directory(setup: Setup) -> "list[Finding]":
    """data_directory_present, data_directory_owned, data_directory_own."""
    directory, user = setup.instance.data_directory, setup.instance.mail_owner
    wanted = user_id(user)
    found = _stat(directory)
    why = _why_no_directory(directory, found)
    if why:
        return [Finding("data_directory_present", data_directory=directory, why=why, main_cf=setup.main_cf)]
    if found is None:
        return []
    if wanted is not None and found.st_uid != wanted:
        values = {"data_directory": directory, "found": found.st_uid, "user": user, "wanted": wanted}
        return [Finding("data_directory_owned", **values)]
    holder = lock_holder(os.path.join(os.path.realpath(directory), "master.lock"))
    if holder:
        config = process_environment(holder).get("MAIL_CONFIG", "of an unknown configuration")
        return [Finding("data_directory_own", data_directory=directory, pid=holder, config=config)]
    return []


def _why_no_directory(path: str, found: "os.stat_result | None") -> str:
    """Why a directory cannot be used; "" also where a start makes it, which makes nothing of what leads to it."""
    if found is not None:
        return "" if stat.S_ISDIR(found.st_mode) else "it is not a directory"
    if os.path.islink(path):
        return f"it is a link to {os.readlink(path)}, which is not there"
    return "what should hold it is missing too" if _stat(os.path.dirname(path)) is None else ""


def check_setgid(setup: Setup) -> "list[Finding]":
    """setgid_commands_kept: postdrop, postqueue and the maildrop directory have the modes that submission needs."""
    commands = [os.path.join(setup.instance.command_directory, name) for name in ("postdrop", "postqueue")]
    wanted = [(path, stat.S_ISGID | stat.S_IXOTH, "a+x,g+s") for path in commands]
    wanted.append((os.path.join(setup.instance.queue_directory, "maildrop"), MAILDROP_MODE, "u=rwx,g=wx,o="))
    found = []
    for path, bits, words in wanted:
        status = _stat(path)
        if status is not None and status.st_mode & bits != bits:
            mode = f"{stat.S_IMODE(status.st_mode):04o}"
            found.append(Finding("setgid_commands_kept", path=path, mode=mode, wanted=words))
    return found


def user_id(name: str) -> "int | None":
    """The uid of a user on this node, None where there is no such user."""
    import pwd

    try:
        return pwd.getpwnam(name).pw_uid
    except (KeyError, ValueError):
        return None


def group_id(name: str) -> "int | None":
    """The gid of a group on this node, None where there is no such group."""
    import grp

    try:
        return grp.getgrnam(name).gr_gid
    except (KeyError, ValueError):
        return None


def _why_not_executable(path: str) -> str:
    if not os.path.exists(path):
        return "no such file"
    if not os.path.isfile(path):
        return "it is not a file"
    return "" if os.access(path, os.X_OK) else "it lacks execute permission"


def _stat(path: str) -> "os.stat_result | None":
    try:
        return os.stat(path)
    except OSError:
        return None
