"""The Debian package in a fresh system: installed, at work, upgraded and removed under a running Postfix, purged."""

import re
from pathlib import Path

from tests.support.machine.node import CHECKOUT
from tests.support.machine.packagenode import NAME, Monitors, PackageNode, what_ci_install_puts
from tests.support.machine.waiting import wait_for
from tests.support.mail.ledger import MailClient
from tests.support.mail.node import AGENT

SNAPSHOT = "/run/resource-agents/postfix_ha-etc-postfix.snapshot"
RECOMPILED = f"/usr/share/python3/runtime.d/{NAME}.rtupdate"
# What Postfix, dpkg and other packages' Python code keep for themselves, and the log that the caller asks for.
NOT_OURS = re.compile(
    r"^/(run/resource-agents$|run/lock|var/(lib/(dpkg|postfix)|spool/postfix|cache|log))|/__pycache__"
)


def version_of(tree: Path) -> str:
    text = (tree / "lib/postfix_ha/__init__.py").read_text()
    return re.search(r'^__version__ = "(.+)"$', text, re.MULTILINE).group(1)


def installed_version(node: PackageNode) -> str:
    return node.run(["dpkg-query", "--show", "--showformat=${Version}", NAME], check=True).stdout


def test_apt_brings_what_the_agent_needs_and_recommends_what_it_is_for(made: Path) -> None:
    assert {"resource-agents", "python3-psutil", "python3-lxml"} <= set((made / "pulled").read_text().split())
    planned = set(re.findall(r"^Inst (\S+)", (made / "recommended").read_text(), re.MULTILINE))
    assert {NAME, "nftables", "postfix", "pacemaker", "resource-agents"} <= planned


def test_the_package_holds_what_ci_install_puts(current: PackageNode, packed_tree: Path, tmp_path: Path) -> None:
    listed = {path for path in current.dpkg("--listfiles", NAME).split("\n") if path}
    files = {re.sub(r"(/man/.*)\.gz$", r"\1", path) for path in listed - current_folders(current, listed)}
    documents = {path for path in files if path.startswith(f"/usr/share/doc/{NAME}/")}
    # Debian compiles the library anew when its Python changes; this is how it finds out.
    assert files - documents - {RECOMPILED} == what_ci_install_puts(packed_tree, tmp_path / "stage")
    assert {Path(path).name.removesuffix(".gz") for path in documents} == {
        "changelog",
        "CHANGELOG.md",
        "README.md",
        "copyright",
    }


def current_folders(node: PackageNode, paths: "set[str]") -> "set[str]":
    told = 'for path; do [ -d "$path" ] && printf "%s\\n" "$path"; done; :'
    return set(node.run(["sh", "-c", told, "sh", *sorted(paths)], check=True).stdout.splitlines())


def test_what_was_installed_is_unchanged_and_compiled(current: PackageNode, packed_tree: Path) -> None:
    assert current.dpkg("--verify", NAME) == ""
    library = current.files("/usr/share/postfix-ha/lib")
    sources = {path for path in library if path.endswith(".py")}
    compiled = {re.sub(r"__pycache__/(\w+)\.cpython-\d+\.pyc$", r"\1.py", path) for path in library if ".pyc" in path}
    assert sources == compiled
    assert installed_version(current) == version_of(packed_tree)


def test_command_agent_and_completions_are_found(current: PackageNode, packed_tree: Path) -> None:
    assert current.run(["postfix-ha", "--version"], check=True).stdout == f"postfix-ha {version_of(packed_tree)}\n"
    told = current.run([AGENT, "meta-data"], env={}, check=True).stdout
    assert told == (packed_tree / "metadata/postfix_ha.xml").read_text()
    loaded = "autoload -Uz compinit; compinit -u -d /tmp/zcompdump; print $_comps[postfix-ha]"
    assert current.run(["zsh", "-f", "-c", loaded], check=True).stdout == "_postfix-ha\n"
    sourced = f"""
        . /usr/share/bash-completion/completions/{NAME}
        [[ $(complete -p {NAME}) =~ -F\\ ([^ ]+) ]]
        COMP_WORDS=({NAME} stat) COMP_CWORD=1
        "${{BASH_REMATCH[1]}}"; echo "${{COMPREPLY[@]}}"
    """
    assert current.run(["bash", "-c", sourced], check=True).stdout == "status\n"


