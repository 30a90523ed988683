"""The fixed share of the fuzzer, the same inputs at every run, and every seed that was kept. ci/fuzz draws others."""

import pytest

from tests.property.fuzz import known, seeds
from tests.property.fuzz.hunt import Hunt
from tests.property.fuzz.registry import TARGETS


@pytest.mark.parametrize("name", TARGETS)
def test_hostile_input_breaks_no_promise(name: str) -> None:
    hunt = Hunt(TARGETS[name])
    hunt.fixed()
    assert hunt.drawn >= min(TARGETS[name].fixed, 10)
    told = [
        f"{kind}: {found.fault.text}\n{found.value!r}"
        for kind, found in hunt.found.items()
        if not known.is_open(name, kind)
    ]
    assert told == []


@pytest.mark.parametrize(("name", "file"), seeds.kept())
def test_an_input_that_once_broke_one_does_no_more(request: pytest.FixtureRequest, name: str, file: str) -> None:
    why = known.SEEDS.get(f"{name}/{file}")
    if why:
        request.applymarker(pytest.mark.xfail(strict=True, reason=why))
    if name not in TARGETS:
        pytest.skip("Pacemaker's programs are not here")
    target = TARGETS[name]
    fault = target.examine(target.load((seeds.SEEDS / name / file).read_bytes()))
    assert fault is None, fault and fault.text


def test_every_seed_is_told_of() -> None:
    assert seeds.kept() == seeds.listed()
    assert {f"{name}/{file}" for name, file in seeds.kept()} >= known.SEEDS.keys()
