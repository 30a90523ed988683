"""A node that tests pass on to each other for as long as each leaves it as it found it."""

from collections.abc import Iterator

import pytest

from tests.support.machine.shelf import FAILED, Shelf
from tests.support.mail.check_node import CheckNode


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


@pytest.fixture
def clean_node(shelf: Shelf, request: pytest.FixtureRequest) -> "Iterator[CheckNode]":
    """A node that nothing stands against; the test leaves it so, or fails, and then the next one gets another."""
    yield shelf.take()
    if request.node.stash.get(FAILED, True):
        shelf.drop()
