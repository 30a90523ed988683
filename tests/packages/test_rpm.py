"""The RPM, as far as a Debian can prove it: contents, scripts, dependencies, and the agent from it at work.

Not proven here: that Red Hat's and SUSE's own packages satisfy the names, their SELinux policy, their Python versions.
"""

import re
from pathlib import Path

import pytest

from tests.support.machine.packagenode import NAME, Monitors, PackageNode, what_ci_install_puts
from tests.support.mail.node import AGENT

RPM = f"{NAME}-*.noarch.rpm"


@pytest.fixture
def bare(current: PackageNode) -> PackageNode:
    """A node that has what the package depends on, and not the package; Debian's rpm keeps a database of its own."""
    current.dpkg("--purge", NAME)
    current.manage("rpm", "--initdb")
    return current


def asked(node: PackageNode, *words: str) -> "list[str]":
    return node.manage("rpm", "--query", "--package", *words, node.package(RPM)).splitlines()


def test_dependencies_have_the_names_of_red_hat_and_suse(bare: PackageNode) -> None:
    required = set(asked(bare, "--requires"))
    assert {"python3 >= 3.9", "python3-lxml", "python3-psutil", "resource-agents"} <= required
    others = {line for line in required if not line.startswith(("python3", "resource-agents", "rpmlib("))}
    assert others == {"/bin/sh", "/usr/bin/python3", "util-linux"}
    assert set(asked(bare, "--recommends")) == {"nftables", "pacemaker", "postfix", "python3dist(dnspython)"}
    assert asked(bare, "--provides") == [f"{NAME} = {asked(bare, '--queryformat', '%{VERSION}-%{RELEASE}')[0]}"]


def test_no_script_touches_a_service(bare: PackageNode) -> None:
    scripts = "\n".join(asked(bare, "--scripts", "--triggers"))
    assert re.findall(r"^(\w+) scriptlet", scripts, re.MULTILINE) == ["preinstall", "postinstall", "postuninstall"]
    assert not re.search(r"systemctl|service|postfix (start|stop|reload)|pcs|crm|kill", scripts)


def test_it_holds_what_ci_install_puts(bare: PackageNode, packed_tree: Path, tmp_path: Path) -> None:
    bare.manage("rpm", "--install", "--nodeps", bare.package(RPM))
    listed = asked(bare, "--queryformat", "[%{FILEMODES:perms} %{FILENAMES}\n]")
    files = {line.split()[1]: line.split()[0] for line in listed if not line.startswith("d")}
    packed = {re.sub(r"(/man/.*)\.gz$", r"\1", name) for name in files if not name.endswith(".pyc")}
    documents = {name for name in packed if name.startswith(("/usr/share/doc/", "/usr/share/licenses/"))}
    assert {Path(name).name for name in documents} == {"README.md", "CHANGELOG.md", "LICENSE"}
    wanted = {
        name.replace("vendor-completions", "site-functions")
        for name in what_ci_install_puts(packed_tree, tmp_path / "stage")
    }
    assert packed - documents == wanted
    assert {files[AGENT], files["/usr/sbin/postfix-ha"]} == {"-rwxr-xr-x"}
    owners = set(asked(bare, "--queryformat", "[%{FILEUSERNAME}:%{FILEGROUPNAME}\n]"))
    assert owners == {"root:root"}


def test_the_agent_from_it_keeps_a_postfix(bare: PackageNode, packed_tree: Path) -> None:
    bare.manage("rpm", "--install", "--nodeps", bare.package(RPM))
    told = bare.run([AGENT, "meta-data"], env={}, check=True).stdout
    assert told == (packed_tree / "metadata/postfix_ha.xml").read_text()
    assert bare.agent("validate-all", level=0, interval_s=None).code == 0
    assert bare.agent("validate-all", level=10, interval_s=None).code == 0
    assert bare.probe().code == 7
    bare.started()
    assert [bare.agent("monitor", level=level, timeout_s=60).code for level in (0, 10, 20)] == [0, 0, 0]
    master = bare.master_identity()
    with Monitors(bare) as monitors:
        monitors.further()
        bare.manage("rpm", "--upgrade", "--nodeps", "--force", bare.package(RPM))
        monitors.further()
    assert monitors.failures() == []
    assert bare.master_identity() == master
    assert bare.agent("stop", timeout_s=60).code == 0
    assert bare.daemons() == []
    assert bare.manage("rpm", "--verify", "--nodeps", NAME) == "", "no file of the package has changed by being used"


def test_postfix_outlives_its_removal_and_nothing_else_does(bare: PackageNode) -> None:
    before = bare.files("/usr", "/etc")
    bare.manage("rpm", "--install", "--nodeps", bare.package(RPM))
    bare.started()
    master = bare.master_identity()
    assert not re.search("warning|error", bare.manage("rpm", "--erase", NAME))
    assert bare.master_identity() == master
    assert bare.greeting().startswith("220 ")
    left = {path for path in bare.files("/usr", "/etc") - before if "/__pycache__" not in path}
    # The folder of all licenses is a basic one of Red Hat's and SUSE's systems, which this system has not.
    assert {path for path in left if not path.startswith("/etc/postfix")} <= {"/usr/share/licenses"}
