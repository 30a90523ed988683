"""postfix-ha check --trial: address up, file systems mounted, checks, start, a look, stop, and everything undone.

Whatever happens on the way, what was done is undone, the last first; also at SIGINT, SIGTERM and SIGHUP. While it runs
a script lies in /run that undoes it, for the one case in which it cannot do so itself.
"""

import os
import signal
import time

from postfix_ha.checks.node import check_node
from postfix_ha.checks.node_facts import Survey
from postfix_ha.checks.trial_note import NOTE, is_noted
from postfix_ha.cli.cluster_query import active_elsewhere
from postfix_ha.cli.output import say
from postfix_ha.cli.signals import SIGNALS, Interrupted
from postfix_ha.cli.trial.agent_call import Call
from postfix_ha.cli.trial.steps import (
    Address,
    DataDirectory,
    Folder,
    Mounting,
    StartedService,
    StepFailed,
    TrialStep,
    is_mounted,
)
from postfix_ha.config.interfaces import connected_networks, network_of
from postfix_ha.messages.statement import worded
from postfix_ha.params import Params
from postfix_ha.system.files import replace_file
from postfix_ha.system.processes import Identity, census
from postfix_ha.verdict import Finding

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType
    from typing import TextIO

RUN_DIRECTORY = "/run/postfix-ha-trial"
TIMEOUT_S = 60.0
# What cannot be otherwise before the cluster has the resources.
NOT_YET = ("trial_undone", "address_has_resource", "address_in_service", "queue_has_resource")


