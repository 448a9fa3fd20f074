"""Earned media value: the arithmetic to the cent, what is not valued, and cards that are refused with their fix."""

from __future__ import annotations

import hashlib
from datetime import date
from decimal import Decimal
from pathlib import Path

import pandas as pd
import pytest
from engagerr import Money, Workspace
from engagerr.core.errors import InvalidInput
from engagerr.core.metrics.insights.media_value import CAVEAT, BadRateCard, RateCard, read_rate_card, valued
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.core.metrics.insights.frames import item, items
from tests.lines import a_figure, an_item, bring

CARD = """
[card]
id = "ours"
version = "3"
valid_from = 2026-01-01
currency = "EUR"
title = "Our own"

[[rate]]
platform = "tiktok"
measure = "views"
per = 1000
low = "5.00"
high = "6.50"
source = "Our media plan of 2026"

[[rate]]
platform = "tiktok"
measure = "comments"
per = 1
low = "0.105"
high = "1"
low_source = { title = "A study", mark = "S" }
high_source = { title = "Another", url = "https://example.com", mark = "P" }
"""


def a_card(tmp_path: Path, text: str = CARD) -> Path:
    path = tmp_path / "card.toml"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.fixture
def card(tmp_path: Path) -> RateCard:
    return read_rate_card(a_card(tmp_path))


def test_a_card_says_who_it_is_down_to_the_byte(card: RateCard) -> None:
    assert (card.id, card.version, card.valid_from, card.currency) == ("ours", "3", date(2026, 1, 1), "EUR")
    assert card.sha256 == hashlib.sha256(CARD.encode()).hexdigest()
    views, comments = card.rates_of("tiktok")
    assert (views.low, views.high, views.per) == (Decimal("5.00"), Decimal("6.50"), 1000)
    assert (views.low_source.title, views.low_source.mark.value) == ("Our media plan of 2026", "k")
    assert (comments.low_source.title, comments.high_source.title) == ("A study", "Another")


def test_figures_times_rates_rounded_once_to_the_cent(card: RateCard) -> None:
    found = valued(items(item(views=1001, comments=3), item(views=2002, comments=0), item(views=333)), card)
    views, comments = found.rows
    # 3,336 views: 16.68 and 21.684; 3 comments: 0.315 (half to even: 0.32) and 3.00.
    assert (views.figure, views.items, views.low, views.high) == (3336, 3, Money(1668, "EUR"), Money(2168, "EUR"))
    assert (comments.figure, comments.items, comments.missing) == (3, 2, 1)
    assert (comments.low, comments.high) == (Money(32, "EUR"), Money(300, "EUR"))
    assert (found.low, found.high) == (Money(1700, "EUR"), Money(2468, "EUR"))
    assert found.caveat == CAVEAT
    assert "Traackr" in CAVEAT


def test_what_is_missing_has_no_value_and_is_counted(card: RateCard) -> None:
    found = valued(items(item(), item(), item(platform="podcast", views=9)), card)
    assert [(row.figure, row.low, row.high, row.missing) for row in found.rows] == [(None, None, None, 2)] * 2
    assert (found.low, found.high) == (None, None)
    assert {(left.platform, left.items, left.why) for left in found.unvalued} == {
        ("podcast", 1, "ours has no rate for podcast"), ("tiktok", 2, "no figure is known for views, comments"),
    }  # fmt: skip
    frame = found.frame()
    assert frame["low"].isna().all()
    assert frame["figure"].isna().all()
    zero = valued(items(item(views=0, comments=0)), card)
    assert (zero.low, zero.rows[0].figure) == (Money(0, "EUR"), 0)


def test_an_empty_frame_is_worth_nothing_said(card: RateCard) -> None:
    found = valued(items(), card)
    assert (found.items, found.rows, found.low) == (0, (), None)
    assert isinstance(found.frame(), pd.DataFrame)


def test_a_crosspost_is_not_valued_twice_and_counting_rules_stay_apart(card: RateCard) -> None:
    found = valued(
        items(
            item(views=1000, comments=1), item(views=1000, comments=1, doubled=True),
            item(views=1000, comments=1, views_group="exposure"),
        ),
        card,
    )  # fmt: skip
    views = [row for row in found.rows if row.measure == "views"]
    assert [(row.group, row.figure) for row in views] == [("exposure", 1000), ("play_start", 1000)]
    assert sum(row.counted_elsewhere for row in views) == 1
    # The people who comment on the two copies are different ones.
    assert [row.figure for row in found.rows if row.measure == "comments"] == [3]


COUNTS = st.lists(st.integers(0, 10**12), min_size=1, max_size=12)


