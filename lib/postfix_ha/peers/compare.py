"""Comparison of the facts of two nodes: what must be equal, and what only one of them may have.

Where two things differ, this node is taken as the pattern, as the template server is when a hierarchy is extended.
"""

from postfix_ha.endpoint import WILDCARDS, is_loopback
from postfix_ha.peers.compare_files import compare_certificates, compare_tables, is_shared
from postfix_ha.peers.compare_settings import compare_main, compare_master
from postfix_ha.peers.compare_storage import compare_storage
from postfix_ha.peers.pair import Pair, mapping, objects, shown, texts
from postfix_ha.peers.remote import Facts, Remote
from postfix_ha.request import OCF_ROOT
from postfix_ha.system.packages import installing_command, making_user
from postfix_ha.system.quoting import quote_words
from postfix_ha.verdict import Finding

CLOCK_OFF_S = 5.0
NAME_MAX, PATH_MAX = 255, 4096
MISSING_MAX = 20
COMMANDS = ("postdrop", "postqueue")
# What a unit's link lies below where it is an init script.
RUNLEVELS = "/etc/rc"
AGENT = f"{OCF_ROOT}/resource.d/mail/postfix_ha"
VERSIONS = {"postfix": "Postfix", "postfix_ha": "postfix-ha"}


def compare(here: Facts, there: Facts, remote: Remote, began: float, ended: float) -> "list[Finding]":
    """Every difference that matters; began and ended say when the peer was asked and when its answer was read."""
    pair = Pair(here, there, remote)
    missing = texts(there["missing"])
    if is_shared(pair, pair.config_dir):  # it is with the service, wherever that is
        lacks = texts(there.get("lacks"))
        missing = [why for at, why in enumerate(missing) if lacks[at : at + 1] != ["configuration"]]
    found = [Finding("peer_sees_all", why=shown(why), **pair.names) for why in missing[:MISSING_MAX]]
    for check in (compare_ids, compare_versions, compare_map_types, compare_units):
        found += check(pair)
    settings = compare_main(pair) + compare_master(pair)
    found += settings
    if not settings:
        found += compare_endpoints(pair)
    for check in (compare_tables, compare_certificates, compare_storage, compare_presence):
        found += check(pair)
    return found + compare_clock(pair, began, ended)


def compare_ids(pair: Pair) -> "list[Finding]":
    """mail_owner_uid_agrees, setgid_group_gid_agrees."""
    found = []
    user, (uid, their_uid) = pair.both("ids", "mail_owner", "name")[0], pair.both("ids", "mail_owner", "uid")
    if uid != their_uid and uid is not None:
        values = {"user": user, "here": uid, "there": "missing" if their_uid is None else their_uid}
        cure = pair.remote.paste(_user_script(pair, str(user), str(uid), their_uid is None))
        found.append(Finding("mail_owner_uid_agrees", cure=cure, **values, **pair.names))
    group, (gid, their_gid) = pair.both("ids", "setgid_group", "name")[0], pair.both("ids", "setgid_group", "gid")
    if gid != their_gid and gid is not None:
        values = {"group": group, "here": gid, "there": "missing" if their_gid is None else their_gid}
        cure = pair.remote.paste(_group_script(pair, str(group), str(gid), their_gid is None))
        found.append(Finding("setgid_group_gid_agrees", cure=cure, **values, **pair.names))
    return found


def _user_script(pair: Pair, user: str, uid: str, is_missing: bool) -> str:
    """What gives the peer's mail owner this number, and its data directory to it."""
    if is_missing:
        return quote_words(making_user(user, uid, has_group=False))
    data = mapping(pair.there["main"]).get("data_directory", "/var/lib/postfix")
    return quote_words(["usermod", "-u", uid, user]) + " && " + quote_words(["chown", "-R", user, data])


def _group_script(pair: Pair, group: str, gid: str, is_missing: bool) -> str:
    """What gives the peer's group this number, and its set-gid commands to it; chgrp takes their set-gid bit."""
    directory = mapping(pair.there["main"]).get("command_directory", "/usr/sbin")
    commands = [f"{directory}/{name}" for name in COMMANDS]
    change = ["groupadd", "--system", "--gid", gid, group] if is_missing else ["groupmod", "-g", gid, group]
    words = (change, ["chgrp", group, *commands], ["chmod", "2755", *commands])
    return " && ".join(map(quote_words, words))


