"""One target in a process of its own, which prints one JSON line: TARGET SECONDS SEED PLACE."""

import json
import resource
import sys
import time
from pathlib import Path

from tests.property.fuzz import seeds
from tests.property.fuzz.hunt import Hunt
from tests.property.fuzz.registry import TARGETS

ADDRESS_SPACE = 4 << 30


def main(name: str, seconds: str, seed: str, place: str) -> int:
    """Hunt, and write a seed for each kind of fault."""
    resource.setrlimit(resource.RLIMIT_AS, (ADDRESS_SPACE, ADDRESS_SPACE))
    hunt = Hunt(TARGETS[name], Path(place) / f"{name}.current")
    hunt.until(time.monotonic() + float(seconds), int(seed))
    hunt.make_small()
    found = [
        [kind, found.fault.text, str(seeds.write(Path(place), hunt.hunted, found))]
        for kind, found in hunt.found.items()
    ]
    print(json.dumps({"target": name, "inputs": hunt.drawn, "found": found}), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
