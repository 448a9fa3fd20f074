"""The bugs that the bench plants still have their places: whoever changes that code takes them along."""

from __future__ import annotations

from pathlib import Path

import pytest
from planted_bugs import BUGS, Bug

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.name)
def test_a_bug_has_one_place_and_changes_it(bug: Bug) -> None:
    assert (ROOT / bug.file).read_text(encoding="utf-8").count(bug.before) == 1
    assert bug.before != bug.after


def test_there_are_thirty_and_each_has_a_name_of_its_own() -> None:
    assert len({bug.name for bug in BUGS}) == len(BUGS) >= 30
