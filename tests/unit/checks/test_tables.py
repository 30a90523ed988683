"""Which words of a value are tables."""

import pytest

from postfix_ha.checks.lookup_tables import Table, table_words


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("", []),
        ("hash:/etc/postfix/virtual", [("hash", "/etc/postfix/virtual")]),
        ("hash:/a, cidr:/b", [("hash", "/a"), ("cidr", "/b")]),
        ("proxy:mysql:/etc/x.cf", [("proxy", "mysql:/etc/x.cf"), ("mysql", "/etc/x.cf")]),
        ("permit_mynetworks, check_sender_access hash:/a, reject", [("hash", "/a")]),
        ("check_client_access { cidr:/a, default_action=reject }", [("cidr", "/a")]),
        ("unionmap:{static:one,hash:/two}", [("unionmap", ""), ("static", "one"), ("hash", "/two")]),
        ("inet:127.0.0.1:10025", []),
        ("smtp:[mail.example.com]:25", []),
        ("/etc/postfix/networks", []),
        ("198.51.100.0/24 [2001:db8::]/32", []),
        ("proxy:unix:passwd.byname $alias_maps", [("proxy", "unix:passwd.byname"), ("unix", "passwd.byname")]),
    ],
)
def test_table_words(value: str, words: "list[tuple[str, str]]") -> None:
    assert table_words(value) == words


@pytest.mark.parametrize(
    ("type_", "files", "command"),
    [
        ("hash", ["/t.db"], "postmap hash:/t"),
        ("lmdb", ["/t.lmdb"], "postmap lmdb:/t"),
        ("cdb", ["/t.cdb"], "postmap cdb:/t"),
        ("sdbm", ["/t.pag", "/t.dir"], "postmap sdbm:/t"),
        ("cidr", ["/t"], ""),
        ("file", ["/t"], ""),
    ],
)
def test_files_and_commands(type_: str, files: "list[str]", command: str) -> None:
    table = Table(type_, "/t", "virtual_alias_maps", "", 0)
    assert table.files == files
    assert table.making_command(stands_by=False) == command
    assert ("postmap -c $d" in table.making_command(stands_by=True)) == bool(command)


def test_aliases_have_their_own_command() -> None:
    assert Table("hash", "/etc/aliases", "alias_maps", "", 0).making_command(False) == "postalias hash:/etc/aliases"
