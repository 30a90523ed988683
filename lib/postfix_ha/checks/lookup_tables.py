"""Checks of lookup tables: is the type built in, is the table there, can it be read, is it as new as its source?"""

import os
import stat
import time

from postfix_ha.checks.node_facts import Survey
from postfix_ha.config.logical_lines import read_file, split_words
from postfix_ha.config.postconf import INERT_MAIN_CF, inert_config
from postfix_ha.system.command import run
from postfix_ha.system.complaints import complaint_of_library
from postfix_ha.system.files import open_regular
from postfix_ha.system.packages import installing_command
from postfix_ha.system.quoting import quote
from postfix_ha.verdict import Finding

# All types that Postfix documents (DATABASE_README), built in or not; other words with a colon are no tables.
TYPES = frozenset(
    (
        "btree", "cdb", "cidr", "dbm", "environ", "fail", "hash", "inline", "internal", "ldap", "lmdb", "memcache",
        "mongodb", "mysql", "netinfo", "nis", "nisplus", "pcre", "pgsql", "pipemap", "proxy", "randmap", "regexp",
        "sdbm", "socketmap", "sqlite", "static", "tcp", "texthash", "unionmap", "unix",
    )
)  # fmt: skip
# Type -> the ends of the files that postmap makes of a source.
INDEXED = {
    "hash": (".db",), "btree": (".db",), "cdb": (".cdb",), "lmdb": (".lmdb",),
    "dbm": (".pag", ".dir"), "sdbm": (".pag", ".dir"),
}  # fmt: skip
PLAIN = ("cidr", "ldap", "memcache", "mongodb", "mysql", "pcre", "pgsql", "regexp", "sqlite", "texthash")
# Tables that daemons make themselves, and those that only newaliases(1) names.
NOT_LOOKED_UP = ("alias_database", "address_verify_map", "postscreen_cache_map")
SUMMARIES = ("proxy_read_maps", "proxy_write_maps")
CACHE_END = "_cache_database"
# Lists that may name a file instead of a table: a word that begins with a slash.
FILE_LISTS = (
    "mynetworks", "mydestination", "relay_domains", "virtual_alias_domains", "virtual_mailbox_domains",
    "debug_peer_list", "smtpd_authorized_xclient_hosts", "smtpd_authorized_xforward_hosts",
)  # fmt: skip
ALIAS_PARAMETERS = ("alias_maps", "alias_database")
NULL = os.makedev(1, 3)
WRITABLE_BY_OTHERS = 0o022
LOOK_UP_S = 2.0
NO_TABLE_ALIASES = ("alias_maps", "local_recipient_maps")


class Table:
    """One table in use: ``parameter`` names it first (SERVICE/TYPE:parameter for a ``-o``), ``path`` its file."""

    __slots__ = ("file", "line", "parameter", "path", "type")

    def __init__(self, type_: str, path: str, parameter: str, file: str, line: int) -> None:
        self.type = type_
        self.path = path
        self.parameter = parameter
        self.file = file
        self.line = line

    @property
    def name(self) -> str:
        """The table as main.cf names it."""
        return f"{self.type}:{self.path}" if self.type != "file" else self.path

    @property
    def files(self) -> "list[str]":
        """The files that Postfix opens for a lookup."""
        return [self.path + end for end in INDEXED.get(self.type, ("",))]

    def making_command(self, stands_by: bool) -> str:
        """The command that makes the table from its source, "" for a table that is its own source.

        Where an address of inet_interfaces is not up, postmap(1) refuses to work with this main.cf.
        """
        if self.type not in INDEXED:
            return ""
        is_alias = self.parameter.rpartition(":")[2] in ALIAS_PARAMETERS
        maker, name = "postalias" if is_alias else "postmap", quote(self.name)
        if not stands_by:
            return f"{maker} {name}"
        return f"d=$(mktemp -d) && echo {INERT_MAIN_CF} >$d/main.cf && {maker} -c $d {name}; rm -r $d"

    @property
    def values(self) -> "dict[str, object]":
        """What every finding about the table says."""
        return {"table": self.name, "parameter": self.parameter, "file": self.file, "line": self.line}


