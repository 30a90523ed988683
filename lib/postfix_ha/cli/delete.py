"""postfix-ha delete: the end of a hierarchy; Postfix itself is stopped first, or runs on without protection."""

import argparse

from postfix_ha.cli.carry_out import Work, carry_out
from postfix_ha.cli.frame import DONE, NOT_AS_ASKED, add_change_options, add_command, add_tag, cluster_of
from postfix_ha.cluster.errors import Refused
from postfix_ha.cluster.hierarchy import find_hierarchy
from postfix_ha.cluster.moves import out_of_service
from postfix_ha.cluster.remarks import NOTE, Remark
from postfix_ha.cluster.reshape import delete
from postfix_ha.cluster.unprotect import leave_running
from postfix_ha.cluster.waiting import State, wait_idle, wait_until

EXAMPLES = """\
  postfix-ha delete --stop                     Postfix is stopped, file system and address stay
  postfix-ha delete --leave-running            Postfix runs on, and nobody watches it
  postfix-ha delete --stop --with-parts        what nothing else needs goes too
"""


def add_delete(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command to the command line."""
    parser = add_command(
        commands, "delete", run_delete, "end a hierarchy",
        "Remove Postfix from the cluster. What it needs stays, unless asked. A Postfix that runs is stopped first,\n"
        "or runs on unprotected: that has to be said.",
        EXAMPLES,
    )  # fmt: skip
    how = parser.add_mutually_exclusive_group()
    how.add_argument("--stop", action="store_true", help="stop Postfix first")
    how.add_argument("--leave-running", action="store_true", help="let Postfix run on, without the cluster")
    parser.add_argument("--with-parts", action="store_true", help="remove also what nothing else needs")
    add_tag(parser)
    add_change_options(parser)


def run_delete(options: argparse.Namespace) -> int:
    """Remove the hierarchy."""
    cluster = cluster_of(options)
    hierarchy = find_hierarchy(cluster.read(), options.tag)
    tag = hierarchy.tag
    nodes = State(cluster.status(), tag).nodes
    if nodes and not (options.stop or options.leave_running):
        raise Refused(f"{tag} runs on {', '.join(nodes)}: say --stop or --leave-running")
    if options.leave_running and options.with_parts:
        raise Refused("a Postfix that runs on needs its parts: leave --with-parts out")
    work = Work(options, cluster, lambda cib: delete(cib, tag, options.with_parts))
    kept = [name for name in hierarchy.needs if work.plan.new.resource(name) is not None]
    remarks = [Remark(NOTE, "parts_kept", f"these stay: {', '.join(kept)}")] if kept else []
    if options.dry_run or not nodes or not cluster.is_live:
        return carry_out(work, remarks, tag, lambda state: not state.role, "deleted")
    work.show(remarks)
    if not work.confirm("Make it so?"):
        work.say("nothing was changed")
        return work.end(DONE)
    if options.leave_running:
        leave_running(cluster, tag, nodes, options.wait)
        work.report["changed"] = True
        work.say(f"{tag} is deleted; Postfix runs on, on {', '.join(nodes)}, and nobody watches it")
        return work.end(DONE)
    stop = Work(options, cluster, lambda cib: out_of_service(cib, tag))
    stop.push()
    stopped, state = wait_until(cluster, tag, lambda now: now.role == "Stopped", options.wait)
    if not stopped:
        work.say_failure(f"{tag} did not stop, so it was not deleted; it stays out of service", state.reasons)
        return work.end(NOT_AS_ASKED)
    work = Work(options, cluster, work.planner)
    work.push()
    if options.wait and not wait_idle(cluster, options.wait):
        work.say_failure(f"{tag} is deleted, but its parts are not stopped yet: see crm_mon", [])
        return work.end(NOT_AS_ASKED)
    work.say(f"{tag} is deleted")
    return work.end(DONE)
