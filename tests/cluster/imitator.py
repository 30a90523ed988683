"""A user's programs that imitate Postfix in every way that a user can; run as ``nobody``, ends with its own end.

usage: imitator.py CONFIG_DIR QUEUE PLACE

PLACE is a directory of the user's own. Each imitation is a process of its own; a line is printed when all of them run.
"""

import ctypes
import fcntl
import os
import shutil
import signal
import socket
import sys
import time

CLONE_NEWUSER = 0x10000000
PR_SET_NAME, PR_SET_PDEATHSIG = 15, 1
LIBC = ctypes.CDLL(None, use_errno=True)
DAEMONS = ("master", "qmgr", "pickup", "smtpd", "cleanup")


def main() -> None:
    """Start every imitation, tell it, and wait to be ended."""
    config_dir, queue, place = sys.argv[1:]
    environment = {**os.environ, "MAIL_CONFIG": config_dir, "MAIL_LOGTAG": "postfix"}
    shutil.rmtree(place, ignore_errors=True)
    for directory in ("postfix/sbin", "pid", "data", "queue/pid"):
        os.makedirs(f"{place}/{directory}")
    for name in DAEMONS:
        # The program's path ends as the distribution's does, and the kernel lists the name.
        shutil.copy("/usr/bin/sleep", f"{place}/postfix/sbin/{name}")
    children = [imitate(lambda n=name: run_program(place, n, environment)) for name in DAEMONS]
    children += [
        imitate(lambda: hold_locks(place)),
        imitate(lambda: listen_as_postfix()),
        imitate(lambda: be_root_of_a_user_namespace(place, environment)),
        imitate(lambda: stand_in(queue, environment)),
        imitate(lambda: start_postfix(config_dir, environment)),
        imitate(lambda: submit(environment)),
    ]
    print(len(children), "imitations run", flush=True)
    signal.pause()


def imitate(act) -> int:
    """A child that does it until this process ends."""
    child = os.fork()
    if child == 0:
        LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        try:
            act()
            signal.pause()
        finally:
            os._exit(0)
    return child


def run_program(place, name, environment) -> None:
    """A daemon by its path, its name, its environment and the directory that it stands in."""
    os.chdir(f"{place}/queue")
    os.execve(f"{place}/postfix/sbin/{name}", [name, "100000"], environment)


def hold_locks(place) -> None:
    """Master by its name and by locks on files that are called as its own."""
    LIBC.prctl(PR_SET_NAME, b"master", 0, 0, 0)
    for name in (f"{place}/queue/pid/master.pid", f"{place}/data/master.lock"):
        file = os.open(name, os.O_RDWR | os.O_CREAT)
        os.write(file, str(os.getpid()).encode())
        fcntl.lockf(file, fcntl.LOCK_EX)
        fcntl.flock(os.dup(file), fcntl.LOCK_EX)


def listen_as_postfix() -> None:
    """A listener that shares a port with whoever binds it later in the same way."""
    LIBC.prctl(PR_SET_NAME, b"master", 0, 0, 0)
    for port in (2525, 10025):
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        listener.bind(("0.0.0.0", port))
        listener.listen()
        listener.detach()


def be_root_of_a_user_namespace(place, environment) -> None:
    """Root by its own account, in a user name space.

    Without mounts of its own: these nodes' mounts are private, so a copy would keep the queue mounted here after
    it has moved, which mounts that are shared (as systemd makes them) do not.
    """
    LIBC.unshare(CLONE_NEWUSER)
    run_program(place, "master", environment)


def stand_in(queue, environment) -> None:
    """In the queue's directory as soon as it is there and lets this user in."""
    LIBC.prctl(PR_SET_NAME, b"qmgr", 0, 0, 0)
    while True:
        try:
            os.chdir(queue)
        except OSError:
            time.sleep(0.2)
        else:
            # Nobody who stands in a file system may keep it mounted for long in this laboratory.
            time.sleep(0.5)
            os.chdir("/")


def start_postfix(config_dir, environment) -> None:
    """A start that is under way, as the kernel's list of words shows it."""
    words = ["/usr/sbin/postfix", "-c", "import time; time.sleep(100000)", config_dir, "start"]
    os.execve("/usr/bin/python3", words, environment)


def submit(environment) -> None:
    """What mail programs run: an SMTP dialogue on standard input, by Postfix's own command, again and again."""
    while True:
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:
            os.dup2(reading, 0)
            os.close(writing)
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
            os.execve("/usr/sbin/sendmail", ["sendmail", "-bs"], environment)
        os.close(reading)
        time.sleep(1.5)
        os.close(writing)
        os.waitpid(child, 0)


if __name__ == "__main__":
    main()