def compare_versions(pair: Pair) -> "list[Finding]":
    """version_agrees."""
    found = []
    for name, what in VERSIONS.items():
        here, there = pair.both("versions", name)
        if here != there:
            found.append(Finding("version_agrees", what=what, here=here, there=shown(str(there)), **pair.names))
    return found


def compare_map_types(pair: Pair) -> "list[Finding]":
    """map_type_available for each type that is used here and unknown there."""
    types = texts(pair.there["map_types"])
    found = []
    for used in objects(pair.here["map_types_used"]):
        type_ = str(used.get("type"))
        if types and type_ not in types and type_ in texts(pair.here["map_types"]):
            values = {"type": type_, "parameter": used.get("parameter"), "node": pair.remote.node}
            install = installing_command(f"postfix-{type_}")
            cure = pair.remote.paste(install) if install else ""
            found.append(Finding("map_type_available", cure=cure, **values))
    return found


def compare_units(pair: Pair) -> "list[Finding]":
    """unit_disabled_at_boot on the peer."""
    found = []
    for unit in objects(pair.there["units"]):
        name, path = str(unit.get("name"))[:NAME_MAX], str(unit.get("path"))[:PATH_MAX]
        script = path.rpartition("/")[2][1:].lstrip("0123456789") if path.startswith(RUNLEVELS) else ""
        if not (script or name).startswith("postfix") or not f"{name}{path}".isprintable():
            continue  # no unit that a node of ours would tell of
        words = ["update-rc.d", script, "disable"] if script else ["systemctl", "disable", name]
        values = {"unit": name, "path": path, "node": pair.remote.node}
        found.append(Finding("unit_disabled_at_boot", cure=pair.remote.paste(quote_words(words)), **values))
    return found


def compare_endpoints(pair: Pair) -> "list[Finding]":
    """endpoints_agree: the same words in main.cf give other addresses where names resolve otherwise."""
    here, there = (_endpoints(facts) for facts in pair.both("endpoints"))
    if here == there:
        return []
    only_here, only_there = (shown(", ".join(sorted(only))) for only in (here - there, there - here))
    values = {
        "here": only_here if here - there else "nothing else",
        "there": only_there if there - here else "nothing else",
    }
    return [Finding("endpoints_agree", **values, **pair.names)]


def _endpoints(facts: object) -> "set[str]":
    return {f"{e.get('address')} port {e.get('port')} ({e.get('kind')})" for e in objects(facts)}


def compare_presence(pair: Pair) -> "list[Finding]":
    """address_on_one_node, runs_on_one_node."""
    found = []
    wanted = {str(e.get("address")) for e in objects(pair.here["endpoints"])} - set(WILDCARDS)
    here, there = (set(texts(facts)) for facts in pair.both("addresses"))
    for address in sorted(wanted & here & there):
        if not is_loopback(address):
            found.append(Finding("address_on_one_node", address=address, **pair.names))
    if all(isinstance(pid, int) for pid in pair.both("running")):
        # The agent's own stop: postfix(1) refuses where an address of inet_interfaces is not up.
        stop = ["env", f"OCF_ROOT={OCF_ROOT}", f"OCF_RESKEY_config_dir={pair.config_dir}", AGENT, "stop"]
        cure = pair.remote.paste(quote_words(stop))
        found.append(Finding("runs_on_one_node", config_dir=pair.config_dir, cure=cure, **pair.names))
    return found


def compare_clock(pair: Pair, began: float, ended: float) -> "list[Finding]":
    """clock_agrees: the peer's clock, read at some moment between the two, is far from it."""
    time = pair.there["time"]
    if not isinstance(time, (int, float)):
        return []
    ahead_s, behind_s = time - ended, began - time
    if max(ahead_s, behind_s) < CLOCK_OFF_S:
        return []
    direction = "ahead of" if ahead_s > behind_s else "behind"
    cure = pair.remote.paste("timedatectl set-ntp true")
    values = {"seconds": f"{max(ahead_s, behind_s):.0f}", "direction": direction}
    return [Finding("clock_agrees", cure=cure, **values, **pair.names)]
