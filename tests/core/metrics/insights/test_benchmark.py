"""Benchmarks: who is a peer, what is compared with what, and when nothing is said."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from engagerr import Workspace
from engagerr.core.errors import InvalidInput
from engagerr.core.metrics.insights.benchmark import BenchmarkRow, placed
from engagerr.core.metrics.insights.engagement import LeftOut
from engagerr.core.metrics.insights.formulas import find_formula
from scripts.bench.real_files import FILES_ARE_AT
from tests.core.metrics.insights.frames import NOW, account, accounts, item, items
from tests.lines import a_figure, an_item, bring

REAL = FILES_ARE_AT / "influencers"
WITH_RATE = "engagement rate (engagerr)"


def feed(name: str, likes: int, **fields: Any) -> list[dict[str, Any]]:
    """Five posts of an account, each with so many likes over 1,000 plays."""
    return [item(10 + at, account=name, **{"likes": likes, "comments": 0, "views": 1000, **fields}) for at in range(5)]


def peer(name: str, followers: float = 20_000.0, *topics: str, **fields: Any) -> dict[str, Any]:
    return account(name, followers=followers, topics=list(topics) or ["trail running"], **fields)


def stated(*rows: tuple[str, str, float]) -> pd.DataFrame:
    frame = pd.DataFrame(list(rows), columns=["account_id", "metric", "value"])
    return frame.assign(observed_at=NOW)


def rows_of(
    others: list[dict[str, Any]], figures: list[dict[str, Any]], listed: pd.DataFrame | None = None, *,
    formula: str = "engagerr", **me: Any,
) -> tuple[tuple[BenchmarkRow, ...], tuple[str, ...]]:  # fmt: skip
    mine = accounts(account("me", **{"followers": 50_000.0, "topics": ["Trail Running", "Food"], **me}))
    found = stated() if listed is None else listed
    return placed(mine, accounts(*others), items(*figures), found, find_formula(formula), until=NOW)


def the(rows: tuple[BenchmarkRow, ...], measure: str, peers: str, basis: str = "computed") -> BenchmarkRow:
    [row] = [row for row in rows if (row.measure, row.peers, row.basis) == (measure, peers, basis)]
    return row


def test_a_rate_has_its_place_among_peers_of_its_tier_and_category() -> None:
    others = [peer(f"p{at}") for at in range(8)] + [peer("large", 600_000.0), peer("cook", 20_000.0, "baking")]
    figures = [post for at in range(8) for post in feed(f"p{at}", 10 * (at + 1))] + feed("large", 999) + feed("cook", 5)
    rows, _ = rows_of(others, [*figures, *feed("me", 35)])
    alike = the(rows, WITH_RATE, "tier and category")
    # Peers at 1 … 8 per cent; three of eight are below 3.5.
    assert (alike.value, alike.n, alike.percentile) == (pytest.approx(0.035), 8, pytest.approx(37.5))
    assert (alike.q1, alike.median, alike.q3) == (pytest.approx(0.0275), pytest.approx(0.045), pytest.approx(0.0625))
    assert (alike.tier, alike.categories) == ("micro", ("food", "trail running"))
    assert the(rows, WITH_RATE, "tier").n == 9
    assert the(rows, WITH_RATE, "platform").n == 10
    assert the(rows, "followers", "platform", "level").percentile == pytest.approx(90.0)
    assert the(rows, "posts a week", "platform").value == pytest.approx(5 / 90 * 7)
    assert the(rows, "median views a post", "tier").percentile == pytest.approx(50.0)


def test_under_eight_peers_nothing_is_said_but_how_many_there_are() -> None:
    others = [peer(f"p{at}") for at in range(7)]
    rows, _ = rows_of(others, [post for at in range(7) for post in feed(f"p{at}", 10)] + feed("me", 35))
    row = the(rows, WITH_RATE, "tier")
    assert (row.value, row.percentile, row.median, row.n) == (pytest.approx(0.035), None, None, 7)
    assert row.why == "7 of at least 8 peers"


def test_peers_without_the_figure_are_left_out_with_their_reasons_and_never_zero() -> None:
    others = [*(peer(f"p{at}") for at in range(8)), peer("few"), peer("none"), peer("unsized", float("nan"))]
    figures = [post for at in range(8) for post in feed(f"p{at}", 10)] + feed("few", 10)[:2] + feed("unsized", 10)
    rows, _ = rows_of(others, [*figures, *feed("me", 35)])
    row = the(rows, WITH_RATE, "tier")
    assert (row.n, row.percentile) == (8, 100.0)
    assert row.left_out == (
        LeftOut("no items known", 1), LeftOut("of no known size, so of no tier", 1),
        LeftOut("too few items, or no followers known", 1),
    )  # fmt: skip
    posting = the(rows, "posts a week", "tier")
    assert LeftOut("no items known of the last 90 days", 1) in posting.left_out


def test_views_under_another_counting_rule_are_no_peers() -> None:
    others = [peer(f"p{at}") for at in range(9)]
    figures = [post for at in range(8) for post in feed(f"p{at}", 10)]
    figures += feed("p8", 10, views_group="qualified_play/30 s")
    rows, _ = rows_of(others, [*figures, *feed("me", 35)])
    row = the(rows, WITH_RATE, "tier")
    assert (row.n, row.left_out) == (8, (LeftOut("its views are counted by another rule", 1),))


def lists(*names: str) -> pd.DataFrame:
    return stated(*(
        (name, f"{what}_average", value)
        for at, name in enumerate(names) for what, value in (("likes", 10.0 * at), ("comments", 5.0), ("views", 1000.0))
    ))  # fmt: skip


def test_what_lists_state_stands_apart_from_what_was_computed() -> None:
    names = [f"p{at}" for at in range(8)]
    others = [peer(name, status="prospect") for name in names] + [peer("own")]
    rows, notes = rows_of(others, [*feed("own", 10), *feed("me", 35)], lists(*names))
    listed = the(rows, WITH_RATE, "tier", "as listed")
    # Listed: 0.5, 1.5 … 7.5 per cent; the creator's own is computed: 3.5 per cent is the fourth.
    assert (listed.value, listed.n, listed.percentile) == (pytest.approx(0.035), 8, pytest.approx(43.75))
    assert LeftOut("no list states its averages", 1) in listed.left_out
    assert the(rows, WITH_RATE, "tier").n == 1
    assert the(rows, "mean views a post", "tier", "as listed").value == pytest.approx(1000)
    assert any(note.startswith("As listed") for note in notes)
    assert (listed.seen_from, listed.seen_to) == (NOW, NOW)


def test_a_prospect_is_compared_by_what_its_own_list_states() -> None:
    names = [f"p{at}" for at in range(8)]
    rows, _ = rows_of([peer(name, status="prospect") for name in names], [], lists("me", *names), status="prospect")
    row = the(rows, WITH_RATE, "tier", "as listed")
    assert (row.value, row.percentile) == (pytest.approx(0.005), 0.0)
    assert the(rows, WITH_RATE, "tier").why is not None


def test_a_formula_that_lists_cannot_answer_is_not_mixed_with_them() -> None:
    names = [f"p{at}" for at in range(8)]
    rows, notes = rows_of(
        [peer(name, platform="instagram") for name in names], [], lists(*names), formula="modash", platform="instagram"
    )
    assert not [row for row in rows if row.basis == "as listed" and row.unit == "ratio"]
    assert [row for row in rows if row.basis == "as listed" and row.measure == "mean views a post"]
    assert any("median of ratios) cannot be made from the means" in note for note in notes)


def test_a_list_may_state_likes_and_comments_as_one_mean() -> None:
    names = [f"p{at}" for at in range(8)]
    others = [peer(name, platform="instagram") for name in names]
    listed = stated(*((name, "engagement_average", 200.0 * at) for at, name in enumerate(names)))
    posts = [item(10 + at, account="me", platform="instagram", likes=1000, comments=250) for at in range(5)]
    rows, _ = rows_of(others, posts, listed, formula="upfluence", platform="instagram")
    [row] = [row for row in rows if row.basis == "as listed" and row.unit == "ratio" and row.peers == "tier"]
    # 0 … 1,400 of 20,000 followers: 0 to 7 per cent; the creator's own: 1,250 of 50,000.
    assert (row.value, row.n, row.q3, row.percentile) == (pytest.approx(0.025), 8, pytest.approx(0.0525), 37.5)
    by_likes, _ = rows_of(others, posts, listed, formula="stellar", platform="tiktok")
    assert not [row for row in by_likes if row.basis == "as listed" and row.unit == "ratio"]


def test_a_list_that_states_no_comments_gives_no_rate_with_comments() -> None:
    names = [f"p{at}" for at in range(9)]
    listed = lists(*names)
    listed = listed[~((listed["account_id"] == "p8") & (listed["metric"] == "comments_average"))]
    rows, _ = rows_of([peer(name) for name in names], feed("me", 35), listed)
    row = the(rows, WITH_RATE, "tier", "as listed")
    assert (row.n, row.left_out) == (8, (LeftOut("its list states no comments", 1),))


def test_without_followers_there_is_no_tier_and_without_topics_no_category() -> None:
    others = [peer(f"p{at}") for at in range(8)]
    figures = [post for at in range(8) for post in feed(f"p{at}", 10)] + feed("me", 35)
    rows, notes = rows_of(others, figures, followers=float("nan"))
    assert {row.peers for row in rows} == {"platform"}
    assert any("no tier" in note for note in notes)
    rows, notes = rows_of(others, figures, topics=[])
    assert {row.peers for row in rows} == {"tier", "platform"}
    assert any("no topics" in note for note in notes)


def test_through_the_workspace_a_creator_meets_the_roster_and_not_themselves(
    workspace: Workspace, tmp_path: Path
) -> None:
    names = ["Ann", "Bo", "Cy", "Di", "Ed", "Fay", "Gus", "Hal", "Ivy", "Jo"]
    lines = [
        an_item(
            f"tiktok:{name}{at}", creator=name, kind="short_video", published_at=f"2026-10-{at + 1:02}T00:00:00Z",
            metrics=[a_figure(metric, value, "2026-10-30")
                     for metric, value in (("views", 1000), ("likes", 10 * place), ("comments", 0))],
        )
        for place, name in enumerate(names) for at in range(5)
    ]  # fmt: skip
    bring(workspace, tmp_path, *lines)
    workspace.roster.edit("Jo", status="prospect")
    found = workspace.insights.benchmark("Ann", against="roster")
    row = the(found.rows, WITH_RATE, "platform")
    assert (row.value, row.n, row.percentile) == (0.0, 8, 0.0)
    assert the(workspace.insights.benchmark("Ann", against="all").rows, WITH_RATE, "platform").n == 9
    assert the(workspace.insights.benchmark("Ann", against="prospects").rows, WITH_RATE, "platform").n == 1
    frame = found.frame()
    assert frame["percentile"].isna().sum() == sum(row.percentile is None for row in found.rows)


def test_what_cannot_be_asked_is_refused(workspace: Workspace, tmp_path: Path) -> None:
    bring(workspace, tmp_path, an_item("tiktok:a", creator="Ann"))
    with pytest.raises(InvalidInput, match="nobody to compare"):
        workspace.insights.benchmark("Ann", against="everyone")
    with pytest.raises(InvalidInput, match="no account on x"):
        workspace.insights.benchmark("Ann", platform="x")


@pytest.mark.skipif(not REAL.is_dir(), reason="no ../shared/data beside this checkout")
def test_real_lists_of_prospects_are_peers(workspace: Workspace, tmp_path: Path) -> None:
    for month in ("jun2022", "sep2022"):
        # A part of each list, for time; the month stays in the name.
        lines = (REAL / f"tiktok_top1000_{month}.csv").read_text("utf-8").splitlines(keepends=True)[:120]
        path = tmp_path / f"tiktok_top_{month}.csv"
        path.write_text("".join(lines), encoding="utf-8")
        workspace.ingestion.import_file(path)
    bring(workspace, tmp_path, *(
        an_item(f"tiktok:a{at}", creator="Ann", kind="short_video", published_at=f"2026-10-{at + 1:02}T00:00:00Z",
                metrics=[a_figure(name, value, "2026-10-30")
                         for name, value in (("views", 10**6), ("likes", 10**5), ("comments", 900), ("shares", 1000))])
        for at in range(6)
    ))  # fmt: skip
    found = workspace.insights.benchmark("Ann", against="prospects")
    row = the(found.rows, WITH_RATE, "platform", "as listed")
    assert row.n > 100
    assert row.percentile is not None
    assert 0 < row.percentile < 100
    assert row.q1 is not None
    assert row.q3 is not None
    assert 0.01 < row.q1 < row.q3 < 0.5
    assert (str(row.seen_from)[:7], str(row.seen_to)[:7]) == ("2022-06", "2022-09")
    assert the(found.rows, WITH_RATE, "platform").why == "0 of at least 8 peers"
