"""Processes that stop, and a start that clears up, must spare: each function makes some and gives them."""

import contextlib
import os
import signal
import subprocess
from typing import Callable

from tests.node.judged import CONFIG, MAIN, MASTER, JudgedNode
from tests.support.machine.process import NodeProcess
from tests.support.mail.node import ADDRESS, MAIN_CF, QUEUE

PID_FILE = QUEUE + "/pid/master.pid"
SLEEP = "1001"
USER = ("setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups")
Makes = Callable[[JudgedNode, contextlib.ExitStack], "list[NodeProcess]"]


OTHER_CF = (
    MAIN_CF.replace(f"{ADDRESS}, localhost", "127.0.0.1").replace("mail.log", "other.log").replace(QUEUE, "{queue}")
    + "data_directory = {data}\n"
)


def start_other(node: JudgedNode, config_dir: str, more: str = "") -> "list[NodeProcess]":
    """Start another instance by hand, on port 2525 of the loopback; gives its lasting processes."""
    name = config_dir.strip("/").replace("/", "-")
    queue, data = f"/srv/{name}/queue", f"/srv/{name}/data"
    node.copy_config(config_dir, OTHER_CF.format(queue=queue, data=data) + more)
    node.change(f"{config_dir}/master.cf", "^smtp +inet", "2525 inet")
    node.do("mkdir", "-p", queue)
    node.do("install", "-d", "-o", "postfix", data)
    node.do("postfix", "-c", config_dir, "start")
    node.wait(lambda: node.greeting("127.0.0.1", 2525), f"{config_dir} greets")
    wanted = ("master", "qmgr", "pickup")
    node.wait(lambda: {p.name for p in node.ours(config_dir)} >= set(wanted), f"{config_dir} has its daemons")
    return [process for process in node.ours(config_dir) if process.name in wanted]


def second_instance(node: JudgedNode, _: contextlib.ExitStack) -> "list[NodeProcess]":
    """Its configuration directory's name begins with ours."""
    return start_other(node, "/etc/postfix2")


def instance_below_ours(node: JudgedNode, _: contextlib.ExitStack) -> "list[NodeProcess]":
    """Its configuration directory lies in ours."""
    return start_other(node, "/etc/postfix/second")


def listed_instance(node: JudgedNode, _: contextlib.ExitStack) -> "list[NodeProcess]":
    """It is one of our own multi_instance_directories, and our commands are wrapped."""
    make_default_wrap(node)
    return start_other(node, "/etc/postfix-out", "multi_instance_name = postfix-out\nmulti_instance_enable = yes\n")


def make_default_wrap(node: JudgedNode) -> None:
    """As ``postmulti -e init`` and ``-e create`` leave the default instance."""
    node.append(
        MAIN,
        "multi_instance_wrapper = ${command_directory}/postmulti -p --\n"
        "multi_instance_enable = yes\nmulti_instance_directories = /etc/postfix-out\n"
        "alternate_config_directories = /etc/postfix-out\n",
    )
    node.age(MAIN)


def a_master_of_somebody_else(node: JudgedNode, stack: contextlib.ExitStack) -> "list[NodeProcess]":
    """Cyrus calls its own process master, too; one has our configuration in its environment, one stands in our pid/."""
    program = "/usr/lib/cyrus/bin/master"
    node.do("mkdir", "-p", "/usr/lib/cyrus/bin")
    node.do("cp", "/bin/sleep", program)
    plain = node.background(stack, [program, SLEEP])
    named = node.background(stack, [program, "1002"], env={"MAIL_CONFIG": CONFIG})
    return [plain, named]


def number_in_the_pid_file(node: JudgedNode, stack: contextlib.ExitStack) -> "list[NodeProcess]":
    """The pid file names it."""
    stranger = node.background(stack, ["/bin/sleep", SLEEP])
    node.write(PID_FILE, f"{stranger.pid}\n")
    return [stranger]


def shell_on_a_terminal(node: JudgedNode, stack: contextlib.ExitStack) -> "list[NodeProcess]":
    """An administrator looks at the queue, with the configuration exported, and has something running beside."""
    script = f"cd {QUEUE}; export MAIL_CONFIG={CONFIG}; sleep {SLEEP} & cat; true"
    return on_a_terminal(node, stack, script, ["sleep", "cat"])


