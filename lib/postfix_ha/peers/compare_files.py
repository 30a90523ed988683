"""Comparison of the files that must be the same on two nodes: lookup tables and certificates."""

import time

from postfix_ha.peers.pair import Pair, dig, objects
from postfix_ha.system.quoting import quote_words
from postfix_ha.verdict import Finding

DIFFERS = "the contents differ"


def compare_tables(pair: Pair) -> "list[Finding]":
    """table_agrees for each table that both nodes use, each from a file of its own."""
    theirs = {str(table.get("table")): table for table in objects(pair.there["tables"])}
    found = []
    for table in objects(pair.here["tables"]):
        name = str(table.get("table"))
        other = theirs.get(name)
        if other is None or is_shared(pair, name.rpartition(":")[2]):
            continue  # another main.cf is another finding; what moves with the queue is one file
        for path, why, is_known in _differences(pair, objects(table.get("files")), objects(other.get("files"))):
            values = {"path": path, "table": name, "why": why, **pair.names}
            if is_known:
                paths = [str(file["path"]) for file in objects(table.get("files")) if file.get("size") is not None]
                found.append(Finding("table_agrees", cure=_copy(pair, paths), **values))
            else:
                found.append(Finding("table_compared", cure=_sum(pair, path), **values))
    return found


def _differences(
    pair: Pair, ours: "list[dict[str, object]]", theirs: "list[dict[str, object]]"
) -> "list[tuple[str, str, bool]]":
    """(path, how it differs, True) of the first file that does, or (path, why nobody knows, False).

    The source counts before what postmap made of it.
    """
    there = {str(file.get("path")): file for file in theirs}
    has_source = bool(ours and _is_there(ours[0]) and _is_there(there.get(str(ours[0].get("path")), {})))
    for at, file in enumerate(ours):
        path = str(file.get("path"))
        other = there.get(path, {})
        if _is_there(file) and not _is_there(other):
            return [(path, f"it is missing on {pair.remote.node}", True)]
        if _is_there(other) and not _is_there(file):
            return [(path, f"it is missing on {pair.node}", True)]
        if at and has_source:
            continue  # two builds of one source are never the same
        if file.get("size") != other.get("size"):
            return [(path, DIFFERS, True)]
        for each, node in ((file, pair.node), (other, pair.remote.node)):
            if _is_there(each) and not each.get("digest"):
                return [(path, f"on {node}: {str(each.get('why') or 'no digest')[:200]}", False)]
        if file.get("digest") != other.get("digest"):
            return [(path, DIFFERS, True)]
    return []


def _is_there(file: "dict[str, object]") -> bool:
    """Whether a node has something with the name of a file."""
    return bool(file.get("digest") or file.get("why") or file.get("size") is not None)


def is_shared(pair: Pair, path: str) -> bool:
    """Whether a file lies on the file system that moves with the service."""
    points = [str(dig(facts, "queue", "mount_point")) for facts in pair.both("storage")]
    return any(point not in ("/", "None") and path.startswith(point + "/") for point in points)


def _copy(pair: Pair, paths: "list[str]") -> str:
    """The command that copies files of this node to the peer, with their owners, modes and times."""
    relative = [path.lstrip("/") for path in paths]
    return quote_words(["tar", "-C", "/", "-cf", "-", *relative]) + " | " + pair.remote.paste("tar -C / -xpf -")


def _sum(pair: Pair, path: str) -> str:
    """The command that shows a digest of a file on both nodes."""
    words = quote_words(["sha256sum", path])
    return f"{words}; {pair.remote.paste(words)}"


def compare_certificates(pair: Pair) -> "list[Finding]":
    """certificate_agrees for each certificate of this node."""
    theirs = {str(certificate.get("path")): certificate for certificate in objects(pair.there["certificates"])}
    found = []
    for certificate in objects(pair.here["certificates"]):
        path, key = str(certificate.get("path")), str(certificate.get("key"))
        other = theirs.get(path)
        if other is None or is_shared(pair, path) or not certificate.get("digest"):
            continue
        why = _certificate_difference(pair, certificate, other)
        if why:
            values = {"path": path, "parameter": certificate.get("parameter"), "why": why}
            cure = _copy(pair, list(dict.fromkeys((path, key))))
            found.append(Finding("certificate_agrees", cure=cure, **values, **pair.names))
    return found


def _certificate_difference(pair: Pair, ours: "dict[str, object]", theirs: "dict[str, object]") -> str:
    if not theirs.get("digest"):
        return f"it is missing on {pair.remote.node}"
    if not theirs.get("has_key"):
        return f"its key {ours.get('key')} is missing on {pair.remote.node}"
    if ours.get("digest") == theirs.get("digest"):
        return ""
    end = theirs.get("not_after")
    return f"that of {pair.remote.node} has expired" if isinstance(end, int) and end < time.time() else DIFFERS
