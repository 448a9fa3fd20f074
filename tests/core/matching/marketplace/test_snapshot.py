"""A snapshot holds what was chosen and understood, whatever a profile holds."""

from __future__ import annotations

import json
from datetime import date, datetime
from typing import Any

from engagerr import Money
from engagerr.core.matching.marketplace.snapshot import (
    SHOWABLE,
    Choice,
    ListingSnapshot,
    columns_of,
    document_of,
    snapshot_from,
    snapshot_of,
)
from hypothesis import given
from hypothesis import strategies as st
from psycopg.types.range import Range

MARK = "zzinternal"
# Whatever a later version, a bug or a curious hand may put into a profile's documents: marked words as values.
ANYTHING: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False, allow_infinity=False) | st.integers() | st.just(MARK),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=12,
)
DOCUMENTS = ("topic_shares", "kind_shares", "by_platform", "audience", "safety")
SHARES = st.dictionaries(st.text(max_size=8), st.floats(0, 1), max_size=4)
DAYS = st.dates(date(2020, 1, 1), date(2035, 1, 1))


@given(st.fixed_dictionaries({name: st.dictionaries(st.text(max_size=8), ANYTHING, max_size=4) for name in DOCUMENTS}))
def test_words_in_the_documents_of_a_profile_are_never_shown(documents: dict[str, Any]) -> None:
    profile = {"name": "Ann Lee", "agent": MARK, "do_not_pitch_reason": MARK, "rates": {"x": {"EUR": 1}}, **documents}
    shown = snapshot_of(profile, Choice(figures=SHOWABLE))
    assert MARK not in json.dumps(document_of(shown))
    assert shown.rates == {}


@given(
    figures=st.sets(st.sampled_from(SHOWABLE)),
    shares=SHARES,
    followers=st.none() | st.integers(0, 10**9),
    growth=st.none() | st.floats(-1, 10),
    published=st.none() | st.datetimes(datetime(2020, 1, 1), timezones=st.timezones()),
    spans=st.lists(st.tuples(DAYS, DAYS).map(sorted), max_size=3),
)
def test_a_version_reads_back_as_it_was_shown(
    figures: set[str],
    shares: dict[str, float],
    followers: int | None,
    growth: float | None,
    published: datetime | None,
    spans: list[list[date]],
) -> None:
    profile = {
        "name": "Ann Lee", "country": "DE", "languages": ["de"], "topic_shares": shares, "audience": {"age": shares},
        "by_platform": {"youtube": {"followers": 3, "as_of": "x"}}, "followers": followers, "growth_30d": growth,
        "last_published_at": published, "unavailable": [Range(first, end) for first, end in spans],
        "missing": {"followers": "not_reported"},
    }  # fmt: skip
    choice = Choice(tuple(name for name in SHOWABLE if name in figures), "Up", None, {"story": Money(45_000, "EUR")})
    shown = snapshot_of(profile, choice)
    assert snapshot_from(json.loads(json.dumps(document_of(shown)))) == shown
    assert set(columns_of(shown)) == set(ListingSnapshot.__dataclass_fields__)
    for name in set(SHOWABLE) - figures:
        assert getattr(shown, name) == getattr(ListingSnapshot(name=""), name), name
