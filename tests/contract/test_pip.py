"""pip install: the library, the command and its data files, in an environment that knows nothing of the checkout."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from postfix_ha import __version__

CHECKOUT = Path(__file__).resolve().parents[2]
SOURCES = ("lib", "metadata", "agents", "setup.cfg", "pyproject.toml", "README.md", "LICENSE")
ENV = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/nonexistent", "PIP_NO_INDEX": "1"}


def run(*argv: object) -> str:
    done = subprocess.run(
        [str(word) for word in argv], env=ENV, cwd="/", capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A virtual environment that pip has installed a copy of the sources into, which is gone by now."""
    place = tmp_path_factory.mktemp("pip")
    sources = place / "sources"
    sources.mkdir()
    # pip builds in the folder that it is given, and this one is not the checkout's.
    run("cp", "-r", *(CHECKOUT / name for name in SOURCES), sources)
    # ``pip install .`` in two steps, with the build tools of ci/requirements.txt: nothing is fetched here.
    run(sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "-w", place, sources)
    run("rm", "-r", sources)
    run("/usr/bin/python3", "-m", "venv", "--system-site-packages", place / "env")
    run(place / "env/bin/python", "-m", "pip", "install", "--quiet", "--no-deps", *place.glob("*.whl"))
    return place / "env"


def test_the_command_is_there_with_all_that_it_reads(environment: Path) -> None:
    assert run(environment / "bin/postfix-ha", "--version") == f"postfix-ha {__version__}\n"
    page = run(environment / "bin/postfix-ha", "manual", "ocf_mail_postfix_ha")
    assert f"postfix\\-ha {__version__}".replace("\\", "") in page
    told = "from postfix_ha.cluster.model.templates import directory; print(directory())"
    found = Path(run(environment / "bin/python", "-I", "-c", told).strip())
    assert found == environment / "share/postfix-ha/metadata"
    names = {str(path.relative_to(CHECKOUT / "metadata")) for path in (CHECKOUT / "metadata").rglob("*.*")}
    assert {str(path.relative_to(found)) for path in found.rglob("*.*")} == names


def test_every_module_is_there(environment: Path) -> None:
    told = "import postfix_ha; print(postfix_ha.__path__[0])"
    library = Path(run(environment / "bin/python", "-I", "-c", told).strip())
    assert str(library).startswith(str(environment) + os.sep)
    names = {str(path.relative_to(CHECKOUT / "lib/postfix_ha")) for path in (CHECKOUT / "lib/postfix_ha").rglob("*.py")}
    assert {str(path.relative_to(library)) for path in library.rglob("*.py")} == names
