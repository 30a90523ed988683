"""PID 1 of a private node: builds the node's root, then reaps orphans until its controller is gone.

Started by node.py as ``python3 -IS init.py JSON``. The first process only makes the namespaces and waits, the second
one is PID 1. It watches a pidfd of the controlling process, so that the node ends with it however that one dies, and
with the node's PID 1 the kernel ends all the rest: processes, mounts, interfaces, loop devices.
"""

import errno
import json
import os
import select
import signal
import socket
import stat
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import linux

STAGES = ("/mnt", "/tmp", "/srv")
# What the node must not share with the machine below; everything else it sees through the overlay.
PRIVATE_TMPFS = (("/run", "755"), ("/tmp", "1777"), ("/var/log", "755"))
# Directories that a system may keep on file systems of their own, which an overlay of / alone would show empty.
OWN_FILE_SYSTEMS = ("/usr", "/etc", "/var", "/var/lib", "/opt")
FRESH = ("/var/spool/postfix", "/var/lib/postfix")
CHARACTER_DEVICES = {"null": (1, 3), "zero": (1, 5), "full": (1, 7), "random": (1, 8), "urandom": (1, 9), "tty": (5, 0)}
MARKER = "tests/support/machine/init.py"


def overlay(lower, target, stage):
    """Show the directory ``lower`` at ``target``, with all changes kept on the node's own tmpfs."""
    number = len(os.listdir(f"{stage}/layers"))
    layer = f"{stage}/layers/{number}"
    os.makedirs(f"{layer}/upper")
    os.mkdir(f"{layer}/work")
    below = os.stat(lower)
    os.chmod(f"{layer}/upper", stat.S_IMODE(below.st_mode))
    os.chown(f"{layer}/upper", below.st_uid, below.st_gid)
    options = f"lowerdir={lower},upperdir={layer}/upper,workdir={layer}/work"
    linux.mount("overlay", target, "overlay", 0, options)


def is_private(path):
    """Whether ``path`` lies below a directory that the node has for itself."""
    return any(path == top or path.startswith(top + "/") for top in ("/dev", *(top for top, _ in PRIVATE_TMPFS)))


def leave_chroot(stage):
    """Leave a chroot, if this is one, for the root of the mount namespace.

    Only there can the mounts be made private and the root be replaced: inside a chroot / may be no mount point.
    """
    below = os.open("/", os.O_PATH | os.O_DIRECTORY)
    os.chroot(stage)
    os.fchdir(below)
    os.close(below)
    while not os.path.samefile(".", ".."):
        os.chdir("..")
    os.chroot(".")


def build_root(spec, stage):
    """Mount the node's file systems at ``stage``/root; returns that path."""
    checkout = spec["checkout"]
    checkout_fd = os.open(checkout, os.O_PATH | os.O_DIRECTORY)
    lowers = {"/": os.open(spec["root"], os.O_PATH)}
    if spec["root"] == "/":
        lowers.update({path: os.open(path, os.O_PATH) for path in OWN_FILE_SYSTEMS if os.path.ismount(path)})
    leave_chroot(stage)
    linux.mount(None, "/", None, linux.MS_REC | linux.MS_PRIVATE)
    os.fchdir(lowers["/"])
    stage = os.getcwd().rstrip("/") + stage
    linux.mount("tmpfs", stage, "tmpfs", 0, "mode=755")
    root = f"{stage}/root"
    os.mkdir(root)
    os.mkdir(f"{stage}/layers")
    for path, fd in lowers.items():
        overlay(f"/proc/self/fd/{fd}", root + path, stage)
        os.close(fd)
    linux.mount("proc", f"{root}/proc", "proc", linux.MS_NOSUID | linux.MS_NODEV | linux.MS_NOEXEC)
    linux.mount("sysfs", f"{root}/sys", "sysfs", linux.MS_NOSUID | linux.MS_NODEV | linux.MS_NOEXEC)
    for path, mode in PRIVATE_TMPFS:
        linux.mount("tmpfs", root + path, "tmpfs", linux.MS_NOSUID | linux.MS_NODEV, f"mode={mode}")
    os.mkdir(f"{root}/run/lock")
    os.chmod(f"{root}/run/lock", 0o1777)
    build_dev(f"{root}/dev", spec["devices"])
    # A checkout on another file system, or below /tmp, is not in the overlay of /.
    if is_private(checkout) or not os.path.exists(f"{root}{checkout}/{MARKER}"):
        os.makedirs(root + checkout, exist_ok=True)
        overlay(f"/proc/self/fd/{checkout_fd}", root + checkout, stage)
    os.close(checkout_fd)
    return root


