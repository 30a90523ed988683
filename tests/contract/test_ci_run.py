"""What .ci/run counts: its parts are stood in for, the script is the real one."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

FIVE = "echo 5 passed, 0 failed, 1 skipped"
CHECKOUT = Path(__file__).resolve().parents[2]


def run(tmp_path: Path, here: str, there: str) -> "subprocess.CompletedProcess[str]":
    for name, text in (
        (".ci/run", (CHECKOUT / ".ci/run").read_text()),
        ("ci/test", f"#!/bin/sh\n{here}\n"),
        ("ci/setup", "#!/bin/sh\nexit 0\n"),
        ("ci/fresh", f'#!/bin/sh\necho "$@" >asked\n{there}\n'),
    ):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
        path.chmod(0o755)
    assert shutil.which("bash")
    return subprocess.run(["bash", ".ci/run"], cwd=tmp_path, capture_output=True, text=True, timeout=60)


@pytest.mark.parametrize(
    ("here", "there", "last", "code"),
    [
        (
            "echo 5 passed, 0 failed, 1 skipped",
            "echo 3 passed, 0 failed, 2 skipped; echo more",
            "8 passed, 0 failed, 3",
            0,
        ),
        (
            "echo 5 passed, 0 failed, 1 skipped",
            "echo 2 passed, 1 failed, 2 skipped; exit 1",
            "7 passed, 1 failed, 3",
            1,
        ),
        (
            "echo 4 passed, 2 failed, 0 skipped; exit 1",
            "echo 3 passed, 0 failed, 0 skipped",
            "7 passed, 2 failed, 0",
            1,
        ),
        # The demo failed, or nothing was ever counted.
        (
            "echo 5 passed, 0 failed, 1 skipped",
            "echo 3 passed, 0 failed, 0 skipped; exit 1",
            "8 passed, 1 failed, 1",
            1,
        ),
        (FIVE, "exit 1", "5 passed, 1 failed, 1", 1),
        ("exit 1", "exit 0", "0 passed, 2 failed, 0", 1),
    ],
)
def test_the_closing_line_counts_both_releases(tmp_path: Path, here: str, there: str, last: str, code: int) -> None:
    done = run(tmp_path, here, there)
    assert done.stdout.splitlines()[-1] == f"{last} skipped"
    assert done.returncode == code, done.stderr


def test_the_other_release_is_a_bare_one(tmp_path: Path) -> None:
    run(tmp_path, "exit 0", "exit 0")
    asked = (tmp_path / "asked").read_text()
    own = re.search(r"VERSION_CODENAME=(\w+)", Path("/etc/os-release").read_text())
    assert asked.split()[1] in {"trixie", "bookworm"} - {own.group(1) if own else ""}
    assert asked.split()[2:] == ["both", "lint", "unit", "node"]
