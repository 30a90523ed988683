"""The faults that a drill can inflict, each on the node where the service runs: whom it hits, how, and how it ends."""

import json
import os
import signal
import time

from postfix_ha.cluster.errors import Refused
from postfix_ha.cluster.managed_addresses import canonical
from postfix_ha.config.discover import discover
from postfix_ha.procfs import process_stat
from postfix_ha.system.command import run
from postfix_ha.system.processes import Identity, census

KILL, FREEZE, ADDRESS, STANDBY = "kill-master", "freeze-master", "delete-address", "standby"
KINDS = (KILL, FREEZE, ADDRESS, STANDBY)
MEANING = {
    KILL: "kills the Postfix master process",
    FREEZE: "freezes the Postfix master process (SIGSTOP)",
    ADDRESS: "deletes the service address from its interface",
    STANDBY: "puts the node in standby: all its resources move away, not Postfix alone",
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
        raise Refused(f"no Postfix master of {config_dir} runs on {os.uname().nodename}")
    return {"pid": str(master.pid), "start": str(master.start)}


def inflict(kind: str, victim: Victim) -> None:
    """Do it, or the opposite (thaw); Refused where the victim is not the one that was found any more."""
    if kind == ADDRESS:
        done = run(
            ["ip", "address", "delete", f"{victim['address']}/{victim['prefix']}", "dev", victim["nic"]],
            deadline=time.monotonic() + COMMAND_S,
        )
        if done.returncode != 0:
            raise Refused(f"ip could not delete it: {done.stderr.decode('utf-8', 'replace').strip()}")
        return
    pid = int(victim["pid"])
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        raise Refused(f"the master process {pid} has ended") from None
    try:
        stat = process_stat(pid)
        if stat is None or str(stat.start) != victim["start"]:
            raise Refused(f"the master process {pid} has ended")
        signal.pidfd_send_signal(descriptor, SIGNALS[kind])
    except ProcessLookupError:
        raise Refused(f"the master process {pid} has ended") from None
    finally:
        os.close(descriptor)


def _address_of(address: str) -> Victim:
    """The interface that has the address; Refused where other addresses would go with it."""
    done = run(["ip", "-json", "address"], deadline=time.monotonic() + COMMAND_S)
    try:
        links = json.loads(done.stdout)
    except ValueError:
        raise Refused("'ip -json address' has no answer") from None
    for link in links:
        own = [each for each in link.get("addr_info", ()) if canonical(each.get("local", "")) == address]
        if own:
            same = [each for each in link["addr_info"] if each.get("secondary") and each is not own[0]]
            if same and not own[0].get("secondary"):
                with_it = ", ".join(each["local"] for each in same)
                raise Refused(f"{address} is the first of its network on {link['ifname']}: {with_it} would go with it")
            return {"nic": link["ifname"], "address": address, "prefix": str(own[0]["prefixlen"])}
    raise Refused(f"{address} is not on {os.uname().nodename}")
