"""The facts of a node's storage that other nodes compare: what its queue lies on, and what it could bring up."""

import os

from postfix_ha.request import OCF_ROOT
from postfix_ha.storage.device_names import names_of, shared_names
from postfix_ha.storage.drbd import DrbdResource, ask_drbd
from postfix_ha.storage.iscsi import sessions, startups
from postfix_ha.storage.layers import DRBD, layers_below, multipaths, paths_below
from postfix_ha.storage.lvm import ask_groups, ask_settings
from postfix_ha.system.mounts import Mounts

# What a chain needs on every node: by the name that a remark has for it, the files of which one must be there.
PROGRAMS = {
    "ocf:heartbeat:LVM-activate": (f"{OCF_ROOT}/resource.d/heartbeat/LVM-activate",),
    "ocf:heartbeat:iscsi": (f"{OCF_ROOT}/resource.d/heartbeat/iscsi",),
    "ocf:linbit:drbd": (f"{OCF_ROOT}/resource.d/linbit/drbd",),
    "vgs": ("/usr/sbin/vgs", "/sbin/vgs"),
    "drbdadm": ("/usr/sbin/drbdadm", "/sbin/drbdadm"),
    "iscsiadm": ("/usr/sbin/iscsiadm", "/sbin/iscsiadm", "/usr/bin/iscsiadm"),
    "mount.nfs": ("/usr/sbin/mount.nfs", "/sbin/mount.nfs"),
}


def volume_facts(mounts: Mounts, queue: str, deadline: float) -> "dict[str, object]":
    """What lies below the queue here, and what of such things this node knows."""
    mount = mounts.place_of(queue or "/").mount
    resources = ask_drbd(deadline)
    groups, lvm = ask_groups(deadline), ask_settings(deadline)
    layers = [
        {"kind": layer.kind, "name": _resource_name(resources, layer.name) if layer.kind == DRBD else layer.name}
        for layer in layers_below(mounts, mount)
    ]
    begins = startups()
    return {
        "layers": layers,
        "names": names_of([mount.source], deadline).get(mount.source, []),
        "paths": paths_below(mounts, mount),
        "devices": shared_names(),
        "multipaths": multipaths(mounts),
        "programs": [name for name, files in PROGRAMS.items() if any(os.access(path, os.X_OK) for path in files)],
        "lvm": {
            "system_id": lvm.system_id,
            "groups": [
                {
                    "name": name,
                    "system_id": group.system_id,
                    "lock_type": group.lock_type,
                    "at_boot": group.is_autoactivated and lvm.activates(name),
                }
                for name, group in sorted(groups.items())
            ],
        },
        "drbd": [
            {"name": each.name, "digest": each.digest, "hosts": each.hosts}
            for each in {each.name: each for each in resources.values()}.values()
        ],
        "iscsi": {target: begins.get(target, "") for target in sorted({each.target for each in sessions(mounts)})},
    }


def _resource_name(resources: "dict[str, DrbdResource]", minor: str) -> str:
    return resources[minor].name if minor in resources else minor
