"""Two thousand mutated inputs through formats, connectors, the mapping proposal and the URL parser.

`scripts/bench/bench_fuzz.py` puts a hundred times as many through; a failure here can be seen again with its number:
`python scripts/bench/bench_fuzz.py --seed 7 --only NUMBER --data /nowhere`.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from engagerr.core.integrations.formats.table import FORMATS
from scripts.bench.fuzzing import Case, Failure, Fuzzer, attempt

SEED, INPUTS, STRETCH = 7, 2_000, 250


@pytest.fixture(scope="module")
def fuzzer() -> Iterator[Fuzzer]:
    one = Fuzzer(SEED)
    yield one
    one.close()


@pytest.mark.parametrize("first", range(0, INPUTS, STRETCH))
def test_a_mutated_input_gives_a_result_or_a_refusal_with_its_cure(fuzzer: Fuzzer, first: int) -> None:
    tally = fuzzer.run(range(first, first + STRETCH))
    assert [(bad.number, bad.target, bad.error, bad.data[:300]) for bad in tally.failures] == []
    assert tally.inputs == STRETCH


def test_every_format_has_a_sound_seed_that_it_takes(fuzzer: Fuzzer) -> None:
    taken = set()
    for known in FORMATS:
        for seed in fuzzer.seeds[known.name]:
            name, data = seed.name, seed.data
            case = Case(
                0, known.name, name, data, lambda given, name=name, using=known.name: fuzzer.read(name, given, using)
            )
            if attempt(case) == "imported":
                taken.add(known.name)
    assert taken == {known.name for known in FORMATS}


def test_the_same_seed_and_number_give_the_same_input(fuzzer: Fuzzer) -> None:
    other = Fuzzer(SEED)
    try:
        for number in range(0, INPUTS, 37):
            one, same = fuzzer.case(number), other.case(number)
            assert (one.target, one.name, one.data) == (same.target, same.name, same.data)
    finally:
        other.close()


def test_a_fault_is_told_from_a_refusal_and_made_small(fuzzer: Fuzzer) -> None:
    def run(data: bytes) -> str:
        if b"x" in data and b"y" in data:
            raise KeyError("both")
        return "read"

    case = Case(0, "any", "any.csv", b"aaaaaaxbbbbbbbbbbbbbycccc" * 20, run)
    failure = attempt(case)
    assert isinstance(failure, Failure)
    assert failure.where.startswith("KeyError at ")
    assert sorted(fuzzer.smallest(case, failure).data) == sorted(b"xy")
