"""Sockets as Postfix's parameters spell them, and which resource of a cluster seems to serve one."""

import pytest

from postfix_ha.checks.services.named import LOOK_UP, MILTER, POLICY, SASL, TRANSPORT, parse_socket
from postfix_ha.checks.services.served import resource_for
from postfix_ha.peers.compare_services import compare_services
from postfix_ha.sharing.unix_sockets import device_of


@pytest.mark.parametrize(
    ("text", "path", "host", "port"),
    [
        ("private/auth", "private/auth", "", ""),
        ("unix:private/dovecot-lmtp", "private/dovecot-lmtp", "", ""),
        ("local:/run/a.sock", "/run/a.sock", "", ""),
        ("/run/a.sock", "/run/a.sock", "", ""),
        ("inet:127.0.0.1:8891", "", "127.0.0.1", "8891"),
        ("inet:[::1]:8891", "", "::1", "8891"),
        ("inet6:[::1]:8891", "", "::1", "8891"),
        ("inet:8891@localhost", "", "localhost", "8891"),
        ("[127.0.0.1]:10024", "", "127.0.0.1", "10024"),
    ],
)
def test_sockets(text: str, path: str, host: str, port: str) -> None:
    assert parse_socket(text) == (path, host, port)


@pytest.mark.parametrize(
    ("kind", "socket", "resources", "resource"),
    [
        (SASL, "private/auth", {"imap": "systemd:dovecot"}, "imap"),
        (MILTER, "unix:/run/opendkim/opendkim.sock", {"signer": "systemd:opendkim"}, "signer"),
        (MILTER, "inet:127.0.0.1:11332", {"rspamd": "ocf:heartbeat:anything"}, "rspamd"),
        (POLICY, "inet:127.0.0.1:10023", {"fs": "ocf:heartbeat:Filesystem"}, ""),
        (POLICY, "unix:/run/quota/socket", {"quota": "systemd:box"}, "quota"),
        (TRANSPORT, "unix:private/dovecot-lmtp", {"mail-ip": "ocf:heartbeat:IPaddr2"}, ""),
        (LOOK_UP, "inet:localhost:10001", {"a": "systemd:postsrsd"}, "a"),
    ],
)
def test_the_resource_of_a_service(kind: str, socket: str, resources: "dict[str, str]", resource: str) -> None:
    assert resource_for(kind, socket, resources) == resource


@pytest.mark.parametrize("services", [None, "x", [{"kind": ["x"], "socket": {}}], [{"served": False}], [1]])
def test_a_peer_may_tell_what_it_likes_of_its_services(services: object) -> None:
    assert compare_services({"services": []}, {"services": services}, "n2", None) == []


def test_device_numbers() -> None:
    assert device_of("254:1") == 254 << 20 | 1
    assert [device_of(text) for text in ("", "x:1", "1", "0:")] == [-1, -1, -1, -1]
