"""Failures of a hierarchy's members as the status has them, as obstacles."""

from typing import TYPE_CHECKING, Callable

from postfix_ha.cluster.model.cib import INFINITY, Cib, Element, score_of
from postfix_ha.cluster.model.moments import moment
from postfix_ha.cluster.model.operations import span_ms
from postfix_ha.cluster.where.deletions import forget_failures_of
from postfix_ha.whole_number import whole_number

if TYPE_CHECKING:
    from postfix_ha.cluster.model.hierarchy import Hierarchy
    from postfix_ha.cluster.where.obstacle import Obstacle

# The attributes of a node that the cluster counts failures in, and notes the last one's time.
COUNT, LAST = "fail-count-", "last-failure-"
# The end of the year 9999: no failure is later.
LATEST_S = 253402300799
# What an agent answers when nothing is wrong: running, not running, running as promoted.
FINE = ("0", "7", "8")
MEANINGS = {"2": "wrong parameters", "3": "not implemented", "4": "no permission", "5": "not installed",
            "6": "not configured"}  # fmt: skip


def failed_members(hierarchy: "Hierarchy", make: "Callable[..., Obstacle]") -> "list[Obstacle]":
    """One obstacle for each member and node with a failure that is remembered."""
    found = []
    for state in hierarchy.cib.root.iterfind("status/node_state"):
        node = state.get("uname", "")
        for member in hierarchy.members:
            failed = [each for each in _operations(state, member) if is_failed(each)]
            count = _fail_count(state, member)
            if not failed and not count:
                continue
            said = ", ".join(dict.fromkeys(_said(each) for each in failed))
            times = f" ({_counted(hierarchy.cib, member, count)})" if count else ""
            last_s = _last_s(state, member, failed)
            text = f"{member} has failed on {node}{times}" + (f", last at {moment(last_s)}" if last_s else "")
            text += (f": {said}" if said else "") + _barred(hierarchy.cib, member, count, last_s)
            command = forget_failures_of(member, node)
            found.append(make(f"failed {count}".rstrip(), text, command, _forgotten(node, member)))
    return found


class CountedFailure:
    """A fail count of a member on a node: ``text`` says when it expires, ``told_as`` how failed_members() begins."""

    __slots__ = ("text", "told_as")

    def __init__(self, member: str, node: str, count: str, expires_s: float) -> None:
        cleanup = forget_failures_of(member, node)
        end = f"expires {moment(expires_s)}" if expires_s else f"never expires ('{cleanup}' ends it)"
        self.text = f"fail count of {member} on {node}: {count}, {end}"
        self.told_as = f"{member} has failed on {node} (fail count {count}"


def counted_failures(hierarchy: "Hierarchy") -> "list[CountedFailure]":
    """Every fail count of the members that the cluster remembers."""
    return [
        CountedFailure(member, state.get("uname", ""), count, _expires_s(hierarchy.cib, member, last_s))
        for state in hierarchy.cib.root.iterfind("status/node_state")
        for member in hierarchy.members
        for count in filter(None, [_fail_count(state, member)])
        for last_s in [_last_s(state, member, [each for each in _operations(state, member) if is_failed(each)])]
    ]


def _timeout(cib: Cib, member: str) -> str:
    """The failure-timeout of a member as it is configured, "" for none."""
    resource = cib.resource(member)
    text = "" if resource is None else cib.effective_meta(resource, "failure-timeout")
    return text if span_ms(text) else ""


def _expires_s(cib: Cib, member: str, last_s: int) -> float:
    """When the cluster forgets the failures of a member, in seconds since the epoch; 0 for never or not known."""
    timeout_s = span_ms(_timeout(cib, member)) / 1000
    return last_s + timeout_s if last_s and timeout_s else 0.0


def _threshold(cib: Cib, member: str) -> int:
    """How many failures bar the member from a node; INFINITY where nothing is configured, or 0."""
    resource = cib.resource(member)
    text = "" if resource is None else cib.effective_meta(resource, "migration-threshold")
    return score_of(text) or INFINITY


def _counted(cib: Cib, member: str, count: str) -> str:
    """A fail count in words, beside the threshold where there is one."""
    threshold = _threshold(cib, member)
    said = f"fail count {count}"
    return said if threshold >= INFINITY else f"{said}, migration-threshold {threshold}"


def _barred(cib: Cib, member: str, count: str, last_s: int) -> str:
    """That the cluster will not try it there again, where that is so, and whether time alone ends that."""
    if not count or score_of(count) < _threshold(cib, member):
        return ""
    timeout = _timeout(cib, member)
    until = f" until {timeout} (failure-timeout) after the last failure" if timeout else ""
    until += f", at {moment(_expires_s(cib, member, last_s))}" if until and last_s else ""
    return f"; the cluster does not start it there again{until}"


def _last_s(state: Element, member: str, failed: "list[Element]") -> int:
    """When it failed last on the node, in seconds since the epoch; 0 where nobody knows."""
    times = [each.get("last-rc-change", "") for each in failed]
    times += [
        each.get("value", "") for each in state.iter("nvpair") if _is_count_of(each.get("name", ""), member, LAST)
    ]
    return max((whole_number(each, LATEST_S) or 0 for each in times), default=0)


def is_failed(operation: Element) -> bool:
    """Whether an entry of the history tells of a failure."""
    if operation.get("op-status", "0") in ("2", "3", "4", "5", "6", "7", "8", "9"):
        return True
    code = operation.get("rc-code", "0")
    if operation.get("operation") == "monitor" and operation.get("interval", "0") == "0":
        return code not in FINE
    return code not in (("0", "8") if operation.get("operation") == "monitor" else ("0",)) and code != "193"


def _operations(state: Element, member: str) -> "list[Element]":
    return [
        operation
        for resource in state.iterfind("lrm/lrm_resources/lrm_resource")
        if resource.get("id", "").split(":")[0] == member
        for operation in resource.iterfind("lrm_rsc_op")
    ]


def _said(operation: Element) -> str:
    code = operation.get("rc-code", "")
    meaning = operation.get("exit-reason") or MEANINGS.get(
        code, "timed out" if operation.get("op-status") == "2" else ""
    )
    return f"{operation.get('operation')} ended with {code}" + (f" ({meaning})" if meaning else "")


def _is_count_of(name: str, member: str, prefix: str = COUNT) -> bool:
    rest = name[len(prefix) :] if name.startswith(prefix) else ""
    return rest.split("#")[0].split(":")[0] == member


def _fail_count(state: Element, member: str) -> str:
    counts = [each.get("value", "0") for each in state.iter("nvpair") if _is_count_of(each.get("name", ""), member)]
    total = sum(score_of(each) for each in counts)
    return "INFINITY" if total >= INFINITY else str(total) if total else ""


def _forgotten(node: str, member: str) -> "Callable[[Cib], None]":
    def lift(cib: Cib) -> None:
        for state in cib.root.iterfind("status/node_state"):
            if state.get("uname") != node:
                continue
            stale = [each for each in state.iter("nvpair") if _is_count_of(each.get("name", ""), member)]
            for each in [*stale, *filter(is_failed, _operations(state, member))]:
                parent = each.getparent()
                if parent is not None:
                    parent.remove(each)

    return lift
