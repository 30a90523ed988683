"""The faults that a drill can inflict, each on the node where the service runs: whom it hits, how, and how it ends."""

import os
import signal
import time

from postfix_ha.config.discover import discover
from postfix_ha.config.interfaces import interface_addresses
from postfix_ha.messages.errors import refused
from postfix_ha.procfs import process_stat
from postfix_ha.system.command import run
from postfix_ha.system.processes import Identity, census

KILL, FREEZE, ADDRESS, STANDBY = "kill-master", "freeze-master", "delete-address", "standby"
KINDS = (KILL, FREEZE, ADDRESS, STANDBY)
MEANING = {
    KILL: "kills the Postfix master process",
    FREEZE: "freezes the Postfix master process (SIGSTOP)",
    ADDRESS: "deletes the service address from its interface",
    STANDBY: "puts the node in standby: all its resources move away, not only Postfix",
}
SIGNALS = {KILL: signal.SIGKILL, FREEZE: signal.SIGSTOP, "thaw": signal.SIGCONT}
COMMAND_S = 10.0
Victim = dict[str, str]


def find_victim(kind: str, config_dir: str, binary: str, address: str) -> Victim:
    """What the fault would hit on this node; Refused where it is not here."""
    if kind == ADDRESS:
        return _address_of(address)
    if kind not in SIGNALS:
        return {}
    instance = discover(config_dir, time.monotonic() + COMMAND_S, binary=binary)
    identity = Identity(config_dir, instance)
    identity.look_up()
    master = census(identity).master
    if master is None:
        raise refused("drill_master_runs", config_dir=config_dir, node=os.uname().nodename)
    return {"pid": str(master.pid), "start": str(master.start)}


def inflict(kind: str, victim: Victim) -> None:
    """Do it, or the opposite (thaw); Refused where the victim is not the one that was found any more."""
    if kind == ADDRESS:
        done = run(
            ["ip", "address", "delete", f"{victim['address']}/{victim['prefix']}", "dev", victim["nic"]],
            deadline=time.monotonic() + COMMAND_S,
        )
        if done.returncode != 0:
            raise refused("drill_address_deleted", why=done.stderr.decode("utf-8", "replace").strip())
        return
    pid = int(victim["pid"])
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        raise refused("drill_master_same", pid=pid) from None
    try:
        stat = process_stat(pid)
        if stat is None or str(stat.start) != victim["start"]:
            raise refused("drill_master_same", pid=pid)
        signal.pidfd_send_signal(descriptor, SIGNALS[kind])
    except ProcessLookupError:
        raise refused("drill_master_same", pid=pid) from None
    finally:
        os.close(descriptor)


def _address_of(address: str) -> Victim:
    """The interface that has the address; Refused where other addresses would go with it."""
    there = interface_addresses()
    own = next((each for each in there if each.address == address), None)
    if own is None:
        raise refused("drill_address_there", address=address, node=os.uname().nodename)
    # The kernel deletes the others of an IPv4 network along with the first (inet_del_ifa).
    same = [each for each in there if each.is_secondary and each.is_beside(own)]
    if same and not own.is_secondary:
        with_it = ", ".join(each.address for each in same)
        raise refused("drill_address_alone", address=address, interface=own.interface, others=with_it)
    return {"nic": own.interface, "address": address, "prefix": str(own.prefix)}
