"""Chassis control program of ipmi_sim: passes ``NODE get power`` and ``NODE set power 0|1`` on to the lab.

Called by ipmi_sim as ``chassis.py SOCKET NODE get power`` and ``chassis.py SOCKET NODE set power VALUE``.
"""

import socket
import sys


def main():
    """Ask the lab and print what it answers; 1 when the lab does not answer."""
    with socket.socket(socket.AF_UNIX) as sock:
        sock.settimeout(20)
        sock.connect(sys.argv[1])
        sock.sendall(" ".join(sys.argv[2:]).encode() + b"\n")
        answer = sock.makefile().readline()
    if not answer:
        return 1
    if "get" in sys.argv[2:]:
        sys.stdout.write(answer)
    return 0


sys.exit(main())