def build_dev(dev, devices):
    """Fill the node's private /dev: the usual character devices and the block devices of the caller."""
    linux.mount("tmpfs", dev, "tmpfs", linux.MS_NOSUID, "mode=755")
    old_mask = os.umask(0)
    for name, (major, minor) in CHARACTER_DEVICES.items():
        os.mknod(f"{dev}/{name}", stat.S_IFCHR | 0o666, os.makedev(major, minor))
    for name, (major, minor) in devices.items():
        os.mknod(f"{dev}/{name}", stat.S_IFBLK | 0o660, os.makedev(major, minor))
    os.umask(old_mask)
    os.mkdir(f"{dev}/pts")
    os.mkdir(f"{dev}/shm")
    linux.mount("devpts", f"{dev}/pts", "devpts", linux.MS_NOSUID, "newinstance,ptmxmode=666,mode=620,gid=5")
    linux.mount("tmpfs", f"{dev}/shm", "tmpfs", linux.MS_NOSUID | linux.MS_NODEV, "mode=1777")
    for name, target in (("ptmx", "pts/ptmx"), ("fd", "/proc/self/fd"), ("stdin", "/proc/self/fd/0")):
        os.symlink(target, f"{dev}/{name}")
    for number, name in ((1, "stdout"), (2, "stderr")):
        os.symlink(f"/proc/self/fd/{number}", f"{dev}/{name}")


def enter_root(root):
    """Make ``root`` the root directory, and let go of the file systems of the machine below."""
    os.chdir(root)
    try:
        linux.pivot_root(".", ".")
        linux.umount(".", linux.MNT_DETACH)
    except OSError as error:
        # The kernel's first root file system (a machine that lives in its initramfs) can only be covered.
        if error.errno != errno.EINVAL:
            raise
        linux.mount(root, "/", None, linux.MS_MOVE)
        os.chroot(".")
    os.chdir("/")


def replace(path, text):
    """Write a small file of the node's own, never through a symbolic link of the machine below."""
    if os.path.lexists(path):
        os.unlink(path)
    with open(path, "w", encoding="utf-8") as handle:
        handle.write(text)


def settle(hostname):
    """Give the node its name, hosts file, loopback, and Postfix directories without history."""
    socket.sethostname(hostname)
    replace("/etc/hostname", hostname + "\n")
    replace("/etc/hosts", "127.0.0.1 localhost\n::1 localhost ip6-localhost ip6-loopback\n")
    replace("/etc/resolv.conf", "")
    for top in FRESH:
        for where, _, names in os.walk(top):
            for name in names:
                os.unlink(os.path.join(where, name))
    linux.set_link_up("lo")
    for scope in ("all", "default"):
        # An IPv6 address is to be usable at once; nobody else is on this network who could have it already.
        path = f"/proc/sys/net/ipv6/conf/{scope}/accept_dad"
        if os.path.exists(path):
            # The node's files may be another release's, without this Python's modules: what it has not loaded by now,
            # such as the codec of ASCII, it cannot load.
            with open(path, "w", encoding="utf-8") as handle:
                handle.write("0")


def reap_until_end(controller_fd):
    """Collect dead orphans for as long as the controlling process lives."""
    wake_read, wake_write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    signal.set_wakeup_fd(wake_write, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    poll = select.poll()
    poll.register(controller_fd, select.POLLIN)
    poll.register(wake_read, select.POLLIN)
    while True:
        try:
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        except ChildProcessError:
            pass
        for fd, _ in poll.poll():
            if fd == controller_fd:
                return
            os.read(wake_read, 4096)


def be_init(spec):
    """The life of PID 1."""
    os.setsid()
    ready = spec["ready_fd"]
    try:
        stage = next(path for path in STAGES if os.path.isdir(path))
        enter_root(build_root(spec, stage))
        settle(spec["hostname"])
    except (OSError, StopIteration) as error:
        os.write(ready, f"cannot build the node {spec['hostname']}: {error!r}\n".encode())
        return
    os.write(ready, b"ready\n")
    os.close(ready)
    reap_until_end(spec["controller_fd"])


def main():
    """Make the namespaces, start PID 1 in them, and end when it ends."""
    spec = json.loads(sys.argv[1])
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        linux.unshare(
            linux.CLONE_NEWNS | linux.CLONE_NEWUTS | linux.CLONE_NEWIPC | linux.CLONE_NEWPID | linux.CLONE_NEWNET
        )
    except OSError as error:
        os.write(spec["ready_fd"], f"cannot make namespaces, root is needed: {error}\n".encode())
        return 1
    pid = os.fork()
    if pid == 0:
        be_init(spec)
        os._exit(0)
    os.write(spec["ready_fd"], f"{pid}\n".encode())
    os.close(spec["ready_fd"])
    os.waitpid(pid, 0)
    return 0


sys.exit(main())