class Trial:
    """One trial of one instance."""

    def __init__(
        self,
        params: Params,
        mounts: "list[tuple[str, str]]",
        *,
        nic: str = "",
        prefix: int = 0,
        cib_file: str = "",
        progress: "TextIO | None" = None,
    ) -> None:
        """``mounts``: (device, directory) of each file system; ``nic``, ``prefix``: where the addresses go ("" and 0:
        where their network is); ``cib_file``: the cluster's configuration, "" for the live one; ``progress``: where the
        steps are told, None for standard output."""
        self.params = params
        self.mounts = mounts
        self.nic, self.prefix = nic, prefix
        self.cib_file = cib_file
        self.progress = progress
        self.agent = Call(params.config_dir, params.binary, RUN_DIRECTORY)
        self.begun: "list[TrialStep]" = []
        self.findings: "list[Finding]" = []
        self.checked: "Survey | None" = None
        self.signal = 0
        self.watch = -1
        self.at = worded("trial_looks_before")

    def run(self) -> "list[Finding]":
        """All findings of the trial, those of the checks in its middle included."""
        why = self._why_not()
        if why:
            return [Finding("trial_passed", step=self.at, why=why)]
        # A signal breaks nothing off by itself: it makes the watched descriptor readable, at any moment.
        self.watch, waker = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        handlers = {number: signal.signal(number, self._on_signal) for number in SIGNALS}
        old_waker = signal.set_wakeup_fd(waker, warn_on_full_buffer=False)
        try:
            self._go()
        finally:
            signal.set_wakeup_fd(old_waker)
            for number, handler in handlers.items():
                signal.signal(number, handler)
            os.close(self.watch)
            os.close(waker)
        return self.findings

    def survey(self) -> Survey:
        """This node as it is now."""
        return Survey(self.params, time.monotonic() + TIMEOUT_S)

    def _why_not(self) -> str:
        """What stands against a trial at all, "" for nothing."""
        if os.geteuid() != 0:
            return worded("trial_by_root")
        if is_noted():
            return worded("trial_before_undone", note=NOTE)
        survey = self.survey()
        if survey.people.members:
            return worded("trial_alone", config_dir=survey.config_dir, processes=survey.people)
        return active_elsewhere(survey, [point for _, point in self.mounts], self.cib_file)

    def _go(self) -> None:
        try:
            for step in self._preparations():
                self._do(step)
            self._check()
            self._do(StartedService(self.agent))
            self._look()
            self._begin(worded("trial_stops"))
        except StepFailed as error:
            self._fail(self.at, str(error))
        except Interrupted:
            self._fail(self.at, worded("trial_interrupted", signal=signal.Signals(self.signal).name))
        finally:
            self._undo()

    def _preparations(self) -> "Iterator[TrialStep]":
        """The steps before the checks, each looked for when those before it are done; what is there already is none."""
        yield Folder(RUN_DIRECTORY, is_ours=True)
        for device, directory in self.mounts:
            if not is_mounted(directory):
                yield Folder(directory)
                yield Mounting(device, directory)
        self.at = worded("trial_finds")
        survey = self.survey()  # only now: the configuration may lie on what was mounted
        for address in survey.absent_addresses:
            nic, prefix = self._place(address)
            yield Address(address, prefix, nic)
        yield DataDirectory(survey.instance.data_directory)

    def _place(self, address: str) -> "tuple[str, int]":
        """The interface and the prefix length for an address: as asked, else those of its network."""
        nic, prefix = network_of(address, connected_networks(), self.nic) or ("", 0)
        nic, prefix = self.nic or nic, self.prefix or prefix
        if not nic or not prefix:
            raise StepFailed(worded("trial_interface", address=address))
        return nic, prefix

    def _do(self, step: TrialStep) -> None:
        """Do one step; it is noted as begun before, so that it is undone even where it is interrupted."""
        self._stop_if_asked()
        self._begin(step.name)
        self.begun.append(step)
        self._write_note()
        try:
            step.do(self.watch)
        finally:
            self._stop_if_asked()

    def _stop_if_asked(self) -> None:
        if self.signal:
            raise Interrupted(self.signal)

    def _on_signal(self, number: int, frame: "FrameType | None") -> None:
        """Remember the first signal; what is to end for it looks at it."""
        self.signal = self.signal or number

    def _check(self) -> None:
        self._begin(worded("trial_checks"))
        self.checked = self.survey()
        self.findings += [finding for finding in check_node(self.checked) if finding.check not in NOT_YET]
        self._stop_if_asked()

    def _look(self) -> None:
        """See the master process, its sockets address by address, pickup and the queue manager."""
        self._begin(worded("trial_monitors"))
        code, reason = self.agent.do("monitor", level=20, watch=self.watch)
        self._stop_if_asked()
        if code != 0:
            raise StepFailed(reason or worded("trial_agent", action="monitor", code=code))
        survey = self.survey()
        people = {member.name: member for member in survey.people.members}
        for name in ("master", "pickup", "qmgr"):
            there = worded("trial_process", process=people[name]) if name in people else ""
            self._say(there or worded("trial_process_there", name=name))
        for endpoint in survey.instance.endpoints:
            self._say(worded("trial_greets", endpoint=endpoint, kind=endpoint.kind))

    def _undo(self) -> None:
        """Undo all steps that were begun, the last first; what cannot be undone stays in the note."""
        for step in reversed(list(self.begun)):
            try:
                step.undo()
            except (StepFailed, OSError) as error:
                self._fail(worded("trial_undoes", step=step.name), worded("trial_undone_by", why=error, note=NOTE))
                continue
            self.begun.remove(step)
            self._write_note()
        if not self.begun and census(Identity(self.params.config_dir)).members:
            self._fail(worded("trial_looks_after"), worded("trial_ended"))
        if not any(finding.check == "trial_passed" for finding in self.findings):
            self._say("passed")

    def _fail(self, step: str, why: str) -> None:
        self._say(f"FAILED: {step}: {why}")
        self.findings.append(Finding("trial_passed", step=step, why=why))

    def _write_note(self) -> None:
        """The script that undoes what was begun; gone when nothing is left to undo."""
        lines = [line for line in (step.note() for step in reversed(self.begun)) if line]
        if not lines:
            if os.path.lexists(NOTE):
                os.unlink(NOTE)
            return
        head = ["#!/bin/sh -e", "# A trial of postfix-ha was cut short; this undoes what it did on this node."]
        script = "\n".join([*head, *lines, f"rm -f {NOTE}"]) + "\n"
        replace_file(NOTE, script.encode("utf-8", "surrogateescape"))

    def _begin(self, text: str) -> None:
        self.at = text
        self._say(text)

    def _say(self, text: str) -> None:
        say(f"trial: {text}", self.progress, flush=True)