def test_the_installed_agent_keeps_a_postfix(current: PackageNode) -> None:
    assert current.probe().code == 7
    current.started()
    assert current.greeting().startswith("220 ")
    assert [current.agent("monitor", level=level, timeout_s=60).code for level in (0, 10, 20)] == [0, 0, 0]
    assert current.run(["postfix-ha", "check", "--level", "20"]).returncode in (0, 2)
    assert current.agent("stop", timeout_s=60).code == 0
    assert current.daemons() == []
    assert current.probe().code == 7


def test_an_upgrade_leaves_the_service_and_its_monitors_alone(previous: PackageNode, packed_tree: Path) -> None:
    previous.started()
    master, snapshot, old = previous.master_identity(), previous.read(SNAPSHOT), installed_version(previous)
    assert old != version_of(packed_tree)
    client = MailClient(previous)
    try:
        with Monitors(previous) as monitors:
            client.start()
            wait_for(lambda: client.ledger.acknowledged, 20, "the first message is acknowledged")
            # There and back and there again: the newer version's snapshot before the older one, too.
            for pattern in (f"{NAME}_*.deb", "previous/*.deb", f"{NAME}_*.deb"):
                monitors.further()
                previous.dpkg("--install", previous.package(pattern))
            monitors.further()
        ledger = client.stop()
    finally:
        client.close()
    assert installed_version(previous) == version_of(packed_tree)
    assert monitors.failures() == []
    assert ledger.failures() == {}
    assert previous.master_identity() == master
    assert previous.read(SNAPSHOT) == snapshot, "what the older version wrote is understood as it is"
    assert "program_sound" not in previous.cluster_log()
    assert previous.agent("stop", timeout_s=60).code == 0
    assert previous.daemons() == []


def test_a_snapshot_that_nobody_understands_is_no_failure_after_an_upgrade(previous: PackageNode) -> None:
    previous.started()
    previous.dpkg("--install", previous.package(f"{NAME}_*.deb"))
    previous.write(SNAPSHOT, "postfix_ha snapshot 0\nmaster 1\nend\n")
    assert [previous.agent("monitor", level=level, timeout_s=60).code for level in (0, 10, 20)] == [0, 0, 0]
    assert previous.agent("stop", timeout_s=60).code == 0
    assert previous.daemons() == []


def test_postfix_outlives_the_packages_removal(current: PackageNode) -> None:
    current.started()
    master = current.master_identity()
    client = MailClient(current)
    try:
        client.start()
        wait_for(lambda: client.ledger.acknowledged, 20, "the first message is acknowledged")
        said = current.dpkg("--remove", NAME)
        assert "warning" not in said
        assert not current.exists(AGENT)
        seen = len(client.ledger.acknowledged)
        wait_for(lambda: len(client.ledger.acknowledged) > seen + 20, 20, "the client sends on")
        ledger = client.stop()
    finally:
        client.close()
    assert ledger.failures() == {}
    assert current.master_identity() == master
    # Installed again, the agent takes up what it left.
    current.dpkg("--install", current.package(f"{NAME}_*.deb"))
    assert current.agent("monitor").code == 0
    assert current.agent("stop", timeout_s=60).code == 0
    assert current.daemons() == []


def test_a_purge_leaves_nothing(current: PackageNode) -> None:
    def everything() -> "set[str]":
        return {path for path in current.files("/usr", "/etc", "/opt", "/run", "/var") if not NOT_OURS.search(path)}

    current.dpkg("--purge", NAME)
    before = everything()
    assert [path for path in before if re.search(r"postfix[-_]ha", path)] == []
    current.dpkg("--install", current.package(f"{NAME}_*.deb"))
    current.started()
    assert current.agent("monitor", level=20, timeout_s=60).code == 0
    current.run(["postfix-ha", "check"])
    assert current.exists(SNAPSHOT)
    said = current.dpkg("--purge", NAME)
    assert "warning" not in said
    assert everything() - before == set()
    assert before - everything() == set()


def test_the_package_takes_over_from_ci_install(current: PackageNode) -> None:
    current.dpkg("--purge", NAME)
    current.run([str(CHECKOUT / "ci/install")], check=True)
    gone = "/usr/share/postfix-ha/lib/postfix_ha/gone.py"
    current.write(gone, "")
    current.append("/usr/share/postfix-ha/manifest", gone + "\n")
    current.dpkg("--install", current.package(f"{NAME}_*.deb"))
    assert not current.exists(gone)
    assert current.run([str(CHECKOUT / "ci/uninstall")]).returncode == 1, "nothing is left for it to remove"
    assert current.dpkg("--verify", NAME) == ""
    current.dpkg("--purge", NAME)
    assert not current.exists("/usr/share/postfix-ha")
