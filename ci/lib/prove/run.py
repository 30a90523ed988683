"""One run of one fault: mail flows, the fault happens at a seeded moment, everything is measured and judged."""

import random
import subprocess
import time
import traceback
from collections.abc import Iterator
from dataclasses import asdict, astuple, dataclass
from typing import Any, Callable

from ci.lib.prove import figures
from ci.lib.prove import neighbour as fault_neighbour
from ci.lib.prove.faults import ALWAYS, MONITOR_S, NEVER, OTHER, SAME, TABLE, TARGET, Fault
from ci.lib.prove.lab import Laboratory, settle_account
from ci.lib.prove.scene import Scene
from tests.support.lab.cluster import Lab, LabError
from tests.support.lab.pacemaker_log import Operation, read_operations
from tests.support.lab.resources import ADDRESS, FILESYSTEM, MAIL
from tests.support.mail.ledger import Ledger

# Undisturbed mail before and after, in seconds.
CALM_S = 1.5
# An agent that has not answered a fault this long after the bound of its gap has not answered it: a monitor and a stop
# that hang have had their time by then.
PATIENCE_S, SHORT_PATIENCE_S = 45, 12
CHAOS_S, SHORT_CHAOS_S = 120, 30
FAILURES = (LabError, RuntimeError, OSError, subprocess.TimeoutExpired, ValueError, StopIteration)


@dataclass(frozen=True)
class Case:
    """One run that is to be made."""

    fault: str
    agent: str
    repeat: int
    seed: int
    is_short: bool = False
    # A second instance runs in the cluster and is not to notice.
    is_beside: bool = False

    @property
    def key(self) -> "tuple[object, ...]":
        """What tells its result from all others."""
        return astuple(self)

    @property
    def command(self) -> str:
        """The command line that does it again."""
        flags = (" --beside" if self.is_beside else "") + (" --short" if self.is_short else "")
        return f"ci/prove --fault {self.fault} --agent {self.agent} --repeat {self.repeat} --seed {self.seed}{flags}"

    def moments(self) -> random.Random:
        """The same random moments for both agents, others for each repeat."""
        return random.Random(f"{self.seed} {self.fault} {self.repeat}")


def run(laboratory: Laboratory, case: Case) -> "dict[str, Any]":
    """The record of one run; a lab that is not whole afterwards is thrown away."""
    fault = TABLE[case.fault]
    began = time.time()
    record: "dict[str, Any]" = {**asdict(case), "command": case.command, "failure": ""}
    try:
        record.update(_measure(laboratory, fault, case))
    except FAILURES as error:
        record["failure"] = str(error) or repr(error)
        record["logs"] = "".join(traceback.format_exception(type(error), error, error.__traceback__))
        laboratory.discard()
    record["wrong"] = judge(fault, record)
    record["took_s"] = round(time.time() - began, 1)
    return record


def _measure(laboratory: Laboratory, fault: Fault, case: Case) -> "dict[str, Any]":
    lab = laboratory.use(case.agent, case.is_beside)
    scene = Scene(lab, case.moments(), SHORT_CHAOS_S if case.is_short else CHAOS_S)
    try:
        if fault.prepare:
            fault.prepare(scene)
        if laboratory.neighbour:
            laboratory.neighbour.place(scene.victim if fault.beside == SAME else scene.idle[0])
            laboratory.neighbour.start()
        laboratory.begin()
        with laboratory.mail() as client:
            _wait_for_mail(lab, CALM_S)
            time.sleep(scene.random.uniform(0, MONITOR_S))
            scene.old_master = lab.master()[1].outside
            fenced_before = len(laboratory.fenced)
            recovered_s = _strike(scene, fault, SHORT_PATIENCE_S if case.is_short else PATIENCE_S)
            is_whole = _mend(scene)
            # What was not answered may be noticed only now.
            _wait_for_mail(lab, CALM_S)
            lab.settle()
            end = time.monotonic()
            _wait_for_mail(lab, CALM_S / 3)
            beside = laboratory.neighbour.seen(scene.began, end) if laboratory.neighbour else None
            ledger = client.stop()
            account, queued = settle_account(lab, ledger, laboratory.first_number)
            record = {
                "recovered_s": recovered_s,
                "is_whole": is_whole,
                "node_before": scene.victim,
                "node_after": lab.where(),
                "target": scene.target,
                "queued": queued,
                "beside": beside,
                **_seen(lab, scene.began, end, laboratory.fenced[fenced_before:]),
                **figures.mail_figures(ledger, account, scene.began, end),
                "timeline": _timeline(scene, ledger, end),
            }
        so_far = {**asdict(case), **record, "failure": ""}
        record["logs"] = laboratory.logs() if judge(fault, so_far) else ""
        laboratory.clean()
        return record
    finally:
        scene.put_right()


