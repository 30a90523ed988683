"""The recurring monitor stays cheap: what a healthy one imports, and that it starts no process, is measured here."""

import ast
import os
import subprocess
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
LIBRARY = CHECKOUT / "lib" / "postfix_ha"
PYTHON = "/usr/bin/python3"

HOT_STDLIB = {"sys", "os", "time", "errno", "fcntl", "select", "_socket"}
# What a stop of a healthy instance loads besides: signal itself makes an enum of each number. It starts no program.
STOP_STDLIB = HOT_STDLIB | {"_signal"}
STOP_FOLDERS = ("actions", "system")

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


def loaded_by(modules: str) -> "set[str]":
    """What an interpreter has loaded for these modules, beside what it starts with."""
    script = f"""
import os, sys, time
sys.path.insert(0, {str(LIBRARY.parent)!r})
before = set(sys.modules)
import {modules}
os.write(1, repr(sorted(set(sys.modules) - before)).encode())
"""
    done = subprocess.run([PYTHON, "-IS", "-c", script], capture_output=True, text=True, env={"PATH": os.defpath})
    assert done.returncode == 0, done.stderr
    return set(ast.literal_eval(done.stdout))


def test_a_stop_loads_what_a_monitor_does_and_the_numbers_of_signals() -> None:
    """What it needs of a program, a name service or a regular expression, it loads in the case that needs it."""
    names = loaded_by("postfix_ha.agent, postfix_ha.actions.stop, postfix_ha.actions.drain")
    ours = {name for name in names if name.startswith("postfix_ha.") and name.count(".") > 1}
    assert "postfix_ha.system.command" not in names
    assert {name.split(".")[1] for name in ours} <= set(STOP_FOLDERS)
    assert {name for name in names if not name.startswith("postfix_ha")} <= STOP_STDLIB


def test_what_a_stop_looks_for_meanwhile_is_as_cheap() -> None:
    """A child looks for who keeps the file system in use while Postfix ends: stop waits where that takes longer."""
    foreign = {name for name in loaded_by("postfix_ha.sharing.holders") if not name.startswith("postfix_ha")}
    assert foreign <= STOP_STDLIB | {"itertools", "struct", "_struct"}