def on_a_terminal(
    node: JudgedNode, stack: contextlib.ExitStack, script: str, names: "list[str]"
) -> "list[NodeProcess]":
    """Run a script on a pseudo-terminal; gives the shell and its children of these names."""
    known = {process.pid for process in node.pids()}
    node.begin(stack, ["script", "-qfc", script, "/dev/null"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)

    def found() -> "list[NodeProcess]":
        new = [p for p in node.pids() if p.pid not in known and p.state != "Z"]
        return new if set(names) <= {p.name for p in new} else []

    processes: "list[NodeProcess]" = node.wait(found, script)  # type: ignore[assignment]
    for process in processes:  # script gives them a session of their own
        stack.callback(node.signal, process, signal.SIGKILL)
    return [process for process in processes if process.name in ("sh", *names)]


def shell_of_another_configuration(node: JudgedNode, stack: contextlib.ExitStack) -> "list[NodeProcess]":
    """It has no terminal and stands in our queue, but names another configuration."""
    return [in_queue(node, stack, SLEEP, {"MAIL_CONFIG": "/etc/postfix2"})]


def backup_of_the_queue(node: JudgedNode, stack: contextlib.ExitStack) -> "list[NodeProcess]":
    """It has no terminal, stands in our queue and names no configuration."""
    return [in_queue(node, stack, SLEEP, {})]


def in_queue(node: JudgedNode, stack: contextlib.ExitStack, seconds: str, env: "dict[str, str]") -> NodeProcess:
    """A process without a terminal that stands in the queue directory."""
    node.begin(stack, ["env", "-C", QUEUE, "/bin/sleep", seconds], env={"PATH": "/usr/bin:/bin", **env})
    found: NodeProcess = node.wait(  # type: ignore[assignment]
        lambda: next((p for p in node.pids() if p.argv == ("/bin/sleep", seconds) and p.state != "Z"), None),
        f"sleep {seconds}",
    )
    stack.callback(node.signal, found, signal.SIGKILL)
    return found


def process_of_the_mail_owner(node: JudgedNode, stack: contextlib.ExitStack) -> "list[NodeProcess]":
    """It runs as postfix and has our configuration in its environment, but stands elsewhere."""
    argv = ["setpriv", "--reuid=postfix", "--clear-groups", "/bin/sleep", SLEEP]
    node.begin(stack, argv, env={"PATH": "/usr/bin:/bin", "MAIL_CONFIG": CONFIG})
    found = node.wait(lambda: [p for p in node.pids() if p.argv == ("/bin/sleep", SLEEP)], "it sleeps")
    stack.callback(node.signal, found[0], signal.SIGKILL)  # type: ignore[index]
    return found  # type: ignore[return-value]


def sendmail_of_another_mail_system(node: JudgedNode, stack: contextlib.ExitStack) -> "list[NodeProcess]":
    """Programs called sendmail and postfix that are none of Postfix's, and a user who waits for one."""
    found = []
    for number, name in enumerate(("sendmail", "postfix", "smtpd", "qmgr")):
        program = f"/opt/other/bin/{name}"
        node.do("mkdir", "-p", "/opt/other/bin")
        node.do("cp", "/bin/sleep", program)
        found.append(node.background(stack, [program, str(1001 + number)]))
    return found


def sendmail_to_another_instance(node: JudgedNode, stack: contextlib.ExitStack) -> "list[NodeProcess]":
    """A user submits to the second instance, and takes his time."""
    others = start_other(node, "/etc/postfix2")
    node.append(MAIN, "alternate_config_directories = /etc/postfix2\n")
    node.age(MAIN)
    node.begin(stack, ["sendmail", "-C", "/etc/postfix2", "-t"], stdin=subprocess.PIPE)
    found = node.wait(lambda: node.named("postdrop") or node.named("sendmail"), "sendmail waits for its text")
    return [*others, *found]  # type: ignore[misc]


JAIL = "/srv/jail"
# What a container is made of: its own file tree, with its own /etc/postfix, whose path is the same as ours.
MAKE_JAIL = f"""\
set -e
mkdir -p {JAIL}
mount -t tmpfs -o mode=755 jail {JAIL}
cd {JAIL}
mkdir -p usr proc dev etc var/lib/postfix var/spool/postfix var/log mnt tmp run
mount --bind /usr usr
for name in bin sbin lib lib64; do [ ! -L /$name ] || cp -a /$name .; done
cp -a /etc/passwd /etc/group /etc/services /etc/nsswitch.conf /etc/hosts /etc/ld.so.cache /etc/postfix etc/
mount --bind /dev dev
chown postfix var/lib/postfix
"""
JAIL_CF = MAIN_CF.replace(f"{ADDRESS}, localhost", "127.0.0.1").replace(QUEUE, "{queue}")


def make_jail(node: JudgedNode, queue: str) -> None:
    """Build the file tree with a Postfix in it that serves port 2525 of the loopback."""
    node.do("sh", "-c", MAKE_JAIL)
    node.write(f"{JAIL}{MAIN}", JAIL_CF.format(queue=queue))
    node.age(f"{JAIL}{MAIN}")
    node.do("mkdir", "-p", JAIL + queue)
    node.change(f"{JAIL}{MASTER}", "^smtp +inet", "2525 inet")
    node.is_foreign = is_jailed


def is_jailed(process: NodeProcess) -> bool:
    """Whether a process has the jail as its root, or is a daemon, in its own chroot, of a master that has."""
    numbers = [process.outside, parent_of(process.outside)]
    return any("jail" in root_of(number) for number in numbers)


def jailed_daemons(node: JudgedNode) -> "list[NodeProcess]":
    """The lasting daemons of the Postfix in the jail, wherever their process numbers are from."""
    port = node.run(["ss", "-Hltn", "sport = :2525"]).stdout
    found = [p for p in everybody(node) if p.name in ("master", "qmgr", "pickup") and is_jailed(p)]
    return found if port and {p.name for p in found} == {"master", "qmgr", "pickup"} else []


def parent_of(number: int) -> int:
    """The parent's number, outside as well, 0 for none."""
    try:
        with open(f"/proc/{number}/stat", encoding="utf-8", errors="replace") as file:
            return int(file.read().rpartition(")")[2].split()[1])
    except OSError:
        return 0


def everybody(node: JudgedNode) -> "list[NodeProcess]":
    """All processes of the node's network, those of process namespaces inside it as well."""
    from tests.support.machine.process import describe

    network = os.stat(f"/proc/{node.pid}/ns/net").st_ino
    found = []
    for entry in os.listdir("/proc"):
        with contextlib.suppress(OSError):
            if entry.isdigit() and os.stat(f"/proc/{entry}/ns/net").st_ino == network:
                found.append(describe(int(entry)))
    return found


def root_of(number: int) -> str:
    """Where a process's root directory is, and what is mounted there."""
    try:
        with open(f"/proc/{number}/mountinfo", encoding="utf-8") as file:
            at_root = [line for line in file if line.split()[4] == "/"]
        return " ".join([os.readlink(f"/proc/{number}/root"), *at_root])
    except OSError:
        return ""


def postfix_in_a_chroot(node: JudgedNode, _: contextlib.ExitStack) -> "list[NodeProcess]":
    """An administrator's jail with a Postfix of its own."""
    make_jail(node, "/var/spool/postfix")
    node.do("mount", "-t", "proc", "proc", f"{JAIL}/proc")
    node.do("chroot", JAIL, "postfix", "start")
    return node.wait(lambda: jailed_daemons(node), "the jail's Postfix serves")  # type: ignore[return-value]


ENTER = f"mount --make-rprivate / && cd {JAIL} && mkdir -p old && pivot_root . old && exec chroot . sh -c"
INSIDE = "umount -l old; {proc} postfix start; exec sleep 1001"


def postfix_in_a_container(node: JudgedNode, stack: contextlib.ExitStack) -> "list[NodeProcess]":
    """Its processes, mounts and the same paths as ours, in namespaces of its own; its queue is called like ours."""
    return contain(node, stack, ["-m", "-p", "-f", "--kill-child"], "mount -t proc proc /proc;")


def postfix_in_a_mount_namespace(node: JudgedNode, stack: contextlib.ExitStack) -> "list[NodeProcess]":
    """As before, but its processes are in our own process namespace, as with ``podman run --pid=host``."""
    return contain(node, stack, ["-m"], "mount -t proc proc /proc;")


def contain(node: JudgedNode, stack: contextlib.ExitStack, options: "list[str]", proc: str) -> "list[NodeProcess]":
    """Run the jail's Postfix in namespaces of its own, and take away what could be seen of it from outside."""
    make_jail(node, QUEUE)
    node.begin(stack, ["unshare", *options, "sh", "-c", f"{ENTER} '{INSIDE.format(proc=proc)}'"])
    found: "list[NodeProcess]" = node.wait(lambda: jailed_daemons(node), "its Postfix serves")  # type: ignore[assignment]
    sleeper = next(p for p in everybody(node) if p.argv == ("sleep", "1001"))

    def end() -> None:
        for process in [sleeper, *found]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(process.outside, signal.SIGKILL)

    stack.callback(end)
    return [*found, sleeper]


INNOCENTS: "list[Makes]" = [
    second_instance,
    instance_below_ours,
    listed_instance,
    a_master_of_somebody_else,
    number_in_the_pid_file,
    shell_on_a_terminal,
    shell_of_another_configuration,
    backup_of_the_queue,
    process_of_the_mail_owner,
    sendmail_of_another_mail_system,
    sendmail_to_another_instance,
    postfix_in_a_chroot,
    postfix_in_a_container,
    postfix_in_a_mount_namespace,
]
STANDING_IN_THE_QUEUE = (shell_on_a_terminal, shell_of_another_configuration, backup_of_the_queue)


def lives(process: NodeProcess) -> bool:
    """Whether a process still runs, in whichever process namespace it is."""
    try:
        with open(f"/proc/{process.outside}/stat", encoding="utf-8", errors="replace") as file:
            return file.read().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False
