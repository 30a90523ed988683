"""Which services main.cf and master.cf name by a socket of this node: SASL, milters, policy, delivery, look-ups."""

import os

from postfix_ha.config.logical_lines import read_file, split_braced_words, split_words, unbrace
from postfix_ha.config.master_cf import MasterRow
from postfix_ha.endpoint import address_bytes, address_text, is_loopback

TYPE_CHECKING = False
if TYPE_CHECKING:
    from postfix_ha.checks.node_facts import Survey

SASL, MILTER, POLICY, TRANSPORT, LOOK_UP = "SASL", "milter", "policy", "delivery", "look-up"
# Programs of master.cf -> what of main.cf they read of each kind.
MILTERS = {"smtpd": "smtpd_milters", "cleanup": "non_smtpd_milters"}
TRANSPORTS = (
    "content_filter", "default_transport", "fallback_transport", "local_transport", "mailbox_transport",
    "relay_transport", "virtual_transport",
)  # fmt: skip
# Where Cyrus SASL looks for smtpd.conf: Debian's Postfix, and the library itself.
SASL_DIRECTORIES = ("/etc/postfix/sasl", "/etc/sasl2", "/usr/lib/sasl2", "/usr/lib64/sasl2")
SASLAUTHD = "saslauthd"
POLICY_WORD = "check_policy_service"
LOOK_UP_TYPES = ("tcp", "socketmap")
LOCAL_NAMES = ("localhost", "localhost.localdomain", "ip6-localhost")
BRACES_AS_BLANKS = str.maketrans("{}", "  ")


class NamedService:
    """One socket: kind, where it is named (``parameter``, ``file``, ``line``), the socket as Postfix spells it.

    ``path`` is a UNIX-domain socket's ("" for TCP), to be taken below the queue directory where it is relative or who
    asks is in the jail (``is_jailed``); ``host`` and ``port`` are TCP's. ``is_optional``: mail flows without it.
    """

    __slots__ = ("file", "host", "is_jailed", "is_optional", "kind", "line", "parameter", "path", "port", "socket")

    def __init__(self, kind: str, socket: str, where: "tuple[str, str, int]", is_jailed: bool = False) -> None:
        self.kind = kind
        self.socket = socket
        self.parameter, self.file, self.line = where
        self.is_jailed = is_jailed
        self.is_optional = False
        self.path, self.host, self.port = parse_socket(socket)

    def place(self, queue_directory: str) -> str:
        """The absolute path of a UNIX-domain socket."""
        if self.path.startswith("/") and not self.is_jailed:
            return self.path
        return os.path.normpath(os.path.join(queue_directory, self.path.lstrip("/")))


def parse_socket(text: str) -> "tuple[str, str, str]":
    """(path, host, port) of unix:PATH, local:PATH, inet:HOST:PORT, [HOST]:PORT or a path."""
    kind, colon, rest = text.partition(":")
    if colon and kind in ("unix", "local"):
        return rest, "", ""
    if colon and kind in ("inet", "inet6"):
        text = rest
    elif "/" in text and not text.startswith("["):
        return text, "", ""
    host, _, port = text.rpartition("@" if "@" in text else ":")
    if "@" in text:  # sendmail's order, which milters may be named in
        host, port = port, host
    return "", host.strip("[]"), port


def services_named(survey: "Survey") -> "list[NamedService]":
    """Every socket of this node that is named, each once; those that a row of master.cf serves are Postfix's own."""
    found: "list[NamedService]" = []
    for row in survey.master.rows:
        found += _of_row(survey, row)
    found += _transports(survey) + _look_ups(survey)
    unique: "dict[tuple[str, str, bool], NamedService]" = {}
    for each in found:
        if not _is_own(survey, each) and (each.path or is_local(survey, each.host)):
            unique.setdefault((each.kind, each.socket, each.is_jailed), each)
    return list(unique.values())


def is_local(survey: "Survey", host: str) -> bool:
    """Whether a host is this node wherever the service is: loopback, or an address of the service itself."""
    if host.lower() in LOCAL_NAMES:
        return True
    try:
        address = address_text(address_bytes(host))
    except OSError:
        return False  # another machine's name
    return is_loopback(address) or address in survey.service_addresses


def _is_own(survey: "Survey", service: NamedService) -> bool:
    """Whether a row of master.cf makes the socket, such as private/policy of a spawn(8)."""
    words = service.path.split("/")
    if len(words) != 2 or words[0] not in ("private", "public"):
        return False
    return any(row.name == words[1] and row.type in ("unix", "fifo", "unix-dgram") for row in survey.master.rows)


def _where(survey: "Survey", name: str, row: "MasterRow | None") -> "tuple[str, str, int]":
    if row is not None and name in row.options:
        return f"{row.name}/{row.type}:{name}", survey.master.file, row.line
    return (name, *survey.locate(name))


def _of_row(survey: "Survey", row: MasterRow) -> "list[NamedService]":
    """What a row's program connects to."""
    found: "list[NamedService]" = []
    is_jailed = survey.is_chrooted(row)
    name = MILTERS.get(row.program, "")
    for word in split_braced_words(survey.row_value(row, name), ", \t\r\n") if name else ():
        inner = split_words(unbrace(word)[0]) if word[0] == "{" else [word]
        if inner:
            milter = NamedService(MILTER, inner[0], _where(survey, name, row), is_jailed)
            actions = [text.partition("=")[2] for text in inner if text.startswith("default_action")]
            milter.is_optional = (actions or [survey.row_value(row, "milter_default_action")])[0] == "accept"
            found.append(milter)
    if row.program != "smtpd":
        return found
    return found + _of_smtpd(survey, row, is_jailed)


