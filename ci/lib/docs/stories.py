"""The stories that README's and docs' command blocks tell, each with what has to be there before its first block."""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Callable

from ci.lib.docs.blocks import Block, all_blocks
from ci.lib.docs.stage import Stage

Story = Callable[[Stage, "Sequence[Block]"], None]
# "In ten minutes": what a reader types and reads takes the rest, so the cluster has half of it.
START_S = 300
CREATE, CREATE_MAIL = "postfix-ha create --yes\n", "postfix-ha create --yes --resource mail\n"
OURS, SHELL = "ocf:mail:postfix_ha", "ocf:heartbeat:postfix"


def play(stage: Stage, blocks: "Sequence[Block]") -> None:
    """All blocks, one after another."""
    assert blocks
    for block in blocks:
        stage.play(block)


def start(stage: Stage, blocks: "Sequence[Block]") -> None:
    """The README's start: from a fresh installation to a service that has moved, in the time that it promises."""
    begin = time.monotonic()
    play(stage, blocks)
    assert time.monotonic() - begin < START_S
    assert [block.fact for block in blocks if block.fact][-1] == "serves on n2"


def with_service(stage: Stage, blocks: "Sequence[Block]") -> None:
    """Blocks that begin where the first configuration, made by create as ``mail``, has got to."""
    for block in _until("standby", CREATE):
        stage.play(block, **{CREATE: CREATE_MAIL})
    play(stage, blocks)


def with_shell_agent(stage: Stage, blocks: "Sequence[Block]") -> None:
    """The same with the agent in place that is to be exchanged, made by pcs."""
    for block in _until("standby", "cib-push"):
        if CREATE not in block.text:
            stage.play(block, **{OURS: SHELL})
    play(stage, blocks)


def _until(story: str, words: str) -> "list[Block]":
    """The blocks of a story up to the first that has these words."""
    found: "list[Block]" = []
    for block in all_blocks():
        if story in block.stories:
            found.append(block)
            if words in block.text:
                return found
    raise LookupError(f"no block of the story {story} has '{words}'")


def is_installed(root: Path) -> None:
    """What ci/install puts is below the scratch root, or ci/uninstall has taken all of it off again."""
    assert not [path for path in root.rglob("*") if path.is_file()]


LAB_STORIES: "dict[str, Story]" = {
    "start-create": start,
    "start-pcs": start,
    "start-crm": start,
    "standby": play,
    "shared": play,
    "both": play,
    "link": play,
    "spool": play,
    "lifekeeper": play,
    "changeover": with_shell_agent,
    "service": with_service,
    "timeouts-pcs": with_service,
    "timeouts-crm": with_service,
}
# Story -> what has to be so at its end, in the scratch directory that DESTDIR names.
SCRATCH_STORIES: "dict[str, Callable[[Path], None]]" = {"install": is_installed}
