"""Running programs before a deadline."""

import os
import time
from pathlib import Path

import pytest

from postfix_ha.system.command import OUTPUT_MAX, run


def soon() -> float:
    return time.monotonic() + 10


def test_output_errors_and_exit_code_are_kept_apart() -> None:
    done = run(["/bin/sh", "-c", "echo out; echo err >&2; exit 7"], deadline=soon())
    assert (done.returncode, done.stdout, done.stderr, done.timed_out) == (7, b"out\n", b"err\n", False)


def test_the_environment_is_fixed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAIL_CONFIG", "/leak")
    done = run(["/usr/bin/env"], deadline=soon(), env={"X": "1"})
    assert sorted(done.stdout.split()) == [b"LC_ALL=C", b"PATH=/usr/sbin:/usr/bin:/sbin:/bin", b"X=1"]


def test_arguments_reach_no_shell() -> None:
    assert run(["/bin/echo", "$(id)", "; a"], deadline=soon()).stdout == b"$(id) ; a\n"


def test_a_program_that_is_not_there_or_no_program(tmp_path: Path) -> None:
    done = run(["/nonexistent/x"], deadline=soon())
    assert (done.returncode, done.stderr) == (127, b"/nonexistent/x: No such file or directory")
    (tmp_path / "x").write_text("")
    done = run([str(tmp_path / "x")], deadline=soon())
    assert (done.returncode, done.stderr) == (126, f"{tmp_path}/x: Permission denied".encode())
    assert run(["/bin/echo", "a\0b"], deadline=soon()).returncode == 126


def test_input_and_its_absence() -> None:
    assert run(["/bin/cat"], deadline=soon(), input=b"x" * 300_000).stdout == b"x" * 300_000
    assert run(["/bin/cat"], deadline=soon()).stdout == b""
    assert run(["/bin/true"], deadline=soon(), input=b"x" * 300_000).returncode == 0


def test_the_whole_session_is_killed_at_the_deadline(tmp_path: Path) -> None:
    script = f"sleep 61 & echo $! > {tmp_path}/pid; echo begun; wait"
    begin = time.monotonic()
    done = run(["/bin/sh", "-c", script], deadline=begin + 0.5)
    assert time.monotonic() - begin < 3
    assert (done.returncode, done.stdout, done.timed_out) == (None, b"begun\n", True)
    child = int((tmp_path / "pid").read_text())
    while time.monotonic() < begin + 5 and os.path.exists(f"/proc/{child}"):
        if Path(f"/proc/{child}/stat").read_text().rpartition(")")[2].split()[0] == "Z":
            break
        time.sleep(0.01)
    else:
        assert not os.path.exists(f"/proc/{child}")


def test_a_daemon_that_keeps_the_pipe_open_is_not_waited_for() -> None:
    begin = time.monotonic()
    done = run(["/bin/sh", "-c", "sleep 2 & echo done"], deadline=begin + 10)
    assert (done.returncode, done.stdout) == (0, b"done\n")
    assert time.monotonic() - begin < 1.5


def test_a_deadline_in_the_past_starts_nothing(tmp_path: Path) -> None:
    done = run(["/bin/touch", str(tmp_path / "x")], deadline=time.monotonic() - 1)
    assert done.timed_out
    assert not (tmp_path / "x").exists()


def test_a_killed_program_gives_the_signal() -> None:
    assert run(["/bin/sh", "-c", "kill -9 $$"], deadline=soon()).returncode == -9


def test_output_without_end_is_cut() -> None:
    done = run(["/bin/sh", "-c", "yes | head -c 30000000"], deadline=soon())
    assert (done.returncode, len(done.stdout)) == (0, OUTPUT_MAX)
