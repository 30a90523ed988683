"""A fourth machine in a lab, which pacemaker_remoted makes a remote node of its cluster."""

from tests.support.lab.bmc import PASSWORD, USER
from tests.support.lab.cluster import Lab
from tests.support.lab.network import address
from tests.support.lab.node import ClusterNode
from tests.support.machine.node import CHECKOUT

NAME, NUMBER = "r1", 14
# Taken out of its package by ci/setup, which says why; the version is in the path.
DAEMON = ".parts/*/usr/sbin/pacemaker-remoted"
RC = """\
exec >/var/log/rc.log 2>&1
mkdir -p -m 1755 /run/resource-agents
install -d -o hacluster -g haclient -m 770 /var/log/pacemaker
exec {daemon}
"""


class RemoteNode(ClusterNode):
    """A machine with pacemaker_remoted in place of corosync and pacemaker."""

    def __init__(self, lab: Lab) -> None:
        found = sorted(CHECKOUT.glob(DAEMON))
        if not found:
            raise RuntimeError(f"{DAEMON} is not there: run ci/setup as root")
        self.daemons = RC.format(daemon=found[-1])
        super().__init__(NAME, NUMBER, lab.fabric, lab.disk, lab.watch.node_is)


def add_remote_node(lab: Lab) -> RemoteNode:
    """Give the lab a remote node with a management controller and a fence device; returns when it is online."""
    node = RemoteNode(lab)
    lab.add_node(node, address("manage", NUMBER + 100))
    node.power_on()
    lab.pcs(
        *("stonith", "create", f"fence-{NAME}", "fence_ipmilan", f"ip={address('manage', NUMBER + 100)}"),
        *(f"username={USER}", f"password={PASSWORD}", "power_wait=0", f"pcmk_host_list={NAME}"),
    )
    # By force: pcs would rather have its own daemon install the key and start the remote daemon.
    lab.pcs(
        *("resource", "create", "--force", NAME, "ocf:pacemaker:remote", f"server={address('ring', NUMBER)}"),
        *("reconnect_interval=5s", "op", "monitor", "interval=5s", "timeout=10s"),
    )
    lab.wait_for(lambda: lab.all_online() and lab.is_idle(), 60, f"{NAME} is online as a remote node")
    return node


def remove_remote_node(lab: Lab) -> None:
    """Take it out of the cluster and of the lab."""
    # pcs 0.12 would have its own daemon take the remote node apart.
    lab.pcs("resource", "disable", NAME)
    lab.wait_for(lambda: not lab.where(NAME) and lab.is_idle(), 60, f"the connection to {NAME} is closed")
    lab.run("crm_resource", "--delete", "--resource", NAME, "--resource-type", "primitive")
    lab.wait_for(lambda: lab.cib().find(f".//primitive[@id='{NAME}']") is None, 10, f"{NAME} is out of the CIB")
    lab.pcs("stonith", "delete", f"fence-{NAME}")
    lab.run("crm_node", "--force", "--remove", NAME)
    lab.remove_node(NAME)
