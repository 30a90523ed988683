"""Which configuration directory a unit of systemd runs Postfix with, by the unit file's own words.

Debian 12: postfix@NAME.service runs ``postmulti -i NAME`` (``-`` is the default instance), and postfix.service nothing.
Debian 13: postfix.service and postfix@NAME.service set MAIL_CONFIG, to /etc/postfix and /etc/postfix-NAME.
"""

import os
import re

from postfix_ha.config.logical_lines import read_file, split_words
from postfix_ha.config.main_cf import parse_main_cf
from postfix_ha.instance import DEFAULT_CONFIG_DIR

DIRECTORIES = ("/etc/systemd/system", "/run/systemd/system", "/usr/lib/systemd/system", "/lib/systemd/system")
SUFFIX = ".service"
MAIL_CONFIG = re.compile(r"""^Environment=.*?\bMAIL_CONFIG=([^\s"']*)""")
POSTMULTI = re.compile(r"^ExecStart=\S*postmulti\s.*?-i\s*(\S+)")


def unit_config_dir(unit: str, root: str = "") -> str:
    """The configuration directory of a unit's instance, "" where its files do not say."""
    name = unit.removesuffix(SUFFIX)
    template, _, instance = name.partition("@")
    base = f"{template}@{SUFFIX}" if "@" in name else template + SUFFIX
    lines = _lines(root, base, name + SUFFIX)
    if not lines:
        return ""
    told = [found.group(1) for found in map(MAIL_CONFIG.match, lines) if found]
    if told:
        return os.path.normpath(_specified(told[-1], instance))
    multi = [found.group(1) for found in map(POSTMULTI.match, lines) if found]
    if multi:
        return _directory_of(_specified(multi[-1], instance), root)
    return "" if "@" in name else DEFAULT_CONFIG_DIR


def _lines(root: str, base: str, name: str) -> "list[str]":
    """The lines of the unit file that holds, and of what is dropped in beside it."""
    paths = [f"{root}{directory}/{base}" for directory in DIRECTORIES]
    found = next((path for path in paths if os.path.isfile(path)), "")
    parts = [found] if found else []
    for folder in dict.fromkeys(
        f"{directory}/{each}.d" for directory in reversed(DIRECTORIES) for each in (base, name)
    ):
        try:
            names = sorted(os.listdir(root + folder)) if found else []
        except OSError:
            names = []
        parts += [f"{root}{folder}/{each}" for each in names if each.endswith(".conf")]
    return [line for part in parts for line in read_file(part)[0].decode("utf-8", "replace").splitlines()]


def _specified(text: str, instance: str) -> str:
    """The text with the specifiers of systemd.unit(5): %i as it is, %I with its escapes undone."""
    plain = re.sub(r"\\x([0-9a-f]{2})", lambda code: chr(int(code.group(1), 16)), instance.replace("-", "/"))
    return text.replace("%I", plain).replace("%i", instance).replace("%%", "%")


def _directory_of(name: str, root: str) -> str:
    """The configuration directory of the instance that postmulti(1) knows by this name, "" for none."""
    if name == "-":
        return DEFAULT_CONFIG_DIR
    main = parse_main_cf(*read_file(f"{root}{DEFAULT_CONFIG_DIR}/main.cf"))
    for directory in split_words(main.raw.get("multi_instance_directories", "")):
        other = parse_main_cf(*read_file(f"{root}{directory}/main.cf"))
        if other.raw.get("multi_instance_name") == name:
            return directory
    return ""
