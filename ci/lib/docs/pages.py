"""The pages of docs/ that are made from something else, as they have to be now."""

import json
from pathlib import Path
from typing import Any

from ci.lib.demo.picture import Picture
from ci.lib.docs.failures import failures_page, messages_table
from ci.lib.docs.figures import DEMO, figures_table, kept_figures
from ci.lib.docs.manual import made_files
from ci.lib.docs.proof import PROOF, proof_picture, proof_text

DOCS = Path(__file__).resolve().parents[3] / "docs"
FIGURES, TIMEOUTS, FAILURES = DOCS / "figures.json", DOCS / "timeouts.md", DOCS / "failures.md"
LIFEKEEPER = DOCS / "from-lifekeeper.md"
README, PROOF_PICTURE = DOCS.parent / "README.md", DOCS / "prove.svg"
# The time line of the last demo, which is long: one line of a file of its own, and the picture of it.
DEMO_LINE, DEMO_PICTURE = DOCS / "demo.json", DOCS / "demo.svg"


def merged_figures(reports: "list[dict[str, Any]]") -> "dict[str, Any]":
    """The figures kept so far with those of newer reports in their place."""
    kept = json.loads(FIGURES.read_text(encoding="utf-8")) if FIGURES.exists() else {}
    if DEMO_LINE.exists():
        kept[DEMO] = json.loads(DEMO_LINE.read_text(encoding="utf-8"))
    for report in reports:
        kept.update(kept_figures(report))
    return dict(kept)


def made_pages(figures: "dict[str, Any]") -> "dict[Path, str]":
    """Path -> text of every made file."""
    return {
        FAILURES: failures_page(),
        FIGURES: json.dumps({name: kept for name, kept in figures.items() if name != DEMO}, indent=2) + "\n",
        TIMEOUTS: with_table(TIMEOUTS, "figures", figures_table(figures)),
        LIFEKEEPER: with_table(LIFEKEEPER, "messages", messages_table()),
        README: with_table(README, "faults", proof_text(figures[PROOF])),
        PROOF_PICTURE: proof_picture(figures[PROOF]),
        DEMO_LINE: json.dumps(figures[DEMO]) + "\n",
        DEMO_PICTURE: Picture(figures[DEMO]).draw(),
        **made_files(),
    }


def with_table(path: Path, name: str, table: str) -> str:
    """A page with a made table between the two comments of this name; ValueError where it has them not."""
    begin, end = f"<!-- {name}: made by ci/docs -->", f"<!-- end of {name} -->"
    before, found, rest = path.read_text(encoding="utf-8").partition(begin)
    _, closed, after = rest.partition(end)
    if not found or not closed:
        raise ValueError(f"{path} has no '{begin}' with '{end}' after it")
    return f"{before}{begin}\n\n{table}\n{end}{after}"