def table_words(value: str) -> "list[tuple[str, str]]":
    """(type, rest) of each word ``type:rest`` in a value that is a table's; what stands in braces counts as well."""
    found = []
    for word in split_words(value.replace("{", " ").replace("}", " ")):
        type_, colon, rest = word.partition(":")
        while colon and type_ in TYPES:
            found.append((type_, rest))
            if type_ != "proxy":
                break
            type_, colon, rest = rest.partition(":")
    return found


def settings_in_use(survey: Survey) -> "list[tuple[str, str, str, int]]":
    """(name, value, file, line) of each parameter in main.cf and each ``-o`` in master.cf.

    Not of the administrator's own parameters: what refers to them has them in its value, whole.
    """
    classes = split_words(survey.value("smtpd_restriction_classes"))  # these alone are used by their names
    named = [name for name, value in survey.values.items() if ":" in value or "/" in value]
    named = [name for name in named if name in classes or not (survey.is_set(name) and survey.is_own(name))]
    named.sort(key=lambda name: not survey.is_set(name))  # what was written comes before what refers to it
    found = [(name, survey.value(name), *survey.locate(name)) for name in named if name not in SUMMARIES]
    for row in survey.master.rows:
        for name, value in row.options.items():
            expanded = survey.expand(value, row)
            found.append((f"{row.name}/{row.type}:{name}", expanded, survey.master.file, row.line))
    return found


def tables_in_use(survey: Survey) -> "list[Table]":
    """Every table in a file of this node, each once."""
    found: "dict[str, Table]" = {}
    has_local = bool(survey.value("mydestination"))
    made_there = survey.instance.data_directory + "/"  # by daemons, when they need it
    for name, value, file, line in settings_in_use(survey):
        bare = name.rpartition(":")[2]
        if bare in NOT_LOOKED_UP or bare.endswith(CACHE_END) or (bare in NO_TABLE_ALIASES and not has_local):
            continue
        words = [word for word in table_words(value) if word[0] in INDEXED or word[0] in PLAIN]
        if bare in FILE_LISTS:
            words += [("file", word) for word in split_words(value) if word[:1] == "/"]
        for type_, path in words:
            if path[:1] == "/" and not path.startswith(made_there):
                table = Table(type_, path, name, file, line)
                found.setdefault(table.name, table)
    return list(found.values())


def map_types_in_use(survey: Survey) -> "dict[str, str]":
    """Type -> the parameter that uses it first."""
    found: "dict[str, str]" = {}
    for name, value, _, _ in settings_in_use(survey):
        for type_, _ in table_words(value):
            found.setdefault(type_, name)
    return found


def check_map_types(survey: Survey) -> "list[Finding]":
    """map_type_available for each type in use that this node's postconf does not list."""
    found = []
    for type_, name in map_types_in_use(survey).items():
        if survey.map_types and type_ not in survey.map_types:
            file, line = _where(survey, name)
            values = {"type": type_, "parameter": name, "file": file, "line": line, "node": survey.node}
            found.append(Finding("map_type_available", cure=installing_command(f"postfix-{type_}"), **values))
    return found


def check_map_loading(survey: Survey) -> "list[Finding]":
    """map_type_loadable for each type in use that postconf lists and postmap cannot load.

    A type that is built in needs no library; of one in dynamicmaps.cf(5) the list tells only that it is named there.
    """
    found = []
    used = map_types_in_use(survey)
    for type_, (library, why) in types_not_loaded(survey).items():
        file, line = _where(survey, used[type_])
        about = _stat(library)
        is_others = about is not None and (about.st_uid != 0 or about.st_mode & WRITABLE_BY_OTHERS)
        cure = f"chown root:root {quote(library)} && chmod 0644 {quote(library)}" if is_others else ""
        values = {"type": type_, "parameter": used[type_], "file": file, "line": line, "node": survey.node, "why": why}
        found.append(Finding("map_type_loadable", cure=cure, **values))
    return found


