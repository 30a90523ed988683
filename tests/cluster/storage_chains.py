"""The queue on storage that people have: for each kind create makes the chain, and the service moves and is cut off.

In the virtual machines of ``ci/vagrant storage`` alone, as it wants the modules of a distribution's kernel.
"""

import shlex
from dataclasses import dataclass, field
from typing import Callable

import pytest

from tests.support.lab.network import SERVICE_ADDRESS
from tests.support.lab.node import QUEUE_MOUNT
from tests.support.lab.resources import MAIL

pytestmark = [pytest.mark.main, pytest.mark.timeout(3600)]
SHARED, OWN = "/dev/disk/by-id/virtio-postfix-ha-queue", "/dev/disk/by-id/virtio-postfix-ha-own"
RING = {"n1": "203.0.113.11", "n2": "203.0.113.12", "n3": "203.0.113.13"}
WAIT_S = 900
CONTENT = "/var/tmp/queue.tar.gz"
LVM_CONF = 'global {\n    system_id_source = "uname"\n}\n'
# Two copies, and a node that has a vote alone. In the kernel of Debian is DRBD 8.4, in whose words fencing is.
DRBD_CONF = f"""resource mail {{
    device /dev/drbd0;
    disk {OWN};
    meta-disk internal;
    net {{ protocol C; }}
    disk {{ fencing resource-and-stonith; }}
    handlers {{
        fence-peer "/usr/lib/drbd/crm-fence-peer.sh";
        after-resync-target "/usr/lib/drbd/crm-unfence-peer.sh";
    }}
    on n1 {{ address {RING["n1"]}:7789; }}
    on n2 {{ address {RING["n2"]}:7789; }}
}}
"""
EXPORT = f"{RING['n3']}:/srv/queue"
# The server lets go of a dead client's locks when its lease has run out, by default after 90 s.
LEASE = "[nfsd]\nlease-time = 15\ngrace-time = 15\n"


def sh(node, script, timeout=600):
    """What a shell script printed in a machine; it has to succeed."""
    done = node.run(["bash", "-ec", script], timeout=timeout)
    assert done.returncode == 0, f"{node.name}: {script}\n{done.stdout}{done.stderr}"
    return done.stdout


def make_lvm(lab):
    """A volume group on the shared disk that belongs to the node which activates it."""
    for node in lab.nodes.values():
        node.write("/etc/lvm/lvmlocal.conf", LVM_CONF)
    n1 = lab.nodes["n1"]
    sh(n1, f"wipefs --all --quiet {SHARED}; vgcreate --yes --setautoactivation n san {SHARED}")
    sh(n1, "lvcreate --yes --name queue --extents 100%FREE san; mkfs.ext4 -q -b 4096 /dev/san/queue")


def make_drbd(lab):
    """A copy on n1 and on n2, both up to date, and primary on n1."""
    for name in ("n1", "n2"):
        lab.nodes[name].write("/etc/drbd.d/mail.res", DRBD_CONF)
        sh(lab.nodes[name], "modprobe drbd; drbdadm create-md --force mail; drbdadm up mail")
    sh(lab.nodes["n1"], "drbdadm primary --force mail")
    lab.wait_for(
        lambda: sh(lab.nodes["n1"], "drbdadm dstate mail").split() == ["UpToDate/UpToDate"], 60, "both copies are equal"
    )
    sh(lab.nodes["n1"], "mkfs.ext4 -q -b 4096 /dev/drbd0")


def make_nfs(lab):
    """An export of n3, on which the service itself does not run."""
    n3 = lab.nodes["n3"]
    n3.write("/etc/nfs.conf.d/lease.conf", LEASE)
    n3.write("/etc/exports", "/srv/queue 203.0.113.0/24(rw,sync,no_root_squash,no_subtree_check)\n")
    sh(n3, "mkdir -p /srv/queue; systemctl restart nfs-kernel-server; exportfs -ra")


@dataclass(frozen=True)
class Kind:
    """One kind of storage: how it is made, what n1 mounts, where the service may run, and what create has to make."""

    make: "Callable[..., None]"
    source: str
    types: "list[str]"
    nodes: "set[str]" = field(default_factory=lambda: {"n1", "n2", "n3"})
    options: str = "-t ext4"


