"""What is run in a virtual machine to list its processes, run here."""

import json
import os
import subprocess

from tests.support.machine.node import PYTHON
from tests.support.machine.process import describe
from tests.support.virtual.node import LIST_PROCESSES


def test_every_process_is_listed_as_the_kernel_describes_it():
    done = subprocess.run([PYTHON, "-IS", "-c", LIST_PROCESSES], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    found = {pid: (name, exe, tuple(argv)) for pid, name, _, exe, argv in json.loads(done.stdout)}
    me = describe(os.getpid())
    assert found[os.getpid()] == (me.name, me.exe, me.argv)
    assert 1 in found
