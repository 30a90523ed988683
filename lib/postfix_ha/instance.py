"""Instance: the facts of one Postfix instance, and the snapshot in which start leaves them for monitor and stop.

A snapshot is a small text file under the cluster's run-time directory, one ``key value`` a line, percent-quoted.
It is written atomically for root alone; whatever is not exactly such a file is ignored, never trusted, never fatal.
"""

import errno
import os
import time

from postfix_ha.endpoint import KINDS, Endpoint, address_bytes
from postfix_ha.procfs import boot_id

SNAPSHOT_HEADER = b"postfix_ha snapshot 1\n"
SNAPSHOT_SIZE_MAX = 256 * 1024
DEFAULT_CONFIG_DIR = "/etc/postfix"
CONFIG_FILES = ("main.cf", "master.cf")

TEXT_KEYS = (
    "config_dir",
    "queue_directory",
    "data_directory",
    "daemon_directory",
    "command_directory",
    "mail_owner",
    "setgid_group",
    "boot_id",
)
PATH_KEYS = ("config_dir", "queue_directory", "data_directory", "daemon_directory", "command_directory")
# The kernel's greatest pid (PID_MAX_LIMIT), and the end of what 64 bits hold.
PID_MAX, NUMBER_END = 4194304, 2**64
Stamp = tuple[str, int, int, int]

NUMBER_KEYS = ("master_pid", "master_start", "mail_owner_uid", "files_local", "pidfile_noticed")


class Problem(tuple[str, str, str, int]):
    """(subject, text, file, line) of something that is wrong with a configuration."""

    __slots__ = ()
    is_late = False  # whether only an answer did not come in time, which another try may meet


class LateProblem(Problem):
    """One that is no more than an answer which did not come in time."""

    __slots__ = ()
    is_late = True


class Instance:
    """What is known of one Postfix instance; text facts are "" and numbers 0 where nothing is known.

    ``queue_id`` is (device, inode) of the queue directory or None; ``master_start`` the kernel's start time of the
    master process in clock ticks since boot; ``locks`` where it holds the locks on its two files
    (``MAJOR:MINOR:INODE``); ``stamps`` a list of (path, size, mtime_ns, inode) of the files that the running master
    read, ``noticed`` the same of the newest files whose difference was already logged; ``settings`` further main.cf
    parameters (name -> expanded value); ``problems`` tuples (subject, text, file, line) met while reading the
    configuration. ``files_local`` is 1 when the configuration lies on the node's own root file system,
    ``pidfile_noticed`` 1 when a lost pid file was already logged.
    """

    config_dir: str
    queue_directory: str
    data_directory: str
    daemon_directory: str
    command_directory: str
    mail_owner: str
    setgid_group: str
    boot_id: str
    master_pid: int
    master_start: int
    mail_owner_uid: int
    files_local: int
    pidfile_noticed: int
    queue_id: "tuple[int, int] | None"
    endpoints: "list[Endpoint]"
    locks: "list[str]"
    stamps: "list[Stamp]"
    noticed: "list[Stamp]"
    settings: "dict[str, str]"
    problems: "list[Problem]"

    __slots__ = (
        *TEXT_KEYS,
        *NUMBER_KEYS,
        "endpoints",
        "locks",
        "noticed",
        "problems",
        "queue_id",
        "settings",
        "stamps",
    )

    def __init__(self, **facts: object) -> None:
        for key in TEXT_KEYS:
            setattr(self, key, facts.pop(key, ""))
        for key in NUMBER_KEYS:
            setattr(self, key, facts.pop(key, 0))
        self.queue_id = facts.pop("queue_id", None)  # type: ignore[assignment]
        for key in ("endpoints", "locks", "stamps", "noticed", "problems"):
            setattr(self, key, facts.pop(key, None) or [])
        self.settings = facts.pop("settings", None) or {}  # type: ignore[assignment]
        if facts:
            raise TypeError("no such fact of an instance: " + ", ".join(facts))

    def with_facts(self, **changes: object) -> "Instance":
        """A copy of it in which these facts are others."""
        facts: "dict[str, object]" = {name: getattr(self, name) for name in self.__slots__}
        facts.update(changes)
        return Instance(**facts)