def _wait_for_mail(lab: Lab, calm_s: float) -> None:
    since = time.monotonic()
    lab.wait_for(lambda: figures.last_plain(lab.client.ledger) > since + calm_s, 90, "mail flows undisturbed")


def _strike(scene: Scene, fault: Fault, patience_s: float) -> "float | None":
    """Let the fault happen; how long until it was answered and clients served, None when that did not come."""
    scene.began = time.monotonic()
    fault.act(scene)
    if fault.until_s:
        time.sleep(fault.until_s)
        scene.put_right()
    scene.struck = time.monotonic()
    deadline = max(time.monotonic(), scene.began + fault.bound_s) + patience_s
    while time.monotonic() < deadline:
        if _is_so(lambda: scene.is_served() and fault.over(scene)):
            return round(time.monotonic() - scene.began, 2)
        time.sleep(0.1)
    return None


def _is_so(question: "Callable[[], bool]") -> bool:
    try:
        return question()
    except FAILURES:
        # A node that is asked may end at that very moment.
        return False


def _mend(scene: Scene) -> bool:
    """Put right what the act broke, and wait until the cluster is whole; whether it was so before long."""
    scene.put_right()
    try:
        scene.lab.settle(60)
    except LabError:
        # Failures that the cluster remembers may keep it from trying again; an administrator would look, then clean up.
        scene.lab.run("crm_resource", "--cleanup")
        scene.lab.settle(60)
        return False
    return True


def _seen(lab: Lab, start: float, end: float, fenced: "list[tuple[float, str]]") -> "dict[str, Any]":
    """What an onlooker saw of the nodes."""
    mounts, masters = lab.watch.worst(start, end)
    did = [
        [round(at - start, 2), operation.node, resource, operation.action, operation.code]
        for resource in (FILESYSTEM, ADDRESS, MAIL)
        for at, operation in _operations(lab, resource)
        if at >= start - 0.5
    ]
    return {
        "most_masters": masters,
        "most_mounts": mounts,
        "fenced": [[round(at - start, 2), name] for at, name in fenced if at <= end],
        "did": sorted(did, key=lambda each: each[0]),
    }


def _operations(lab: Lab, resource: str) -> "Iterator[tuple[float, Operation]]":
    """The resource's operations with their times on the monotonic clock; the logs have no year."""
    now = time.time()
    same_day = time.mktime((2000, *time.localtime(now)[1:]))
    offset = time.monotonic() - (same_day + now % 1)
    for node in lab.nodes.values():
        for operation in read_operations(node.name, node.kept_logs + node.logs(), resource):
            yield operation.at + offset, operation


def _timeline(scene: Scene, ledger: Ledger, end: float) -> "dict[str, Any]":
    start = scene.began
    return {
        "end_s": round(end - start, 2),
        "masters": figures.spans(scene.lab.watch.sights, "masters", start, end),
        "mounts": figures.spans(scene.lab.watch.sights, "mounts", start, end),
        "deeds": [[round(at - start, 2), what] for at, what in scene.did],
        "mail": figures.rates(ledger, start, end),
    }


def judge(fault: Fault, record: "dict[str, Any]") -> "list[str]":
    """Every way in which a run is not what was expected, each as a sentence's end."""
    if record["failure"]:
        return [f"could not be measured: {record['failure'].splitlines()[0]}"]
    wrong = []
    if record["recovered_s"] is None:
        patience_s = SHORT_PATIENCE_S if record["is_short"] else PATIENCE_S
        wrong.append(f"not answered within {fault.bound_s + patience_s:g} s")
    elif record["gap_s"] > fault.bound_s:
        wrong.append(f"clients waited {record['gap_s']:.1f} s, more than {fault.bound_s:g} s")
    if not record["is_whole"]:
        wrong.append("the cluster was whole again only after its failures were cleaned up by hand")
    if fault.fence == NEVER and record["fenced"]:
        wrong.append(f"fenced without need: {', '.join(name for _, name in record['fenced'])}")
    if fault.fence == ALWAYS and not record["fenced"]:
        wrong.append("no node was fenced")
    wrong += _judge_place(fault, record)
    if record["lost"]:
        wrong.append(f"{len(record['lost'])} acknowledged messages are lost")
    for what in ("masters", "mounts"):
        if record[f"most_{what}"] > 1:
            wrong.append(f"{record[f'most_{what}']} {what} at once")
    return wrong + (fault_neighbour.judge(record["beside"]) if record["beside"] else [])


def _judge_place(fault: Fault, record: "dict[str, Any]") -> "list[str]":
    before, after = record["node_before"], record["node_after"]
    is_right = {SAME: after == before, OTHER: after != before, TARGET: after == record["target"]}.get(fault.where, True)
    return [] if is_right else [f"the service went from {before} to {after}, expected: {fault.where}"]
