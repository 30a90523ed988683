"""States of the files around an instance: its configuration, commands, pid file and snapshot."""

from tests.node.scene import PID_FILE, SNAPSHOT, Scene
from tests.support.mail.node import DAEMON_DIRECTORY

MAIN_CF_PATH = "/etc/postfix/main.cf"
MASTER_CF_PATH = "/etc/postfix/master.cf"


def config_gone(scene: Scene) -> None:
    """The configuration directory was moved away under a running instance."""
    scene.start()
    scene.greet_once()
    scene.run("mv", "/etc/postfix", "/etc/postfix.away")


def config_gone_unrecorded(scene: Scene) -> None:
    """As before, and the snapshot was lost."""
    config_gone(scene)
    scene.run("rm", SNAPSHOT)


def config_gone_stopped(scene: Scene) -> None:
    """There is no configuration directory, and nothing runs."""
    scene.run("mv", "/etc/postfix", "/etc/postfix.away")


def main_cf_gone(scene: Scene) -> None:
    """main.cf was deleted under a running instance."""
    scene.start()
    scene.greet_once()
    scene.run("rm", MAIN_CF_PATH)


def main_cf_gone_stopped(scene: Scene) -> None:
    """main.cf was deleted while nothing runs."""
    scene.run("rm", MAIN_CF_PATH)


def master_cf_gone_stopped(scene: Scene) -> None:
    """master.cf was deleted while nothing runs."""
    scene.run("rm", MASTER_CF_PATH)


def config_on_queue(scene: Scene) -> None:
    """The configuration lies on the queue's file system, and it runs."""
    _move_config_to_queue(scene)
    scene.start()


def config_on_queue_unmounted(scene: Scene) -> None:
    """The configuration lies on the queue's file system, which is mounted elsewhere."""
    _move_config_to_queue(scene)
    scene.run("umount", "/mnt/queue")


def _move_config_to_queue(scene: Scene) -> None:
    scene.run("cp", "-a", "/etc/postfix", "/mnt/queue/conf")
    scene.run("rm", MAIN_CF_PATH)
    scene.params["config_dir"] = "/mnt/queue/conf"
    scene.snapshot = "/run/resource-agents/postfix_ha-mnt-queue-conf.snapshot"


def binary_gone(scene: Scene) -> None:
    """The postfix command was removed under a running instance."""
    scene.start()
    scene.run("rm", "/usr/sbin/postfix")


def binary_gone_stopped(scene: Scene) -> None:
    """There is no postfix command."""
    scene.run("rm", "/usr/sbin/postfix")


def binary_elsewhere_stopped(scene: Scene) -> None:
    """The parameter binary names a copy that has gone; the usual command is there."""
    scene.params["binary"] = "/opt/postfix/sbin/postfix"


def postconf_gone(scene: Scene) -> None:
    """postconf was removed under a running instance, and the snapshot was lost: we must read main.cf ourselves."""
    scene.start()
    scene.run("rm", "/usr/sbin/postconf", SNAPSHOT)


def postconf_gone_stopped(scene: Scene) -> None:
    """There is no postconf."""
    scene.run("rm", "/usr/sbin/postconf")


def package_removed(scene: Scene) -> None:
    """Commands, daemons and configuration were all removed under a running instance, and the snapshot was lost."""
    scene.start()
    scene.greet_once()
    scene.run("rm", "-r", DAEMON_DIRECTORY, "/etc/postfix", "/usr/sbin/postfix", "/usr/sbin/postconf", SNAPSHOT)


def daemon_gone_stopped(scene: Scene) -> None:
    """The program smtpd is missing: master would start, and serve nobody."""
    scene.run("rm", DAEMON_DIRECTORY + "smtpd")


def pid_file_lost(scene: Scene) -> None:
    """The pid file was deleted under a running instance."""
    scene.start()
    scene.run("rm", PID_FILE)


def pid_file_garbage(scene: Scene) -> None:
    """The pid file holds no number, under a running instance."""
    scene.start()
    scene.node.write(PID_FILE, "no number\n")


def pid_file_of_innocent(scene: Scene) -> None:
    """The pid file names an innocent process, under a running instance."""
    scene.start()
    scene.node.write(PID_FILE, f"{scene.innocent.pid}\n")


def pid_file_of_innocent_unrecorded(scene: Scene) -> None:
    """As before, and the snapshot was lost."""
    pid_file_of_innocent(scene)
    scene.run("rm", SNAPSHOT)


def pid_file_replaced(scene: Scene) -> None:
    """The pid file is another file, which names an innocent process and is locked by nobody."""
    scene.start()
    scene.run("rm", PID_FILE)
    scene.node.write(PID_FILE, f"{scene.innocent.pid}\n")


def pid_file_stale(scene: Scene) -> None:
    """After a power cut the pid file names a number that an innocent process called master has now."""
    scene.node.write(PID_FILE, f"{scene.innocent.pid:>10}\n")


def both_locks_lost(scene: Scene) -> None:
    """Both lock files were deleted under a running instance."""
    scene.start()
    scene.run("rm", PID_FILE, "/var/lib/postfix/master.lock")


def snapshot_lost(scene: Scene) -> None:
    """The snapshot was deleted."""
    scene.start()
    scene.run("rm", SNAPSHOT)


def snapshot_garbage(scene: Scene) -> None:
    """The snapshot is a heap of bytes."""
    scene.start()
    scene.node.write(SNAPSHOT, bytes(range(256)) * 16)


