"""Taking a change back: exactly what it did, on top of whatever was changed since."""

from postfix_ha.cluster import changes as kinds
from postfix_ha.cluster import edit
from postfix_ha.cluster.cib import Cib, pairs
from postfix_ha.cluster.push import Plan, Planner

PAIR_TAGS = {kinds.SET_META: "meta_attributes", kinds.SET_PARAMETER: "instance_attributes"}


def undo(made: Plan) -> Planner:
    """A planner that takes back what the plan added or set; what is gone already is no harm."""

    def planner(cib: Cib) -> Cib:
        for change in reversed(made.changes):
            if change.kind == kinds.ADD_CONSTRAINT:
                for constraint in cib.constraints():
                    if constraint.get("id") == change.subject:
                        edit.remove(constraint)
            elif change.kind == kinds.ADD_RESOURCE and cib.resource(change.subject) is not None:
                edit.remove_resource(cib, change.subject)
            elif change.kind in PAIR_TAGS:
                now, before = cib.resource(change.subject), made.old.resource(change.subject)
                if now is not None and before is not None:
                    tag = PAIR_TAGS[change.kind]
                    edit.set_pair(cib, now, tag, change.name, pairs(before, tag).get(change.name, ""))
        return cib

    return planner
