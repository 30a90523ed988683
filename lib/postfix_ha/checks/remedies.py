"""Commands to paste that cure what the checks of start and validate-all find; no action has use for them."""

import errno
import os
import stat

from postfix_ha.checks.ending_commands import ending_command
from postfix_ha.checks.endpoints import command_to_add
from postfix_ha.checks.node_facts import Survey
from postfix_ha.checks.startup.setup import OWNED_DIRECTORIES, user_id
from postfix_ha.checks.storage import own_data_directory
from postfix_ha.system.mounts import read_fstab
from postfix_ha.system.packages import installing_command, making_user
from postfix_ha.system.quoting import quote, quote_words
from postfix_ha.verdict import Finding

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

# Where a master.cf as delivered may be had.
MASTER_CF_PATTERNS = ("/etc/postfix/master.cf.proto", "/usr/share/postfix/master.cf.dist")
# What postfix-script and the daemons tell people to run.
ADVICE = (("postfix", "set-permissions"), ("postfix", "upgrade-configuration"), ("newaliases",), ("postfix", "reload"))


def add_cures(survey: Survey, found: "list[Finding]") -> None:
    """Give each finding that has none the command that cures it, and the file and line that it speaks of."""
    for finding in found:
        if finding.check == "postfix_check_passes":
            _locate_parameter(survey, finding.values)
        make = CURES.get(finding.check)
        if make and "cure" not in finding.values:
            finding.values["cure"] = make(survey, finding.values)


FindingValues = dict[str, object]


def _locate_parameter(survey: Survey, values: FindingValues) -> None:
    """Tell where the parameter is set that Postfix's own complaint names."""
    words = str(values["said"]).replace(":", " ").replace("'", " ").split()
    name = next((word for word in words if word in survey.main.raw), "")
    if name:
        values["file"], values["line"] = survey.locate(name)


def _executable(survey: Survey, values: FindingValues) -> str:
    path = str(values.get("command") or values["binary"])
    if os.path.isfile(path):
        return f"chmod 755 {quote(path)}"
    return installing_command("postfix", "--reinstall")


def _master_cf(survey: Survey, values: FindingValues) -> str:
    patterns = [path for path in MASTER_CF_PATTERNS if os.path.isfile(path)]
    return quote_words(["cp", patterns[0], os.path.join(survey.config_dir, "master.cf")]) if patterns else ""


def _address(survey: Survey, values: FindingValues) -> str:
    return command_to_add(str(values["address"]))


def _queue_directory(survey: Survey, values: FindingValues) -> str:
    """Make the directory where the file system is mounted already; mount it where fstab says how."""
    directory = str(values["queue_directory"])
    if os.path.lexists(directory):
        return ""
    if not survey.mounts.place_of(directory).is_here_alone:
        return quote_words(["mkdir", "-p", directory]) + " && " + quote_words(survey.params.command("check"))
    point = _listed_mount_point(directory)
    return f"mount {quote(point)}" if point else ""


def _queue(survey: Survey, values: FindingValues) -> str:
    """Make the queue on the file system that is mounted; mount the one that is not, where fstab says how."""
    if values["is_mounted"]:
        return quote_words(survey.params.command("check"))
    point = _listed_mount_point(str(values["queue_directory"]))
    return f"mount {quote(point)}" if point and not survey.mounts.is_mounted(point) else ""


def _listed_mount_point(directory: str) -> str:
    """The mount point in fstab that a directory would be on, other than the root."""
    points = [entry.mount_point for entry in read_fstab() if entry.mount_point != "/"]
    inside = [point for point in points if (directory + "/").startswith(point.rstrip("/") + "/")]
    return max(inside, key=len, default="")


def _remount(survey: Survey, values: FindingValues) -> str:
    place = survey.mounts.place_of(str(values["queue_directory"]))
    return f"mount -o remount,rw {quote(place.mount.mount_point)}" if values["errno"] == errno.EROFS else ""


