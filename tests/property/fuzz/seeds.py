"""Seeds: inputs that once were too much for the program, one file each, told of in README.md beside them."""

import hashlib
import re
from pathlib import Path

from tests.property.fuzz.hunt import Found
from tests.property.fuzz.target import Target

SEEDS = Path(__file__).resolve().parents[1] / "seeds"
README = SEEDS / "README.md"
LINE = re.compile(r"^\| `([^`/]+)/([^`]+)` \|", re.MULTILINE)


def kept() -> "list[tuple[str, str]]":
    """(target, name) of every seed file."""
    return sorted((path.parent.name, path.name) for path in SEEDS.glob("*/*") if path.is_file())


def listed() -> "list[tuple[str, str]]":
    """(target, name) of every seed that the README tells of."""
    return sorted(LINE.findall(README.read_text(encoding="utf-8")))


def write(place: Path, target: Target, found: Found) -> Path:
    """Write the input of a fault below the place; returns its file, which is named for the fault."""
    data = target.dump(found.value)
    words = re.sub(r"[^a-z0-9]+", "-", found.fault.kind.lower()).strip("-")[:50]
    path = place / target.name / f"{words}-{hashlib.sha256(data).hexdigest()[:6]}"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path
