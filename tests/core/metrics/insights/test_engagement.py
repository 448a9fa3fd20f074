"""Engagement rates: each vendor's formula by hand, what is left out, what may be compared, and the algebra."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from engagerr import Workspace
from engagerr.core.errors import InvalidInput
from engagerr.core.metrics.insights.engagement import LeftOut, Rate, rates
from engagerr.core.metrics.insights.formulas import Window, find_formula, formulas
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.core.metrics.insights.frames import NOW, account, accounts, item, items
from tests.lines import a_figure, an_item, bring


def rated(formula: str, *rows: dict[str, Any], since: datetime | None = None, **fields: Any) -> tuple[Rate, ...]:
    platform = rows[0]["platform"] if rows else "tiktok"
    owner = accounts(account(platform=platform, **fields))
    return rates(items(*rows), owner, find_formula(formula), since=since, until=NOW)[0]


def three(platform: str) -> list[dict[str, Any]]:
    """Three items: likes 10, 60, 20; comments 2, 8, 5; shares 1, 2, 3; saves 4, 0, 2; views 200, 1000, 300."""
    names = ("likes", "comments", "shares", "saves", "views", "reach")
    figures = [(10, 2, 1, 4, 200, 100), (60, 8, 2, 0, 1000, 500), (20, 5, 3, 2, 300, 100)]
    return [
        item(5 + at, platform=platform, **dict(zip(names, values, strict=True)))
        for at, values in enumerate(figures)
    ]  # fmt: skip


GOLDEN = [
    # ours: (10+2 + 60+8 + 20+5) over 1,500 plays, of five items
    ("engagerr", "tiktok", 5, {}, 105 / 1500),
    # Modash, TikTok and YouTube: average likes 30 / average views 500. Instagram: median likes 20 / followers.
    ("modash", "tiktok", 3, {}, 30 / 500),
    ("modash", "youtube", 3, {}, 30 / 500),
    ("modash", "instagram", 3, {"followers": 1000.0}, 20 / 1000),
    # Upfluence: (average likes 30 + average comments 5) / followers
    ("upfluence", "instagram", 3, {"followers": 1000.0}, 35 / 1000),
    # infludata: the same of nine posts, that is three times the three; TikTok over 4,500 views
    ("infludata", "instagram", 9, {"followers": 1000.0}, 35 / 1000),
    ("infludata", "tiktok", 9, {}, 315 / 4500),
    # HypeAuditor: Instagram as Upfluence over the last posts; TikTok with the shares 1 + 2 + 3
    ("hypeauditor", "instagram", 3, {"followers": 1000.0}, 35 / 1000),
    ("hypeauditor", "tiktok", 3, {}, 111 / 1500),
    # Stellar: 37 interactions a post with shares, 35 without, over followers
    ("stellar", "tiktok", 3, {"followers": 1000.0}, 37 / 1000),
    ("stellar", "youtube", 3, {"followers": 1000.0}, 35 / 1000),
    # Traackr: the mean of each post's engagements / followers, of at least ten posts (here twelve) and 2,000 followers
    ("traackr", "instagram", 12, {"followers": 2000.0}, 35 / 2000),
    # Rival IQ: per post and follower; TikTok over views; by reach: 105 + 6 shares + 6 saves over 700 people
    ("rivaliq", "facebook", 3, {"followers": 1000.0}, 37 / 1000),
    ("rivaliq", "tiktok", 3, {}, 111 / 1500),
    ("rivaliq-reach", "instagram", 3, {}, 117 / 700),
    ("phlanx", "instagram", 3, {"followers": 1000.0}, 35 / 1000),
]  # fmt: skip


@pytest.mark.parametrize(("formula", "platform", "n", "fields", "expected"), GOLDEN, ids=lambda case: str(case)[:20])
def test_each_formula_gives_what_its_vendor_would_by_hand(
    formula: str, platform: str, n: int, fields: dict[str, Any], expected: float
) -> None:
    rows = three(platform) * (-(-n // 3))
    if formula == "engagerr":
        # The three, and two more that change nothing above or below but the items counted: 7 per cent themselves.
        rows = [*three(platform), *(item(9, platform=platform, likes=5, comments=2, views=100) for _ in range(2))]
    [rate] = rated(formula, *rows, **fields)
    assert rate.value == pytest.approx(expected)
    assert (rate.n, rate.why, rate.left_out) == (len(rows), None, ())
    assert (rate.formula, rate.platform) == (formula, platform)


def test_every_formula_has_a_golden_case() -> None:
    assert {formula.id for formula in formulas()} == {case[0] for case in GOLDEN}


def test_what_lacks_an_input_or_is_too_young_is_left_out_and_told_why() -> None:
    full = [item(10 + at, likes=10, comments=0, views=100) for at in range(5)]
    [rate] = rated(
        "engagerr", *full, item(2, likes=1, comments=1, views=100), item(20, comments=1, views=100),
        item(21, likes=1, views=100), item(22, likes=1, comments=1), item(23, likes=0, comments=0, views=0),
        item(91, likes=9, comments=9, views=10),
    )  # fmt: skip
    assert rate.value == pytest.approx(0.1)
    assert rate.n == 5
    assert rate.left_out == (
        LeftOut("0 views", 1), LeftOut("figures younger than 3 days", 1), LeftOut("no comments known", 1),
        LeftOut("no likes known", 1), LeftOut("no views known", 1),
    )  # fmt: skip
    assert {one.name: (one.total, one.missing) for one in rate.inputs} == {
        "likes": (50.0, 1), "comments": (0.0, 1), "views": (500.0, 1),
    }  # fmt: skip


def test_under_the_minimum_there_is_no_rate_but_a_reason() -> None:
    [rate] = rated("engagerr", *(item(10, likes=1, comments=1, views=10) for _ in range(4)))
    assert (rate.value, rate.low, rate.high, rate.n) == (None, None, None, 4)
    assert rate.why == "4 items with all that it needs; engagerr takes at least 5"
    [none] = rated("engagerr")
    assert none.value is None
    assert (none.why or "").startswith("no item")


def test_without_followers_there_is_no_rate_by_followers() -> None:
    rows = [item(10, platform="instagram", likes=1, comments=1)] * 10
    [unknown] = rated("upfluence", *rows)
    assert (unknown.value, unknown.why) == (None, "the followers of the account are not known")
    [none] = rated("upfluence", *rows, followers=0.0)
    assert (none.value, none.why) == (None, "the account has no followers")
    [small] = rated("traackr", *rows, followers=1999.0)
    assert (small.value, small.why) == (None, "1,999 followers; traackr takes accounts of at least 2,000")


def test_views_under_two_counting_rules_are_never_added() -> None:
    old = [item(10, likes=10, comments=0, views=100, views_group="qualified_play/30 s") for _ in range(5)]
    new = [item(10, likes=10, comments=0, views=200, views_group="play_start") for _ in range(6)]
    found, notes = rates(
        items(*old, *new, item(11, views=7, views_group="play_start"), item(12, likes=1, comments=1)),
        accounts(account()), find_formula("engagerr"), since=None, until=NOW,
    )  # fmt: skip
    assert [(rate.views_group, rate.n, rate.value) for rate in found] == [
        ("play_start", 6, pytest.approx(0.05)), ("qualified_play/30 s", 5, pytest.approx(0.1)),
    ]  # fmt: skip
    # What has no counting rule is counted once, with the larger part.
    assert [rate.left_out_items for rate in found] == [2, 0]
    assert any("never added" in note for note in notes)
    assert found[0].differences(found[1]) == ("counting rule of the views",)


def test_a_window_of_posts_takes_the_last_that_have_what_it_needs() -> None:
    rows = [item(10 + at, platform="instagram", likes=at, comments=0) for at in range(20)]
    rows[3] = item(13, platform="instagram", comments=0)
    # Too far back to be among the last twelve, whatever it lacks.
    rows[19] = item(29, platform="instagram", comments=0)
    [rate] = rated("infludata", *rows, followers=100.0)
    assert rate.n == 12
    # Days 10 to 22 but 13: likes 0, 1, 2, 4 … 12.
    assert rate.value == pytest.approx((sum(range(13)) - 3) / 12 / 100)
    assert rate.left_out == (LeftOut("no likes known", 1),)
    assert (rate.window_from, rate.window_to) == (NOW - timedelta(days=22), NOW - timedelta(days=10))
    assert rate.window == Window(None, 12)


def test_a_window_of_ones_own_is_another_window() -> None:
    rows = [item(10 + at, likes=1, comments=1, views=10) for at in range(6)] + [
        item(200, likes=9, comments=1, views=10)
    ]
    [usual] = rated("engagerr", *rows)
    [own] = rated("engagerr", *rows, since=NOW - timedelta(days=300))
    [as_long] = rated("engagerr", *rows, since=NOW - timedelta(days=90))
    assert (usual.n, own.n) == (6, 7)
    assert own.differences(usual) == ("window",)
    assert as_long.comparable_with(usual)


def test_rates_compare_only_when_formula_window_and_platform_agree() -> None:
    tiktok, youtube = three("tiktok"), three("youtube")
    [modash], [other] = rated("modash", *tiktok), rated("modash", *youtube)
    assert modash.comparable_with(modash)
    assert modash.differences(other) == ("platform",)
    [hypeauditor] = rated("hypeauditor", *tiktok)
    assert set(modash.differences(hypeauditor)) == {"formula", "window"}
    assert not hypeauditor.comparable_with(modash)


def test_an_interval_holds_the_rate_and_needs_five_items() -> None:
    rows = [item(10 + at, likes=likes, comments=0, views=1000) for at, likes in enumerate((10, 30, 20, 50, 40, 90))]
    [rate] = rated("modash", *rows)
    assert rate.value is not None
    assert rate.low is not None
    assert rate.high is not None
    assert 0.01 <= rate.low < rate.value < rate.high <= 0.09
    [again] = rated("modash", *reversed(rows))
    assert (again.low, again.high) == (rate.low, rate.high)
    [few] = rated("modash", *rows[:4])
    assert (few.value, few.low, few.high) == (pytest.approx(0.0275), None, None)
    [same] = rated("modash", *(item(10, likes=3, views=60) for _ in range(8)))
    assert (same.low, same.value, same.high) == (0.05, pytest.approx(0.05), 0.05)


FIGURES = st.lists(
    st.tuples(st.integers(0, 10**6), st.integers(0, 10**4), st.integers(1, 10**8)), min_size=5, max_size=12
)


@settings(max_examples=20)
@given(FIGURES, st.sampled_from([2, 4, 1024]))
def test_ten_times_the_likes_over_ten_times_the_plays_is_the_same_rate(
    figures: list[tuple[int, int, int]], factor: int
) -> None:
    def of(times: int) -> Rate:
        rows = [item(10, likes=a * times, comments=b * times, views=c * times) for a, b, c in figures]
        [rate] = rated("engagerr", *rows)
        return rate

    one, many = of(1), of(factor)
    assert (many.value, many.low, many.high) == pytest.approx((one.value, one.low, one.high))


@settings(max_examples=20)
@given(FIGURES, st.sampled_from(["likes", "comments", "views"]), st.sampled_from(["engagerr", "infludata", "modash"]))
def test_an_item_without_an_input_changes_nothing_but_what_is_left_out(
    figures: list[tuple[int, int, int]], lacking: str, formula: str
) -> None:
    rows = [item(10 + at, likes=a, comments=b, views=c) for at, (a, b, c) in enumerate(figures)]
    if formula == "modash" and lacking == "comments":
        lacking = "likes"
    known = {"likes": 5, "comments": 5, "views": 50}
    del known[lacking]
    [before] = rated(formula, *rows)
    [after] = rated(formula, *rows, item(10.5, **known))
    assert (after.value, after.low, after.high, after.n, after.why) == (
        before.value, before.low, before.high, before.n, before.why,
    )  # fmt: skip
    assert after.left_out_items == before.left_out_items + 1


@settings(max_examples=20)
@given(FIGURES)
def test_absent_never_counts_as_zero(figures: list[tuple[int, int, int]]) -> None:
    rows = [item(10 + at, likes=a + 1, comments=b, views=c) for at, (a, b, c) in enumerate(figures)]
    [absent] = rated("engagerr", *rows, item(30, comments=0, views=10**9))
    [zero] = rated("engagerr", *rows, item(30, likes=0, comments=0, views=10**9))
    assert absent.value is not None
    assert zero.value is not None
    assert zero.value < absent.value


@settings(max_examples=20)
@given(FIGURES)
def test_a_ratio_of_sums_lies_between_the_items_own(figures: list[tuple[int, int, int]]) -> None:
    rows = [item(10, likes=a, comments=b, views=c) for a, b, c in figures]
    [rate] = rated("engagerr", *rows)
    own = [(a + b) / c for a, b, c in figures]
    assert rate.value is not None
    assert min(own) * (1 - 1e-9) <= rate.value <= max(own) * (1 + 1e-9)


# ---------------------------------------------------------------- through the workspace


def posts(creator: str, count: int, **figures: Any) -> list[dict[str, Any]]:
    return [
        an_item(
            f"tiktok:{creator.split(maxsplit=1)[0]}{at}", creator=creator, kind="short_video",
            published_at=f"2026-10-{at + 1:02}T00:00:00Z",
            metrics=[a_figure(name, value, "2026-10-30") for name, value in figures.items()],
        )
        for at in range(count)
    ]  # fmt: skip


def test_a_creators_rate_is_read_from_the_workspace(workspace: Workspace, tmp_path: Path) -> None:
    bring(workspace, tmp_path, *posts("Ann Lee", 6, views=100, likes=4, comments=1), *posts("Bo", 6, views=10, likes=1))
    found = workspace.insights.engagement("Ann Lee")
    [row] = found.rows
    assert (row.creator, row.account, row.value, row.n) == ("Ann Lee", "tiktok:@ann", pytest.approx(0.05), 6)
    assert found.until == datetime(2026, 11, 1, 12, tzinfo=UTC)
    everybody = workspace.insights.engagement()
    by_creator = {row.creator: row for row in everybody.rows}
    assert by_creator["Bo"].value is None
    assert by_creator["Bo"].left_out == (LeftOut("no comments known", 6),)


def test_in_a_frame_a_missing_rate_is_na(workspace: Workspace, tmp_path: Path) -> None:
    bring(workspace, tmp_path, *posts("Bo", 6, views=10, likes=1))
    frame = workspace.insights.engagement().frame()
    assert frame["value"].isna().all()
    assert frame["input_comments"].isna().all()
    assert list(frame["left_out"]) == [6]
    assert workspace.insights.engagement("Bo", formula="upfluence").frame().empty


def test_figures_are_those_known_by_the_end(workspace: Workspace, tmp_path: Path) -> None:
    bring(workspace, tmp_path, *posts("Ann Lee", 6, views=100, likes=4, comments=1))
    before = workspace.insights.engagement("Ann Lee", until=datetime(2026, 10, 29, tzinfo=UTC))
    assert before.rows[0].value is None
    assert [left.reason for left in before.rows[0].left_out] == ["no likes known"]


def test_prospects_are_not_the_roster(workspace: Workspace, tmp_path: Path) -> None:
    bring(workspace, tmp_path, *posts("Ann Lee", 6, views=100, likes=4, comments=1), *posts("Bo", 6, views=9, likes=1))
    workspace.roster.edit("Bo", status="prospect")
    assert [row.creator for row in workspace.insights.engagement().rows] == ["Ann Lee"]
    assert [row.creator for row in workspace.insights.engagement("Bo").rows] == ["Bo"]


def test_a_platform_without_a_formula_and_an_empty_window_are_refused(workspace: Workspace) -> None:
    with pytest.raises(InvalidInput, match="Upfluence publishes no formula 'upfluence' for tiktok") as refused:
        workspace.insights.engagement(formula="upfluence", platform="tiktok")
    assert "instagram" in (refused.value.hint or "")
    with pytest.raises(InvalidInput, match="empty"):
        workspace.insights.engagement(since=NOW, until=NOW - timedelta(days=1))


def test_accounts_without_a_rule_are_told() -> None:
    _, notes = rates(
        items(), accounts(account(platform="twitch"), account("b", platform="twitch")), find_formula("modash"),
        since=None, until=NOW,
    )  # fmt: skip
    assert notes == ("Modash publishes no such formula for these accounts: twitch (2).",)
    assert isinstance(items(), pd.DataFrame)
