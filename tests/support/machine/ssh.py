"""A real remote login between two private nodes: sshd on one of them, a key of the other that it accepts, and a cable.

    login = Login(here, there, "n2")
    here.run(["ssh", "-o", "BatchMode=yes", "n2", "hostname"], check=True)

The keys are made for it and are gone with the nodes.
"""

from tests.support.machine.node import Node, run_outside
from tests.support.machine.waiting import wait_for

HERE, THERE, NOWHERE = "192.0.2.1", "192.0.2.2", "192.0.2.77"
DIRECTORY = "/run/login"
KNOWN_HOSTS = "/root/.ssh/known_hosts"
KEY = "/root/.ssh/id_ed25519"
SERVER = f"""\
ListenAddress {THERE}
HostKey {DIRECTORY}/host
AuthorizedKeysFile {DIRECTORY}/authorized
PidFile {DIRECTORY}/pid
PermitRootLogin yes
PasswordAuthentication yes
StrictModes no
UsePAM no
"""
PUBLIC = ".pub"


class Login:
    """The way from one node to another by ssh; what each needs can be taken away and given back."""

    def __init__(self, here: Node, there: Node, name: str) -> None:
        self.here = here
        self.there = there
        self.name = name
        self._lay_cable()
        there.run(["mkdir", "-p", "/run/sshd", DIRECTORY], check=True)
        here.run(["sh", "-c", "rm -rf /root/.ssh; install -d -m 700 /root/.ssh"], check=True)
        for node, path in ((there, f"{DIRECTORY}/host"), (here, KEY)):
            node.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", path], check=True)
        here.append("/etc/hosts", f"{THERE} {name}\n{NOWHERE} nowhere\n")
        self.know_host()
        self.accept_key()
        there.write(f"{DIRECTORY}/config", SERVER)
        there.run(["/usr/sbin/sshd", "-f", f"{DIRECTORY}/config", "-E", f"{DIRECTORY}/log"], check=True)
        # A new address may be a moment away from its neighbour.
        wait_for(lambda: self.run("true") == 0, 20, f"{name} lets a key in")

    def run(self, *words: str) -> int:
        """The exit code of a command that is run there over ssh."""
        return self.here.run(["ssh", "-o", "BatchMode=yes", self.name, *words]).returncode

    def know_host(self) -> None:
        """Let this node know the other's key."""
        key = self.there.read(f"{DIRECTORY}/host{PUBLIC}")
        self.here.write(KNOWN_HOSTS, f"{self.name},{THERE} {key}")

    def forget_host(self) -> None:
        """Let this node know no key of the other's."""
        self.here.write(KNOWN_HOSTS, "")

    def accept_key(self) -> None:
        """Let the other node accept this one's key."""
        self.there.write(f"{DIRECTORY}/authorized", self.here.read(KEY + PUBLIC))

    def refuse_key(self) -> None:
        """Leave a password as the only way in."""
        self.there.write(f"{DIRECTORY}/authorized", "")

    def _lay_cable(self) -> None:
        run_outside(
            self.here, ["ip", "-batch", "-"], f"link add wire type veth peer name wire netns {self.there.pid}\n"
        )
        for node, address in ((self.here, HERE), (self.there, THERE)):
            lines = f"address add {address}/24 dev wire\nlink set wire up\n"
            node.run(["ip", "-batch", "-"], input=lines, check=True)
