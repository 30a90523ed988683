"""A node that tests pass on to each other for as long as each leaves it as it found it."""

from collections.abc import Iterator

import pytest

from tests.support.checknode import CheckNode


class Shelf:
    """Where the node in use lies between two tests."""

    def __init__(self) -> None:
        self.node: "CheckNode | None" = None

    def take(self) -> CheckNode:
        """The node that the last test left clean, or a new one."""
        if self.node is None:
            self.node = CheckNode()
            self.node.boot()
        return self.node

    def drop(self) -> None:
        """End the node."""
        if self.node is not None:
            self.node.kill()
            self.node = None


@pytest.fixture(scope="module")
def shelf() -> "Iterator[Shelf]":
    shelf = Shelf()
    yield shelf
    shelf.drop()


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> "Iterator[None]":
    """Note on the test how it went, for its fixtures."""
    outcome = yield
    report = outcome.get_result()
    if report.when == "call":
        item.stash[FAILED] = report.failed


FAILED = pytest.StashKey[bool]()


@pytest.fixture
def clean_node(shelf: Shelf, request: pytest.FixtureRequest) -> "Iterator[CheckNode]":
    """A node that nothing stands against; the test leaves it so, or fails, and then the next one gets another."""
    yield shelf.take()
    if request.node.stash.get(FAILED, True):
        shelf.drop()
