"""The command that ends a process in the way: by its instance, its unit or its number, as far as the kernel vouches."""

import os

from postfix_ha.checks.units import UNIT_DIRECTORIES
from postfix_ha.procfs import process_environment, read_bytes, real_uid
from postfix_ha.system.files import read_regular
from postfix_ha.system.identity import is_root_controlled
from postfix_ha.system.quoting import quote_words

INIT = 1
SYSTEM_SLICE = "system.slice"
GENERATED = "/run/systemd/generator"
UNIT_SIZE_MAX = 65536
LISTED = "systemctl list-sockets"


def ending_command(pid: int, port: int = 0) -> str:
    """The command that ends what listens on the port, or holds a lock; "" where nobody can be seen."""
    if pid <= 0:
        return ""
    if pid == INIT:
        # systemd itself listens, for a socket unit.
        units = socket_units(port)
        return quote_words(["systemctl", "disable", "--now", units[0]]) if len(units) == 1 else LISTED
    config = _configuration(pid)
    if config:
        return quote_words(["postfix", "-c", config, "stop"])
    unit = _system_unit(pid)
    return quote_words(["systemctl", "disable", "--now", unit]) if unit else f"kill {pid}"


def socket_units(port: int, root: str = "") -> "list[str]":
    """The socket units that have systemd listen on the port, by their files."""
    found = set()
    for directory in (*UNIT_DIRECTORIES, GENERATED):
        try:
            names = os.listdir(root + directory)
        except OSError:
            continue
        for name in names:
            if name.endswith(".socket") and _listens(f"{root}{directory}/{name}", port):
                found.add(name)
    return sorted(found)


def _listens(path: str, port: int) -> bool:
    """Whether a unit's file says ListenStream= with the port, alone or after an address."""
    try:
        lines = read_regular(path, UNIT_SIZE_MAX).splitlines()
    except OSError:
        return False
    streams = [line.partition(b"=")[2].strip() for line in lines if line.strip().startswith(b"ListenStream")]
    return any(stream.rpartition(b":")[2] == str(port).encode("ascii") for stream in streams)


def _configuration(pid: int) -> str:
    """The configuration directory of root's Postfix; nobody else's word is put into a command that root runs."""
    if real_uid(pid) != 0:
        return ""
    config = process_environment(pid).get("MAIL_CONFIG", "")
    is_ours = config.startswith("/") and config.isprintable() and is_root_controlled(os.path.realpath(config))
    return config if is_ours else ""


def _system_unit(pid: int) -> str:
    """The system's own service that a process belongs to; below a user's slice any name can be chosen."""
    groups = (read_bytes(f"/proc/{pid}/cgroup") or b"").decode("utf-8", "replace").splitlines()
    for line in groups:
        parts = line.rpartition(":")[2].strip("/").split("/")
        if parts[0] == SYSTEM_SLICE:
            return next((part for part in parts if part.endswith(".service")), "")
    return ""