def types_not_loaded(survey: Survey) -> "dict[str, tuple[str, str]]":
    """Map type in use that postconf lists -> (its library, why postmap cannot load it)."""
    dynamic = dynamic_types(survey.value("meta_directory"))
    asked = [type_ for type_ in map_types_in_use(survey) if type_ in dynamic and type_ in survey.map_types]
    reasons = {type_: _why_not_loaded(survey, type_) for type_ in asked}
    folder = survey.value("shlib_directory")
    return {type_: (os.path.join(folder, dynamic[type_]), why) for type_, why in reasons.items() if why}


def dynamic_types(meta_directory: str) -> "dict[str, str]":
    """Map type -> its library, of those that Postfix loads when they are needed (dynamicmaps.cf and .cf.d)."""
    folder = os.path.join(meta_directory, "dynamicmaps.cf.d")
    names = sorted(os.listdir(folder)) if os.path.isdir(folder) else []
    paths = [os.path.join(meta_directory, "dynamicmaps.cf")]
    paths += [os.path.join(folder, name) for name in names if name.endswith(".cf")]
    lines = [line.split() for path in paths for line in read_file(path)[0].decode("utf-8", "replace").splitlines()]
    return {words[0]: words[1] for words in lines if len(words) > 1 and words[0][0] != "#"}


def _why_not_loaded(survey: Survey, type_: str) -> str:
    """Why a look-up in an empty table of this type finds no library, "" where it is loaded."""
    places = {name: survey.value(name) for name in ("meta_directory", "shlib_directory")}
    with inert_config(**{name: value for name, value in places.items() if value}) as directory:
        postmap = os.path.join(survey.instance.command_directory, "postmap")
        argv = [postmap, "-c", directory, "-q", "postfix-ha", f"{type_}:{os.devnull}"]
        said = run(argv, deadline=min(survey.deadline, time.monotonic() + LOOK_UP_S)).stderr
    return complaint_of_library(said.decode("utf-8", "replace"))


def _where(survey: Survey, name: str) -> "tuple[str, int]":
    """The file and line of a name as settings_in_use() has it."""
    return next((file, line) for other, _, file, line in settings_in_use(survey) if other == name)


def check_tables(survey: Survey) -> "list[Finding]":
    """table_present, table_readable, table_current."""
    found = []
    stands_by = bool(survey.absent_addresses)
    for table in tables_in_use(survey):
        if survey.map_types and table.type != "file" and table.type not in survey.map_types:
            continue  # its type is what is missing
        finding = _check_table(table, table.making_command(stands_by))
        if finding:
            found.append(finding)
    return found


def _check_table(table: Table, maker: str) -> "Finding | None":
    source = _stat(table.path)
    cure = maker if source is not None and stat.S_ISREG(source.st_mode) else ""
    for path in table.files:
        state = _stat(path)
        if state is None:
            return Finding("table_present", path=path, cure=cure, **table.values)
        why = _why_unreadable(path, state, table.type in INDEXED)
        if why:
            cure = cure and f"rm -rf {quote(path)} && {cure}"
            return Finding("table_readable", path=path, why=why, cure=cure, **table.values)
        if source is not None and path != table.path and source.st_mtime > state.st_mtime:
            return Finding("table_current", path=table.path, cure=cure, **table.values)
    return None


def _why_unreadable(path: str, state: os.stat_result, is_indexed: bool) -> str:
    if stat.S_ISDIR(state.st_mode):
        return "it is a directory"
    if is_indexed and not state.st_size:
        return "it is empty"
    if is_null(state):
        return ""
    try:
        os.close(open_regular(path))
    except OSError as error:
        return error.strerror or str(error)
    return ""


def is_null(state: "os.stat_result | None") -> bool:
    """Whether a file is /dev/null, which some name as a table without entries."""
    return state is not None and stat.S_ISCHR(state.st_mode) and state.st_rdev == NULL


def _stat(path: str) -> "os.stat_result | None":
    try:
        return os.stat(path)
    except OSError:
        return None
