"""What a bare system of ci/fresh and ci/packages takes over from this machine."""

import subprocess
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]


def take_over(root: Path, *paths: Path) -> None:
    argv = ["bash", "-ec", '. ci/bare-root; take_over "$@"', "bash", str(root), *map(str, paths)]
    subprocess.run(argv, cwd=CHECKOUT, check=True, timeout=60)


def test_what_the_machine_says_and_not_what_its_packages_say(tmp_path: Path) -> None:
    """dpkg asks about a package's file that is there before the package, and fails when nobody answers."""
    own, root = tmp_path / "apt.conf.d", tmp_path / "root"
    own.mkdir()
    (own / "90 proxy").write_text('Acquire::http::Proxy "http://192.0.2.1:3142";\n')
    (own / "91link").symlink_to("90 proxy")
    of_a_package = Path("/etc/apt/apt.conf.d/01autoremove")
    assert of_a_package.is_file()
    take_over(root, own, of_a_package, tmp_path / "absent")
    assert sorted(path.name for path in root.rglob("*") if path.is_file()) == ["90 proxy", "91link"]
    assert not any(path.is_symlink() for path in root.rglob("*"))
