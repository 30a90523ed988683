"""The facts of an instance on this node as one JSON object: what must be equal on all nodes, what only one may have.

metadata/schema/facts.json describes it. Nothing secret is in it: values that tell a secret are hidden, files and
secrets are there as digests with the asker's salt.
"""

import os
import stat
import time

from postfix_ha import __version__
from postfix_ha.checks.digest import Digester
from postfix_ha.checks.hiding import Hider
from postfix_ha.checks.lookup_tables import Table, is_null, map_types_in_use, tables_in_use, types_not_loaded
from postfix_ha.checks.node_facts import Survey
from postfix_ha.checks.services.served import service_facts
from postfix_ha.checks.startup.setup import check_command, check_config_files, group_id, user_id
from postfix_ha.checks.tls import KeyPair, pairs_in_use, validity
from postfix_ha.checks.units import enabled_units
from postfix_ha.config.interfaces import local_addresses
from postfix_ha.messages.statement import Statement
from postfix_ha.storage.devices import file_system_uuids
from postfix_ha.storage.peer_facts import volume_facts
from postfix_ha.system.child import known_by_child
from postfix_ha.system.files import MEBIBYTE, feed
from postfix_ha.system.mounts import existing

FORMAT = 1
# A larger file is known by its size alone: who asks over the network does not wait for ever.
COMPARED_MAX = 256 * MEBIBYTE
FILES_S = 8.0
ABSENT = ("main_cf_present", "master_cf_present")
LATE_S = 1.0
SERVICE_KEYS = ("kind", "socket", "parameter", "is_optional", "served")
ROOT, POSTFIX, CONFIGURATION, FILES = "root", "postfix", "configuration", "files"
# Of the users and groups of a node, as many as no node has.
NUMBERS_MAX = 2000
Json = dict[str, object]


def facts_of(survey: Survey, salt: str) -> Json:
    """All facts of the instance on this node."""
    hider = Hider(salt, survey.values, survey.main.raw, survey.master.rows, survey.is_own)
    instance = survey.instance
    until = min(survey.deadline, time.monotonic() + FILES_S)
    files = known_by_child(lambda: _files_of(survey, salt, until), until + LATE_S)
    lacking = missing(survey)
    if not isinstance(files, dict):
        files = {"tables": [], "certificates": []}
        lacking[FILES] = "tables and certificates: what they lie on does not answer"
    main = {name: hider.value(name, value) for name, value in survey.values.items()}
    raw = {name: hider.value(f"set:{name}", value) for name, value in survey.main.raw.items()}
    master = [hider.row(row) for row in survey.master.rows]
    found: Json = {
        "format": FORMAT,
        "node": survey.node,
        "time": time.time(),
        "complete": not lacking,
        "missing": list(lacking.values()),
        "lacks": list(lacking),
        "config_dir": survey.config_dir,
        "main": main,
        "set": raw,
        "master": master,
        "endpoints": [{"address": e.address, "port": e.port, "kind": e.kind} for e in instance.endpoints],
        "addresses": sorted({address for _, address in local_addresses()}),
        "ids": ids_of(survey),
        "numbers": numbers_in_use(),
        "versions": {"postfix": survey.value("mail_version"), "postfix_ha": __version__},
        "map_types": sorted(survey.map_types - types_not_loaded(survey).keys()),
        "map_types_used": [{"type": type_, "parameter": name} for type_, name in map_types_in_use(survey).items()],
        "units": [{"name": unit.name, "path": unit.path} for unit in enabled_units()],
        "tables": files["tables"],
        "certificates": files["certificates"],
        "services": [{name: each[name] for name in SERVICE_KEYS} for each in service_facts(survey)],
        "storage": storage_of(survey),
        "running": survey.people.master.pid if survey.people.master else None,
    }
    return {**_hidden(found, hider), "secrets": hider.digests}


def _hidden(facts: Json, hider: Hider) -> Json:
    """The facts without the secrets that any text among them repeats, such as a table's name."""

    def walk(fact: object) -> object:
        if isinstance(fact, dict):
            return {name: walk(value) for name, value in fact.items()}
        if isinstance(fact, list):
            return [walk(value) for value in fact]
        return hider.text(fact) if isinstance(fact, str) else fact

    return {name: walk(value) for name, value in facts.items()} if hider.secrets.known else facts


