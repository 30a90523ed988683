"""Killed at any of its calls, a command leaves the configuration as it was before or as it is after: never between."""

import os
import shutil
import subprocess
import sys

import pytest
from lxml import etree

from tests.support.cibs import cib_text
from tests.support.lab.interruption import COUNT, LAST, PROGRAMS, prepare, stand_in
from tests.support.machine.node import CHECKOUT
from tests.support.machine.waiting import wait_for

START = f"""
import sys
sys.path[:0] = ["{CHECKOUT}/lib", "{CHECKOUT}"]
from postfix_ha.system import command
command.ENVIRONMENT["PATH"] = sys.argv[1] + ":/usr/sbin:/usr/bin:/sbin:/bin"
"""
CREATE = (
    START
    + """
from postfix_ha.cluster.create.build import create
from postfix_ha.cluster.live.push import change
from postfix_ha.cluster.live.pacemaker import Cluster
from tests.support.cibs import node
from tests.support.cibs import wish
wanted = wish(tag="mail", nodes=[("n1", None), ("n2", None)])
change(Cluster(sys.argv[2]), lambda cib: create(cib, wanted, node()))
"""
)
COMMAND = (
    START
    + """
from postfix_ha.cli.main import main
sys.exit(main([sys.argv[3], "--cib-file", sys.argv[2], "--yes", *sys.argv[4:]]))
"""
)


class Interrupted:
    """Runs a program on a CIB file, killed where it is told to be."""

    def __init__(self, directory):
        self.directory = directory
        self.file = directory / "cib.xml"
        for name in PROGRAMS:
            path = directory / name
            path.write_text(stand_in(shutil.which(name, path="/usr/sbin:/usr/bin"), str(directory)))
            path.chmod(0o755)

    def run(self, script, arguments, fatal="never 0"):
        """Run it; (exit code, number of calls that it made)."""
        for name, content in prepare(fatal).items():
            (self.directory / name).write_text(content)
        (self.directory / LAST).unlink(missing_ok=True)
        argv = [sys.executable, "-c", script, str(self.directory), str(self.file), *arguments]
        done = subprocess.run(argv, capture_output=True, check=False, timeout=60)
        last = self.directory / LAST
        if last.exists():  # what was called when the caller died may still be at work
            wait_for(lambda: not os.path.exists(f"/proc/{last.read_text().strip()}"), 20, "the last call has ended")
        return done.returncode, int((self.directory / COUNT).read_text())

    def configuration(self):
        root = etree.fromstring(self.file.read_bytes(), etree.XMLParser(remove_blank_text=True))
        return etree.tostring(root.find("configuration"), method="c14n")


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("unextend", "n2"),
        ("properties", "--switchback", "automatic", "--priority", "n1=5", "--parameter", "greeting_timeout=20"),
        ("depend", "spool"),
        ("delete", "--stop", "--with-parts"),
        ("migrate", "--to", "ocf:heartbeat:postfix"),
    ],
    ids=lambda arguments: arguments[0] if arguments else "create",
)
def test_before_or_after_and_never_between(tmp_path, arguments):
    interrupted = Interrupted(tmp_path)
    spool = (
        '<primitive id="spool" class="ocf" provider="pacemaker" type="Dummy"><meta_attributes id="s-m">'
        '<nvpair id="s-s" name="resource-stickiness" value="10000"/></meta_attributes></primitive>'
    )
    start = cib_text(spool)
    interrupted.file.write_text(start)
    if arguments:
        assert interrupted.run(CREATE, ())[0] == 0
        start = interrupted.file.read_text()
    script = COMMAND if arguments else CREATE
    before = interrupted.configuration()
    code, calls = interrupted.run(script, arguments)
    assert code == 0
    after = interrupted.configuration()
    assert before != after
    seen = []
    # Death before a call is death during the one before it, as far as the configuration goes.
    for point in ["before 1", *(f"during {at}" for at in range(1, calls + 1))]:
        interrupted.file.write_text(start)
        code, _ = interrupted.run(script, arguments, point)
        assert code == -9
        seen.append(interrupted.configuration())
        assert seen[-1] in (before, after), f"killed {point} of {calls}"
    assert before in seen
    assert after in seen
