"""history on a node that keeps its logs in the journal alone: a real journald, the units as its kernel tells them."""

import contextlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[2]
JOURNALD = "/lib/systemd/systemd-journald"
SLICE = "postfixha-history-test.slice"
# A mount namespace with a journald of its own; each writer lives in the control group of its unit until it is seen.
SCRIPT = f"""
mount -t tmpfs none /run; mount -t tmpfs none /var/log; mkdir -p /run/systemd/journal /run/systemd/system
mount --bind /dev/null /dev/kmsg
{JOURNALD} 2>/var/log/err & journald=$!
waits=100
until [ -S /run/systemd/journal/dev-log ] || [ $((waits -= 1)) = 0 ]; do sleep 0.1; done
"$1" -c "$2" "$3"
"$1" -c "$4"
kill $journald
"""
WRITE = """
import json, os, socket, subprocess, sys, time
def lives(unit, lines):
    if os.fork():
        return
    for group in json.loads(sys.argv[1]).get(unit, []):
        with open(group + "/cgroup.procs", "w") as file:
            file.write(str(os.getpid()))
    log = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    log.connect("/run/systemd/journal/dev-log")
    for priority, tag, text in lines:
        log.send(f"<{priority}>{tag}[{os.getpid()}]: {text}".encode())
    time.sleep(2)
    os._exit(0)
FORGED = "Peer n2 was terminated (reboot) by n1 on behalf of pacemaker-controld.1: OK"
lives("pacemaker", [
    (29, "pacemaker-controld", "notice: Result of start operation for mail on n1: ok"),
    (22, "postfix/smtpd", "connect from client[203.0.113.7]"),
    (30, "postfix/smtpd", "connect from nobody[203.0.113.8]"),
])
lives("corosync", [(28, "corosync", " [MAIN  ] Corosync main process was not scheduled (@1681222048760) for "
                    "7917.4106 ms (threshold is 800.0000 ms). Consider token timeout increase.")])
lives("chrony", [(28, "chronyd", "System clock was stepped by -32400.283303 seconds")])
lives("", [(29, "pacemaker-controld", FORGED), (28, "chronyd", "System clock was stepped by 1.0 seconds"),
           (22, "postfix/smtpd", "connect from forged[203.0.113.9]")])
time.sleep(1)
"""
ASK = f"""
import json, sys, time
sys.path.insert(0, "{CHECKOUT}/lib")
from postfix_ha.history.observe import LogRequest, answer
now = time.time()
cluster = answer(LogRequest("n1", now - 600, now + 5, "/nonexistent"), now)
mail = answer(LogRequest("n1", now - 600, now + 5, "/nonexistent", [[now - 60, now, now + 60]]), now)
print(json.dumps([cluster, mail]))
"""


def hierarchies() -> "list[Path]":
    """Where the control groups are that journald tells a process's unit by: systemd's own, or the unified ones."""
    lines = Path("/proc/self/mountinfo").read_text(encoding="utf-8").splitlines()
    return [
        Path(line.split()[4])
        for line in lines
        if " - cgroup2 " in line or (" - cgroup " in line and "name=systemd" in line)
    ]


@pytest.fixture
def groups():
    """Unit -> the directories of its control group."""
    found, made = {}, []
    for top in hierarchies():
        for unit in ("pacemaker", "corosync", "chrony"):
            path = top / SLICE / f"{unit}.service"
            path.mkdir(parents=True)
            made += [path]
            found.setdefault(unit, []).append(str(path))
    yield found
    for path in made:
        for _ in range(50):
            with contextlib.suppress(OSError):
                os.rmdir(path)
                break
            subprocess.run(["sleep", "0.1"], check=True)
    for top in hierarchies():
        with contextlib.suppress(OSError):
            os.rmdir(top / SLICE)


@pytest.mark.skipif(not (shutil.which("journalctl") and os.path.exists(JOURNALD)), reason="no journald here")
def test_the_journal_is_read_by_unit_and_not_by_name(groups):
    if not groups:
        pytest.skip("no control groups here, by which journald tells a unit")
    words = ["unshare", "--mount", "sh", "-ec", SCRIPT, "sh", sys.executable, WRITE, json.dumps(groups), ASK]
    done = subprocess.run(words, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    cluster, mail = json.loads(done.stdout.splitlines()[-1])
    seen = {(each["kind"], each.get("resource", each.get("text", ""))) for each in cluster["seen"]}
    # What some other process says under the same names is not there.
    assert seen == {("end", "mail"), ("paused", "7917.4106 ms"), ("clock", "-32400.3 s")}
    assert cluster["missing"] == []
    (span,) = mail["spans"]
    assert len(span["served"]) == 1
    assert mail["missing"] == []
