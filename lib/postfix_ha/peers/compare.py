"""Comparison of the facts of two nodes: what must be equal, and what only one of them may have.

Where two things differ, this node is taken as the pattern, as the template server is when a hierarchy is extended.
"""

from postfix_ha.endpoint import WILDCARDS, is_loopback
from postfix_ha.peers.compare_files import compare_certificates, compare_tables, is_shared
from postfix_ha.peers.compare_ids import compare_ids
from postfix_ha.peers.compare_settings import compare_main, compare_master
from postfix_ha.peers.compare_storage import compare_storage
from postfix_ha.peers.facts import CONFIGURATION, POSTFIX
from postfix_ha.peers.pair import Pair, objects, shown, texts
from postfix_ha.peers.remote import Facts, Remote
from postfix_ha.request import OCF_ROOT
from postfix_ha.system.packages import installing_command
from postfix_ha.system.quoting import quote_words
from postfix_ha.verdict import Finding

CLOCK_OFF_S = 5.0
NAME_MAX, PATH_MAX = 255, 4096
MISSING_MAX = 20
# What a unit's link lies below where it is an init script.
RUNLEVELS = "/etc/rc"
AGENT = f"{OCF_ROOT}/resource.d/mail/postfix_ha"
VERSIONS = {"postfix": "Postfix", "postfix_ha": "postfix-ha"}


def compare(
    here: Facts, there: Facts, remote: Remote, began: float, ended: float, follow: "tuple[str, ...]" = ()
) -> "list[Finding]":
    """Every difference that matters; began and ended say when the peer was asked and when its answer was read.

    ``follow``: the numbers of which the others are the pattern, as compare_ids() has them.
    """
    pair = Pair(here, there, remote)
    shared = is_shared(pair, pair.config_dir)  # it is with the service, wherever that is
    lacking, lacking_here = _lacking(there, shared), _lacking(here, shared)
    found = [
        Finding("peer_sees_all", why=shown(why), **pair.names)
        for lack, why in lacking.items()
        if lack not in (POSTFIX, CONFIGURATION)
    ][:MISSING_MAX]
    absent = [why for lack, why in lacking.items() if lack in (POSTFIX, CONFIGURATION)]
    if absent:  # all else would follow from it
        install = installing_command("postfix") if POSTFIX in lacking else ""
        values = {"why": shown("; ".join(absent)), "cure": remote.paste(install) if install else ""}
        return [*found, Finding("peer_runs_postfix", **values, **pair.names)]
    if POSTFIX not in lacking_here:
        found += compare_units(pair)
    if POSTFIX not in lacking_here and CONFIGURATION not in lacking_here:
        found += compare_ids(pair, follow) + compare_versions(pair) + compare_map_types(pair)
        found += _compare_contents(pair)
    return found + compare_presence(pair) + compare_clock(pair, began, ended)


def _compare_contents(pair: Pair) -> "list[Finding]":
    """What the configuration says on both, and the files that it names."""
    found: "list[Finding]" = []
    if not any(CONFIGURATION in texts(facts.get("lacks")) for facts in (pair.here, pair.there)):
        found += compare_main(pair) + compare_master(pair)
        found += [] if found else compare_endpoints(pair)
    return found + compare_tables(pair) + compare_certificates(pair) + compare_storage(pair)


def _lacking(facts: Facts, is_shared: bool) -> "dict[str, str]":
    """What a node's facts lack -> why; not a configuration that comes with the service."""
    missing, lacks = texts(facts["missing"]), texts(facts.get("lacks"))
    named = {lacks[at] if at < len(lacks) else f"more {at}": why for at, why in enumerate(missing)}
    return {lack: why for lack, why in named.items() if not (is_shared and lack == CONFIGURATION)}


def compare_versions(pair: Pair) -> "list[Finding]":
    """version_agrees."""
    found = []
    for name, what in VERSIONS.items():
        here, there = pair.both("versions", name)
        if here and there and here != there:
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