def missing(survey: Survey) -> "dict[str, str]":
    """What these facts lack (ROOT, POSTFIX, CONFIGURATION, FILES) -> why."""
    found = {}
    if os.geteuid() != 0:
        found[ROOT] = f"user {os.geteuid()} does not see everything: run it as root"
    absent = [each for each in check_config_files(survey.setup) if each.check in ABSENT]
    if check_command(survey.setup):
        found[POSTFIX] = "; ".join(Statement(each).text for each in check_command(survey.setup))
    elif absent:
        found[CONFIGURATION] = "; ".join(Statement(each).text for each in absent)
    elif survey.error:
        found[CONFIGURATION] = f"main.cf: {survey.error}"
    return found


def ids_of(survey: Survey) -> Json:
    """The numbers of Postfix's user and group; None where there is none of the name."""
    owner, group = survey.instance.mail_owner, survey.instance.setgid_group
    return {
        "mail_owner": {"name": owner, "uid": user_id(owner)},
        "setgid_group": {"name": group, "gid": group_id(group)},
    }


def numbers_in_use() -> Json:
    """Whose each number of a user or group is on this node."""
    import grp
    import pwd

    return {
        "users": {str(each.pw_uid): each.pw_name for each in pwd.getpwall()[:NUMBERS_MAX]},
        "groups": {str(each.gr_gid): each.gr_name for each in grp.getgrall()[:NUMBERS_MAX]},
    }


def facts_of_ids(survey: Survey) -> Json:
    """Of the facts those that a change of a number needs."""
    return {"ids": ids_of(survey), "numbers": numbers_in_use(), "main": survey.values}


def queue_number(survey: Survey, kind: str) -> "int | None":
    """The uid ("uid") or gid that the queue's own directories have, None where it is not here."""
    name = "active" if kind == "uid" else "public"
    try:
        about = os.stat(os.path.join(survey.instance.queue_directory, name))
    except OSError:
        return None
    return about.st_uid if kind == "uid" else about.st_gid


def storage_of(survey: Survey) -> Json:
    """What the instance's directories lie on, and the file systems that this node sees on block devices."""
    devices = file_system_uuids(survey.deadline)
    uuids = {device: uuid for uuid, device in devices.items()}
    instance = survey.instance
    until = min(survey.deadline, time.monotonic() + FILES_S)
    found: Json = {"uuids": sorted(devices), "volumes": volume_facts(survey.mounts, instance.queue_directory, until)}
    spool = survey.value("mail_spool_directory")
    for name, path in (("queue", instance.queue_directory), ("data", instance.data_directory), ("spool", spool)):
        place = survey.mounts.place_of(path or "/")
        found[name] = {
            "directory": path,
            "is_there": os.path.isdir(path),
            "existing": existing(path or "/"),
            "kind": place.kind,
            "mount_point": place.mount.mount_point,
            "fstype": place.mount.fstype,
            "source": place.mount.source,
            "uuid": uuids.get(os.path.realpath(place.mount.source), ""),
        }
    return found


def _files_of(survey: Survey, salt: str, deadline: float) -> Json:
    """The tables and certificates with the digests of their files; a child's work, for they lie anywhere."""
    return {
        "tables": [_table(table, salt, deadline) for table in tables_in_use(survey)],
        "certificates": [_certificate(pair, salt, deadline) for pair in pairs_in_use(survey)],
    }


def _table(table: Table, salt: str, deadline: float) -> Json:
    """A table with its source first, then what postmap made of it."""
    files = [_file(path, salt, deadline) for path in dict.fromkeys((table.path, *table.files))]
    return {"table": table.name, "parameter": table.parameter, "files": files}


def _file(path: str, salt: str, deadline: float) -> Json:
    """A file's size and digest, null where there is none; ``why`` there is a file without a digest."""
    found: Json = {"path": path, "size": None, "digest": None}
    digester = Digester(salt)
    try:
        about = os.stat(path)
        if stat.S_ISREG(about.st_mode):
            found["size"] = about.st_size
        found["size"] = 0 if is_null(about) else feed(path, digester.take, COMPARED_MAX, deadline)
        found["digest"] = digester.text
    except FileNotFoundError:
        pass
    except OSError as error:
        found["why"] = error.strerror or str(error)
    return found


def _certificate(pair: KeyPair, salt: str, deadline: float) -> Json:
    dates = validity(pair.certificate)
    return {
        "path": pair.certificate,
        "parameter": pair.parameter,
        "key": pair.key,
        "has_key": os.path.isfile(pair.key),
        "digest": _file(pair.certificate, salt, deadline)["digest"],
        "not_after": int(dates[1]) if dates else None,
    }
