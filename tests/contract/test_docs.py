"""README and docs: every command block is run by a test, made pages are current, links lead somewhere."""

import re
import subprocess
from collections import Counter

import pytest
from markdown_it import MarkdownIt

from ci.lib.docs.blocks import CHECKOUT, all_blocks, blocks_of, pages
from ci.lib.docs.figures import DEMO, MOVE, figures_table, kept_figures
from ci.lib.docs.pages import LIFEKEEPER, made_pages, merged_figures
from ci.lib.docs.stories import LAB_STORIES, SCRATCH_STORIES
from postfix_ha.messages.catalogue import ROWS

# Why a block may be run by no test; no other reason counts.
REASONS = {
    "it fetches packages from the network",
    "the commands of SELinux on Red Hat",
    "it measures for minutes on a machine that must be quiet",
    "it needs half an hour and a machine of its own",
}
# The first words of what is to be run, and not only to be read.
COMMANDS = re.compile(
    r"^\s*(?:\$ )?(pcs|crm\w*|cibadmin|post\w+(?:-ha)?|ci/\w+|apt-get|systemctl|mount|ip|mkdir)\s", re.M
)
PATH = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}
BLOCKS = all_blocks()


@pytest.mark.parametrize("block", BLOCKS, ids=str)
def test_each_block_says_who_runs_it(block):
    assert block.kind, f"no comment, or none that is known: '{block.comment}' (ci/lib/docs/blocks.py has the forms)"
    if block.kind == "not run":
        assert block.detail in REASONS
    elif block.kind == "run by":
        runner = (CHECKOUT / block.detail).read_text(encoding="utf-8")
        commands = [line.split("#")[0].split()[0] for line in block.text.splitlines() if line.strip()]
        assert [command for command in commands if command not in runner] == []
    elif block.kind == "text":
        assert not COMMANDS.search(block.text), "a command that nobody runs"
    else:
        assert block.stories
        assert set(block.stories) <= {*LAB_STORIES, *SCRATCH_STORIES}, "a story that no test tells"


def test_each_story_has_blocks_and_each_on_the_cluster_ends_with_a_fact():
    told = Counter(story for block in BLOCKS for story in block.stories)
    assert set(told) == {*LAB_STORIES, *SCRATCH_STORIES}
    for story in LAB_STORIES:
        facts = [block.fact for block in BLOCKS if story in block.stories if block.fact]
        assert facts, story


def test_a_block_without_a_story_is_noticed(tmp_path, monkeypatch):
    page = CHECKOUT / "docs" / "configurations.md"
    bare = re.sub(r"<!-- run: standby on every node -->\n", "", page.read_text(encoding="utf-8"))
    monkeypatch.setattr("ci.lib.docs.blocks.CHECKOUT", tmp_path)
    (tmp_path / "page.md").write_text(bare, encoding="utf-8")
    blocks = blocks_of(tmp_path / "page.md")
    assert [block.kind for block in blocks].count("") == 1
    assert "postconf -e" in next(block.text for block in blocks if not block.kind)


@pytest.mark.parametrize("story", SCRATCH_STORIES)
def test_scratch_story(story, tmp_path):
    """What is installed is installed below a directory of its own."""
    for block in BLOCKS:
        if story in block.stories:
            script = ["sh", "-ec", f"cd '{CHECKOUT}'\n{block.text}"]
            done = subprocess.run(script, env={**PATH, "DESTDIR": str(tmp_path)}, capture_output=True, text=True)
            assert done.returncode == 0, f"{block}: {done.stdout}{done.stderr}"
    SCRATCH_STORIES[story](tmp_path)


@pytest.mark.parametrize("path", made_pages(merged_figures([])), ids=lambda path: path.name)
def test_made_pages_are_current(path):
    assert path.read_text(encoding="utf-8") == made_pages(merged_figures([]))[path], "run ci/docs and commit the page"


def test_each_check_has_one_entry_and_each_message_of_the_model_one_row():
    headings = re.findall(r"^### (\w+)$", (CHECKOUT / "docs/failures.md").read_text(encoding="utf-8"), re.M)
    assert headings == sorted(headings, key=[row.check for row in ROWS].index)
    assert set(headings) == {row.check for row in ROWS}
    rows = re.findall(r"^\| (\d+) \| .* \| \[`(\w+)`\]", LIFEKEEPER.read_text(encoding="utf-8"), re.M)
    assert [int(number) for number, _ in rows] == list(range(1, 22))
    assert {int(number): check for number, check in rows} == {row.model: row.check for row in ROWS if row.model}


def test_figures_come_from_what_was_measured():
    bench = {"figures": {"stop ours": {"wall_s": [0.2, 0.4, 0.3]}, "stop peer": {"wall_s": [1.5, 2.5, 2.0]}}}
    kept = kept_figures(bench)
    assert "| stop of an idle instance | 300 ms | 400 ms | 2.0 s | 2.5 s |\n" in figures_table(kept)
    with pytest.raises(ValueError, match="neither"):
        kept_figures({"growth": {}})


def test_the_demos_picture_is_of_the_same_product_as_the_figures():
    """One run, on a machine that may be busy, beside the last bench of moves; an older product would differ more."""
    kept = merged_figures([])
    (move,) = [event["gap_s"] for event in kept[DEMO]["events"] if event["event"] == "planned move"]
    assert kept[MOVE]["ours"]["median_s"] / 2 < move < 3 * kept[MOVE]["ours"]["worst_s"], "run ci/demo, then ci/docs"
    assert f">planned move: {move:.1f} s<" in (CHECKOUT / "docs/demo.svg").read_text(encoding="utf-8")


def test_a_demo_that_was_not_good_is_no_picture():
    report = {"good": False, "failure": "no quorum", "timeline": {}}
    with pytest.raises(ValueError, match="no quorum"):
        kept_figures(report)


def anchors(page):
    """The anchors of a page's headings, as GitHub makes them."""
    tokens = MarkdownIt("commonmark").parse(page.read_text(encoding="utf-8"))
    headings = [tokens[at + 1].content for at, token in enumerate(tokens) if token.type == "heading_open"]
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", pages(), ids=lambda page: page.name)
def test_links_lead_somewhere(page):
    found = re.findall(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf-8"))
    for link in found:
        if "://" in link:
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path) if path else page
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


@pytest.mark.parametrize("page", pages(), ids=lambda page: page.name)
def test_readme_leads_to_each_page(page):
    readme = (CHECKOUT / "README.md").read_text(encoding="utf-8")
    assert page.name == "README.md" or f"(docs/{page.name})" in readme
