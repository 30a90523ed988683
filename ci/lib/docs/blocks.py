"""The command blocks of README and docs, and what the comment before each of them says of who runs it.

A comment is not shown when the page is rendered. It stands alone before its block:

    <!-- run: STORY[, STORY...] [on NODE|on every node] [anew] [then FACT] -->
    <!-- run by: FILE -->
    <!-- not run: REASON -->
    <!-- text -->

The blocks of a story are run in the order of the pages, on node n1 if none is named; ``anew``: what the story has made
so far is taken down before; the fact is looked at afterwards (ci/lib/docs/stage.py knows them). ``run by`` names
a script or test that runs the same commands, REASON is one of the few that a test allows, and a text has no commands.
"""

import re
from dataclasses import dataclass
from pathlib import Path

from markdown_it import MarkdownIt

CHECKOUT = Path(__file__).resolve().parents[3]
RUN = re.compile(
    r"run: (?P<stories>[a-z0-9-]+(?:, [a-z0-9-]+)*)"
    r"(?: on (?P<place>every node|n\d))?(?P<anew> anew)?(?: then (?P<fact>[^,]+))?"
)
KINDS = {"run by": re.compile(r"run by: (?P<detail>\S+)"), "not run": re.compile(r"not run: (?P<detail>.+)")}


@dataclass(frozen=True)
class Block:
    """One block: where it stands, what is in it, and what its comment says."""

    page: str
    line: int
    text: str
    comment: str
    kind: str = ""
    detail: str = ""
    stories: "tuple[str, ...]" = ()
    place: str = ""
    anew: bool = False
    fact: str = ""

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"


def pages() -> "list[Path]":
    """README and all pages of docs."""
    return [CHECKOUT / "README.md", *sorted((CHECKOUT / "docs").glob("*.md"))]


def blocks_of(page: Path) -> "list[Block]":
    """The blocks of a page, in its order."""
    found, comment = [], ""
    for token in MarkdownIt("commonmark").parse(page.read_text(encoding="utf-8")):
        if token.type in ("code_block", "fence"):
            name = str(page.relative_to(CHECKOUT))
            found.append(_block(name, token.map[0] + 1, token.content, comment))
        text = token.content.strip()
        is_comment = token.type == "html_block" and text.startswith("<!--") and text.endswith("-->")
        comment = text[len("<!--") : -len("-->")].strip() if is_comment else ""
    return found


def all_blocks() -> "list[Block]":
    """The blocks of all pages."""
    return [block for page in pages() for block in blocks_of(page)]


def _block(page: str, line: int, text: str, comment: str) -> Block:
    match = RUN.fullmatch(comment)
    if match:
        said = match.groupdict()
        stories = tuple(said["stories"].split(", "))
        place, fact = said["place"] or "", said["fact"] or ""
        return Block(page, line, text, comment, "run", "", stories, place, bool(said["anew"]), fact)
    if comment == "text":
        return Block(page, line, text, comment, "text")
    for kind, pattern in KINDS.items():
        match = pattern.fullmatch(comment)
        if match:
            return Block(page, line, text, comment, kind, match["detail"])
    return Block(page, line, text, comment)
