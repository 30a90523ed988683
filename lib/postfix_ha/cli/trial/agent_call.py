"""Calls of the agent's actions by the command, each in a process of its own as the cluster calls them."""

import contextlib
import os
import sys
import time

from postfix_ha.params import BINARY_DEFAULT
from postfix_ha.request import OCF_ROOT, TIMEOUTS_S
from postfix_ha.system.command import begin

PROGRAM = "import sys; sys.path.insert(0, {library!r}); from postfix_ha.agent import run; run()"
REASON_PREFIX = "ocf-exit-reason:"
# The agent ends by itself before the time-out that it is told; this is for a machine that cannot even do that.
GRACE_S = 10.0


class Call:
    """The agent for one instance; ``run_directory`` keeps its snapshot from the cluster's own."""

    __slots__ = ("binary", "config_dir", "run_directory")

    def __init__(self, config_dir: str, binary: str, run_directory: str = "") -> None:
        self.config_dir = config_dir
        self.binary = binary
        self.run_directory = run_directory

    def argv(self, action: str) -> "list[str]":
        """The command line of an action."""
        library = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
        return [sys.executable or "/usr/bin/python3", "-IS", "-c", PROGRAM.format(library=library), action]

    def environment(self, timeout_s: float, level: int = 0) -> "dict[str, str]":
        """The environment in which the cluster would call it."""
        given = {"config_dir": self.config_dir, "binary": self.binary if self.binary != BINARY_DEFAULT else ""}
        found = {f"OCF_RESKEY_{name}": value for name, value in given.items() if value}
        found.update(OCF_ROOT=OCF_ROOT, OCF_CHECK_LEVEL=str(level), OCF_RESOURCE_INSTANCE="postfix-ha-check")
        found.update(OCF_RESKEY_CRM_meta_timeout=str(int(timeout_s * 1000)), OCF_RESKEY_CRM_meta_interval="10000")
        if self.run_directory:
            found["HA_RSCTMP"] = self.run_directory
        return found

    def do(self, action: str, *, level: int = 0, watch: int = -1) -> "tuple[int, str]":
        """(exit code, exit reason or "") of an action, which is broken off when ``watch`` becomes readable."""
        import psutil  # noqa: F401 - for end_tree(): what cannot be ended is not begun

        timeout_s = float(TIMEOUTS_S[action])
        deadline = time.monotonic() + timeout_s + GRACE_S
        running = begin(self.argv(action), deadline=deadline, env=self.environment(timeout_s, level), watch=watch)
        running.end = lambda process: end_tree(process.pid)
        done = running.finish()
        lines = done.stderr.decode("utf-8", "replace").splitlines()
        reasons = [line[len(REASON_PREFIX) :] for line in lines if line.startswith(REASON_PREFIX)]
        if done.returncode is None:
            return 1, f"the agent's {action} did not end in time"
        return done.returncode, reasons[-1] if reasons else ""


def end_tree(pid: int) -> None:
    """End our child and all that descends from it, whatever sessions they have made for themselves.

    What has left the tree, as a master process that runs by now, is for the stop action to end.
    """
    import psutil

    # Each is suspended before its children are listed, so that none is born after the list was made.
    tree = [psutil.Process(pid)]  # not waited for yet, so the number is still our child's
    for member in tree:
        with contextlib.suppress(psutil.Error):
            member.suspend()
            tree += [child for child in member.children() if child not in tree]
    for member in reversed(tree):
        with contextlib.suppress(psutil.Error):
            member.kill()
    os.waitpid(pid, 0)
