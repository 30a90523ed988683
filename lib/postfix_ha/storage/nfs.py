"""NFS: whether a mount keeps mail and locks, and whether root is root there."""

import os

from postfix_ha.finding import Finding
from postfix_ha.system.child import known_by_child
from postfix_ha.system.files import make_fresh, open_directory
from postfix_ha.system.mounts import Mount

TYPES = ("nfs", "nfs4")
# What gives up on a server that does not answer, nfs(5): the write is lost, and fsync may not tell.
GIVES_UP = ("soft", "softerr")
LOCAL_LOCKS = ("all", "flock", "posix")
# Of what the kernel shows of an NFS mount that which is the same on every node, unless it is the default.
PORTABLE = {
    "vers": "", "sec": "sys", "proto": "tcp", "timeo": "600", "nconnect": "1", "lookupcache": "all", "acregmin": "3",
    "acregmax": "60", "acdirmin": "30", "acdirmax": "60", "xprtsec": "none", "port": "2049",
}  # fmt: skip
PORTABLE_WORDS = ("hard", "noac", "nocto", "nosharecache", "noacl", "nordirplus", "noresvport", "fsc", "sync")
HANGS = "hangs"


def is_nfs(fstype: str) -> bool:
    """Whether a file system of this type is NFS."""
    return fstype in TYPES


def server_of(source: str) -> str:
    """The server in SERVER:/EXPORT, the address without its brackets."""
    return source.partition(":/")[0].strip("[]")


def portable_options(mount: Mount) -> "list[str]":
    """Those of the options that the kernel shows with which another node mounts the same."""
    found = []
    for word in mount.details.split(","):
        name, is_pair, value = word.partition("=")
        if word in PORTABLE_WORDS or (is_pair and name in PORTABLE and value != PORTABLE[name]):
            found.append(word)
    return found


def judge_options(words: "list[str]", about: "dict[str, object]") -> "list[Finding]":
    """nfs_mounted_hard, nfs_locks_shared: what these options, as the kernel shows or mount(8) is told them, do."""
    gives_up = [word for word in words if word in GIVES_UP]
    unlocked = [word for word in words if word in ("nolock", *(f"local_lock={kind}" for kind in LOCAL_LOCKS))]
    found = [Finding("nfs_mounted_hard", option=",".join(gives_up), **about)] if gives_up else []
    return found + ([Finding("nfs_locks_shared", option=",".join(unlocked), **about)] if unlocked else [])


def root_on(directory: str, deadline: float) -> str:
    """Who root is for the server: "" for root, else what shows that it is nobody; HANGS where it does not answer.

    Only what the server makes of a file of root's tells: what its export says is not to be seen from here. A child
    makes it, for a server that is away holds whoever asks it.
    """
    if os.geteuid() != 0:
        return ""
    told = known_by_child(lambda: _owner_of_file(directory), deadline)
    if not isinstance(told, list) or len(told) != 2:
        return HANGS
    uid, why = told
    if why:
        return f"root may not write there ({why})"
    return "" if uid == 0 else f"a file that root makes there belongs to uid {uid}"


def _owner_of_file(directory: str) -> "list[object]":
    at = open_directory(directory)
    try:
        name, descriptor = make_fresh(at, ".postfix-ha.")
        try:
            return [os.fstat(descriptor).st_uid, ""]
        finally:
            os.close(descriptor)
            os.unlink(name, dir_fd=at)
    except PermissionError as error:
        return [-1, error.strerror or "it is refused"]
    except OSError:
        # A full or read-only file system says nothing of who root is.
        return [0, ""]
    finally:
        os.close(at)


def judge_root(said: str, mount: Mount, about: "dict[str, object]") -> "list[Finding]":
    """nfs_root_kept, nfs_answers: what root_on() has found of the queue's mount."""
    server, export = server_of(mount.source), "/" + mount.source.partition(":/")[2]
    if said == HANGS:
        return [Finding("nfs_answers", server=server, **about)]
    return [Finding("nfs_root_kept", why=said, server=server, export=export, **about)] if said else []
