"""Alerts: the cluster's calls of our alert agent for one service, recognised in a CIB whoever made them."""

import os

from postfix_ha.cluster.model import names
from postfix_ha.cluster.model.cib import Cib, Element, pairs
from postfix_ha.cluster.model.templates import directory, fill

AGENT = "postfix-ha-alert"


def agent_path() -> str:
    """Where the alert agent lies: beside the templates, in a checkout as when installed."""
    return os.path.join(os.path.dirname(directory()), "alerts", AGENT)


def alerts(cib: Cib) -> "list[Element]":
    """All alerts; one without an id or a path Pacemaker ignores."""
    return [each for each in cib.look("alerts").iter("alert") if each.get("id") and each.get("path")]


def alerts_for(cib: Cib, tag: str, members: "list[str]") -> "list[Element]":
    """Those of our agent that tell of this service and of no other's resource."""
    found = []
    for each in alerts(cib):
        only = _only(each)
        if os.path.basename(each.get("path", "")) == AGENT and tag in only and set(only) <= set(members):
            found.append(each)
    return found


def _only(alert: Element) -> "list[str]":
    words = pairs(alert, "instance_attributes").get("only", "").split(",")
    return [word.strip() for word in words if word.strip()]


def recipients(alert: Element) -> "list[str]":
    """To whom it tells."""
    return [each.get("value", "") for each in alert.findall("recipient") if each.get("value")]


def ensure_alert(cib: Cib, tag: str, members: "list[str]", to: "list[str]", relay: str) -> None:
    """Make sure that the service has an alert, which tells these recipients too; what is there already stays."""
    known = alerts_for(cib, tag, members)
    alert = known[0] if known else None
    if alert is None:
        (alert,) = fill("alerts/alert", RESOURCE=tag, PATH=agent_path(), MEMBERS=",".join(members), RELAY=relay)
        for each in alert.iter():
            each.set("id", names.unique(each.get("id", ""), cib.ids()))
        cib.section("alerts").append(alert)
    elif relay:
        _set(cib, alert, "relay", relay)
    for address in to:
        if address not in recipients(alert):
            name = names.unique(f"{alert.get('id')}-recipient", cib.ids())
            alert.append(alert.makeelement("recipient", {"id": name, "value": address}))


def follow_members(cib: Cib, tag: str, before: "list[str]", now: "list[str]") -> None:
    """Let the service's alerts tell of the resources that it has now; ``before``: those that it had."""
    for alert in alerts_for(cib, tag, before):
        _set(cib, alert, "only", ",".join(now))


def remove_alerts(cib: Cib, tag: str, members: "list[str]") -> None:
    """Remove the service's alerts."""
    for each in alerts_for(cib, tag, members):
        remove_alert(cib, each.get("id", ""))


def remove_alert(cib: Cib, name: str) -> None:
    """Remove an alert, and the section that it leaves empty."""
    section = cib.look("alerts")
    for each in section.findall("alert"):
        if each.get("id") == name:
            section.remove(each)
    parent = section.getparent()
    if parent is not None and not len(section):
        parent.remove(section)


def _set(cib: Cib, alert: Element, name: str, value: str) -> None:
    for attributes in alert.findall("instance_attributes"):
        for pair in attributes.findall("nvpair"):
            if pair.get("name") == name:
                pair.set("value", value)
                return
        pair_id = names.unique(f"{attributes.get('id')}-{name}", cib.ids())
        attributes.append(attributes.makeelement("nvpair", {"id": pair_id, "name": name, "value": value}))
        return
