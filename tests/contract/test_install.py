"""ci/install and ci/uninstall: what is put works whatever the caller's environment, and all of it goes again."""

import os
import re
import subprocess
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[2]
PATH = "/usr/sbin:/usr/bin:/sbin:/bin"


def run(argv, env):
    """Run a command without standard input, with exactly this environment."""
    return subprocess.run(
        [str(word) for word in argv],
        env=env,
        cwd="/",
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
    )


def files_below(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if not path.is_dir())


def folders_below(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_dir())


@pytest.fixture
def staged(tmp_path):
    """A staging directory, as a package builder uses it; returns it and the environment for both scripts."""
    return tmp_path / "stage", {"PATH": PATH, "DESTDIR": str(tmp_path / "stage")}


@pytest.fixture
def installed(tmp_path):
    """An installation below a prefix of its own, which runs without root; returns agent, command and environment."""
    prefix = tmp_path / "usr"
    env = {"PATH": PATH, "PREFIX": str(prefix), "OCF_ROOT": str(prefix / "lib/ocf")}
    done = run([CHECKOUT / "ci/install"], env)
    assert done.returncode == 0, done.stderr
    return prefix / "lib/ocf/resource.d/mail/postfix_ha", prefix / "sbin/postfix-ha", env


def test_staged_installation_has_the_documented_places(staged):
    stage, env = staged
    done = run([CHECKOUT / "ci/install"], env)
    assert (done.returncode, done.stderr) == (0, "")
    found = files_below(stage)
    assert {
        "usr/lib/ocf/resource.d/mail/postfix_ha",
        "usr/sbin/postfix-ha",
        "usr/share/postfix-ha/lib/postfix_ha/agent.py",
        "usr/share/postfix-ha/metadata/postfix_ha.xml",
    } <= set(found)
    for script in ("usr/lib/ocf/resource.d/mail/postfix_ha", "usr/sbin/postfix-ha"):
        assert (stage / script).stat().st_mode & 0o777 == 0o755
    assert not [name for name in found if name.endswith(".new")]


def test_every_module_is_installed_and_compiled_for_its_final_place(staged):
    stage, env = staged
    assert run([CHECKOUT / "ci/install"], env).returncode == 0
    library = stage / "usr/share/postfix-ha/lib"
    wanted = {str(path.relative_to(CHECKOUT / "lib")) for path in (CHECKOUT / "lib/postfix_ha").rglob("*.py")}
    assert {name for name in files_below(library) if name.endswith(".py")} == wanted
    compiled = list(library.rglob("*.pyc"))
    assert len(compiled) == len(wanted)
    for path in compiled:
        source = path.parent.parent / (path.name.split(".")[0] + ".py")
        head = path.read_bytes()[:16]
        assert head[4:8] == bytes(4), "compiled with a hash, not with the time of the source"
        assert int.from_bytes(head[8:12], "little") == int(source.stat().st_mtime) & 0xFFFFFFFF, f"{path} is stale"
        assert os.fsencode(stage) not in path.read_bytes(), f"{path} names the staging directory"


def test_uninstall_leaves_nothing(staged):
    stage, env = staged
    assert run([CHECKOUT / "ci/install"], env).returncode == 0
    done = run([CHECKOUT / "ci/uninstall"], env)
    assert (done.returncode, done.stderr) == (0, "")
    assert files_below(stage) + folders_below(stage) == []


def test_uninstall_spares_what_was_there_before(staged):
    stage, env = staged
    foreign = stage / "usr/lib/ocf/resource.d/mail/other-agent"
    foreign.parent.mkdir(parents=True)
    foreign.write_text("#!/bin/sh\n")
    (stage / "usr/sbin").mkdir()
    assert run([CHECKOUT / "ci/install"], env).returncode == 0
    assert run([CHECKOUT / "ci/install"], env).returncode == 0
    assert run([CHECKOUT / "ci/uninstall"], env).returncode == 0
    assert files_below(stage) == ["usr/lib/ocf/resource.d/mail/other-agent"]
    assert (stage / "usr/sbin").is_dir(), "an empty folder that was there before is not ours to remove"


