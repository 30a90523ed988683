"""The lab on virtual machines that Vagrant has brought up: the same cluster and the same tests, with real kernels,
systemd, and fencing by SBD. It asserts what happens, not how quickly: the machines may be emulated.

    LAB=vagrant LAB_SSH_CONFIG=FILE pytest -m main tests/cluster    as ci/vagrant does
"""

import contextlib
import subprocess
import tempfile
import threading
import time
from typing import Any, Callable, Optional, TypeVar

from tests.support.lab import config as lab_config
from tests.support.lab.cluster import Lab, LabError
from tests.support.lab.resources import MailResource
from tests.support.machine.waiting import wait_for
from tests.support.mail.ledger import Account, Crew, MailClient
from tests.support.virtual.node import Here, VirtualNode
from tests.support.virtual.watch import VirtualWatch

T = TypeVar("T")
SLOWNESS = 10.0
# The networks by the names that the Vagrantfile gives them; the one that ssh goes through stays, as a management
# controller's would.
CUT = ("postfix-ha-ring", "postfix-ha-client")
# An emulated machine takes a second for what costs another hundredths: it is not to be asked all the time.
CREW = Crew(connections=2, rate_per_s=1)
LOOK_S = 3.0
# What comes of asking a machine that ends at that very moment.
MAY_HAPPEN = (LabError, RuntimeError, OSError, ValueError, subprocess.TimeoutExpired)

# Run in the machine: of every file in these directories, the lines that tell which message it is.
READ_MARKS = """\
import json, os, re, sys
complete, found = sys.argv[1] == "complete", []
for directory in sys.argv[2:]:
    for where, _, names in os.walk(directory):
        for name in names:
            try:
                with open(os.path.join(where, name), "rb") as file:
                    if not complete or os.fstat(file.fileno()).st_mode & 0o100:
                        found.append(b"\\n".join(re.findall(rb"X-[\\w-]+: [\\w ]+", file.read())).decode())
            except FileNotFoundError:
                continue
print(json.dumps(found))
"""


class VirtualLab(Lab):
    """Three machines of vagrant/Vagrantfile, up already; they stay when the lab is closed."""

    is_virtual = True
    slowness = SLOWNESS
    shared_device = "/dev/disk/by-id/virtio-postfix-ha-queue"

    def __init__(self, ssh_config: str, say: Callable[[str], None] = lambda _: None) -> None:
        super().__init__(MailResource(monitor_s=10), say)
        self._ssh_config = ssh_config
        self._control = tempfile.TemporaryDirectory(prefix="postfix-ha-ssh.")
        self._restarts: "list[threading.Thread]" = []
        self._is_closed = threading.Event()

    # Life

    def _build(self) -> None:
        names = subprocess.run(["virsh", "list", "--all", "--name"], capture_output=True, text=True, check=True).stdout
        domains = names.split()
        for name, number in lab_config.NODES.items():
            machine = name.replace("n", "node")
            domain = next((each for each in domains if each.endswith(machine)), "")
            if not domain:
                raise LabError(f"libvirt knows no machine {machine}: run the tests by ci/vagrant")
            self.nodes[name] = VirtualNode(  # type: ignore[assignment]
                name, number, machine, domain, self._ssh_config, self._control.name
            )
        self.client_node = Here()  # type: ignore[assignment]
        self.client = MailClient(self.client_node, CREW, slowness=SLOWNESS)
        self.watch = VirtualWatch(self.nodes)  # type: ignore[assignment,arg-type]

    def _start_cluster(self) -> None:
        self.wait_for(self.all_online, 60, "three nodes online and quorate")
        self.wait_for(self.where, 30, "the mail service runs somewhere")
        self.wait_for(self.watch.is_looking, 10, "every machine is watched")  # type: ignore[attr-defined]

    def close(self) -> None:
        """Hang up; the machines are Vagrant's."""
        self._is_closed.set()
        with contextlib.ExitStack() as ends:
            ends.callback(self._control.cleanup)
            for node in self.nodes.values():
                ends.callback(node.close)  # type: ignore[attr-defined]
            if self.watch:
                ends.callback(self.watch.close)
            if self.client:
                ends.callback(self.client.close)
            for thread in self._restarts:
                ends.callback(thread.join, 60)

    def wait_for(self, predicate: Callable[[], T], timeout: float, what: str) -> T:
        """Wait for a fact, as long as slow machines may need; a machine that is asked may end at that very moment."""

        def patient() -> "Optional[T]":
            with contextlib.suppress(*MAY_HAPPEN):
                return predicate()
            return None

        try:
            return wait_for(patient, timeout * SLOWNESS, what, every=LOOK_S)  # type: ignore[return-value,arg-type]
        except TimeoutError as error:
            raise LabError(f"{error}\n{self.dump()}") from None

    def settle(self, timeout: float = 90) -> None:
        """Wait until all nodes are back and nothing is under way; a machine that was switched off is on again."""
        for thread in self._restarts:
            thread.join(timeout * SLOWNESS)
        super().settle(timeout)
        self.wait_for(self.watch.is_looking, 10, "every machine is watched")  # type: ignore[attr-defined]

    def on(self) -> Any:
        """A node to ask: it answers, and its network is not cut."""
        for name, node in self.nodes.items():
            if name not in self._cut and node.is_reachable:  # type: ignore[attr-defined]
                return node
        raise LabError("no node is left to ask")

    # Events

    def power_off(self, name: str) -> None:
        """Pull a machine's power cord. SBD's fencing gives no power back, so an operator does it once it is fenced."""
        self.nodes[name].power_off()
        thread = threading.Thread(target=self._switch_on_once_fenced, args=(name,), name=f"restart {name}", daemon=True)
        self._restarts.append(thread)
        thread.start()

    def _switch_on_once_fenced(self, name: str) -> None:
        """Give a machine power again once the cluster takes it for fenced, or leave it to who was quicker."""
        where = f"nodes/node[@name='{name}'][@online='false'][@unclean='false']"
        while not self._is_closed.wait(2):
            with contextlib.suppress(*MAY_HAPPEN):
                if self.nodes[name].is_on:
                    return
                status = self.status()
                if status is not None and status.find(where) is not None:
                    self.nodes[name].power_on()

    def cut(self, name: str) -> None:
        """Pull a machine's cables in the cluster's and the clients' network."""
        self.shun(name)
        self.nodes[name].set_cables(CUT, "down")  # type: ignore[attr-defined]

    def heal(self, name: str) -> None:
        """Put the cables back."""
        self.nodes[name].set_cables(CUT, "up")  # type: ignore[attr-defined]
        self.shun(name, False)

    # Mail

    def account(self, timeout: float = 20) -> Account:
        """Where all acknowledged messages are now; a slow machine has more time before one is called lost."""
        return super().account(timeout * SLOWNESS)

    def _files(self, directories: "list[str]", complete: bool = False) -> "list[bytes]":
        deadline = time.monotonic() + 30 * SLOWNESS
        while time.monotonic() < deadline:
            for node in self.nodes.values():
                if node.is_reachable and node.mounts_queue():  # type: ignore[attr-defined]
                    words = ["complete" if complete else "all", *directories]
                    return [text.encode() for text in node.ask(READ_MARKS, *words)]  # type: ignore[attr-defined]
            time.sleep(1)
        raise LabError("the shared file system is mounted nowhere, so its mail cannot be counted")
