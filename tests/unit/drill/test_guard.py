"""The guard undoes what a killed drill has left, and nothing of what a drill has undone itself."""

import os
import shutil
import signal
import subprocess
import sys
import time

import pytest

from tests.support.machine.node import CHECKOUT
from tests.support.machine.waiting import wait_for

START = f"""
import os, signal, sys, time
sys.path.insert(0, "{CHECKOUT}/lib")
from postfix_ha.drill import guard
guard.PASSING_ON_S = 0.05
def undo(traces):
    with open(sys.argv[1], "a") as file:
        file.write(" ".join(sorted(traces)) + chr(10))
found = guard.Guard(undo)
print(found._child, flush=True)
"""
KILL = "os.kill(os.getpid(), signal.SIGKILL)\n"


def run(tmp_path, script):
    """Run the script; (its exit code, the lines that undo() was called with, once the guard has ended)."""
    file = tmp_path / "undone"
    argv = [sys.executable, "-c", START + script, str(file)]
    done = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=30)
    assert done.stderr == ""
    wait_for(lambda: not os.path.exists(f"/proc/{done.stdout.strip()}"), 20, "the guard has ended")
    return done.returncode, file.read_text().splitlines() if file.exists() else []


def test_killed_with_a_trace_left(tmp_path):
    code, undone = run(tmp_path, 'found.leave("hold")\nfound.leave("standby", "n1")\n' + KILL)
    # Twice: a change that was still being passed on is met by the second.
    assert (code, undone) == (-signal.SIGKILL, ["hold standby"] * 2)


@pytest.mark.parametrize("before", ["", 'found.leave("hold")\nfound.forget("hold")\n'])
def test_killed_with_nothing_left(tmp_path, before):
    assert run(tmp_path, before + KILL) == (-signal.SIGKILL, [])


def test_an_orderly_end(tmp_path):
    assert run(tmp_path, 'found.leave("hold")\nfound.undo()\n') == (0, ["hold"])


def test_an_end_by_an_exception(tmp_path):
    """The guard is told nothing more, so it undoes."""
    code, undone = run(tmp_path, 'found.leave("hold")\nos.close(2)\nraise SystemExit(4)\n')
    assert (code, undone) == (4, ["hold"] * 2)


def test_without_its_guard_a_drill_still_undoes(tmp_path):
    script = "os.kill(found._child, signal.SIGKILL)\nos.waitid(os.P_PID, found._child, os.WEXITED | os.WNOWAIT)\n"
    assert run(tmp_path, script + 'found.leave("hold")\nfound.undo()\n') == (0, ["hold"])


def test_what_was_on_its_way_to_the_cluster_arrives_before_anything_is_undone(tmp_path):
    """The kernel calls a process by its file: this cibadmin is a sleep, and our own child."""
    shutil.copy("/bin/sleep", tmp_path / "cibadmin")
    messenger = subprocess.Popen([tmp_path / "cibadmin", "1.5"])
    begin = time.monotonic()
    _, undone = run(tmp_path, 'found.leave("hold")\n' + KILL)
    took = time.monotonic() - begin
    # Nobody has collected it up to here: what has ended is not waited for.
    assert messenger.wait() == 0
    assert undone == ["hold"] * 2
    assert 1.3 < took < 15