def snapshot_cut(scene: Scene) -> None:
    """The snapshot ends in the middle."""
    scene.start()
    text = scene.node.read(SNAPSHOT)
    scene.node.write(SNAPSHOT, text[: len(text) // 2])


def snapshot_of_other_boot(scene: Scene) -> None:
    """The snapshot is of another boot and names a process that is an innocent one now."""
    _forge(scene, boot_id="00000000-0000-4000-8000-000000000000", master_pid=str(scene.innocent.pid))


def snapshot_of_other_process(scene: Scene) -> None:
    """The snapshot names a number that an innocent process has now, with another start time."""
    _forge(scene, master_pid=str(scene.innocent.pid))


def snapshot_of_other_process_stopped(scene: Scene) -> None:
    """As before, and Postfix does not run."""
    _forge(scene, master_pid=str(scene.innocent.pid))
    scene.run("postfix", "stop")


def _forge(scene: Scene, **facts: str) -> None:
    """Change lines of the snapshot."""
    scene.start()
    lines = [line.split(" ", 1) for line in scene.node.read(SNAPSHOT).splitlines()]
    forged = [f"{line[0]} {facts[line[0]]}" if line[0] in facts else " ".join(line) for line in lines]
    assert forged != [" ".join(line) for line in lines]
    scene.node.write(SNAPSHOT, "\n".join(forged) + "\n")


def snapshot_link(scene: Scene) -> None:
    """The snapshot is a symbolic link to a file that must not be touched."""
    scene.start()
    scene.run("mv", SNAPSHOT, "/root/precious")
    scene.run("ln", "-s", "/root/precious", SNAPSHOT)


def snapshot_fifo(scene: Scene) -> None:
    """The snapshot is a FIFO that nobody writes."""
    scene.start()
    scene.run("rm", SNAPSHOT)
    scene.run("mkfifo", "-m", "600", SNAPSHOT)


def snapshot_directory(scene: Scene) -> None:
    """The snapshot is a directory, so that none can be written."""
    scene.start()
    scene.run("rm", SNAPSHOT)
    scene.run("mkdir", "-p", SNAPSHOT + "/x")


def snapshot_world_writable(scene: Scene) -> None:
    """Everybody could have written the snapshot, which names an innocent process with its right start time."""
    _name_innocent(scene)
    scene.run("chmod", "666", SNAPSHOT)


def snapshot_of_other_user(scene: Scene) -> None:
    """The snapshot belongs to another user and names an innocent process with its right start time."""
    _name_innocent(scene)
    scene.run("chown", "nobody", SNAPSHOT)


def _name_innocent(scene: Scene) -> None:
    stat = scene.node.run(["cat", f"/proc/{scene.innocent.pid}/stat"], check=True).stdout
    _forge(scene, master_pid=str(scene.innocent.pid), master_start=stat.rpartition(")")[2].split()[19])


def service_added(scene: Scene) -> None:
    """master.cf has a new service and was not reloaded."""
    scene.start()
    scene.node.append(MASTER_CF_PATH, "2525 inet n - y - - smtpd\n")


def address_added(scene: Scene) -> None:
    """inet_interfaces names one more address, which this node has not, and was not reloaded."""
    _edit(scene, "inet_interfaces = 198.51.100.100, localhost", "inet_interfaces = 198.51.100.100, 203.0.113.5")


def queue_directory_edited(scene: Scene) -> None:
    """queue_directory names another directory, which is not there."""
    _edit(scene, "queue_directory = /mnt/queue/postfix", "queue_directory = /mnt/other/postfix")


def address_added_unrecorded(scene: Scene) -> None:
    """As address_added, and the snapshot was lost."""
    address_added(scene)
    scene.run("rm", SNAPSHOT)


def queue_directory_edited_unrecorded(scene: Scene) -> None:
    """As queue_directory_edited, and the snapshot was lost."""
    queue_directory_edited(scene)
    scene.run("rm", SNAPSHOT)


def _edit(scene: Scene, old: str, new: str) -> None:
    scene.start()
    scene.greet_once()
    text = scene.node.read(MAIN_CF_PATH)
    assert old in text
    scene.node.write(MAIN_CF_PATH, text.replace(old, new))


def main_cf_broken(scene: Scene) -> None:
    """main.cf has a line without an equals sign; an smtpd that read it before goes on serving."""
    scene.start()
    scene.greet_once()
    scene.node.append(MAIN_CF_PATH, "this line has no equals sign\n")


def main_cf_broken_unserved(scene: Scene) -> None:
    """As before, and no smtpd is left that read main.cf before: each new one dies."""
    main_cf_broken(scene)
    for process in scene.node.named("smtpd"):
        scene.kill(process)


def main_cf_broken_stopped(scene: Scene) -> None:
    """main.cf has a line without an equals sign, and nothing runs."""
    scene.node.append(MAIN_CF_PATH, "this line has no equals sign\n")


def master_cf_broken(scene: Scene) -> None:
    """master.cf has a line with too few fields, at which even postconf fails."""
    scene.start()
    scene.node.append(MASTER_CF_PATH, "broken inet n\n")


def master_cf_broken_unrecorded(scene: Scene) -> None:
    """As before, and the snapshot was lost."""
    master_cf_broken(scene)
    scene.run("rm", SNAPSHOT)


def master_cf_broken_stopped(scene: Scene) -> None:
    """master.cf has a line with too few fields, and nothing runs."""
    scene.node.append(MASTER_CF_PATH, "broken inet n\n")
