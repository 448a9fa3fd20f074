"""Five hundred seeded worlds in which everything goes wrong, and the books are right in the end of each."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.core.payments.simulation import run_seed
from tests.fakes.cluster import Clone

SEEDS, AT_ONCE = 500, 20


@pytest.mark.parametrize("first", range(0, SEEDS, AT_ONCE))
def test_whatever_goes_wrong_the_books_are_right_in_the_end(first: int, clone: Clone, tmp_path: Path) -> None:
    settings = clone.settings(tmp_path / "home")
    for seed in range(first, first + AT_ONCE):
        run_seed(seed, settings, tmp_path / f"home-{seed}")


def test_one_seed_is_one_world(clone: Clone, tmp_path: Path) -> None:
    settings = clone.settings(tmp_path / "home")
    first = run_seed(7, settings, tmp_path / "one")
    second = run_seed(7, settings, tmp_path / "two")
    assert first == second
    assert sum(first.values()) == 22