COMMON = ["ocf:heartbeat:Filesystem", "ocf:heartbeat:IPaddr2", "ocf:mail:postfix_ha"]
KINDS = {
    "lvm": Kind(make_lvm, "/dev/san/queue", ["ocf:heartbeat:LVM-activate", *COMMON]),
    "drbd": Kind(make_drbd, "/dev/drbd0", [*COMMON, "ocf:linbit:drbd"], {"n1", "n2"}),
    "nfs": Kind(make_nfs, EXPORT, COMMON, {"n1", "n2"}, "-t nfs4 -o vers=4.2,hard"),
}


def primitives(lab):
    """The cluster's primitives but fencing: id -> type."""
    found = lab.cib().iterfind(".//primitive")
    names = {each.get("id"): [each.get("class"), each.get("provider"), each.get("type")] for each in found}
    return {name: ":".join(filter(None, words)) for name, words in names.items() if words[0] != "stonith"}


def take_down(lab):
    """Remove the hierarchy; what lies in the queue and in the mailboxes is kept on n1."""
    here = lab.nodes[lab.where()]
    sh(here, f"postfix-ha out-of-service --yes --wait {WAIT_S}", timeout=WAIT_S + 60)
    packed = sh(here, f"tar -C {QUEUE_MOUNT} --exclude=lost+found -cz . | base64")
    lab.nodes["n1"].run(["sh", "-c", f"base64 -d >{CONTENT}"], input=packed, check=True)
    sh(here, f"postfix-ha delete --stop --with-parts --yes --wait {WAIT_S}", timeout=WAIT_S + 60)
    for name in primitives(lab):
        sh(here, f"pcs resource delete {shlex.quote(name)}", timeout=WAIT_S)
    lab.wait_for(lab.is_idle, 60, "the hierarchy is gone")
    for node in lab.nodes.values():
        assert not node.mounts(QUEUE_MOUNT), node.name


def set_up(lab, kind):
    """Make the storage with what was kept in it, and let create find out what it is."""
    kind.make(lab)
    n1 = lab.nodes["n1"]
    sh(n1, f"mount {kind.options} {kind.source} {QUEUE_MOUNT}; tar -C {QUEUE_MOUNT} -xzf {CONTENT}")
    for node in lab.nodes.values():
        sh(node, f"sed -i 's|^queue=.*|queue={kind.source}|' /etc/postfix-ha-disks")
    said = sh(n1, f"postfix-ha create --yes --resource {MAIL} --no-peer-check --wait {WAIT_S} 2>&1", WAIT_S + 60)
    for name in set(lab.nodes) - kind.nodes:
        said += sh(n1, f"postfix-ha unextend {name} --yes 2>&1")
    return said


def assert_harmless(outcome):
    """Nothing lost, and never two masters or two mounts."""
    assert (outcome.lost, outcome.most_masters, outcome.most_mounts) == (0, 1, 1), outcome


@pytest.mark.parametrize("name", KINDS)
def test_queue_on(lab, events, name):
    kind = KINDS[name]
    lab.client.stop()
    take_down(lab)
    print(set_up(lab, kind))
    assert sorted(primitives(lab).values()) == sorted(kind.types)
    lab.wait_for(lab.where, 60, "the service runs")
    lab.client.start()
    lab.wait_for(lambda: lab.client.ledger.last_success(), 60, "mail is taken")
    print(lab.crm_mon("--inactive"))
    target = min(kind.nodes - {lab.where()})

    def switchover():
        sh(lab.on(), f"postfix-ha switchover {target} --yes --wait {WAIT_S}", timeout=WAIT_S + 60)

    outcome = events.observe(f"{name}: switchover", switchover, lambda: lab.where() == target)
    print(outcome)
    assert_harmless(outcome)
    assert outcome.node_after == target
    outcome = events.power_cut()
    print(outcome)
    assert_harmless(outcome)
    assert outcome.node_after in kind.nodes - {target}
    shown = sh(lab.on(), "postfix-ha status || true; postfix-ha print")
    print(shown)
    for each in kind.types:
        assert each.split(":")[-1] in shown
    # The address and the file system are where the service is.
    together = {resource for resource, kind_of in primitives(lab).items() if kind_of != "ocf:linbit:drbd"}
    assert {lab.where(resource) for resource in together} == {outcome.node_after}
    assert SERVICE_ADDRESS in sh(lab.nodes[outcome.node_after], "ip -o -4 addr show")
