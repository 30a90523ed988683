"""Every command block of README and docs, played on the real cluster: each story from its first block to its last."""

import pytest

from ci.lib.docs.blocks import all_blocks
from ci.lib.docs.stage import Stage
from ci.lib.docs.stories import LAB_STORIES


@pytest.mark.namespaces("further disks, plugged in while the nodes run")
@pytest.mark.parametrize("story", LAB_STORIES)
def test_story(site, story):
    """Each block succeeds where the page says, and what the page says of it comes true."""
    stage = Stage(site)
    try:
        LAB_STORIES[story](stage, [block for block in all_blocks() if story in block.stories])
    finally:
        stage.take_down()
