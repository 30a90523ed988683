"""Watching: whether the cluster would notice that a resource has failed, and do something about it."""

from postfix_ha.cluster.model.cib import FALSE_WORDS, Cib, Element
from postfix_ha.cluster.model.operations import interval_ms
from postfix_ha.system.quoting import quote

MONITOR = "monitor interval=30s"


def unwatched(cib: Cib, member: str) -> "list[str]":
    """One line where no monitor of the primitive runs, or where its failure has no effect; none where all is well."""
    primitive = cib.resource(member)
    if primitive is None:
        return []
    monitors = [each for each in cib.operations(primitive) if each.get("name") == "monitor"]
    add = f"'pcs resource op add {quote(member)} {MONITOR}' adds one"
    if not monitors:
        return [f"{member} has no monitor, so that the cluster does not notice when it fails ({add})"]
    running = [each for each in monitors if _runs(each)]
    if not running:
        return [
            f"no monitor of {member} runs (enabled=false, or no interval): the cluster does not notice when it fails"
        ]
    if all(each.get("on-fail") == "ignore" for each in running):
        return [f"a failed monitor of {member} has no effect (on-fail=ignore)"]
    if any(each.get("on-fail") == "block" for each in running):
        return [f"a failed monitor of {member} blocks it (on-fail=block): the cluster neither restarts nor moves it"]
    return []


def _runs(operation: Element) -> bool:
    if operation.get("enabled", "true").lower() in FALSE_WORDS:
        return False
    return interval_ms(operation) > 0
