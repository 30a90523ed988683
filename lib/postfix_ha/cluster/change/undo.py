"""Taking a change back: exactly what it did, on top of whatever was changed since."""

import copy

from postfix_ha.cluster.change.nft_tables import turn_drain_on
from postfix_ha.cluster.change.unfinished import MARK
from postfix_ha.cluster.live.push import Plan, Planner
from postfix_ha.cluster.model import changes as kinds
from postfix_ha.cluster.model import edit
from postfix_ha.cluster.model.alerts import remove_alert
from postfix_ha.cluster.model.cib import Cib, pairs, to_text

PAIR_TAGS = {kinds.SET_META: "meta_attributes", kinds.SET_PARAMETER: "instance_attributes"}


def undo(made: Plan) -> Planner:
    """A planner that reverts what the plan added, removed or set. What is already reverted is left as it is."""

    def planner(cib: Cib) -> Cib:
        if to_text(cib.root.find("configuration")) == to_text(made.new.root.find("configuration")):
            return _with_configuration_of(cib, made.old)  # nobody has changed anything since: exactly as it was
        for change in reversed(made.changes):
            if change.kind == kinds.ADD_CONSTRAINT:
                for constraint in cib.constraints():
                    if constraint.get("id") == change.subject:
                        edit.remove(constraint)
            elif change.kind == kinds.REMOVE_CONSTRAINT and change.element is not None:
                if change.subject not in cib.ids():
                    cib.section("constraints").append(copy.deepcopy(change.element))
            elif change.kind == kinds.ADD_RESOURCE and cib.resource(change.subject) is not None:
                edit.remove_resource(cib, change.subject)
            elif change.kind == kinds.ADD_ALERT:
                remove_alert(cib, change.subject)
            elif change.kind == kinds.REMOVE_ALERT and change.element is not None:
                if change.subject not in cib.ids():
                    cib.section("alerts").append(copy.deepcopy(change.element))
            elif change.kind in PAIR_TAGS:
                now, before = cib.resource(change.subject), made.old.resource(change.subject)
                if now is not None and before is not None:
                    tag = PAIR_TAGS[change.kind]
                    edit.set_pair(cib, now, tag, change.name, pairs(before, tag).get(change.name, ""))
        return cib

    return planner


def undo_stopped(made: Plan, name: str) -> Planner:
    """As undo(), for a plan whose service has been stopped since, unless it existed before the plan."""

    def planner(cib: Cib) -> Cib:
        undo(made)(cib)
        now, before = cib.resource(name), made.old.resource(name)
        if now is not None and before is not None:
            turn_drain_on(now)
            for pair in ("target-role", MARK):
                edit.set_pair(cib, now, "meta_attributes", pair, pairs(before, "meta_attributes").get(pair, ""))
        return cib

    return planner


def _with_configuration_of(cib: Cib, other: Cib) -> Cib:
    mine, theirs = cib.root.find("configuration"), other.root.find("configuration")
    assert mine is not None
    assert theirs is not None
    cib.root.replace(mine, copy.deepcopy(theirs))
    return cib
