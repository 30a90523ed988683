"""What a call of the agent has started is ended as a whole, wherever it has gone to."""

import os
import subprocess
import sys

from postfix_ha.cli.trial.agent_call import end_tree
from tests.support.machine.waiting import wait_for

# A child, its child in a session of its own, and one that was stopped by somebody; each tells its number.
FAMILY = """
import os, signal, sys, time
def tell():
    os.write(1, (str(os.getpid()) + chr(10)).encode())
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        os.setsid()
        tell()
        os.kill(os.getpid(), signal.SIGSTOP)
    else:
        tell()
else:
    tell()
signal.signal(signal.SIGTERM, signal.SIG_IGN)
time.sleep(60)
"""


def lives(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as stat:
            return stat.read().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def test_a_tree_ends_with_those_that_made_sessions_and_those_that_were_stopped() -> None:
    child = subprocess.Popen([sys.executable, "-IS", "-c", FAMILY], stdout=subprocess.PIPE, text=True)
    beside = subprocess.Popen(["sleep", "60"])
    try:
        assert child.stdout is not None
        family = [int(child.stdout.readline()) for _ in range(3)]
        assert child.pid in family
        end_tree(child.pid)
        wait_for(lambda: not any(map(lives, family)), 10, "nobody of the family lives")
        assert not os.path.exists(f"/proc/{child.pid}")
        assert lives(beside.pid)
    finally:
        for process in (child, beside):
            process.kill()
            process.wait()
        assert child.stdout is not None
        child.stdout.close()


def test_a_child_that_has_ended_by_itself_is_collected() -> None:
    child = os.fork()
    if child == 0:
        os._exit(0)
    os.waitid(os.P_PID, child, os.WEXITED | os.WNOWAIT)
    end_tree(child)
    assert not os.path.exists(f"/proc/{child}")
