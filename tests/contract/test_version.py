"""One version number, one oldest Python, one list of needs: what several files have to say, they say alike."""

import configparser
import re
from pathlib import Path

import pytest
from lxml import etree

from postfix_ha import __version__

CHECKOUT = Path(__file__).resolve().parents[2]
# PyPI's name of a library -> the package of Debian, Red Hat and SUSE.
DISTRIBUTED = {"psutil": "python3-psutil", "lxml": "python3-lxml", "dnspython": "python3-dnspython"}
# What RPM calls a library in whatever package a distribution has it: Red Hat names this one's package otherwise.
PROVIDED = {"python3dist(dnspython)": "python3-dnspython"}


def text(path: str) -> str:
    return (CHECKOUT / path).read_text(encoding="utf-8")


def first(pattern: str, path: str) -> str:
    found = re.search(pattern, text(path), re.MULTILINE)
    assert found, f"{path} has nothing like {pattern}"
    return found.group(1)


def setup() -> configparser.ConfigParser:
    found = configparser.ConfigParser()
    found.read_string(text("setup.cfg"))
    return found


def spec(tag: str) -> "list[str]":
    return re.findall(rf"^{tag}: +(.+)$", text("packaging/postfix-ha.spec"), re.MULTILINE)


def debian(field: str) -> "list[str]":
    """The names in a field of the binary package, each with its least version."""
    paragraph = text("debian/control").split("\n\n")[1]
    value = re.search(rf"^{field}: ((?:.+\n)(?: +.+\n)*)", paragraph, re.MULTILINE).group(1)
    return [word.strip() for word in value.split(",")]


@pytest.mark.parametrize(
    ("path", "pattern"),
    [
        ("CHANGELOG.md", r"^## \[(\d[^\]]*)\]"),
        ("debian/changelog", r"\Apostfix-ha \((.+)\) "),
        ("packaging/postfix-ha.spec", r"^Version: +(\S+)$"),
        ("packaging/postfix-ha.spec", r"^%changelog\n.* - (\S+)-1$"),
    ],
)
def test_the_newest_version_is_the_librarys(path: str, pattern: str) -> None:
    assert first(pattern, path) == __version__


def test_the_meta_data_has_the_version_and_setup_cfg_takes_it_from_the_library() -> None:
    assert etree.fromstring(text("metadata/postfix_ha.xml").encode()).get("version") == __version__
    assert setup()["metadata"]["version"] == "attr: postfix_ha.__version__"


def test_a_version_is_one_that_dpkg_rpm_and_pip_order_alike() -> None:
    assert re.fullmatch(r"\d+\.\d+\.\d+", __version__)


def test_the_oldest_python_is_the_same_everywhere() -> None:
    oldest = setup()["options"]["python_requires"].removeprefix(">=")
    assert setup()["mypy"]["python_version"] == oldest
    assert first(r'^target-version = "py(\d+)"$', "pyproject.toml") == oldest.replace(".", "")
    assert first(r"^X-Python3-Version: >= (.+)$", "debian/control") == oldest
    assert f"python3 >= {oldest}" in spec("Requires")
    assert f"Python {oldest} or newer" in text("README.md")


def test_each_package_needs_what_setup_cfg_needs_and_resource_agents() -> None:
    needed = {DISTRIBUTED[name] for name in setup()["options"]["install_requires"].split()} | {"resource-agents"}
    assert {name for name in debian("Depends") if not name.startswith("${")} == needed
    assert {name for name in spec("Requires") if ">=" not in name} == needed
    wanted = {DISTRIBUTED[name] for name in setup()["options.extras_require"]["mx"].split()}
    recommended = {PROVIDED.get(name, name) for name in spec("Recommends")}
    assert set(debian("Recommends")) == recommended == {"nftables", "pacemaker", "postfix"} | wanted
    assert set(debian("Suggests")) == set(spec("Suggests"))


def test_the_descriptions_agree() -> None:
    told = text("packaging/postfix-ha.spec").split("%description\n")[1].split("\n\n%prep")[0]
    described = re.search(r"^Description: .+\n((?: .+\n)+)", text("debian/control"), re.MULTILINE).group(1)
    assert described.replace("\n .\n", "\n\n").replace("\n ", "\n").strip() == told
    assert setup()["metadata"]["license"] == spec("License")[0] == first(r"^License: (.+)$", "debian/copyright")
