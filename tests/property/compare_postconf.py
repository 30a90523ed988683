"""Many generated files against Postfix's own programs, on all processors: what ci/compare-postconf runs."""

import multiprocessing
import sys
import tempfile
import time
from pathlib import Path
from random import Random

from tests.property import config_generator, config_oracle, value_oracle

KINDS = {
    "main.cf": (config_generator.main_cf, config_oracle.main_difference, 1),
    "master.cf": (config_generator.master_cf, config_oracle.master_difference, 1),
    "values of main.cf": (value_oracle.main_cf_of_values, value_oracle.value_difference, 2),
    "main.cf of raw bytes": (config_generator.raw_bytes, config_oracle.main_difference, 10),
    "master.cf of raw bytes": (config_generator.raw_bytes, config_oracle.master_difference, 10),
}
SLICE = 250
SHOWN_MAX = 10


def compare_slice(task: "tuple[str, int, int]") -> "tuple[int, list[str]]":
    """(files compared, differences) for some seeds of one kind."""
    kind, first, count = task
    generate, difference, _ = KINDS[kind]
    found = []
    with tempfile.TemporaryDirectory() as directory:
        for seed in range(first, first + count):
            data = generate(Random(seed))
            text = difference(data, Path(directory))
            if text:
                found.append(f"seed {seed}: {text[:2000]}\n  file: {data!r}")
    return count, found


def main(arguments: "list[str]") -> int:
    """Compare, tell the progress, and return the exit status."""
    files = int(arguments[0]) if arguments else 20_000
    seed = int(arguments[1]) if len(arguments) > 1 else int(time.time()) // 86_400 * 1_000_000
    differences = 0
    with multiprocessing.Pool() as pool:
        for kind, (_, _, share) in KINDS.items():
            begin, done, end = time.monotonic(), 0, seed + files // share
            tasks = [(kind, first, min(SLICE, end - first)) for first in range(seed, end, SLICE)]
            for count, found in pool.imap_unordered(compare_slice, tasks):
                done += count
                for text in found[: max(0, SHOWN_MAX - differences)]:
                    print(f"\n{kind}: {text}")
                differences += len(found)
                if sys.stdout.isatty():
                    print(f"\r{kind}: {done} of {files // share}", end="", flush=True)
            print(f"\r{kind}: {done} files from seed {seed} in {time.monotonic() - begin:.0f} s")
    print(f"{differences} differences from postconf" if differences else "no difference from postconf")
    return 1 if differences else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