def test_a_new_installation_removes_what_only_the_old_one_had(staged):
    stage, env = staged
    assert run([CHECKOUT / "ci/install"], env).returncode == 0
    gone = stage / "usr/share/postfix-ha/lib/postfix_ha/gone.py"
    gone.write_text("")
    with (stage / "usr/share/postfix-ha/manifest").open("a") as manifest:
        manifest.write("/usr/share/postfix-ha/lib/postfix_ha/gone.py\n")
    assert run([CHECKOUT / "ci/install"], env).returncode == 0
    assert not gone.exists()


def test_uninstall_without_an_installation_says_where_it_looked(staged):
    stage, env = staged
    done = run([CHECKOUT / "ci/uninstall"], env)
    assert done.returncode == 1
    assert f"{stage}/usr/share/postfix-ha/manifest" in done.stderr
    assert done.stderr.count("\n") == 1


def test_install_refuses_a_prefix_that_it_could_not_write_into_its_scripts(staged):
    _, env = staged
    done = run([CHECKOUT / "ci/install"], {**env, "PREFIX": "/usr/lo|cal"})
    assert done.returncode == 1
    assert "PREFIX='/usr/lo|cal'" in done.stderr


@pytest.mark.parametrize(
    "env",
    [
        pytest.param({}, id="empty"),
        pytest.param({"PYTHONPATH": "/nonsense", "PYTHONHOME": "/nonsense"}, id="pythonpath"),
        pytest.param({"LANG": "C", "LC_ALL": "C"}, id="lang-c"),
        pytest.param({"LC_ALL": "xx_YY.nonsense"}, id="unknown-locale"),
        pytest.param({"PATH": ""}, id="empty-path"),
        pytest.param({"PATH": PATH, "HOME": "/nonexistent", "PYTHONSTARTUP": "/nonsense"}, id="no-home"),
    ],
)
def test_installed_agent_answers_meta_data_in_any_environment(installed, env):
    agent, _, _ = installed
    done = run([agent, "meta-data"], env)
    assert (done.returncode, done.stderr) == (0, "")
    assert '<resource-agent name="postfix_ha"' in done.stdout
    assert done.stdout.rstrip().endswith("</resource-agent>")
    reference = run([CHECKOUT / "agents/postfix_ha", "meta-data"], {"PATH": PATH})
    assert done.stdout == reference.stdout, "installed and checked out, the agent says the same"


def test_modules_on_pythonpath_do_not_get_into_the_agent(installed, tmp_path):
    agent, _, _ = installed
    for name in ("os", "postfix_ha", "sitecustomize", "lxml"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit(99)\n")
    done = subprocess.run(
        [str(agent), "meta-data"], env={"PYTHONPATH": str(tmp_path)}, cwd=tmp_path, capture_output=True, timeout=60
    )
    assert done.returncode == 0, done.stderr


def test_installed_agent_uses_the_installed_library_alone(installed):
    agent, _, env = installed
    library = Path(env["PREFIX"]) / "share/postfix-ha/lib"
    library.rename(library.with_name("moved"))
    done = run([agent, "meta-data"], {})
    assert done.returncode == 5
    assert re.fullmatch(r"ocf-exit-reason:[^\n]*" + re.escape(str(library)) + r"[^\n]*\n", done.stderr)


def test_installed_command_runs_in_any_environment(installed):
    _, command, _ = installed
    done = run([command, "--version"], {"PYTHONPATH": "/nonsense", "LANG": "C"})
    version = re.search(r'__version__ = "(.+)"', (CHECKOUT / "lib/postfix_ha/__init__.py").read_text()).group(1)
    assert (done.returncode, done.stdout.strip()) == (0, f"postfix-ha {version}"), done.stderr
