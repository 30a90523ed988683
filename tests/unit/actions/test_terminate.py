"""Ending a process tree for real: small processes of our own stand for master, its daemons and a delivery command."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

from postfix_ha.actions.terminate import end_instance
from postfix_ha.procfs import process_stat
from postfix_ha.system.processes import Identity, census

# A stand-in for master: it starts what its arguments say, tells their numbers and sleeps. "deaf" ignores TERM;
# "apart" leads a session of its own, as delivery commands do; with "stuck" master does not end after its daemons.
TREE = """
import os, signal, subprocess, sys, time
children = []
def end(*_):
    for child in children:
        child.terminate()
    if "stuck" not in sys.argv:
        sys.exit(0)
signal.signal(signal.SIGTERM, end)
print(os.getpid())
for word in sys.argv[1:]:
    if word == "stuck":
        continue
    code = "import signal, time\\n"
    if "deaf" in word:
        code += "signal.signal(signal.SIGTERM, signal.SIG_IGN)\\n"
    code += "print('ready', flush=True)\\ntime.sleep(600)"
    child = subprocess.Popen([sys.executable, "-IS", "-c", code], stdout=subprocess.PIPE,
                             start_new_session="apart" in word)
    child.stdout.readline()
    print(child.pid)
    if "apart" not in word:
        children.append(child)
print("end", flush=True)
while True:
    time.sleep(600)
"""


class Tree:
    """The processes of one stand-in; the first is the master."""

    def __init__(self, *children: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-IS", "-c", TREE, *children], stdout=subprocess.PIPE, text=True, start_new_session=True
        )
        assert self.process.stdout is not None
        self.pids = [int(line) for line in iter(self.process.stdout.readline, "end\n")]

    @property
    def identity(self) -> Identity:
        identity = Identity("/nonexistent/postfix")
        stat = process_stat(self.pids[0])
        assert stat is not None
        identity.master = (stat.pid, stat.start)
        return identity

    def living(self) -> "list[int]":
        stats = [process_stat(pid) for pid in self.pids]
        return [stat.pid for stat in stats if stat is not None and not stat.is_dead]

    def close(self) -> None:
        for pid in self.living():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        assert self.process.stdout is not None
        self.process.stdout.close()
        self.process.wait()


@pytest.fixture
def grow() -> "Iterator[object]":
    trees: "list[Tree]" = []

    def make(*children: str) -> Tree:
        trees.append(Tree(*children))
        return trees[-1]

    yield make
    for tree in trees:
        tree.close()


def end(tree: Tree, seconds: float = 20) -> "tuple[list[int], list[int], float]":
    begin = time.monotonic()
    were, left = end_instance(tree.identity, begin + seconds)
    return [member.pid for member in were], [member.pid for member in left], time.monotonic() - begin


def test_the_census_is_the_recorded_master_and_its_descendants(grow) -> None:
    tree, other = grow("a", "apart"), grow("a")
    people = census(tree.identity)
    assert people.master is not None
    assert people.master.pid == tree.pids[0]
    assert sorted(member.pid for member in people.members) == sorted(tree.pids)
    assert not set(other.pids) & {member.pid for member in people.members}


def test_an_orderly_end(grow) -> None:
    tree, other = grow("a", "a"), grow("a")
    were, left, seconds = end(tree)
    assert sorted(were) == sorted(tree.pids)
    assert left == []
    assert tree.living() == []
    assert other.living() == other.pids
    assert seconds < 5


def test_a_deaf_delivery_command_in_a_session_of_its_own_is_killed(grow) -> None:
    tree = grow("deaf apart")
    _, left, seconds = end(tree, seconds=5)
    assert left == []
    assert tree.living() == []
    assert seconds < 5


def test_a_frozen_tree_is_ended(grow) -> None:
    tree = grow("deaf", "a")
    for pid in tree.pids:
        os.kill(pid, signal.SIGSTOP)
    _, left, _ = end(tree)
    assert left == []
    assert tree.living() == []


def test_a_master_that_is_stuck_after_its_daemons_have_ended_is_not_waited_for(grow) -> None:
    tree = grow("a", "stuck")
    _, left, seconds = end(tree)
    assert left == []
    assert tree.living() == []
    assert seconds < 3


def test_a_master_that_waits_for_a_delivery_has_its_time(grow) -> None:
    tree = grow("deaf", "stuck")
    _, left, seconds = end(tree, seconds=10)
    assert left == []
    assert tree.living() == []
    assert seconds > 3


def test_nothing_there_is_nothing_to_do() -> None:
    begin = time.monotonic()
    assert end_instance(Identity("/nonexistent/postfix"), begin + 10) == ([], [])
    assert time.monotonic() - begin < 5


def test_a_recycled_number_is_not_hit(grow) -> None:
    tree = grow()
    identity = tree.identity
    assert identity.master is not None
    identity.master = (identity.master[0], identity.master[1] - 1)  # another process had this number before
    assert end_instance(identity, time.monotonic() + 5) == ([], [])
    assert tree.living() == tree.pids


def test_what_cannot_be_ended_is_told(grow, monkeypatch: pytest.MonkeyPatch) -> None:
    """No process here can resist KILL; so the signal is what fails, as it does for a process in state D."""
    tree = grow()
    monkeypatch.setattr("postfix_ha.actions.terminate._signal", lambda members, *numbers: None)
    _, left, seconds = end(tree, seconds=1.5)
    assert left == tree.pids
    assert 1 < seconds < 4
