"""The reader of /proc, on processes and sockets that the tests make themselves."""

import fcntl
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from postfix_ha.endpoint import missing_addresses
from postfix_ha.procfs import (
    boot_id,
    forks,
    living_place,
    lock_places,
    master_files,
    process_children,
    process_environment,
    process_ids,
    process_program,
    process_stat,
    real_uid,
)
from postfix_ha.system.owner import near


@pytest.fixture
def sleeper():
    process = subprocess.Popen(["/bin/sleep", "600"], env={"MAIL_CONFIG": "/etc/post fix", "B": "x=y"})
    yield process
    process.kill()
    process.wait()


def wait_for_state(pid: int, state: str) -> None:
    until = time.monotonic() + 10
    while True:
        stat = process_stat(pid)
        if stat is not None and stat.state == state:
            return
        assert time.monotonic() < until, stat and stat.state
        time.sleep(0.005)


def test_stat_of_ourselves() -> None:
    stat = process_stat(os.getpid())
    assert stat is not None
    assert stat.parent == os.getppid()
    assert not stat.is_dead
    assert not stat.is_stopped
    assert os.getpid() in process_ids()


def test_a_name_with_spaces_and_parentheses_does_not_confuse(tmp_path: Path) -> None:
    program = tmp_path / "a) Z (b"
    program.symlink_to("/bin/sleep")
    process = subprocess.Popen([str(program), "600"])
    try:
        wait_for_state(process.pid, "S")
        stat = process_stat(process.pid)
        assert stat is not None
        assert stat.name == "a) Z (b"
        assert stat.parent == os.getpid()
    finally:
        process.kill()
        process.wait()


def test_stopped_and_dead(sleeper) -> None:
    sleeper.send_signal(signal.SIGSTOP)
    wait_for_state(sleeper.pid, "T")
    stat = process_stat(sleeper.pid)
    assert stat is not None
    assert stat.is_stopped
    sleeper.kill()
    wait_for_state(sleeper.pid, "Z")
    stat = process_stat(sleeper.pid)
    assert stat is not None
    assert stat.is_dead
    sleeper.wait()
    assert process_stat(sleeper.pid) is None
    assert process_environment(sleeper.pid) == {}
    assert master_files(sleeper.pid) == (set(), [])


@pytest.mark.parametrize("pid", [0, -1, 2**31 - 1])
def test_no_such_process(pid: int) -> None:
    assert process_stat(pid) is None
    assert process_program(pid) == ""


def test_environment_and_program(sleeper) -> None:
    wait_for_state(sleeper.pid, "S")
    assert process_environment(sleeper.pid) == {"MAIL_CONFIG": "/etc/post fix", "B": "x=y"}
    assert process_program(sleeper.pid) == os.path.realpath("/bin/sleep")


def test_a_replaced_program_keeps_its_path(tmp_path: Path) -> None:
    program = tmp_path / "sleep"
    program.write_bytes(Path("/bin/sleep").read_bytes())
    program.chmod(0o755)
    process = subprocess.Popen([str(program), "600"])
    try:
        wait_for_state(process.pid, "S")
        program.unlink()
        assert process_program(process.pid) == str(program)
    finally:
        process.kill()
        process.wait()


@pytest.mark.parametrize("name", ["pid/master.pid", "master.lock"])
def test_only_a_held_lock_counts(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT)
    try:
        assert master_files(os.getpid())[1] == []
        fcntl.flock(descriptor, fcntl.LOCK_SH)
        assert master_files(os.getpid())[1] == []
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        assert master_files(os.getpid())[1] == [str(path)]
        places = lock_places(os.getpid(), str(descriptor))
        assert master_files(os.getpid(), places)[1] == [str(path)]
        assert master_files(os.getpid(), [places[0] + "1"])[1] == [], "the name alone proves nothing"
        path.unlink()  # a lost pid file: the lock is held on what has no name any more
        assert master_files(os.getpid())[1] == [f"{path} (deleted)"]
        assert master_files(os.getpid(), places)[1] == [f"{path} (deleted)"]
    finally:
        os.close(descriptor)


def test_missing_addresses() -> None:
    assert missing_addresses(["127.0.0.1", "0.0.0.0", "::"]) == []
    assert missing_addresses(["203.0.113.77", "127.0.0.1"]) == ["203.0.113.77"]
    assert missing_addresses(["2001:db8::77"]) == ["2001:db8::77"]
    assert missing_addresses([]) == []


def test_boot_id() -> None:
    assert boot_id() == Path("/proc/sys/kernel/random/boot_id").read_text().strip()


HALF_DEAD = """
import ctypes, os, threading, time
def go_on():
    while open(f"/proc/self/task/{os.getpid()}/stat").read().rpartition(")")[2].split()[0] != "Z":
        time.sleep(0.01)
    os.write(1, b"ready\\n")
    time.sleep(600)
threading.Thread(target=go_on).start()
ctypes.CDLL(None).syscall(60, 0)
"""


@pytest.fixture
def half_dead():
    with subprocess.Popen([sys.executable, "-IS", "-c", HALF_DEAD], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        yield process
        process.kill()


def test_a_process_whose_first_thread_has_ended_lives(half_dead) -> None:
    stat = process_stat(half_dead.pid)
    assert stat is not None
    assert stat.state == "Z"
    assert not stat.is_dead
    assert process_program(half_dead.pid) == ""
    place = living_place(half_dead.pid)
    assert process_program(place) == os.path.realpath(sys.executable)


def test_a_process_that_has_ended_has_no_living_place(sleeper) -> None:
    assert living_place(sleeper.pid) == sleeper.pid
    sleeper.kill()
    wait_for_state(sleeper.pid, "Z")
    assert living_place(sleeper.pid) == 0
    stat = process_stat(sleeper.pid)
    assert stat is not None
    assert stat.is_dead


def test_the_real_uid_and_the_children(sleeper) -> None:
    assert real_uid(sleeper.pid) == os.getuid()
    before = forks()
    subprocess.run(["/bin/true"], check=True)
    assert 0 < before < forks(), "a new process is counted"
    assert near([sleeper.pid], [os.getuid()]) == [sleeper.pid]
    assert sleeper.pid in (process_children(os.getpid()) or [])


def test_a_list_longer_than_a_page_is_read_whole() -> None:
    """The kernel gives a page of it at a time."""
    children = [subprocess.Popen(["/bin/sleep", "600"]) for _ in range(1200)]
    try:
        assert {child.pid for child in children} <= set(process_children(os.getpid()) or [])
    finally:
        for child in children:
            child.kill()
        for child in children:
            child.wait()
