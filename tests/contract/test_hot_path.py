"""The recurring monitor stays cheap: what a healthy one imports, and that it starts no process, is measured here."""

import ast
import os
import subprocess
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
LIBRARY = CHECKOUT / "lib" / "postfix_ha"
PYTHON = "/usr/bin/python3"

HOT_STDLIB = {"sys", "os", "time", "errno", "fcntl", "select", "_socket"}
# Package -> packages that it may import at its head; "" is the root of the library.

HEALTHY = """
import os, sys, time
sys.path.insert(0, {library!r})
before = set(sys.modules)
from postfix_ha.instance import Instance, file_stamps, snapshot_path, write_snapshot
from postfix_ha.procfs import boot_id, process_stat
import postfix_ha.health
# This process itself stands for a healthy master: it lives, has the recorded start time and holds its lock.
import fcntl
lock = os.open({lock!r}, os.O_RDWR | os.O_CREAT)
fcntl.flock(lock, fcntl.LOCK_EX)
me = Instance(master_pid=os.getpid(), master_start=process_stat(os.getpid()).start, boot_id=boot_id(),
              config_dir={config!r})
write_snapshot(snapshot_path({run!r}, {config!r}), me)
from postfix_ha import agent
from postfix_ha.request import Request
import builtins
forbidden = []
os.fork = lambda: forbidden.append("fork")
environ = {{"OCF_RESKEY_CRM_meta_interval": "10000", "HA_RSCTMP": {run!r}, "OCF_RESKEY_config_dir": {config!r}}}
verdict = agent.answer(Request(["postfix_ha", "monitor"], environ))
names = sorted(set(sys.modules) - before)
os.write(1, repr((verdict.code, forbidden, names)).encode())
"""


def test_a_healthy_monitor_imports_the_root_alone_and_starts_no_process(tmp_path: Path) -> None:
    (tmp_path / "pid").mkdir()
    script = HEALTHY.format(
        library=str(LIBRARY.parent),
        lock=str(tmp_path / "pid" / "master.pid"),
        run=str(tmp_path / "run"),
        config=str(tmp_path),
    )
    done = subprocess.run([PYTHON, "-IS", "-c", script], capture_output=True, text=True, env={"PATH": os.defpath})
    assert done.returncode == 0, done.stderr
    code, forked, names = ast.literal_eval(done.stdout)
    assert code == 0
    assert forked == []
    root = {"postfix_ha"} | {f"postfix_ha.{path.stem}" for path in LIBRARY.glob("*.py")}
    assert set(names) <= root | HOT_STDLIB, sorted(set(names) - root - HOT_STDLIB)
