"""Checks of what the queue, the mailboxes, the data directory and the mail log lie on."""

import os
import stat
import time

from postfix_ha.checks.node_facts import Survey
from postfix_ha.storage.defects import faults_below
from postfix_ha.system.child import known_by_child
from postfix_ha.system.mounts import BLOCK, CLUSTER, NETWORK, Place
from postfix_ha.verdict import Finding

# Below these are the kernel's own, and descriptors of whoever opens them.
NO_FILES = ("/dev/", "/proc/", "/sys/")
KINDS = {stat.S_IFDIR: "directory", stat.S_IFIFO: "FIFO", stat.S_IFSOCK: "socket", stat.S_IFCHR: "device"}
LINKS_MAX = 40
VOLUMES_S = 8.0
# A network file system whose server is busy answers within this.
ANSWER_S = 5.0
# local(8) delivers into the mail spool only where none of these sends the mail elsewhere.
OTHER_MAILBOXES = ("home_mailbox", "mailbox_command", "mailbox_transport", "mailbox_transport_maps")


def check_storage_answers(survey: Survey) -> "list[Finding]":
    """queue_storage_answers: nothing else is looked at on storage that does not."""
    directory = survey.instance.queue_directory
    until = min(survey.deadline, time.monotonic() + ANSWER_S)
    if not directory or known_by_child(lambda: [os.path.exists(directory)], until) is not None:
        return []
    mount = survey.mounts.mount_of(directory)
    return [Finding("queue_storage_answers", path=directory, what=f"{mount.source}, {mount.fstype}")]


def hangs(findings: "list[Finding]") -> bool:
    """Whether the queue's storage does not answer, so that nobody may look there."""
    return any(each.check == "queue_storage_answers" for each in findings)


def check_queue_storage(survey: Survey) -> "list[Finding]":
    """queue_on_cluster_storage, queue_storage_shared, queue_on_block_storage, queue_mounted_once."""
    directory = survey.instance.queue_directory
    if not os.path.isdir(directory):
        return []
    return judge_queue_place(directory, survey.mounts.place_of(directory))


def judge_queue_place(directory: str, place: Place) -> "list[Finding]":
    """What is to be said of a queue that lies there."""
    values = {"path": directory, "what": place.what}
    if place.is_here_alone:
        return [Finding("queue_on_cluster_storage", **values)]
    check = {NETWORK: "queue_on_block_storage", CLUSTER: "queue_mounted_once", BLOCK: "queue_storage_shared"}
    return [Finding(check[place.kind], **values)] if place.kind in check else []


def check_volumes(survey: Survey) -> "list[Finding]":
    """What is wrong with the volumes, the DRBD resource, the iSCSI session or the NFS mount that the queue lies on."""
    directory = survey.instance.queue_directory
    if not os.path.isdir(directory) or survey.mounts.place_of(directory).is_here_alone:
        return []
    agents = list((survey.resources or {}).values())
    return faults_below(survey.mounts, directory, min(survey.deadline, time.monotonic() + VOLUMES_S), agents)


def check_spool_storage(survey: Survey) -> "list[Finding]":
    """spool_on_cluster_storage, where local(8) delivers into the mail spool."""
    directory = survey.value("mail_spool_directory")
    if not os.path.isdir(directory):  # it comes with the service, or is not used
        return []
    if not survey.value("mydestination") or any(map(survey.value, OTHER_MAILBOXES)):
        return []
    if survey.value("local_transport").partition(":")[0] != "local":
        return []
    place = survey.mounts.place_of(directory)
    return [Finding("spool_on_cluster_storage", path=directory, what=place.what)] if place.is_here_alone else []


def check_data_storage(survey: Survey) -> "list[Finding]":
    """data_directory_on_node: caches do not move along with the queue."""
    instance = survey.instance
    place = survey.mounts.place_of(instance.data_directory)
    if place.is_here_alone or place.mount is not survey.mounts.place_of(instance.queue_directory).mount:
        return []
    local = own_data_directory(survey.config_dir)
    if survey.mounts.place_of(local).mount is place.mount:
        return []
    values = {"path": instance.data_directory, "what": place.what, "user": instance.mail_owner, "local": local}
    return [Finding("data_directory_on_node", config_dir=survey.config_dir, **values)]


def check_mail_log(survey: Survey) -> "list[Finding]":
    """mail_log_kept: maillog_file is a file; what /dev/stdout is in the background, nobody reads."""
    path = survey.value("maillog_file")
    if not path:
        return []
    what = _no_file(path)
    values = {"path": path, "what": what, "config_dir": survey.config_dir}
    return [Finding("mail_log_kept", **values)] if what else []


def _no_file(path: str) -> str:
    """What a path leads to that keeps no log, "" where it is a file or none yet."""
    for _ in range(LINKS_MAX):
        path = os.path.normpath(path)
        if path.startswith(NO_FILES):
            return "no file"
        try:
            target = os.readlink(path)
        except OSError:
            break
        path = os.path.join(os.path.dirname(path), target)
    try:
        mode = os.stat(path).st_mode
    except OSError:
        return ""
    return "" if stat.S_ISREG(mode) else f"a {KINDS.get(stat.S_IFMT(mode), 'special file')}"


def own_data_directory(config_dir: str) -> str:
    """A data directory on the node's own disk that only this instance would have."""
    name = os.path.basename(config_dir)
    return "/var/lib/" + (name if name.startswith("postfix") else f"postfix-{name}")
