"""Names and addresses that would be others after a move, each provoked on a real node, named, and cured as it says."""

import json
import os
import signal

import pytest

from tests.support.machine.node import CHECKOUT, PYTHON
from tests.support.mail.check_node import ADDRESS, NODE_ADDRESS, CheckNode
from tests.support.mail.provoked import Fault, provoke_and_cure

MAIN_CF = "/etc/postfix/main.cf"
NAME_SERVER = str(CHECKOUT / "tests/support/mail/name_server.py")
# The package manager's stand-in: it does what installing that one package would.
APT = """cat >/usr/bin/apt-get <<'END'
#!/bin/sh -e
test "$*" = "install {package}"
{effect}
END
chmod 755 /usr/bin/apt-get
"""
LIBRARIES = "/usr/lib/python3/dist-packages"
APT_DNS = APT.format(package="python3-dnspython", effect=f"mv /root/dns {LIBRARIES}/")


def resolve(node: CheckNode, **zone: "list[str]") -> None:
    """Let the node have a name server with these records; NAME_TYPE with double underscores for the dots."""
    text = json.dumps({name.replace("__", ".").replace("_", " "): records for name, records in zone.items()})
    stop_resolving(node)
    node.run([PYTHON, "-IS", NAME_SERVER, text], check=True)
    node.write("/etc/resolv.conf", "nameserver 127.0.0.53\n")


def stop_resolving(node: CheckNode) -> None:
    """Take the name server away."""
    for process in node.pids():
        if NAME_SERVER in process.argv:
            os.kill(process.outside, signal.SIGKILL)
    node.write("/etc/resolv.conf", "")


def mx_names_node(node: CheckNode) -> None:
    node.set("mydestination = example.com, localhost")
    resolve(node, example__com_MX=["10 n1.example.com"], n1__example__com_A=[NODE_ADDRESS])


def mx_unknown(node: CheckNode) -> None:
    """A name server, and a domain that has its MX here, but no library to ask with."""
    node.shell(f"mv {LIBRARIES}/dns /root/; {APT_DNS}")
    mx_names_node(node)
    # The library that is there again finds nothing to complain of.
    resolve(node, example__com_MX=["10 mail.example.com"], mail__example__com_A=[ADDRESS])


def mx_names_service(node: CheckNode) -> None:
    resolve(node, example__com_MX=["10 mail.example.com"], mail__example__com_A=[ADDRESS])


def no_mx(node: CheckNode) -> None:
    stop_resolving(node)
    node.set("mydestination = $myhostname, localhost")


FAULTS = [
    Fault(
        "address_has_listener",
        "sed -i 's/^smtp  *inet/127.0.0.1:smtp inet/' /etc/postfix/master.cf",
        "sed -i 's/^127.0.0.1:smtp/smtp/' /etc/postfix/master.cf",
        says=(ADDRESS, "smtpd"),
        severity="warning",
        file=MAIN_CF + ":line",
    ),
    Fault(
        "interface_carries_address",
        "echo '127.0.1.1 mail.example.com' >/root/hosts; cat /etc/hosts >>/root/hosts; cp /root/hosts /etc/hosts\n"
        "postconf -e 'inet_interfaces = $myhostname, localhost'",
        "sed -i 1d /etc/hosts",
        ("127.0.1.1", "inet_interfaces"),
        file=MAIN_CF + ":line",
        undo=f"postconf -e 'inet_interfaces = {ADDRESS}, localhost'",
    ),
    Fault(
        "bind_address_chosen",
        "postconf -X smtp_bind_address",
        says=("smtp_bind_address",),
        severity="note",
        command=f"postconf -c /etc/postfix -e smtp_bind_address={ADDRESS}",
    ),
    Fault(
        "myhostname_set",
        "postconf -X myhostname",
        says=("mail.example.com",),
        severity="warning",
        undo="postconf -e myhostname=mail.example.com",
    ),
    Fault(
        "mynetworks_set",
        "postconf -X mynetworks; postconf -e mynetworks_style=subnet",
        says=("198.51.100.0/24",),
        severity="warning",
        undo="postconf -X mynetworks_style; postconf -e 'mynetworks = 127.0.0.0/8, 198.51.100.0/24'",
    ),
    Fault(
        "mx_names_service",
        mx_names_node,
        mx_names_service,
        ("example.com", "n1.example.com", NODE_ADDRESS),
        "warning",
        undo=no_mx,
    ),
    Fault(
        "mx_looked_up",
        mx_unknown,
        says=("example.com", "dnspython"),
        severity="note",
        undo=no_mx,
    ),
]


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.id)
def test_provoked_named_and_cured(clean_node: CheckNode, fault: Fault) -> None:
    provoke_and_cure(clean_node, fault)
