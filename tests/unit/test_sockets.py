"""Which sockets listen: both ways to ask the kernel tell the same, and no more than is so."""

import os
import socket

import pytest

from postfix_ha import sockets
from postfix_ha.endpoint import Endpoint
from postfix_ha.procfs import master_files
from postfix_ha.sockets import kernel_address, listening_sockets, parse_kernel_address

FAMILIES = [(socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")]


@pytest.mark.parametrize("way", ["sock_diag", "proc"])
@pytest.mark.parametrize(("family", "address"), FAMILIES)
def test_listening_sockets_are_found_among_many_connections(
    family: int, address: str, way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if way == "proc":
        monkeypatch.setattr(sockets, "_asked", lambda ipv6: None)  # as on a kernel without tcp_diag
    else:
        monkeypatch.setattr(sockets, "_read", None)
    is_ipv6 = family == socket.AF_INET6
    with socket.socket(family, socket.SOCK_STREAM) as server:
        server.bind((address, 0))
        server.listen(100)
        port = server.getsockname()[1]
        clients = [socket.create_connection((address, port)) for _ in range(50)]
        try:
            found = listening_sockets(os.getpid(), is_ipv6)[kernel_address(Endpoint(address, port))]
            inodes = [inode for inode, _ in found]
            assert inodes == [os.readlink(f"/proc/self/fd/{server.fileno()}")[8:-1]]
            assert inodes[0] in master_files(os.getpid())[0]
            assert found[0][1] == 50  # nobody has accepted them
            assert parse_kernel_address(kernel_address(Endpoint(address, port))) == (address, port)
        finally:
            for client in clients:
                client.close()
    assert kernel_address(Endpoint(address, port)) not in listening_sockets(os.getpid(), is_ipv6)


def test_hundreds_of_them_are_more_than_one_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sockets, "_read", None)
    servers = [socket.create_server(("127.0.0.1", 0)) for _ in range(900)]
    try:
        found = listening_sockets(os.getpid(), False)
        assert {kernel_address(Endpoint("127.0.0.1", each.getsockname()[1])) for each in servers} <= set(found)
    finally:
        for each in servers:
            each.close()


def test_a_process_that_is_gone_shows_none() -> None:
    assert listening_sockets(2**22 + 1, False) == {}


def test_two_sockets_at_one_address_are_both_there() -> None:
    with socket.socket() as first, socket.socket() as second:
        for each in (first, second):
            each.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        first.bind(("127.0.0.1", 0))
        second.bind(first.getsockname())
        first.listen(1)
        second.listen(1)
        found = listening_sockets(os.getpid(), False)[kernel_address(Endpoint(*first.getsockname()))]
    assert len({inode for inode, _ in found}) == 2
