"""Check of the chroot jail in the queue directory: after a move it holds what the other node's /etc said."""

import itertools
import os
import re
import stat

from postfix_ha.checks.node_facts import Survey
from postfix_ha.checks.startup.preparation import jail_preparation, refreshes_in_check
from postfix_ha.config.master_cf import MasterRow
from postfix_ha.system.files import MEBIBYTE, files_below, read_regular
from postfix_ha.system.quoting import quote, quote_words
from postfix_ha.verdict import Finding

# What the resolver and the C library read inside the jail.
FILES = ("etc/resolv.conf", "etc/services", "etc/hosts", "etc/localtime", "etc/nsswitch.conf", "etc/host.conf")
# Programs that look names up or talk TLS; the others do without the files.
RESOLVING = ("smtp", "smtpd", "lmtp", "postscreen", "qmqpd", "trivial-rewrite", "cleanup", "dnsblog", "tlsproxy")
LIBRARIES = ("lib", "lib64", "usr/lib")
# How OpenSSL finds an authority in a directory: by the hash of its name (c_rehash(1)).
HASHED = re.compile(r"[0-9a-f]{8}\.[0-9]+$")
CA_PATHS = {"smtp_tls_CApath": ("smtp", "lmtp"), "smtpd_tls_CApath": ("smtpd", "tlsproxy")}
# Libraries are the largest of them. A directory of libraries that holds more files is none.
COPY_MAX = 64 * MEBIBYTE
LIBRARY_FILES_MAX = 5000
AUTHORITY_MAX = MEBIBYTE
AUTHORITIES_MAX = 5000
SHOWN = 4


def check_jail(survey: Survey) -> "list[Finding]":
    """chroot_copies_current, where a service runs in the jail and the next start will not refresh it anyway."""
    jail = survey.instance.queue_directory
    rows = [row for row in survey.master.rows if survey.is_chrooted(row) and row.program in RESOLVING]
    if not rows or not os.path.isdir(jail):
        return []
    preparation = jail_preparation()
    if preparation and not survey.is_running:
        return []
    differences = ((name, _difference(jail, name)) for name in FILES)
    stale = [f"{name} {how}" for name, how in differences if how]
    stale += [f"{name} differs" for name in _stale_libraries(jail)]
    stale += _stale_authorities(survey, rows)
    if not stale:
        return []
    shown = ", ".join(stale[:SHOWN]) + (f" and {len(stale) - SHOWN} more" if len(stale) > SHOWN else "")
    if preparation and refreshes_in_check(survey.instance):
        cure = quote_words(survey.params.command("check", config_dir=survey.config_dir))
    elif preparation:
        cure = f"MAIL_CONFIG={quote(survey.config_dir)} {quote_words(list(preparation))}"
    else:
        names = [line.split(" ")[0] for line in stale]
        cure = "cd / && " + quote_words(["cp", "-rpL", "--parents", *names, jail])
    return [Finding("chroot_copies_current", queue_directory=jail, files=shown, cure=cure)]


def _difference(jail: str, name: str) -> str:
    """How the copy of a file differs: "" where it does not, or where there is nothing to copy."""
    ours = _content("/" + name)
    if ours is None:
        return ""
    copy = _content(os.path.join(jail, name))
    return "is missing" if copy is None else ("" if copy == ours else "differs")


def _stale_libraries(jail: str) -> "list[str]":
    """Copies of the C library's modules that are older than the node's own."""
    paths = (os.path.relpath(path, jail) for top in LIBRARIES for path in files_below(os.path.join(jail, top)))
    looked_at = itertools.islice(paths, LIBRARY_FILES_MAX)
    return [path for path in looked_at if _is_file("/" + path) and _difference(jail, path)]


def _stale_authorities(survey: Survey, rows: "list[MasterRow]") -> "list[str]":
    """Certificate authorities of a CApath that are not in the jail: there TLS looks them up."""
    stale = []
    jail = survey.instance.queue_directory
    for parameter, programs in CA_PATHS.items():
        path = survey.value(parameter)
        if path[:1] != "/" or path.startswith(jail + "/") or not any(row.program in programs for row in rows):
            continue
        wanted, copied = _authorities(path), _authorities(jail + path)
        missing = wanted - copied
        if missing:
            stale.append(f"{path.strip('/')} lacks {len(missing)} of {len(wanted)} authorities")
    return stale


def _authorities(path: str) -> "set[bytes]":
    """The certificates that OpenSSL finds in a directory. Debian 12's script copies *.pem and makes the hashes anew,
    Debian 13's copies what has a hash: the contents tell."""
    try:
        names = [name for name in os.listdir(path) if HASHED.match(name)][:AUTHORITIES_MAX]
    except OSError:
        return set()
    found = {_content(f"{path}/{name}", AUTHORITY_MAX) for name in names}
    return {content for content in found if content is not None}


def _is_file(path: str) -> bool:
    try:
        return stat.S_ISREG(os.stat(path).st_mode)
    except OSError:
        return False


def _content(path: str, limit: int = COPY_MAX) -> "bytes | None":
    try:
        return read_regular(path, limit)
    except OSError:
        return None
