"""Checks of what starts Postfix at boot beside the cluster: systemd's units, Debian's instances, init scripts."""

import os

from postfix_ha.system.quoting import quote
from postfix_ha.verdict import Finding

UNIT_DIRECTORIES = ("/etc/systemd/system", "/run/systemd/system", "/usr/lib/systemd/system", "/lib/systemd/system")
# Where a mask, a link to /dev/null, holds whatever is enabled.
MASKING_DIRECTORIES = ("/etc/systemd/system", "/run/systemd/system")
WANTED = (".wants", ".requires", ".upholds")
RUNLEVELS = ("2", "3", "4", "5")
SCRIPT = "postfix"


class Unit:
    """What is enabled at boot: its name, the link that enables it, and the command that disables it."""

    __slots__ = ("cure", "name", "path")

    def __init__(self, name: str, path: str, cure: str) -> None:
        self.name = name
        self.path = path
        self.cure = cure


def enabled_units(root: str = "") -> "list[Unit]":
    """The units and init scripts that start a Postfix at boot, by the files that say so: systemd need not run."""
    found: "dict[str, Unit]" = {}
    for directory in UNIT_DIRECTORIES:
        for folder in _names(root + directory):
            if folder.endswith(WANTED):
                for name in _names(f"{root}{directory}/{folder}"):
                    if is_postfix_unit(name) and _is_started(root, folder):
                        cure = f"systemctl disable {quote(name)}"
                        found.setdefault(name, Unit(name, f"{directory}/{folder}/{name}", cure))
    units = [unit for unit in found.values() if not _is_masked(root, unit.name)]
    return units + _enabled_scripts(root)


def check_boot(node: str) -> "list[Finding]":
    """unit_disabled_at_boot for each unit or script."""
    return [
        Finding("unit_disabled_at_boot", unit=unit.name, path=unit.path, cure=unit.cure, node=node)
        for unit in enabled_units()
    ]


def is_postfix_unit(name: str) -> bool:
    """Whether a unit runs a Postfix: postfix.service, or an instance of postfix@.service."""
    return name == "postfix.service" or (name.startswith("postfix@") and name.endswith(".service"))


def _is_started(root: str, folder: str) -> bool:
    """Whether what wants a unit is itself started: Debian hangs the instances on postfix.service."""
    wanting = folder.rpartition(".")[0]
    if not is_postfix_unit(wanting):
        return True
    return any(os.path.lexists(f"{root}{d}/multi-user.target.wants/{wanting}") for d in UNIT_DIRECTORIES)


def _is_masked(root: str, name: str) -> bool:
    links = (f"{root}{directory}/{name}" for directory in MASKING_DIRECTORIES)
    return any(os.path.islink(link) and os.readlink(link) == "/dev/null" for link in links)


def _enabled_scripts(root: str) -> "list[Unit]":
    """Init scripts that a runlevel starts; systemd leaves a script alone that has a unit of the same name."""
    for level in RUNLEVELS:
        for place in (f"/etc/rc{level}.d", f"/etc/rc.d/rc{level}.d"):
            for name in _names(root + place):
                if name[:1] == "S" and name[1:].lstrip("0123456789") == SCRIPT:
                    is_debian = os.path.exists(root + "/usr/sbin/update-rc.d")
                    cure = f"update-rc.d {SCRIPT} disable" if is_debian else f"chkconfig {SCRIPT} off"
                    return [Unit(f"init script {SCRIPT}", f"{place}/{name}", cure)]
    return []


def _names(directory: str) -> "list[str]":
    try:
        return sorted(os.listdir(directory))
    except OSError:
        return []
