"""Checks of one instance against the others on this node: what two of them must not share."""

import os

from postfix_ha.checks.node_facts import Survey
from postfix_ha.checks.storage import own_data_directory
from postfix_ha.config.discover import instance_directories
from postfix_ha.config.logical_lines import read_file, split_words
from postfix_ha.config.main_cf import parse_main_cf
from postfix_ha.config.postconf import ask_values
from postfix_ha.instance import DEFAULT_CONFIG_DIR
from postfix_ha.verdict import Finding

LISTS = ("alternate_config_directories", "multi_instance_directories")


def check_other_instances(survey: Survey) -> "list[Finding]":
    """data_directory_unshared, queue_directory_unshared, instance_listed."""
    instance = survey.instance
    listed = [survey.config_dir, *instance_directories(instance)]
    if survey.config_dir != DEFAULT_CONFIG_DIR:
        listed += [DEFAULT_CONFIG_DIR, *_listed_by_default()]
    found = _check_listed(survey, listed)
    others = [path for path in dict.fromkeys(listed) if path != survey.config_dir and _is_instance(path)]
    for other in others:
        answer = ask_values(survey.postconf, other, ["data_directory", "queue_directory"], survey.deadline)
        for name in ("data_directory", "queue_directory"):
            path = str(getattr(instance, name))
            if path and os.path.realpath(path) == os.path.realpath(answer.values.get(name, "")):
                own = own_data_directory(survey.config_dir)
                values = {"config_dir": survey.config_dir, "other": other, "path": path, "user": instance.mail_owner}
                own = own if own != path else own + "-own"
                found.append(Finding(f"{name}_unshared", own=own, **values))
    return found


def _check_listed(survey: Survey, listed: "list[str]") -> "list[Finding]":
    """instance_listed: set-gid commands take only a configuration directory that the default main.cf names."""
    default = DEFAULT_CONFIG_DIR
    if survey.config_dir == default or not _is_instance(default) or survey.config_dir in _listed_by_default():
        return []
    now = _read_main_cf(default).get(LISTS[0], "")
    setting = f"{LISTS[0]}={now}{', ' if now else ''}{survey.config_dir}"
    return [Finding("instance_listed", default=default, config_dir=survey.config_dir, setting=setting)]


def _listed_by_default() -> "list[str]":
    raw = _read_main_cf(DEFAULT_CONFIG_DIR)
    return [word for name in LISTS for word in split_words(raw.get(name, ""))]


def _read_main_cf(config_dir: str) -> "dict[str, str]":
    return parse_main_cf(*read_file(os.path.join(config_dir, "main.cf"))).raw


def _is_instance(config_dir: str) -> bool:
    return os.path.isfile(os.path.join(config_dir, "main.cf"))