def _of_smtpd(survey: "Survey", row: MasterRow, is_jailed: bool) -> "list[NamedService]":
    """The SASL server and the policy servers of one smtpd row."""
    found: "list[NamedService]" = []
    if survey.row_value(row, "smtpd_sasl_auth_enable").lower() == "yes":
        path = survey.row_value(row, "smtpd_sasl_path")
        if survey.row_value(row, "smtpd_sasl_type") == "dovecot":
            found.append(NamedService(SASL, path, _where(survey, "smtpd_sasl_path", row), is_jailed))
        elif survey.row_value(row, "smtpd_sasl_type") == "cyrus":
            sockets = _cyrus_sockets(path, survey.row_value(row, "cyrus_sasl_config_path"))
            found += [
                NamedService(SASL, each, _where(survey, "smtpd_sasl_auth_enable", row), is_jailed) for each in sockets
            ]
    names = {name for name in survey.values if name.startswith("smtpd_") and name.endswith("_restrictions")}
    for name in sorted(names.union(split_words(survey.value("smtpd_restriction_classes")))):
        words = split_words(survey.row_value(row, name).translate(BRACES_AS_BLANKS))
        for word, server in zip(words, words[1:]):
            if word == POLICY_WORD:
                found.append(NamedService(POLICY, server, _where(survey, name, row), is_jailed))
    return found


def _cyrus_sockets(name: str, directories: str) -> "list[str]":
    """The socket of saslauthd, where the library's own file (smtpd.conf) asks it for passwords."""
    for directory in [*directories.split(":"), *SASL_DIRECTORIES]:
        data = read_file(os.path.join(directory, f"{name or 'smtpd'}.conf"))[0] if directory else b""
        lines = [line.partition(":") for line in data.decode("utf-8", "replace").splitlines() if line[:1] != "#"]
        settings = {word.strip(): value.strip() for word, _, value in lines}
        if SASLAUTHD in settings.get("pwcheck_method", "").split():
            return [settings.get("saslauthd_path", "/var/run/saslauthd/mux")]
        if data:
            return []
    return []


def _transports(survey: "Survey") -> "list[NamedService]":
    """The next hops of main.cf's transports that are on this node, such as lmtp:unix:private/dovecot-lmtp."""
    found = []
    rows = {row.name: row for row in survey.master.rows if row.type == "unix"}
    users = [(name, None) for name in TRANSPORTS] + [("content_filter", row) for row in survey.master.rows]
    for name, row in users:
        if row is not None and name not in row.options:
            continue
        transport, _, hop = (survey.row_value(row, name) if row else survey.value(name)).partition(":")
        client = rows.get(transport)
        if client is None or client.program not in ("lmtp", "smtp") or not hop:
            continue
        if not hop.startswith(("unix:", "inet:")):
            hop = f"inet:{hop}" if ":" in hop.rpartition("]")[2] else f"inet:{hop}:{_usual_port(client)}"
        found.append(NamedService(TRANSPORT, hop, _where(survey, name, row), survey.is_chrooted(client)))
    return found


def _usual_port(row: MasterRow) -> str:
    return "24" if row.program == "lmtp" else "25"


def _look_ups(survey: "Survey") -> "list[NamedService]":
    """The servers of tcp: and socketmap: tables, such as postsrsd's."""
    found = []
    jailed = any(survey.is_chrooted(row) for row in survey.master.rows if row.program in ("cleanup", "smtpd"))
    for name, value in survey.values.items():
        if ":" not in value or not survey.is_set(name):
            continue
        for word in split_words(value.translate(BRACES_AS_BLANKS)):
            word = word[6:] if word.startswith("proxy:") else word
            type_, colon, rest = word.partition(":")
            if not colon or type_ not in LOOK_UP_TYPES:
                continue
            server = f"inet:{rest}" if type_ == "tcp" else rest.rpartition(":")[0]
            found.append(NamedService(LOOK_UP, server, _where(survey, name, None), jailed))
    return found


def own_services_missing(survey: "Survey") -> "list[tuple[str, str]]":
    """(service, the parameter that needs it) of Postfix's own that master.cf has no row for."""
    has_postscreen = any(row.program == "postscreen" for row in survey.master.rows)
    needs = [("tlsproxy", "smtp_tls_connection_reuse", survey.value("smtp_tls_connection_reuse").lower() == "yes")]
    if has_postscreen:
        level = "postscreen_tls_security_level"
        needs.append(("tlsproxy", level, survey.value(level).lower() not in ("", "none")))
        needs.append(("dnsblog", "postscreen_dnsbl_sites", bool(survey.value("postscreen_dnsbl_sites"))))
    there = {row.name for row in survey.master.rows if row.type == "unix"}
    named = [(survey.value(f"{name}_service_name") or name, why) for name, why, is_needed in needs if is_needed]
    return [(name, why) for name, why in named if name not in there]