@settings(max_examples=40)
@given(COUNTS)
def test_the_value_is_exact_whatever_the_size(counts: list[int]) -> None:
    found = valued(items(*(item(views=count) for count in counts)), REFERENCE)
    [row] = found.rows
    exact = Decimal(sum(counts)) * 5 / 1000 * 100
    assert row.figure == sum(counts)
    assert row.low is not None
    assert row.high is not None
    assert abs(row.low.minor - exact) <= Decimal("0.5")
    assert row.low <= row.high
    assert (found.low, found.high) == (row.low, row.high)


REFERENCE = read_rate_card()


def test_the_packaged_card_cites_every_bound() -> None:
    assert (REFERENCE.currency, len(REFERENCE.sha256)) == ("USD", 64)
    for rate in REFERENCE.rates:
        assert rate.low <= rate.high
        for source in (rate.low_source, rate.high_source):
            assert source.url
            assert source.retrieved_at
    upfluence = {rate.platform for rate in REFERENCE.rates if Decimal("6.50") in (rate.low, rate.high)}
    assert upfluence == {rate.platform for rate in REFERENCE.rates}


@pytest.mark.parametrize(
    ("was", "now", "where", "fix"),
    [
        ('low = "5.00"', 'low = "9.00"', "rate 1.low", "exchange"),
        ('low = "5.00"', "low = 5.00", "rate 1.low", "as text"),
        ('low = "5.00"', 'low = "5,00"', "rate 1.low", "as text"),
        ('low = "5.00"', 'low = "-5"', "rate 1.low", "positive"),
        ('low = "5.00"', 'low = "NaN"', "rate 1.low", "positive"),
        ('low = "5.00"', 'low = "1e99"', "rate 1.low", "positive"),
        ('low = "5.00"\n', "", "rate 1.low is missing", "low ="),
        ('measure = "views"', 'measure = "impressions"', "rate 1.measure", "headline count"),
        ('measure = "views"', 'measure = "coments"', "rate 1.measure", "comments"),
        ('platform = "tiktok"', 'platform = "tiktoc"', "rate 1.platform", "tiktok"),
        ('measure = "comments"', 'measure = "views"', "rate 2", "twice"),
        ("per = 1000", "per = 100", "rate 1.per", "1000"),
        ("per = 1000", "per = true", "rate 1.per", "1000"),
        ('currency = "EUR"', 'currency = "euro"', "card.currency", "three capital letters"),
        ("valid_from = 2026-01-01", 'valid_from = "2026-01-01"', "card.valid_from", "without quotes"),
        ('version = "3"', "version = 3", "card.version", "as text"),
        ('title = "Our own"', 'titel = "Our own"', "card.titel", "title"),
        ('source = "Our media plan of 2026"\n', "", "rate 1.low_source", "where the figure is from"),
        ('mark = "S"', 'mark = "Z"', "rate 2.low_source", "where the figure is from"),
        ("[card]", "[cart]", "cart", "card"),
    ],
)  # fmt: skip
def test_a_card_that_will_not_do_is_refused_with_the_key_and_the_fix(
    tmp_path: Path, was: str, now: str, where: str, fix: str
) -> None:
    assert was in CARD
    path = a_card(tmp_path, CARD.replace(was, now, 1))
    with pytest.raises(BadRateCard) as refused:
        read_rate_card(path)
    assert str(path) in refused.value.message
    assert where in refused.value.message
    assert fix in (refused.value.hint or "")


@pytest.mark.parametrize("text", ["low = ", "\x00", "[card]\n", ""])
def test_what_is_no_card_at_all_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(BadRateCard):
        read_rate_card(a_card(tmp_path, text))
    with pytest.raises(BadRateCard, match="cannot be read"):
        read_rate_card(tmp_path)


def test_through_the_workspace(workspace: Workspace, tmp_path: Path) -> None:
    bring(
        workspace, tmp_path,
        an_item("tiktok:a", kind="short_video", published_at="2026-10-01T00:00:00Z",
                metrics=[a_figure("views", 2000, "2026-10-20"), a_figure("comments", 2, "2026-10-20")]),
        an_item("tiktok:b", creator="Bo", kind="short_video", published_at="2025-10-01T00:00:00Z",
                metrics=[a_figure("views", 1000, "2026-10-20")]),
    )  # fmt: skip
    everything = workspace.insights.media_value(rate_card=a_card(tmp_path))
    assert (everything.items, everything.low, everything.high) == (2, Money(1521, "EUR"), Money(2150, "EUR"))
    assert everything.notes == (
        "1 of the 2 items were published before the card's 2026-01-01; they are valued by it all the same.",
    )
    bo = workspace.insights.media_value("Bo")
    assert (bo.low, bo.high, bo.card.id) == (Money(500, "USD"), Money(650, "USD"), "engagerr-reference")


def test_a_card_that_is_not_in_force_yet_is_refused(workspace: Workspace, tmp_path: Path) -> None:
    path = a_card(tmp_path, CARD.replace("2026-01-01", "2027-01-01"))
    with pytest.raises(InvalidInput, match="still to come"):
        workspace.insights.media_value(rate_card=path)
