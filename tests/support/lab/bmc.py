"""Management controllers: one OpenIPMI ``ipmi_sim`` per node, whose power switch is the lab's."""

import os
import socket
import subprocess
import threading
from typing import Protocol

from tests.support.machine.node import PYTHON, Node
from tests.support.machine.waiting import wait_for

CHASSIS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "chassis.py")
USER = "cluster"
PASSWORD = "secret"
SWITCH = "/run/bmc/switch"

LAN_CONF = """\
name "{name}"
set_working_mc 0x20
  startlan 1
    addr {address} 623
    priv_limit admin
    allowed_auths_callback none md2 md5 straight
    allowed_auths_user none md2 md5 straight
    allowed_auths_operator none md2 md5 straight
    allowed_auths_admin none md2 md5 straight
  endlan
  chassis_control "{python} -IS {chassis} {switch} {name}"
  user 1 false "" "" user 10 none md2 md5 straight
  user 2 true "{user}" "{password}" admin 10 none md2 md5 straight
"""
COMMANDS = """\
mc_setbmc 0x20
mc_add 0x20 0 no-device-sdrs 0x23 9 8 0x9f 0x1291 0xf02 persist_sdr
sel_enable 0x20 1000 0x0a
mc_enable 0x20
"""


class Powered(Protocol):
    """A machine with a power switch."""

    @property
    def is_on(self) -> bool:
        """Whether it has power."""

    def power_on(self) -> None:
        """Give it power."""

    def power_off(self) -> None:
        """Take its power away; returns when it can do no more harm."""


class Controllers:
    """The management controllers of all machines, reachable in the network of ``fabric``."""

    def __init__(self, fabric: Node, machines: "dict[str, Powered]", addresses: "dict[str, str]") -> None:
        self._fabric = fabric
        self._machines = machines
        self._simulators: "dict[str, subprocess.Popen[bytes]]" = {}
        fabric.run(["mkdir", "-p", "/run/bmc"], check=True)
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.bind(fabric.path(SWITCH))
        self._socket.listen(16)
        threading.Thread(target=self._serve, name="power switches", daemon=True).start()
        self.add(addresses)

    def add(self, addresses: "dict[str, str]") -> None:
        """Give further machines a controller each; returns when all of them answer."""
        for name, address in addresses.items():
            self._start_simulator(name, address)
        for name, address in addresses.items():
            wait_for(
                lambda name=name, at=address: self._answers(name, at), 20, f"management controller of {name} answers"
            )

    def _start_simulator(self, name: str, address: str) -> None:
        values = {"name": name, "address": address, "python": PYTHON, "chassis": CHASSIS, "switch": SWITCH}
        self._fabric.write(f"/run/bmc/{name}.conf", LAN_CONF.format(user=USER, password=PASSWORD, **values), 0o600)
        self._fabric.write(f"/run/bmc/{name}.emu", COMMANDS)
        # A state directory for each: simulators that make a common one at the same moment end at once.
        argv = ["ipmi_sim", "-n", "-c", f"/run/bmc/{name}.conf", "-f", f"/run/bmc/{name}.emu", "-s", f"/run/bmc/{name}"]
        with os.fdopen(self._fabric.open(f"/run/bmc/{name}.log", os.O_WRONLY | os.O_CREAT), "wb") as log:
            self._simulators[name] = self._fabric.popen(argv, stdout=log, stderr=log)

    def _answers(self, name: str, address: str) -> bool:
        code = self._simulators[name].poll()
        if code is not None:
            raise RuntimeError(f"ipmi_sim of {name} ended with {code}: {self._fabric.read(f'/run/bmc/{name}.log')}")
        command = ["ipmitool", "-I", "lan", "-H", address, "-U", USER, "-P", PASSWORD, "-N", "1", "-R", "2"]
        return self._fabric.run([*command, "chassis", "power", "status"]).returncode == 0

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            # Each request in a thread of its own: one node's slow end must not hold up the others' status.
            threading.Thread(target=self._answer, args=(connection,), name="power request", daemon=True).start()

    def _answer(self, connection: socket.socket) -> None:
        with connection, connection.makefile() as lines:
            words = lines.readline().split()
            machine = self._machines.get(words[0]) if words else None
            if machine is None:
                return
            if words[1:3] == ["set", "power"]:
                if words[3] == "1":
                    machine.power_on()
                else:
                    machine.power_off()
            connection.sendall(f"power:{int(machine.is_on)}\n".encode())

    def close(self) -> None:
        """End the simulators and let go of the power switches."""
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        for simulator in self._simulators.values():
            simulator.kill()
            simulator.wait()