def file_stamps(config_dir: str) -> "list[Stamp]":
    """(path, size, mtime_ns, inode) of main.cf and master.cf; a file that cannot be looked at gives zeros."""
    stamps = []
    for name in CONFIG_FILES:
        path = os.path.join(config_dir, name)
        try:
            found = os.stat(path)
            stamps.append((path, found.st_size, found.st_mtime_ns, found.st_ino))
        except OSError:
            stamps.append((path, 0, 0, 0))
    return stamps


def snapshot_path(directory: str, config_dir: str) -> str:
    """The snapshot's file for the instance with this configuration directory ("" is Postfix's default one)."""
    name = os.path.normpath(config_dir or DEFAULT_CONFIG_DIR).strip("/").replace("-", "--").replace("/", "-")
    return os.path.join(directory, "postfix_ha-" + name[-200:] + ".snapshot")


def read_record(directory: str, config_dir: str) -> "Instance | None":
    """The instance of this configuration directory ("" is the default one) as this boot's snapshot has it, or None."""
    instance = read_snapshot(snapshot_path(directory, config_dir))
    if instance is None or instance.boot_id != boot_id():
        return None
    # Two directories may share the name of a snapshot: a relative path, or two very long ones.
    is_same = not config_dir or os.path.normpath(instance.config_dir) == os.path.normpath(config_dir)
    return instance if is_same else None


def read_snapshot(path: str) -> "Instance | None":
    """The instance that a snapshot describes, or None for anything that is not exactly root's own snapshot."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        found = os.fstat(descriptor)
        # Regular file (0o100000), nobody else can write, not larger than any that we write.
        if found.st_mode & 0o170000 != 0o100000 or found.st_mode & 0o022 or found.st_uid != os.geteuid():
            return None
        if found.st_size > SNAPSHOT_SIZE_MAX:
            return None
        data = os.read(descriptor, SNAPSHOT_SIZE_MAX)
    except OSError:
        return None
    finally:
        os.close(descriptor)
    return parse_snapshot(data)


def parse_snapshot(data: bytes) -> "Instance | None":
    """The instance written in these bytes, or None where they are not a whole snapshot of this version."""
    if not data.startswith(SNAPSHOT_HEADER) or not data.endswith(b"\nend\n"):
        return None
    facts: "dict[str, object]" = {}
    endpoints: "list[Endpoint]" = []
    locks: "list[str]" = []
    stamps: "dict[str, list[Stamp]]" = {"stamp": [], "noticed": []}
    settings: "dict[str, str]" = {}
    try:
        for line in data[len(SNAPSHOT_HEADER) : -len(b"end\n")].decode("ascii").splitlines():
            key, _, value = line.partition(" ")
            if key in TEXT_KEYS:
                facts[key] = _unquoted(value)
            elif key in NUMBER_KEYS:
                facts[key] = int(value)
            elif key == "queue_id":
                device, inode = value.split(" ")
                facts[key] = (int(device), int(inode))
            elif key == "lock":
                locks.append(value)
            elif key in stamps:
                size, mtime_ns, inode, path = value.split(" ")
                stamps[key].append((_unquoted(path), int(size), int(mtime_ns), int(inode)))
            elif key == "endpoint":
                kind, address, port, service = value.split(" ")
                if kind not in KINDS:
                    return None
                endpoints.append(Endpoint(address, int(port), kind, _unquoted(service)))
            elif key == "setting":
                name, text = value.split(" ")
                settings[_unquoted(name)] = _unquoted(text)
            else:
                return None
    except ValueError:  # also a UnicodeDecodeError and a wrong number of fields
        return None
    facts.update(endpoints=endpoints, locks=locks, stamps=stamps["stamp"], noticed=stamps["noticed"])
    instance = Instance(settings=settings, **facts)
    return instance if _is_possible(instance) else None


def _is_possible(instance: Instance) -> bool:
    """Whether each value is one that a start can have written: the kernel's ranges, whole paths, real addresses."""
    paths = [*(getattr(instance, key) for key in PATH_KEYS), *(stamp[0] for stamp in instance.stamps)]
    texts = [*(getattr(instance, key) for key in TEXT_KEYS), *paths, *instance.settings, *instance.settings.values()]
    numbers = [instance.master_start, *(instance.queue_id or ())]
    numbers += [number for stamp in (*instance.stamps, *instance.noticed) for number in (stamp[1], stamp[3])]
    return (
        all(text.startswith("/") or not text for text in paths)
        and not any("\0" in text for text in texts)
        and 0 <= instance.master_pid <= PID_MAX
        and all(0 <= number < NUMBER_END for number in numbers)
        and all(-NUMBER_END <= stamp[2] < NUMBER_END for stamp in (*instance.stamps, *instance.noticed))
        and all(len(lock) < 40 and lock.count(":") == 2 for lock in instance.locks)
        and instance.files_local in (0, 1)
        and instance.pidfile_noticed in (0, 1)
        and all(map(_is_endpoint, instance.endpoints))
    )


