"""Nodes with the file systems that ci/packages made; each test has one of its own."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.machine.packagenode import PackageNode, roots


@pytest.fixture(scope="session")
def made() -> Path:
    """Where ci/packages left what it made and what it was told."""
    return Path(roots())


@pytest.fixture(scope="session")
def packed_tree(made: Path) -> Path:
    """The sources that the package was made from, which need not be those of the working tree."""
    return made / "build/root/postfix-ha"


@pytest.fixture
def current(made: Path) -> "Iterator[PackageNode]":
    """A bare Debian on which apt installed the package of today."""
    with PackageNode(str(made / "current")) as node:
        yield node


@pytest.fixture
def previous(made: Path) -> "Iterator[PackageNode]":
    """A bare Debian on which apt installed the version before it."""
    with PackageNode(str(made / "previous")) as node:
        yield node
