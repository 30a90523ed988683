"""The private node's files: what is written from outside never leaves the node."""

import os
from pathlib import Path

import pytest

from tests.support.machine.linux import open_in_root
from tests.support.machine.node import Node

KERNEL_PATHS = (
    "/proc/sys/net/ipv6/conf/all/disable_ipv6",
    "/sys/kernel/x",
    "proc/sys/x",
    "//proc/self/oom_score_adj",
    "/etc/../proc/sys/x",
    "/./sys/x",
    "/proc",
)


@pytest.fixture
def node(tmp_path: Path) -> Node:
    """A node whose root is a plain directory: enough for its files."""
    node = Node("n1")
    node._root_fd = os.open(tmp_path, os.O_PATH)
    (tmp_path / "etc").mkdir()
    for name in ("proc", "sys"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "x").write_text("as it was")
    return node


@pytest.mark.parametrize("path", KERNEL_PATHS)
def test_what_is_the_kernel_s_is_not_written(node: Node, path: str) -> None:
    with pytest.raises(ValueError, match="machine below"):
        node.write(path, "1")
    with pytest.raises(ValueError, match="machine below"):
        node.append(path, "1")


@pytest.mark.parametrize("flags", [os.O_WRONLY, os.O_RDWR, os.O_WRONLY | os.O_CREAT])
def test_nor_opened_for_writing(node: Node, flags: int, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="machine below"):
        open_in_root(node._root_fd, "/proc/x", flags)
    assert (tmp_path / "proc" / "x").read_text() == "as it was"


def test_it_can_be_read_and_all_else_can_be_written(node: Node, tmp_path: Path) -> None:
    assert node.read("/proc/x") == "as it was"
    for path in ("/etc/processes", "/etc/proc", "/system"):
        node.write(path, "1")
        assert (tmp_path / path[1:]).read_text() == "1"
