"""Attacks: real attempts by users of a private node to make the agent err, hang, tell or harm."""

import contextlib
from collections.abc import Iterator

import pytest

from tests.attacks.attacker import Attacker
from tests.node.conftest import clean_node, pytest_runtest_makereport, shelf
from tests.node.judged import JudgedNode

__all__ = ["clean_node", "pytest_runtest_makereport", "shelf"]


@pytest.fixture
def node() -> "Iterator[JudgedNode]":
    """A node with Postfix configured and not started; each answer of its agent is judged."""
    with JudgedNode() as node:
        yield node


@pytest.fixture
def stack(node: JudgedNode) -> "Iterator[contextlib.ExitStack]":
    """Ends what a test has in the background."""
    with contextlib.ExitStack() as stack:
        yield stack


@pytest.fixture
def nobody(node: JudgedNode, stack: contextlib.ExitStack) -> Attacker:
    """Any local account, or any web application's."""
    return Attacker(node, stack, "nobody")


@pytest.fixture
def postfix(node: JudgedNode, stack: contextlib.ExitStack) -> Attacker:
    """A daemon of Postfix that was taken over: the account of mail_owner."""
    return Attacker(node, stack, "postfix")


@pytest.fixture(params=["nobody", "postfix"])
def attacker(request: pytest.FixtureRequest, node: JudgedNode, stack: contextlib.ExitStack) -> Attacker:
    """Both in turn."""
    return Attacker(node, stack, request.param)
