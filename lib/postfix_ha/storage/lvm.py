"""LVM: who may activate a volume group, and whether this node does so at boot."""

import json
import re

from postfix_ha.system.command import NOT_FOUND, run

# vgs(8): what a group says of who may activate it. vg_autoactivation has been there since LVM 2.03.12.
GROUP_FIELDS = "vg_name,vg_systemid,vg_lock_type"
AUTOACTIVATION = "vg_autoactivation"
# Without them vgs leaves out what is another node's, and what lvmlockd would have to lock first.
OF_OTHERS = ("--foreign", "--shared")
# vg_lock_type of a group that lvmlockd guards, lvmlockd(8).
LOCKED = ("dlm", "sanlock")
GROUPS_MAX = 1000
_SETTING = re.compile(r"^\s*(\w+)\s*=\s*(.*?)\s*$", re.MULTILINE)
_TEXT = re.compile(r'"([^"]*)"')


class VolumeGroup:
    """What LVM says of a group: its system id ("" for none), its lock type ("none" for none), whether it is activated
    at boot."""

    __slots__ = ("is_autoactivated", "lock_type", "system_id")

    def __init__(self, system_id: str = "", lock_type: str = "none", *, is_autoactivated: bool = False) -> None:
        self.system_id = system_id
        self.lock_type = lock_type
        self.is_autoactivated = is_autoactivated


class LvmSettings:
    """What lvm.conf makes of this node: its ``system_id`` ("" for none), whether it asks lvmlockd for locks, and what
    it activates at boot (None: whatever it may)."""

    __slots__ = ("at_boot", "is_there", "system_id", "uses_lvmlockd")

    def __init__(
        self,
        system_id: str = "",
        *,
        is_there: bool = True,
        uses_lvmlockd: bool = False,
        at_boot: "list[str] | None" = None,
    ) -> None:
        self.system_id = system_id
        self.is_there = is_there
        self.uses_lvmlockd = uses_lvmlockd
        self.at_boot = at_boot

    def activates(self, name: str) -> bool:
        """Whether a group that may be activated at boot is so here (auto_activation_volume_list, lvm.conf(5))."""
        listed = self.at_boot
        # A tag may be anybody's: it is taken for one that fits.
        return listed is None or any(each.partition("/")[0] == name or each.startswith("@") for each in listed)


def ask_groups(deadline: float) -> "dict[str, VolumeGroup]":
    """What LVM says of the volume groups that this node sees, those of others too; empty where it does not answer."""
    argv = ["vgs", *OF_OTHERS, "--reportformat", "json", "--options"]
    done = run([*argv, f"{GROUP_FIELDS},{AUTOACTIVATION}"], deadline=deadline)
    if done.returncode not in (0, NOT_FOUND, None):
        done = run([*argv, GROUP_FIELDS], deadline=deadline)
    return read_groups(done.stdout) if done.returncode == 0 else {}


def read_groups(answer: bytes) -> "dict[str, VolumeGroup]":
    """The volume groups in what vgs(8) reports as JSON."""
    found: "dict[str, VolumeGroup]" = {}
    try:
        rows = [row for part in json.loads(answer)["report"] for row in part["vg"]]
        for row in rows[:GROUPS_MAX]:
            is_auto = str(row.get(AUTOACTIVATION, "")) in ("enabled", "1")
            group = VolumeGroup(str(row["vg_systemid"]), str(row["vg_lock_type"]) or "none", is_autoactivated=is_auto)
            found[str(row["vg_name"])] = group
    except (ValueError, KeyError, TypeError, AttributeError):
        return {}
    return found


def ask_settings(deadline: float) -> LvmSettings:
    """What LVM says of this node."""
    done = run(["lvm", "systemid"], deadline=deadline)
    if done.returncode != 0:
        return LvmSettings(is_there=done.returncode not in (NOT_FOUND, None))
    return read_settings(done.stdout, run(["lvmconfig"], deadline=deadline).stdout)


def read_settings(identity: bytes, settings: bytes) -> LvmSettings:
    """The same from what ``lvm systemid`` and ``lvmconfig`` print."""
    system_id = identity.decode("utf-8", "replace").partition(":")[2].strip()
    found = dict(_SETTING.findall(settings.decode("utf-8", "replace")))
    listed = found.get("auto_activation_volume_list")
    return LvmSettings(
        system_id,
        uses_lvmlockd=found.get("use_lvmlockd", "0") == "1",
        at_boot=None if listed is None else _TEXT.findall(listed),
    )
