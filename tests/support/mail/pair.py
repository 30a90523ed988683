"""Two: a node with the queue and the address, and a peer that stands by, reached by a remote shell."""

import os

from tests.support.machine.remote_shell import RemoteShell
from tests.support.mail.check_node import ADDRESS, Checked, CheckNode

PEER = "n2"


class Two:
    """This node, which has the queue and the address, and a peer that stands by and sees the queue's device."""

    def __init__(self) -> None:
        self.here = CheckNode()
        self.there = CheckNode(disk_mb=None)
        self.here.boot()
        self.there.boot()
        self.shell = RemoteShell(self.here, {PEER: self.there})
        self.there.shell(f"umount /mnt/queue; ip address del {ADDRESS}/24 dev eth0")
        self.there.shell("ip address flush dev eth0 scope global; ip address add 198.51.100.12/24 dev eth0")
        number = os.stat(self.here.path(self.here.queue.device)).st_rdev
        self.there.add_device(os.path.basename(self.here.queue.device), os.major(number), os.minor(number))
        self.usual: "list[str]" = []

    def check(self, *options: str) -> Checked:
        """Check here, and compare with the peer."""
        return self.here.check("--peer", PEER, "--rsh", self.shell.command, *options)

    def close(self) -> None:
        """End both."""
        self.shell.close()
        self.here.kill()
        self.there.kill()
