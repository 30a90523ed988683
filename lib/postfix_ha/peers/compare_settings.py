"""Comparison of main.cf and master.cf on two nodes, after expansion, and each difference at its root."""

from postfix_ha.peers.pair import Pair, mapping, shown, texts
from postfix_ha.system.quoting import quote_words
from postfix_ha.verdict import Finding

HIDDEN = "(hidden)"
# Defaults that Postfix takes from the node.
FROM_NODE = ("myhostname", "mydomain", "mynetworks")
# Told by version_agrees, and what Postfix sets itself for each process.
NOT_COMPARED = ("mail_version", "mail_release_date", "process_id", "process_name", "service_name")


class Settings:
    """The main.cf of one node: ``values`` after expansion, ``raw`` as it stands there, with digests for secrets."""

    __slots__ = ("raw", "secrets", "values")

    def __init__(self, facts: "dict[str, object]") -> None:
        self.values = mapping(facts["main"])
        self.raw = mapping(facts["set"])
        self.secrets = mapping(facts["secrets"])

    def value(self, name: str) -> "tuple[str | None, str | None]":
        """An expanded value, or what stands for it."""
        return self.values.get(name), self.secrets.get(name)

    def definition(self, name: str) -> "tuple[str | None, str | None]":
        """A value as main.cf has it, None where it does not set it."""
        return self.raw.get(name), self.secrets.get(f"set:{name}")


def compare_main(pair: Pair) -> "list[Finding]":
    """main_cf_agrees and myhostname_agrees, without what only follows from another difference."""
    here, there = Settings(pair.here), Settings(pair.there)
    if not here.values or not there.values:
        return []  # one of them cannot be read, and was said to be so
    names = sorted((here.values.keys() | there.values.keys()) - set(NOT_COMPARED))
    differing = [name for name in names if here.value(name) != there.value(name)]
    roots = [name for name in differing if here.definition(name) != there.definition(name) or name in FROM_NODE]
    same_version = here.values.get("mail_version") == there.values.get("mail_version")
    found = []
    for name in differing:
        is_default = name not in here.raw and name not in there.raw
        if name not in roots and (_follows(name, roots, here, there) or (is_default and not same_version)):
            continue
        found.append(_difference(pair, name, here, there))
    return found


def _follows(name: str, roots: "list[str]", here: Settings, there: Settings) -> bool:
    """Whether a value differs only because it refers to one that does."""
    ours, theirs = here.values.get(name, ""), there.values.get(name, "")
    for root in sorted(roots, key=lambda root: -len(here.values.get(root, ""))):
        if here.values.get(root):
            ours = ours.replace(here.values[root], there.values.get(root, ""))
    return ours == theirs


def _difference(pair: Pair, name: str, here: Settings, there: Settings) -> Finding:
    ours, theirs = here.values.get(name), there.values.get(name)
    values = {"name": name, "here": shown(ours), "there": shown(theirs)}
    if ours == theirs and HIDDEN in (ours or ""):
        values["there"] = f"{shown(theirs)}, but {HIDDEN} is not the same"
    check = "myhostname_agrees" if name == "myhostname" else "main_cf_agrees"
    return Finding(check, cure=_cure(pair, name, here), **values, **pair.names)


def _cure(pair: Pair, name: str, here: Settings) -> str:
    """The command that gives the peer this node's definition; where neither has one, both get it."""
    postconf = ["postconf", "-c", pair.config_dir]
    raw = here.raw.get(name)
    if HIDDEN in (raw or "") or HIDDEN in here.values.get(name, ""):
        return ""
    if raw is not None:
        return pair.remote.paste(quote_words([*postconf, "-e", f"{name}={raw}"]))
    if name in FROM_NODE and name not in mapping(pair.there["set"]):
        both = quote_words([*postconf, "-e", f"{name}={here.values.get(name, '')}"])
        return f"{both} && {pair.remote.paste(both)}"
    return pair.remote.paste(quote_words([*postconf, "-X", name]))


def compare_master(pair: Pair) -> "list[Finding]":
    """master_cf_agrees for each service that is another one there."""
    here, there = (_rows(texts(facts)) for facts in pair.both("master"))
    secrets = [mapping(facts) for facts in pair.both("secrets")]
    found = []
    for service in {**here, **there}:
        ours, theirs = here.get(service), there.get(service)
        hidden = [{n: d for n, d in digests.items() if n.startswith(service + ":")} for digests in secrets]
        if ours == theirs and hidden[0] == hidden[1]:
            continue
        values = {"service": service, "here": shown(ours), "there": shown(theirs)}
        if ours == theirs:
            values["there"] = f"the same, but for what is {HIDDEN}"
        cure = _row_cure(pair, service, ours)
        found.append(Finding("master_cf_agrees", cure=cure, **values, **pair.names))
    return found


def _rows(rows: "list[str]") -> "dict[str, str]":
    """``name/type`` -> the row, with its columns as close as they can be; the last one of a name counts."""
    found = {}
    for row in rows:
        words = row.split()
        if len(words) > 1:
            found[f"{words[0]}/{words[1]}"] = " ".join(words)
    return found


def _row_cure(pair: Pair, service: str, ours: "str | None") -> str:
    postconf = ["postconf", "-c", pair.config_dir]
    if ours is None:
        return pair.remote.paste(quote_words([*postconf, "-MX", service]))
    return "" if HIDDEN in ours else pair.remote.paste(quote_words([*postconf, "-Me", f"{service}={ours}"]))
