"""Which table keeps cleanup(8) from taking mail: a broken one of this node, or one whose server may be away."""

import os
import re

from postfix_ha.config.logical_lines import COMMA_BLANKS, split_braced_words
from postfix_ha.config.postconf import ask_values
from postfix_ha.instance import Instance
from postfix_ha.system.command import run
from postfix_ha.system.complaints import last_complaint

# What cleanup(8) looks into for each message.
PARAMETERS = (
    "canonical_maps", "sender_canonical_maps", "recipient_canonical_maps", "virtual_alias_maps", "masquerade_domains",
    "sender_bcc_maps", "recipient_bcc_maps", "header_checks", "mime_header_checks", "nested_header_checks",
    "body_checks", "virtual_alias_domains", "local_header_rewrite_clients",
)  # fmt: skip
REMOTE = {"ldap", "memcache", "mongodb", "mysql", "netinfo", "nis", "nisplus", "pgsql", "socketmap", "tcp"}
TABLE = re.compile(r"[a-z]+:[^\s{}]+")
TYPE = re.compile(r"\b([a-z]+):")
TABLES_MAX = 20


# Type -> what postmap(1) adds to the name of the file that it makes; of the others the file is what is named.
FILE_ENDS = {
    "hash": ".db", "btree": ".db", "cdb": ".cdb", "lmdb": ".lmdb", "regexp": "", "pcre": "", "cidr": "", "texthash": "",
}  # fmt: skip


class Blame:
    """What is known of the tables of a cleanup service that defers each message: whether one of them may only wait for
    its server, and what is said of the one that fails, "" where nothing is."""

    __slots__ = ("may_be_away", "why")

    def __init__(self, may_be_away: bool, why: str) -> None:
        self.may_be_away = may_be_away
        self.why = why


def find_blame(instance: Instance, deadline: float) -> Blame:
    """Which table it is, as far as this node's configuration tells."""
    tables = _tables(instance, deadline)
    built_in = _built_in(instance, deadline)
    for table in tables if built_in else []:
        kind = table.removeprefix("proxy:").partition(":")[0]
        if kind not in built_in:
            return Blame(False, f"{table}: this Postfix has no tables of type {kind}")
    remote = [table for table in tables if _types(table) & REMOTE]
    failures = ((table, _failure(instance, table, deadline)) for table in tables if table not in remote)
    table, said = next(((table, said) for table, said in failures if said), ("", ""))
    if said:
        return Blame(bool(remote), f"{table}: {said}")
    return Blame(bool(remote), ", ".join(remote[:3]))


def lacking_table(instance: Instance, value: str, deadline: float) -> str:
    """Which table in a parameter's value cannot be used, and why: its type or its file is not there; "" for none.

    For what the dialogue with cleanup does not reach: a message's body comes after what cleanup logs of its headers.
    """
    tables = _tables_in(value)
    built_in = _built_in(instance, deadline) if tables else set()
    for table in tables:
        kind, _, path = table.partition(":")
        if built_in and kind not in built_in:
            return f"{table}: this Postfix has no tables of type {kind}"
        file = path + FILE_ENDS.get(kind, "")
        if kind in FILE_ENDS and path.startswith("/") and not os.access(file, os.R_OK):
            return f"{table}: there is no {file}"
    return ""


def _built_in(instance: Instance, deadline: float) -> "set[str]":
    """The types of tables that this Postfix has, none where it does not tell."""
    done = run([_command(instance, "postconf"), "-c", instance.config_dir, "-m"], deadline=deadline)
    return set(done.stdout.decode("utf-8", "replace").split())


def _tables(instance: Instance, deadline: float) -> "list[str]":
    answer = ask_values(_command(instance, "postconf"), instance.config_dir, list(PARAMETERS), deadline)
    words = [word for name in PARAMETERS for word in _tables_in(answer.values.get(name, ""))]
    return list(dict.fromkeys(words))[:TABLES_MAX]


def _tables_in(value: str) -> "list[str]":
    """The tables that a value names, but for those that it writes out in braces."""
    return [word for word in split_braced_words(value, COMMA_BLANKS) if TABLE.fullmatch(word)]


def _types(table: str) -> "set[str]":
    """The types of a table, with those of what it is made of (proxy:, unionmap:, pipemap:)."""
    return set(TYPE.findall(table))


def _failure(instance: Instance, table: str, deadline: float) -> str:
    """What postmap(1) says of a look-up in a table, "" where that is no complaint; for people to read."""
    argv = [_command(instance, "postmap"), "-c", instance.config_dir, "-q", "postmaster", table]
    done = run(argv, deadline=deadline)
    return last_complaint(done.stderr.decode("utf-8", "replace")) if done.returncode else ""


def _command(instance: Instance, name: str) -> str:
    return os.path.join(instance.command_directory or "/usr/sbin", name)
