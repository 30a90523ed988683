"""Which connections an endpoint has: both ways to ask the kernel tell the same, and no more than is so."""

import os
import socket

import pytest

from postfix_ha.endpoint import Endpoint
from postfix_ha.system import sessions
from postfix_ha.system.sessions import sessions_of


@pytest.fixture(params=["sock_diag", "proc"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param == "proc":
        monkeypatch.setattr(sessions, "tcp_sockets", lambda *_: None)  # as on a kernel without tcp_diag
    else:
        monkeypatch.setattr(sessions, "_listed", None)


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize(("address", "wildcard"), [("127.0.0.1", "0.0.0.0"), ("::1", "::")])
@pytest.mark.parametrize("is_wildcard", [False, True])
def test_each_connection_is_one_accepted_or_not(address: str, wildcard: str, is_wildcard: bool) -> None:
    bound = wildcard if is_wildcard else address
    with socket.create_server((bound, 0), family=socket.AF_INET6 if ":" in address else socket.AF_INET) as server:
        endpoint = Endpoint(bound, server.getsockname()[1])
        assert sessions_of(os.getpid(), [endpoint]) == []
        waiting = socket.create_connection((address, endpoint.port))
        served = socket.create_connection((address, endpoint.port))
        with waiting, served, server.accept()[0]:
            peers = {str(Endpoint(*each.getsockname()[:2])) for each in (waiting, served)}
            assert {each.peer for each in sessions_of(os.getpid(), [endpoint])} == peers
            elsewhere = Endpoint(bound, endpoint.port % 65535 + 1)
            assert sessions_of(os.getpid(), [elsewhere]) == []
        # Both sides have closed it, the client first: what is left of it (TIME_WAIT) is no session.
        assert sessions_of(os.getpid(), [endpoint]) == []


@pytest.mark.usefixtures("way")
def test_what_others_serve_on_an_address_of_their_own_is_not_counted() -> None:
    with socket.create_server(("127.0.0.2", 0)) as theirs:
        port = theirs.getsockname()[1]
        with socket.create_connection(("127.0.0.2", port)):
            everywhere = [Endpoint("0.0.0.0", port)]
            name = sessions.kernel_address(Endpoint("127.0.0.2", port))
            assert len(sessions_of(os.getpid(), everywhere)) == 1
            assert sessions_of(os.getpid(), everywhere, {name}) == []