def _queue_owner(survey: Survey, values: FindingValues) -> str:
    directory, wanted = survey.instance.queue_directory, user_id(survey.instance.mail_owner)
    paths = [os.path.join(directory, name) for name in (*OWNED_DIRECTORIES, "bounce", "corrupt", "defer", "flush")]
    wrong = [path for path in paths if os.path.isdir(path) and os.stat(path).st_uid != wanted]
    return quote_words(["chown", "-R", survey.instance.mail_owner, *wrong])


def _queue_group(survey: Survey, values: FindingValues) -> str:
    paths = [os.path.join(survey.instance.queue_directory, name) for name in ("maildrop", "public")]
    return quote_words(["chgrp", "-R", survey.instance.setgid_group, *paths])


def _mail_owner(survey: Survey, values: FindingValues) -> str:
    """A new user gets the number that the queue has, if nobody else has it; another one would become the pattern."""
    import grp
    import pwd

    user = survey.instance.mail_owner
    uid = _number_of_queue(survey, "active", "st_uid", pwd.getpwuid)
    has_group = any(entry.gr_name == user for entry in grp.getgrall())
    return quote_words(making_user(user, uid, has_group=has_group)) if uid else ""


def _setgid_group(survey: Survey, values: FindingValues) -> str:
    import grp

    gid = _number_of_queue(survey, "public", "st_gid", grp.getgrgid)
    return quote_words(["groupadd", "--system", "--gid", gid, survey.instance.setgid_group]) if gid else ""


def _number_of_queue(survey: Survey, name: str, field: str, look_up: "Callable[[int], object]") -> str:
    try:
        number = int(getattr(os.stat(os.path.join(survey.instance.queue_directory, name)), field))
        look_up(number)
    except OSError:
        return ""
    except KeyError:
        return str(number)
    return ""


def _data_directory(survey: Survey, values: FindingValues) -> str:
    return quote_words(["install", "-d", "-o", survey.instance.mail_owner, "-m", "0700", str(values["data_directory"])])


def _own_data_directory(survey: Survey, values: FindingValues) -> str:
    own = own_data_directory(survey.config_dir)
    own = own if own != survey.instance.data_directory else own + "-own"
    make = ["install", "-d", "-o", survey.instance.mail_owner, "-m", "0700", own]
    return (
        quote_words(make) + " && " + quote_words(["postconf", "-c", survey.config_dir, "-e", f"data_directory={own}"])
    )


def _other_instance(survey: Survey, values: FindingValues) -> str:
    pid = values["pid"]
    return ending_command(pid) if isinstance(pid, int) else ""


def _setgid(survey: Survey, values: FindingValues) -> str:
    path = str(values["path"])
    if os.path.isdir(path):  # what else is set there, such as Debian's sticky bit, stays
        return quote_words(["chmod", "u=rwx,g=wx,o=", path])
    mode = stat.S_IMODE(os.stat(path).st_mode)
    return quote_words(["chmod", f"{mode | 0o2755:04o}", path])


def _what_postfix_says(survey: Survey, values: FindingValues) -> str:
    """Postfix's own advice, where its complaint ends with "run '...'": no file's name that says it."""
    _, _, command = str(values["said"]).rpartition("run '")
    words = command.removesuffix("'").split()
    return quote_words(words) if tuple(words) in ADVICE else ""


CURES: "dict[str, Callable[[Survey, FindingValues], str]]" = {
    "postfix_check_passes": _what_postfix_says,
    "postfix_command_valid": _executable,
    "commands_executable": _executable,
    "master_cf_present": _master_cf,
    "address_on_node": _address,
    "queue_directory_shared": _queue_directory,
    "queue_directory_made": _queue,
    "queue_directory_writable": _remount,
    "queue_directory_own": _other_instance,
    "queue_owner_matches": _queue_owner,
    "queue_group_matches": _queue_group,
    "mail_owner_exists": _mail_owner,
    "setgid_group_exists": _setgid_group,
    "data_directory_present": _data_directory,
    "data_directory_own": _own_data_directory,
    "setgid_commands_kept": _setgid,
}
