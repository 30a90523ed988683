"""From a configuration directory to an Instance: all that could be learned and the problems met, never an exception."""

import os
import time

from postfix_ha.config.endpoints import find_listeners
from postfix_ha.config.expand import ExpandError
from postfix_ha.config.logical_lines import FILE_SIZE_MAX, split_words
from postfix_ha.config.main_cf import MainCf, parse_main_cf
from postfix_ha.config.master_cf import MasterCf, parse_master_cf
from postfix_ha.config.postconf import (
    ask_default_config_directory,
    ask_defaults,
    ask_values,
    find_postconf,
    obstacle,
)
from postfix_ha.config.secrets import Secrets
from postfix_ha.endpoint import Endpoint
from postfix_ha.instance import DEFAULT_CONFIG_DIR, Instance, LateProblem, Problem, file_stamps
from postfix_ha.system.complaints import without_values
from postfix_ha.system.files import read_regular

FACTS = (
    "queue_directory",
    "data_directory",
    "daemon_directory",
    "command_directory",
    "mail_owner",
    "setgid_group",
)
SETTINGS = (
    "alternate_config_directories",
    "body_checks",
    "cleanup_service_name",
    "compatibility_level",
    "default_database_type",
    "default_process_limit",
    "home_mailbox",
    "import_environment",
    "inet_interfaces",
    "inet_protocols",
    "known_tcp_ports",
    "mail_spool_directory",
    "mail_version",
    "mailbox_delivery_lock",
    "maillog_file",
    "master_service_disable",
    "message_size_limit",
    "multi_instance_directories",
    "multi_instance_enable",
    "multi_instance_group",
    "multi_instance_name",
    "multi_instance_wrapper",
    "mydomain",
    "myhostname",
    "postscreen_greet_wait",
    "process_id_directory",
    "queue_minfree",
    "receive_override_options",
    "rewrite_service_name",
    "smtpd_service_name",
    "smtpd_tls_wrappermode",
    "syslog_name",
    "virtual_mailbox_base",
    "virtual_mailbox_lock",
)

# Beside the settings: the addresses of inet_interfaces on which no service listens for mail clients.
UNSERVED = "addresses without smtpd"

# What most builds of Postfix have compiled in; used only where postconf cannot be asked.
USUAL_DEFAULTS = {
    "body_checks": "",
    "cleanup_service_name": "cleanup",
    "command_directory": "/usr/sbin",
    "compatibility_level": "0",
    "daemon_directory": "/usr/lib/postfix/sbin",
    "data_directory": "/var/lib/postfix",
    "default_database_type": "hash",
    "default_process_limit": "100",
    "import_environment": "MAIL_CONFIG MAIL_DEBUG MAIL_LOGTAG TZ XAUTHORITY DISPLAY LANG=C "
    "POSTLOG_SERVICE POSTLOG_HOSTNAME",
    "inet_interfaces": "all",
    "inet_protocols": "all",
    "known_tcp_ports": "lmtp=24, smtp=25, smtps=submissions=465, submission=587",
    "mail_name": "Postfix",
    "mail_owner": "postfix",
    "mail_spool_directory": "/var/mail",
    "message_size_limit": "10240000",
    "multi_instance_enable": "no",
    "mydomain": "localdomain",
    "postscreen_greet_wait": "${stress?{2}:{6}}s",
    "process_id_directory": "pid",
    "queue_directory": "/var/spool/postfix",
    "queue_minfree": "0",
    "receive_override_options": "",
    "rewrite_service_name": "rewrite",
    "setgid_group": "postdrop",
    "smtpd_service_name": "smtpd",
    "smtpd_tls_wrappermode": "no",
    "syslog_name": "${multi_instance_name?{$multi_instance_name}:{postfix}}",
}

# No more than this part of the time goes to postconf: our own reader must still have its turn.
POSTCONF_SHARE = 0.5


def discover(
    config_dir: str,
    deadline: float,
    *,
    binary: str = "/usr/sbin/postfix",
    known: "dict[str, str] | None" = None,
) -> Instance:
    """What the configuration in the directory ("" is Postfix's default one) says, before the deadline.

    ``known`` are the expanded values of all parameters, where postconf has told them already.
    """
    postconf = find_postconf(binary)
    problems: "list[Problem]" = []
    if not config_dir:
        config_dir = ask_default_config_directory(postconf, _share(deadline)) or DEFAULT_CONFIG_DIR
    # The stamps come first: a file that is changed while we read it differs from its stamp at the next look.
    stamps = file_stamps(config_dir)
    main = parse_main_cf(*_read(config_dir, "main.cf", problems))
    master = parse_master_cf(*_read(config_dir, "master.cf", problems))
    # Without its main.cf nothing is known of an instance: the defaults would describe another one.
    is_unreadable = bool(problems) and problems[0][0] == "main.cf"
    values = {} if is_unreadable else known or _values(postconf, main, master, deadline, problems)
    # Only what Postfix refuses: a start must not fail for what it merely warns about.
    problems += [Problem(("main.cf", found.text, found.file, found.line)) for found in main.problems if found.fatal]
    problems += [Problem(("master.cf", found.text, found.file, found.line)) for found in master.problems if found.fatal]
    nothing: "tuple[list[Endpoint], list[str], list[Problem]]" = ([], [], [])
    work = (values, main, master, deadline, lambda name: main.look_up(name, values))
    endpoints, unserved, wrong = find_listeners(*work) if values else nothing
    return Instance(
        config_dir=config_dir,
        endpoints=endpoints,
        stamps=stamps,
        settings=_settings(values, master, unserved),
        problems=problems + wrong,
        # Where nothing tells of a mail_owner it most probably is the usual one.
        mail_owner_uid=uid_of(values.get("mail_owner", "") or USUAL_DEFAULTS["mail_owner"]),
        **{name: values.get(name, "") for name in FACTS},
    )


