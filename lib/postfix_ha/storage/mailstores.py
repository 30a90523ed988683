"""Mail stores: the directories that Postfix and Dovecot keep mail in, as their configurations name them."""

import re

from postfix_ha.system.command import NOT_FOUND, run

# Where the homes of the node's own users are.
HOMES = "/home"
ANSWER_MAX = 1024 * 1024
PATHS_MAX = 32
# Dovecot 2.4 has a setting for each; before, mail_location names all of them, with colons between.
_SETTING = re.compile(
    r"^\s*(?:mail_location|location|mail_path|mail_home|mail_inbox_path|mail_index_path|mail_cache_path|mail_control_path"
    r"|mail_alt_path|mail_volatile_path|mail_index_private_path|mail_attachment_dir|mail_ext_attachment_path"
    r"|default_fields|override_fields|args|home)\s*=\s*(.*?)\s*$",
    re.MULTILINE,
)
# Where the users' homes are others than the system's.
_OWN_HOMES = re.compile(r"\b(?:mail_home|home)\s*=\s*/")
# What is before a path: nothing, a driver (maildir:), or a key (INDEX=, home=).
_PATH = re.compile(r"(?:^|[:=\s\"'])((?:/|~)[^:\s\"']*)")


def ask_dovecot(deadline: float) -> "list[str]":
    """The directories that Dovecot keeps mail, indexes and homes in; empty where it is not installed."""
    done = run(["doveconf", "-n"], deadline=deadline)
    return read_dovecot(done.stdout) if done.returncode not in (NOT_FOUND, None) else []


def read_dovecot(answer: bytes) -> "list[str]":
    """The same from what doveconf(1) prints: each path up to its first variable."""
    text = answer[:ANSWER_MAX].decode("utf-8", "replace")
    has_own_homes = _OWN_HOMES.search(text) is not None
    found: "list[str]" = []
    for value in _SETTING.findall(text):
        for path in _PATH.findall(value):
            fixed = "" if path.startswith("~") and has_own_homes else fixed_part(path)
            if fixed and fixed not in found:
                found.append(fixed)
    return found[:PATHS_MAX]


def fixed_part(path: str) -> str:
    """The directory of a path before the first part that differs from user to user; "" where nothing is left."""
    if path.startswith("~"):
        return HOMES
    head, is_variable, _ = path.partition("%")
    if is_variable:
        head = head.rpartition("/")[0]
    return head.rstrip("/")
