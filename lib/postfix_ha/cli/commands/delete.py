"""postfix-ha delete: remove Postfix from the cluster; Postfix is stopped first, or keeps running unmanaged."""

import argparse

from postfix_ha.cli.apply import Work, carry_out, causes
from postfix_ha.cli.cluster_command import (
    DONE,
    NOT_AS_ASKED,
    add_change_options,
    add_command,
    add_resource,
    cluster_of,
    manner_of,
)
from postfix_ha.cli.signals import Interrupted, one_step, when_interrupted
from postfix_ha.cluster.change.modify import delete
from postfix_ha.cluster.change.move import begin_to_stop
from postfix_ha.cluster.change.nft_tables import remove_tables
from postfix_ha.cluster.change.release import leave_running
from postfix_ha.cluster.change.undo import undo
from postfix_ha.cluster.change.unfinished import LEAVE_RUNNING, is_bound
from postfix_ha.cluster.live.push import change
from postfix_ha.cluster.live.wait import State, wait_idle, wait_stopped
from postfix_ha.cluster.model.hierarchy import find_hierarchy, hierarchies
from postfix_ha.cluster.where.maintained import check_managed
from postfix_ha.finding import Finding
from postfix_ha.messages.errors import refused
from postfix_ha.messages.remark import Remark
from postfix_ha.messages.statement import stated, worded

STOP = "delete --stop"
EXAMPLES = """\
  postfix-ha delete --stop                     stop Postfix; file system and address stay
  postfix-ha delete --leave-running            Postfix keeps running, unmanaged
  postfix-ha delete --stop --with-parts        also remove what no other resource needs
"""


def add_delete(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command to the command line."""
    parser = add_command(
        commands, "delete", run_delete, "remove Postfix from the cluster",
        "Remove the Postfix resource from the cluster. The resources that it depends on stay, unless you say\n"
        "--with-parts. If Postfix is running, say --stop or --leave-running.\n"
        "With pcs: pcs resource delete.",
        EXAMPLES,
    )  # fmt: skip
    how = parser.add_mutually_exclusive_group()
    how.add_argument("--stop", action="store_true", help="stop Postfix first")
    how.add_argument("--leave-running", action="store_true", help="keep Postfix running, unmanaged")
    parser.add_argument("--with-parts", action="store_true", help="also remove the resources that nothing else needs")
    add_resource(parser)
    add_change_options(parser)


def run_delete(options: argparse.Namespace) -> int:
    """Remove the hierarchy."""
    cluster = cluster_of(options)
    cib = cluster.read()
    if not options.tag and not hierarchies(cib):
        work = Work(manner_of(options), cluster, lambda now: now)
        work.show([])
        return work.end(DONE)
    hierarchy = find_hierarchy(cib, options.tag)
    tag = hierarchy.tag
    status = cluster.status()
    state = State(status, tag)
    check(options, tag, state)
    command = LEAVE_RUNNING if options.leave_running else STOP + (" --with-parts" if options.with_parts else "")
    work = Work(manner_of(options), cluster, lambda now: delete(now, tag, options.with_parts), command)
    if options.leave_running:
        work.outcome = None  # a simulation does not know that Postfix is forgotten before
    kept = [name for name in hierarchy.needs if work.plan.new.resource(name) is not None]
    remarks = [Remark(Finding("parts_kept", kept=", ".join(kept)))] if kept else []
    parts = [name for name in hierarchy.own if name != tag] if options.with_parts else []
    is_active = any(State(status, name).is_active for name in (tag, *parts))
    if options.stop and is_active and not is_bound(hierarchy):
        check_managed(hierarchy, status, [tag, *parts], forgets=False)
    if options.dry_run or not is_active or not cluster.is_live:
        return carry_out(work, remarks, tag, lambda now: not now.role, "deleted")
    work.show(remarks)
    if not work.confirm(worded("change_wanted")):
        return work.declined()
    return let_go(work, tag, state.nodes) if options.leave_running else stop_and_delete(work, tag, parts)


def check(options: argparse.Namespace, tag: str, state: State) -> None:
    """Raise Refused if Postfix runs and neither --stop nor --leave-running is given, and if options conflict."""
    if state.is_active and not (options.stop or options.leave_running):
        if state.nodes:
            raise refused("end_of_running_said", tag=tag, nodes=", ".join(state.nodes))
        raise refused("end_of_active_said", tag=tag, role=state.role.lower())
    if options.leave_running and options.with_parts:
        raise refused("parts_of_running_kept")
    if options.leave_running and state.is_active and not state.nodes:
        raise refused("resource_settled", tag=tag, role=state.role.lower())


def let_go(work: Work, tag: str, nodes: "list[str]") -> int:
    """Delete it under a Postfix that runs on."""
    done = stated("resource_released", tag=tag, nodes=", ".join(nodes))
    with when_interrupted(done, changed=True):
        with one_step(), when_interrupted(stated("command_finishes", command=LEAVE_RUNNING), changed=True):
            leave_running(work.cluster, tag, work.manner.wait)
        work.report["changed"] = True
        work.say(done.reason)
    return work.end(DONE)


def stop_and_delete(work: Work, tag: str, parts: "list[str]") -> int:
    """Stop Postfix and the resources that go with it, then delete them; a signal meanwhile reverts it."""
    manner, cluster = work.manner, work.cluster
    stop = Work(manner, cluster, lambda cib: begin_to_stop(cib, tag, work.command, parts), work.command)
    try:
        with when_interrupted(stated("delete_called_off", tag=tag), changed=False):
            stop.push()
            left = wait_stopped(cluster, [tag, *parts], manner.wait)
    except Interrupted:
        with one_step():
            change(cluster, undo(stop.plan))
        raise
    if left:
        reasons = [reason for state in left.values() for reason in state.reasons]
        work.say_failure(stated("resources_stopped", names=", ".join(left), tag=tag), *causes(reasons))
        return work.end(NOT_AS_ASKED)
    deleted = stated("resource_deleted", tag=tag)
    with when_interrupted(deleted, changed=True):
        with one_step():
            remove_tables(cluster, tag)
            work = Work(manner, cluster, work.planner, work.command)
            work.push()
        if manner.wait and not wait_idle(cluster, manner.wait):
            work.say_failure(stated("parts_stopped", tag=tag))
            return work.end(NOT_AS_ASKED)
        work.say(deleted.reason)
    return work.end(DONE)
