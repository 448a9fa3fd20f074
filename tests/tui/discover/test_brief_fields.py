"""A brief as lines: what is written comes back as it was, and a line that cannot be read is named."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from engagerr import Money
from engagerr.core.errors import InvalidInput
from engagerr.core.matching.brief_file import AudienceWish, Brief, brief_of
from engagerr.tui.screens.brief_fields import document_of, lines_of
from hypothesis import given
from hypothesis import strategies as st

words = st.lists(st.sampled_from(["outdoor", "hiking", "wild camping"]), unique=True, max_size=3).map(tuple)
counts = st.none() | st.integers(0, 10**9)
days = st.none() | st.dates(date(2026, 1, 1), date(2028, 12, 31))
wishes = st.lists(
    st.builds(
        AudienceWish,
        st.sampled_from(["country", "gender"]),
        st.sampled_from(["DE", "US"]),
        st.integers(1, 1000).map(lambda share: share / 1000),
    ),
    max_size=2,
).map(tuple)
budgets = st.none() | st.builds(Money, st.integers(1, 10**9), st.sampled_from(["EUR", "USD", "JPY"]))


@st.composite
def briefs(draw: Any) -> Brief:
    least, most = sorted([draw(counts), draw(counts)], key=lambda count: -1 if count is None else count)
    first, last = sorted([draw(days), draw(days)], key=lambda day: day or date.min)
    return Brief(
        title="Trail shoes",
        text=draw(st.sampled_from(["", "Runners.\nIn all weathers."])),
        brand=draw(st.sampled_from([None, "Fjellzahn"])),
        category=draw(st.sampled_from([None, "sports"])),
        platforms=draw(st.sampled_from([(), ("youtube",), ("youtube", "tiktok")])),
        countries=draw(st.sampled_from([(), ("DE", "AT")])),
        followers_min=least,
        followers_max=most,
        audience=draw(wishes),
        budget=draw(budgets),
        must=draw(words),
        must_not=draw(words),
        deliverables=draw(st.sampled_from([(), ("reel", "reel")])),
        window_from=first,
        window_to=last,
    )


@given(briefs())
def test_what_is_written_into_lines_is_read_back_as_it_was(brief: Brief) -> None:
    assert brief_of(document_of(lines_of(brief), brief.text)) == brief


@pytest.mark.parametrize(
    ("said", "limits"),
    [
        ("20k - 500k", {"min": 20_000, "max": 500_000}), ("20k-1.5M", {"min": 20_000, "max": 1_500_000}),
        ("20,000", {"min": 20_000}), ("- 500k", {"max": 500_000}), ("20k..", {"min": 20_000}),
    ],
)  # fmt: skip
def test_followers_are_read_as_people_write_them(said: str, limits: dict[str, int]) -> None:
    assert document_of({"title": "T", "followers": said}, "")["followers"] == limits


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("followers", "many"),
        ("audience", "Germans"),
        ("audience", "country DE"),
        ("budget", "15000"),
        ("budget", "much EUR"),
    ],
)
def test_a_line_that_cannot_be_read_is_named(name: str, said: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        document_of({"title": "T", name: said}, "")
    assert (refused.value.facts or {})["field"] == name


def test_a_share_is_a_share() -> None:
    said = "country DE 33.3%, gender female 60 %"
    found = brief_of(document_of({"title": "T", "audience": said}, "")).audience
    assert [Decimal(str(wish.share_min)) for wish in found] == [Decimal("0.333"), Decimal("0.6")]
