"""Nodes that tests pass on to each other for as long as each leaves them as it found them."""

from typing import Optional

import pytest

from tests.support.mail.check_node import CheckNode

# On a test that has run: whether it failed.
FAILED = pytest.StashKey[bool]()


class Shelf:
    """Where the node in use lies between two tests."""

    def __init__(self) -> None:
        self.node: Optional[CheckNode] = None

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
