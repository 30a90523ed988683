"""Services that listen on a private node, in the place of a milter, a policy server or another that Postfix asks."""

import os
import signal
import subprocess

from tests.support.machine.node import PYTHON
from tests.support.machine.waiting import wait_for
from tests.support.mail.check_node import CheckNode

LISTEN = """
import os, socket, sys, time
family, place = sys.argv[1:]
s = socket.socket(socket.AF_UNIX if family == "unix" else socket.AF_INET)
s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
s.bind(place if family == "unix" else ("127.0.0.1", int(place)))
s.listen()
time.sleep(1000)
"""
STARTED: "list[subprocess.Popen[bytes]]" = []


def listen(node: CheckNode, *place: str) -> None:
    """Let a service listen there, on a socket of its own."""
    table, number = ("/proc/net/unix", place[1]) if place[0] == "unix" else ("/proc/net/tcp", f":{int(place[1]):04X} ")
    STARTED.append(node.popen([PYTHON, "-IS", "-c", LISTEN, *place]))
    wait_for(lambda: number in node.run(["cat", table], check=True).stdout, 15, "it listens")


def end_listeners(*nodes: CheckNode) -> None:
    """End them; a UNIX-domain socket stays, and refuses connections."""
    while STARTED:
        os.killpg(STARTED[-1].pid, signal.SIGKILL)
        STARTED.pop().wait(15)
    wait_for(
        lambda: not any(LISTEN in process.argv for node in nodes for process in node.pids()), 15, "they have ended"
    )