def _is_endpoint(endpoint: Endpoint) -> bool:
    try:
        return 0 < endpoint.port < 65536 and bool(address_bytes(endpoint.address)) and "\0" not in endpoint.service
    except (OSError, ValueError):
        return False


def format_snapshot(instance: Instance) -> bytes:
    """The bytes of an instance's snapshot; parse_snapshot() reads them."""
    lines = [f"{key} {_quoted(getattr(instance, key))}" for key in TEXT_KEYS]
    lines += [f"{key} {getattr(instance, key)}" for key in NUMBER_KEYS]
    if instance.queue_id:
        lines.append("queue_id {} {}".format(*instance.queue_id))
    lines += [f"lock {lock}" for lock in instance.locks]
    for key, stamps in (("stamp", instance.stamps), ("noticed", instance.noticed)):
        lines += [f"{key} {size} {mtime_ns} {inode} {_quoted(name)}" for name, size, mtime_ns, inode in stamps]
    lines += [f"endpoint {e.kind} {e.address} {e.port} {_quoted(e.service)}" for e in instance.endpoints]
    lines += [f"setting {_quoted(name)} {_quoted(value)}" for name, value in instance.settings.items()]
    return SNAPSHOT_HEADER + "\n".join(lines).encode("ascii") + b"\nend\n"


def write_snapshot(path: str, instance: Instance) -> None:
    """Write the snapshot atomically, readable by its owner alone; raises OSError where that cannot be done."""
    os.makedirs(os.path.dirname(path), mode=0o755, exist_ok=True)
    data = format_snapshot(instance)
    unfinished = f"{path}.{os.getpid()}.{time.monotonic_ns()}"
    descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        if os.write(descriptor, data) != len(data):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), path)
        os.replace(unfinished, path)
    except OSError:
        os.unlink(unfinished)
        raise
    finally:
        os.close(descriptor)


def remove_snapshot(path: str) -> None:
    """Remove the snapshot; one that is not there or cannot be removed is no harm (its master is gone)."""
    try:
        os.unlink(path)
    except OSError:
        return


def _quoted(text: str) -> str:
    """The text as ASCII without white space; every other byte as %XX."""
    return "".join(chr(byte) if 0x21 <= byte <= 0x7E and byte != 0x25 else f"%{byte:02X}" for byte in os.fsencode(text))


def _unquoted(text: str) -> str:
    """The text that _quoted was given; ValueError where a quote is broken."""
    first, *parts = text.split("%")
    data = first.encode("ascii")
    for part in parts:
        data += bytes((int(part[:2], 16),)) + part[2:].encode("ascii")
    return os.fsdecode(data)
