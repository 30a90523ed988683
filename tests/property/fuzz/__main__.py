"""All targets side by side, one process each: what ci/fuzz runs."""

import argparse
import json
import os
import shutil
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.property.fuzz.known import is_open
from tests.property.fuzz.registry import TARGETS
from tests.property.fuzz.seeds import SEEDS

CHECKOUT = Path(__file__).resolve().parents[3]
PLACE = CHECKOUT / "report/fuzz"
# How long a process may take past its time: for the last input, and to make what it found small.
GRACE_S = 240.0
Result = dict[str, object]


def run(name: str, seconds: float, seed: int) -> Result:
    """The result of one target; one that hangs is ended, and its last input kept."""
    argv = [sys.executable, "-m", "tests.property.fuzz.one", name, f"{seconds:.1f}", str(seed), str(PLACE)]
    begin = time.monotonic()
    process = subprocess.Popen(
        argv, cwd=CHECKOUT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    try:
        output, errors = process.communicate(timeout=seconds + GRACE_S)
        result: Result = json.loads(output.splitlines()[-1]) if process.returncode == 0 else {}
        why = f"the process ended with {process.returncode}: {errors.decode(errors='replace')[-800:]}"
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        result, why = {}, "an input that does not end"
    current = PLACE / f"{name}.current"
    if not result:
        kept = PLACE / name / "last-input"
        kept.parent.mkdir(exist_ok=True)
        if current.exists():
            shutil.copy(current, kept)
        result = {"target": name, "inputs": 0, "found": [["lost", why, str(kept)]]}
    current.unlink(missing_ok=True)
    return {**result, "seconds": time.monotonic() - begin, "seed": seed}


def main(arguments: "list[str]") -> int:
    """Run, tell, and return the exit status."""
    parser = argparse.ArgumentParser(prog="ci/fuzz", description="Hostile input for all that reads what others write.")
    parser.add_argument("--minutes", type=float, default=10, help="for all targets together (default 10)")
    parser.add_argument(
        "--seed", type=int, default=int(time.time()), help="where the drawing begins (default: the time)"
    )
    parser.add_argument("targets", nargs="*", metavar="TARGET", help=f"of {', '.join(TARGETS)} (default: all)")
    options = parser.parse_args(arguments)
    unknown = [name for name in options.targets if name not in TARGETS]
    if unknown:
        parser.error(f"no target {unknown[0]!r}: say any of {', '.join(TARGETS)}")
    names = list(dict.fromkeys(options.targets)) or sorted(TARGETS, key=lambda name: -TARGETS[name].share)
    shutil.rmtree(PLACE, ignore_errors=True)
    PLACE.mkdir(parents=True)
    slots = min(os.cpu_count() or 1, len(names))
    second_s = options.minutes * 60 * slots / sum(TARGETS[name].share for name in names)
    results = []
    with ThreadPoolExecutor(slots) as pool:
        for result in pool.map(lambda name: run(name, second_s * TARGETS[name].share, options.seed), names):
            results.append(result)
            tell(result)
    (PLACE / "results.json").write_text(json.dumps(results, indent=1) + "\n")
    new = [found for result in results for found in new_of(result)]
    drawn = sum(int(str(result["inputs"])) for result in results)
    print(f"{drawn} inputs from seed {options.seed}: " + (f"{len(new)} new faults" if new else "no new fault"))
    if new:
        place = SEEDS.relative_to(CHECKOUT)
        print(f"keep each input once the fault is mended: cp FILE {place}/TARGET/, and a line in its README.md")
    return 1 if new else 0


def new_of(result: Result) -> "list[list[str]]":
    """The faults of a result that are not known to be there."""
    found = result["found"]
    assert isinstance(found, list)
    return [each for each in found if not is_open(str(result["target"]), each[0])]


def tell(result: Result) -> None:
    """A line for a target, and one for each fault."""
    print(f"{result['target']:16} {result['inputs']:>7} inputs {result['seconds']:6.0f} s", flush=True)
    new = new_of(result)
    for each in result["found"]:  # type: ignore[attr-defined]
        where = Path(each[2]).relative_to(CHECKOUT)
        print(f"   {'NEW' if each in new else 'known'}: {each[1][:400]!r}\n      {where}", flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
