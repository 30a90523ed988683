"""Making a change: plan it on the configuration just read, check it, and put it in at once or not at all.

The patch carries the version (admin_epoch, epoch) that it was made for. When somebody else changes the configuration
meanwhile, Pacemaker refuses it, and everything is read and planned again on top of their change.
"""

import difflib
import time
from typing import Callable

from lxml import etree

from postfix_ha.cluster.live.pacemaker import Cluster, Scratch, complaint
from postfix_ha.cluster.model.changes import Change, changes
from postfix_ha.cluster.model.cib import Cib, to_text
from postfix_ha.finding import Finding
from postfix_ha.messages.errors import Refused, failed, refused

ATTEMPTS_MAX = 10
Planner = Callable[[Cib], Cib]


class Plan:
    """A change that is not made yet: ``old`` and ``new`` configuration and what differs."""

    __slots__ = ("changes", "new", "old")

    def __init__(self, old: Cib, new: Cib) -> None:
        self.old = old
        self.new = new
        self.changes: "list[Change]" = changes(old, new)

    @property
    def is_empty(self) -> bool:
        """Whether the plan changes nothing."""
        return not self.changes


def plan(cluster: Cluster, planner: Planner) -> Plan:
    """Read the configuration, plan the change on a copy, check it with crm_verify; raises Refused if that objects."""
    old = cluster.read()
    return checked(cluster, Plan(old, planner(old.copy())))


def checked(cluster: Cluster, made: Plan) -> Plan:
    """The plan, if the new configuration has no error that the old one did not have; else raises Refused."""
    if not made.is_empty:
        if cluster.is_live and made.old.root.get("have-quorum") == "0":
            raise refused("quorum_here")
        with Scratch() as scratch:
            # Without the status: what runs of a resource that goes is no error of the configuration.
            known = set(_errors(cluster, scratch.write("old.xml", made.old, True)))
            new = [line for line in _errors(cluster, scratch.write("new.xml", made.new, True)) if line not in known]
        if new:
            raise Refused(*(Finding("configuration_valid", line=line) for line in new))
    return made


def _errors(cluster: Cluster, path: str) -> "list[str]":
    done = cluster.call("crm_verify", "--xml-file", path, "--verbose")
    if done.returncode == 0:
        return []
    lines = done.stderr.decode("utf-8", "replace").replace(path, "cib").splitlines()
    # Warnings do not stand against it, nor does the line that only counts the others.
    return [line.strip() for line in lines if "error" in line and "Errors found during check" not in line]


def patch_of(cluster: Cluster, made: Plan) -> bytes:
    """The patch (crm_diff) for the plan; it applies only to the version that was read. Raises ClusterError."""
    with Scratch() as scratch:
        old, new = scratch.write("old.xml", made.old, True), scratch.write("new.xml", made.new, True)
        done = cluster.call("crm_diff", "--original", old, "--new", new, "--no-version")
    if done.returncode != 1:  # 1: they differ
        raise failed("patch_made", why=complaint(done))
    patch = etree.fromstring(done.stdout)
    admin_epoch, epoch = made.old.version
    version = etree.Element("version")
    etree.SubElement(version, "source", {"admin_epoch": str(admin_epoch), "epoch": str(epoch)})
    # num_updates is left out on purpose: it counts what the cluster does, not what administrators change.
    etree.SubElement(version, "target")
    patch.insert(0, version)
    return etree.tostring(patch)


def diff_text(made: Plan) -> str:
    """The change as a unified diff of the two configurations, for people."""
    old, new = (to_text(cib.root.find("configuration")).splitlines() for cib in (made.old, made.new))
    return "\n".join(difflib.unified_diff(old, new, "now", "then", n=1, lineterm=""))


def change(cluster: Cluster, planner: Planner, first: "Plan | None" = None) -> Plan:
    """Make a change and return it; with ``first``, a plan made before, that one is tried first.

    Raises Refused where the planner or Pacemaker's checker objects, ClusterError where the cluster does not take it.
    """
    made = first or plan(cluster, planner)
    for attempt in range(ATTEMPTS_MAX):
        if made.is_empty:
            return made
        done = cluster.patch(patch_of(cluster, made))
        if done.returncode == 0:
            return made
        if cluster.read().version == made.old.version:
            raise failed("change_taken", why=complaint(done))
        time.sleep(0.05 * attempt)  # somebody else is at work: give way, a little more each time
        made = plan(cluster, planner)
    raise failed("change_undisturbed", attempts=ATTEMPTS_MAX)
