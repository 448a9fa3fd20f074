"""What is not tried could not have matched: titles are looked through for cheap signs before the costly patterns."""

from __future__ import annotations

import pytest
from engagerr.core.content.detection.words import Markers, fold, markers
from hypothesis import given
from hypothesis import strategies as st

# Each says something by itself, by the sign that stands for it: a digit, a month, a part, a word, an eastern character.
TELLING = {
    "episode 12": {"episode": 12},
    "s02e05": {"season": 2, "episode": 5},
    "第三回": {"episode": 3},
    "part ii": {"part": 2},
    "teil zwei": {"part": 2},
    "前編": {"part": 1},
    "2021-03-04": {"year": 2021, "month": 3, "day": 4},
    "february 2020": {"year": 2020, "month": 2},
    "best of": {"rerun": True},
    "re-run": {"rerun": True},
    "reaired": {"rerun": True},
    "from the vault": {"rerun": True},
    "classic episode": {"rerun": True},
    "再放送": {"rerun": True},
    "clips": {"clip": True},
    "best moments": {"clip": True},
    "ausschnitt": {"clip": True},
    "recorte": {"clip": True},
    "切り抜き": {"clip": True},
    "하이라이트": {"clip": True},
    "trailer": {"clip": True},
}


@pytest.mark.parametrize("said", TELLING)
@given(
    before=st.sampled_from(["", "why bees sleep ", "Café — ", "It's late: ", "👍 "]),
    after=st.sampled_from(["", " why bees sleep", " | Ann Lee", " – “quoted”", "!"]),
)
def test_a_marker_is_seen_wherever_it_stands(said: str, before: str, after: str) -> None:
    found = markers(fold(before + said.upper() + after))
    assert {name: getattr(found, name) for name in TELLING[said]} == TELLING[said]


@given(st.text(alphabet="bcdghjklqrvxyz äöß’-", max_size=40))
def test_a_title_without_any_sign_says_nothing(title: str) -> None:
    assert markers(fold(title)) == Markers()
