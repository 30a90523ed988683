"""The command where a library that it needs is missing or broken: one line that says what to install."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.machine.node import CHECKOUT

START = f"import sys; sys.path.insert(0, '{CHECKOUT}/lib'); from postfix_ha.cli.main import main; sys.exit(main())"
# A Python that has no packages but its own; its prefix is the system's, as that of /usr/bin/python3.
BARE = (sys.executable, "-IS", "-c")


def run(*words: str, first: "Path | None" = None) -> "subprocess.CompletedProcess[str]":
    script = f"import sys; sys.path.insert(0, {str(first)!r}); " + START if first else START
    return subprocess.run([*BARE, script, *words], capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL)


def one_line(done: "subprocess.CompletedProcess[str]") -> str:
    assert (done.returncode, done.stdout) == (2, ""), done.stderr
    assert done.stderr.startswith("postfix-ha: ")
    assert done.stderr.count("\n") == 1, done.stderr
    assert "Traceback" not in done.stderr
    return done.stderr


@pytest.mark.parametrize("words", [(), ("--help",), ("--version",), ("status",), ("create", "--help"), ("manual",)])
def test_both_missing(words: "tuple[str, ...]") -> None:
    told = one_line(run(*words))
    assert "lxml and psutil" in told
    assert "python3-lxml python3-psutil" in told or "pip install lxml psutil" in told


@pytest.mark.parametrize("present", ["lxml", "psutil"])
def test_one_missing_is_named_alone(tmp_path: Path, present: str) -> None:
    library = __import__(present)
    os.symlink(os.path.dirname(library.__file__), tmp_path / present)
    missing = {"lxml": "psutil", "psutil": "lxml"}[present]
    told = one_line(run("status", first=tmp_path))
    assert f" cannot load {missing} (" in told
    assert f"install python3-{missing}\n" in told or f"install {missing}\n" in told


def test_one_that_is_broken_is_named_with_what_is_wrong(tmp_path: Path) -> None:
    (tmp_path / "lxml").mkdir()
    (tmp_path / "lxml/__init__.py").touch()
    (tmp_path / "psutil.py").touch()
    told = one_line(run("--help", first=tmp_path))
    assert "cannot load lxml (cannot import name 'etree'" in told


def test_check_and_facts_need_none(tmp_path: Path) -> None:
    for name in ("check", "facts"):
        done = run(name, "--help")
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout.startswith(f"usage: postfix-ha {name}")


def test_an_error_of_our_own_before_the_command_begins_is_one_line(tmp_path: Path) -> None:
    """A library half there, as in the middle of an upgrade."""
    shutil.copytree(CHECKOUT / "lib/postfix_ha", tmp_path / "postfix_ha")
    (tmp_path / "postfix_ha/cli/commands/status.py").unlink()
    for name in ("lxml", "psutil"):
        os.symlink(os.path.dirname(__import__(name).__file__), tmp_path / name)
    start = START.replace(f"{CHECKOUT}/lib", str(tmp_path))
    done = subprocess.run([*BARE, start, "--help"], capture_output=True, text=True, timeout=60)
    assert "postfix_ha.cli.commands.status" in one_line(done)
