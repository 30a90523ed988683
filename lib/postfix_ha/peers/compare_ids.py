"""Comparison of the numbers of Postfix's user and group on two nodes, and the commands that make them equal."""

import re

from postfix_ha.peers.pair import Pair, dig, mapping
from postfix_ha.peers.remote import Facts
from postfix_ha.system.packages import making_user
from postfix_ha.system.quoting import quote, quote_words
from postfix_ha.verdict import Finding

UID, GID = "uid", "gid"
COMMANDS = ("postdrop", "postqueue")
# Where useradd(8) and groupadd(8) look for a number of the system's, from the last one on.
SYSTEM_NUMBERS = range(999, 100, -1)
# Where a user's files are on a node's own disks: all that others write to (hier(7)).
FILES = "/etc /home /opt /srv /usr/local /var"
# What useradd takes for a name; another node's word for one goes into a command.
NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,31}")
KINDS = {
    UID: ("mail_owner", "users", "mail_owner_uid_agrees", "user"),
    GID: ("setgid_group", "groups", "setgid_group_gid_agrees", "group"),
}


def compare_ids(pair: Pair, follow: "tuple[str, ...]" = ()) -> "list[Finding]":
    """mail_owner_uid_agrees, setgid_group_gid_agrees. ``follow``: UID and GID where the others are the pattern."""
    found = []
    for kind, (parameter, _, check, word) in KINDS.items():
        name = str(pair.both("ids", parameter, "name")[0])
        here, there = pair.both("ids", parameter, kind)
        if here == there or here is None:
            continue
        values = {word: name, "here": here, "there": "missing" if there is None else there}
        if kind in follow and there is not None:
            cure = change(pair.here, kind, name, str(there), is_missing=False)
        else:
            cure = pair.remote.paste(change(pair.there, kind, name, str(here), is_missing=there is None))
        found.append(Finding(check, cure=cure, taken=_taken(pair, kind, follow, name), **values, **pair.names))
    return found


def _taken(pair: Pair, kind: str, follow: "tuple[str, ...]", name: str) -> str:
    """What is to be said of the other one that has the number already."""
    parameter, _, _, word = KINDS[kind]
    here, there = pair.both("ids", parameter, kind)
    at, number, node = (pair.here, there, pair.node) if kind in follow else (pair.there, here, pair.remote.node)
    other = holder(at, kind, str(number))
    if not other or other == name:
        return f"no other {word} has {number} on {node}"
    return f"{number} is {word} {other} on {node}, which the command gives another {kind}: end what runs as it first"


def holder(facts: Facts, kind: str, number: str) -> str:
    """The user or group that has a number on a node, "" for none or one with a name that no command is given."""
    name = mapping(dig(facts, "numbers", KINDS[kind][1])).get(number, "")
    return name if NAME.fullmatch(name) else ""


def change(facts: Facts, kind: str, name: str, number: str, *, is_missing: bool) -> str:
    """A shell's line that gives a node's mail owner or group this number, and to it what it must own there.

    Another one that has the number gets one that is free, with its files on the node's own disks.
    """
    other = holder(facts, kind, number)
    steps = _free(facts, kind, other, number) if other and other != name else []
    data = mapping(facts["main"]).get("data_directory", "/var/lib/postfix")
    directory = mapping(facts["main"]).get("command_directory", "/usr/sbin")
    commands = [f"{directory}/{each}" for each in COMMANDS]
    if kind == UID and is_missing:
        groups = mapping(dig(facts, "numbers", "groups")).values()
        steps.append(quote_words(making_user(name, number, has_group=name in groups)))
    elif kind == UID:
        steps += [quote_words(["usermod", "-u", number, name]), quote_words(["chown", "-R", name, data])]
    else:
        make = ["groupadd", "--system", "--gid", number, name] if is_missing else ["groupmod", "-g", number, name]
        # chgrp takes their set-gid bit.
        steps += map(quote_words, (make, ["chgrp", name, *commands], ["chmod", "2755", *commands]))
    return " && ".join(steps)


def _free(facts: Facts, kind: str, other: str, number: str) -> "list[str]":
    used = mapping(dig(facts, "numbers", KINDS[kind][1]))
    fresh = next((str(each) for each in SYSTEM_NUMBERS if str(each) not in used), "")
    program, owning = ("usermod -u", "chown -h") if kind == UID else ("groupmod -g", "chgrp -h")
    # What goes away meanwhile is no reason to stop half-way.
    found = f"{{ find {FILES} -xdev -{kind} {quote(number)} -exec {owning} {quote(other)} {{}} + ; true; }}"
    return [f"{program} {fresh} {quote(other)}", found] if fresh else ["false"]


def numbers_of(answers: "list[Facts]", kind: str) -> "set[int]":
    """The different numbers that the nodes that answered have; a node without one counts for none."""
    found = [dig(facts, "ids", KINDS[kind][0], kind) for facts in answers]
    return {number for number in found if isinstance(number, int)}