def _settings(values: "dict[str, str]", master: MasterCf, unserved: "list[str]") -> "dict[str, str]":
    """An instance's settings: those of SETTINGS, what a monitor needs of master.cf, and UNSERVED if there are any."""
    found = {name: values[name] for name in SETTINGS if name in values}
    return {**found, **row_settings(master, values), **({UNSERVED: " ".join(unserved)} if unserved else {})}


def uid_of(user: str) -> int:
    """The uid of a user on this node, 0 where there is no such user."""
    import pwd

    try:
        return pwd.getpwnam(user).pw_uid
    except KeyError:
        return 0


# cleanup_user.h: what smtpd(8) asks cleanup(8) for, and what receive_override_options takes away of it.
CLEANUP_FLAGS = 1 << 1 | 1 << 4 | 1 << 5 | 1 << 7
OVERRIDES = {"no_header_body_checks": 1 << 1, "no_address_mappings": 1 << 4 | 1 << 5}


def row_settings(master: MasterCf, values: "dict[str, str]") -> "dict[str, str]":
    """What a monitor needs of master.cf: ``maxproc SERVICE`` of each inet and pass row, ``socket SERVICE`` (its
    path below the queue directory) of the queue manager and pickup, ``passes SERVICE`` of each postscreen (to whom it
    hands clients), ``cleanup SERVICE`` of each cleanup service that an smtpd uses (the flags with which it does)."""
    found: "dict[str, str]" = {}
    for row in master.rows:
        if row.type in ("inet", "pass"):
            found[f"maxproc {row.name}"] = row.maxproc
        elif row.type in ("unix", "fifo") and row.name in ("qmgr", "pickup"):
            found[f"socket {row.name}"] = os.path.join("public" if row.private == "n" else "private", row.name)
        if row.program == "postscreen" and values:
            found[f"passes {row.name}"] = row.options.get("smtpd_service_name", values.get("smtpd_service_name", ""))
        elif row.program == "smtpd" and values:
            name = row.options.get("cleanup_service_name", values.get("cleanup_service_name", "")) or "cleanup"
            overrides = row.options.get("receive_override_options", values.get("receive_override_options", ""))
            flags = CLEANUP_FLAGS
            for word in split_words(overrides):
                flags &= ~OVERRIDES.get(word, 0)
            found[f"cleanup {name}"] = str(flags | int(found.get(f"cleanup {name}", "0")))
    return found


def instance_directories(instance: Instance) -> "list[str]":
    """The configuration directories that a default instance's main.cf names, itself first."""
    listed = [instance.config_dir]
    for name in ("multi_instance_directories", "alternate_config_directories"):
        listed += split_words(instance.settings.get(name, ""))
    return list(dict.fromkeys(listed))


def _share(deadline: float) -> float:
    """A deadline for postconf that leaves time for what comes after."""
    now = time.monotonic()
    return now + max(0.0, deadline - now) * POSTCONF_SHARE


def _read(config_dir: str, name: str, problems: "list[Problem]") -> "tuple[bytes, str]":
    """(bytes, path) of a configuration file; no bytes and a problem where it cannot be read."""
    path = os.path.join(config_dir, name)
    try:
        return read_regular(path, FILE_SIZE_MAX), path
    except OSError as error:
        wrong = error.strerror or "unknown error"
    problems.append(Problem((name, f"cannot be read: {wrong}", path, 0)))
    return b"", path


def _values(
    postconf: str, main: MainCf, master: MasterCf, deadline: float, problems: "list[Problem]"
) -> "dict[str, str]":
    """The expanded values of FACTS and SETTINGS: postconf's where it answers, else our own reading of main.cf."""
    names = [*FACTS, *SETTINGS]
    config_dir = os.path.dirname(main.file)
    failure, is_late = "", False
    # Where postconf cannot but fail it is not asked: it sleeps a second before it gives up.
    if not main.fatal and not master.unreadable and not obstacle(config_dir):
        answer = ask_values(postconf, config_dir, names, _share(deadline))
        if not answer.error:
            return answer.values
        failure, is_late = answer.error, answer.is_late
    defaults = dict(USUAL_DEFAULTS)
    defaults.update(ask_defaults(postconf, _share(deadline)).values)
    defaults["config_directory"] = config_dir
    values: "dict[str, str]" = {}
    wrong: "list[Problem]" = []
    # Every parameter that is set, asked for or not: postconf fails for any of them and does not say for which.
    for name in dict.fromkeys([*names, *(name for name in main.raw if name in defaults)]):
        try:
            values[name] = main.expanded(name, defaults)
        except ExpandError as error:
            wrong.append(Problem((name, str(error), main.file, main.lines.get(name, 0))))
    if failure:
        options = [pair for row in master.rows for pair in row.options.items()]
        failure = Secrets(values, main.raw, options).complaint(without_values(failure))
        where = f" ({wrong[0][0]}: {wrong[0][1]})" if wrong else ""
        kind = LateProblem if is_late else Problem
        problems.append(kind(("postconf", failure + where, main.file, wrong[0][3] if wrong else 0)))
    problems += wrong
    return values
