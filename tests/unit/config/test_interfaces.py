"""The addresses on this node's interfaces."""

import socket

from postfix_ha.config.interfaces import local_addresses, loopback_addresses


def test_the_loopback_interface_is_there() -> None:
    assert (socket.AF_INET, "127.0.0.1") in local_addresses()
    assert "127.0.0.1" in loopback_addresses((socket.AF_INET,))
    assert all(address == "::1" for address in loopback_addresses((socket.AF_INET6,)))


def test_every_ipv4_address_can_be_bound() -> None:
    for family, address in local_addresses():
        if family == socket.AF_INET:
            with socket.socket(family, socket.SOCK_STREAM) as listener:
                listener.bind((address, 0))
