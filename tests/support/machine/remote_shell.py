"""A remote shell between private nodes: what ``ssh NODE COMMAND`` is on real ones, with no network and no keys.

    shell = RemoteShell(here, {"n2": there})
    here.run(["postfix-ha", "check", "--peer", "n2", "--rsh", shell.command])

As with ssh, the words of the command are joined by spaces and given to a shell there, and standard input goes along.
"""

import base64
import contextlib
import json
import os
import socket
import threading
from collections.abc import Mapping

from tests.support.machine.node import PYTHON, Node

COMMAND = "/usr/local/bin/shell-to"
SOCKET = "/run/shell-to.socket"

CLIENT = f"""#!{PYTHON} -IS
import base64, json, select, socket, sys
data = b""
said = " ".join(sys.argv[2:])
is_fed = "tar" in said or "--salt-file" in said
if not sys.stdin.isatty() and (is_fed or select.select([sys.stdin], [], [], 0)[0]):
    data = sys.stdin.buffer.read()
line = socket.socket(socket.AF_UNIX)
line.connect({SOCKET!r})
line.sendall(json.dumps([sys.argv[1], " ".join(sys.argv[2:]), base64.b64encode(data).decode()]).encode() + b"\\n")
code, out, err = json.loads(line.makefile().readline())
sys.stdout.buffer.write(base64.b64decode(out))
sys.stderr.buffer.write(base64.b64decode(err))
sys.exit(code)
"""


class RemoteShell:
    """The way from one node to others by the names that it knows them by."""

    def __init__(self, here: Node, others: "Mapping[str, Node]") -> None:
        self.command = COMMAND
        self.others = dict(others)
        here.write(COMMAND, CLIENT, 0o755)
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.bind(here.path(SOCKET))
        self._socket.listen(4)
        threading.Thread(target=self._serve, name="remote shell", daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            threading.Thread(target=self._answer, args=(connection,), daemon=True).start()

    def _answer(self, connection: socket.socket) -> None:
        with connection, connection.makefile("rw") as lines, contextlib.suppress(BrokenPipeError):
            name, command, data = json.loads(lines.readline())
            node = self.others.get(name)
            if node is None:
                answer = (255, b"", f"shell-to: could not resolve hostname {name}\n".encode())
            else:
                done = node.run(["/bin/sh", "-c", command], input=base64.b64decode(data))
                code = done.returncode if done.returncode >= 0 else 255
                answer = (code, os.fsencode(done.stdout), os.fsencode(done.stderr))
            lines.write(json.dumps([answer[0], *(base64.b64encode(text).decode() for text in answer[1:])]) + "\n")
            lines.flush()

    def close(self) -> None:
        """Hang up."""
        self._socket.close()
